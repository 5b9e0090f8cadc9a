// Requantise, affine form: accumulators to codes by one multiplication (or shift), one addition and one shift.
//
// formula:  code = clip( (a * m[c] + offset[c]) >>> SHIFT, CODE_LOW, CODE_HIGH ),   a * m[c] = a << m[c] if POWERS
//           with EVEN an odd code is one less before the clip if the SHIFT lowest bits of its sum are 0: offsets with
//           half a code then round to the nearest, ties to even
//           without CLIP every result is known to fit into CODE_BITS, which may then be more than 32
// channels: beat n of a pixel carries channels n*PE .. n*PE + PE-1, n < NF
// latency:  2 clocks          rate: 1 beat a clock
`default_nettype none
module requantise_affine #(
    parameter int                     PE          = 1,   // channels of a beat
    parameter int                     NF          = 1,   // beats of a pixel
    parameter int                     ACC_BITS    = 12,  // bits of an accumulator, two's complement
    parameter int                     POWERS      = 1,   // 1: MULTIPLIERS holds exponents, not multipliers
    parameter int                     M_BITS      = 1,   // bits of an entry of MULTIPLIERS (two's complement if POWERS is 0)
    parameter int                     OFFSET_BITS = 12,  // bits of an entry of OFFSETS, two's complement
    parameter int                     SUM_BITS    = 13,  // bits that hold every a * m[c] + offset[c]
    parameter int                     SHIFT       = 4,   // right shift
    parameter int                     EVEN        = 0,   // 1: ties to even; SHIFT is then 1 or more
    parameter int                     CODE_BITS   = 4,   // bits of a code
    parameter int                     CLIP        = 1,   // 0: nothing is clipped
    parameter int                     CODE_LOW    = 0,   // lowest code
    parameter int                     CODE_HIGH   = 15,  // highest code
    parameter [NF*PE*M_BITS-1:0]      MULTIPLIERS = '0,  // of channel c at c*M_BITS
    parameter [NF*PE*OFFSET_BITS-1:0] OFFSETS     = '0   // of channel c at c*OFFSET_BITS
) (
    input  wire logic                    clk,
    input  wire logic                    rst,
    input  wire logic [ PE*ACC_BITS-1:0] s_data,
    input  wire logic                    s_valid,
    output      logic                    s_ready,
    output      logic [PE*CODE_BITS-1:0] m_data,
    output      logic                    m_valid,
    input  wire logic                    m_ready
);
  localparam int CW = NF > 1 ? $clog2(NF) : 1;

  logic          enable;
  logic          valid_0;
  logic [CW-1:0] beat;

  assign enable  = !m_valid || m_ready;
  assign s_ready = enable;

  always_ff @(posedge clk) begin
    if (rst) begin
      valid_0 <= 1'b0;
      m_valid <= 1'b0;
      beat    <= '0;
    end else if (enable) begin
      valid_0 <= s_valid;
      m_valid <= valid_0;
      if (s_valid) beat <= beat == CW'(NF - 1) ? '0 : beat + 1'b1;
    end
  end

  for (genvar p = 0; p < PE; p++) begin : channel
    logic signed [   ACC_BITS-1:0] a;
    logic signed [OFFSET_BITS-1:0] offset;
    logic        [     M_BITS-1:0] m;
    logic signed [   SUM_BITS-1:0] scaled, sum;
    // verilator lint_off UNUSEDSIGNAL
    logic signed [   SUM_BITS-1:0] shifted;  // its upper bits only tell whether it is clipped
    // verilator lint_on UNUSEDSIGNAL

    assign a      = s_data[p*ACC_BITS+:ACC_BITS];
    assign m      = MULTIPLIERS[(int'(beat)*PE+p)*M_BITS+:M_BITS];
    assign offset = OFFSETS[(int'(beat)*PE+p)*OFFSET_BITS+:OFFSET_BITS];
    if (POWERS != 0) begin : by_shift
      assign scaled = SUM_BITS'(a) <<< m;
    end else begin : by_multiplier
      logic signed [M_BITS-1:0] factor;
      assign factor = m;
      assign scaled = SUM_BITS'(a) * SUM_BITS'(factor);
    end
    if (EVEN != 0) begin : ties_to_even
      logic signed [SUM_BITS-1:0] floored;
      assign floored = sum >>> SHIFT;
      assign shifted = {floored[SUM_BITS-1:1], floored[0] && sum[SHIFT-1:0] != '0};
    end else begin : floor
      assign shifted = sum >>> SHIFT;
    end

    // Codes from 0 to 2^n - 1: the sign and the upper bits tell, without a comparison.
    logic below, above;
    if (CODE_LOW == 0 && (CODE_HIGH & (CODE_HIGH + 1)) == 0 && SUM_BITS > $clog2(CODE_HIGH + 1)) begin : by_bits
      assign below = shifted[SUM_BITS-1];
      assign above = !below && (shifted >> $clog2(CODE_HIGH + 1)) != '0;
    end else begin : by_order
      assign below = shifted < SUM_BITS'(CODE_LOW);
      assign above = shifted > SUM_BITS'(CODE_HIGH);
    end

    always_ff @(posedge clk) begin
      if (enable) begin
        sum <= scaled + SUM_BITS'(offset);
        if (CLIP == 0) m_data[p*CODE_BITS+:CODE_BITS] <= CODE_BITS'(shifted);
        else if (below) m_data[p*CODE_BITS+:CODE_BITS] <= CODE_BITS'(CODE_LOW);
        else if (above) m_data[p*CODE_BITS+:CODE_BITS] <= CODE_BITS'(CODE_HIGH);
        else m_data[p*CODE_BITS+:CODE_BITS] <= CODE_BITS'(shifted);
      end
    end
  end
endmodule
`default_nettype wire
