// Sum of two streams, each with a gain for each channel: the meeting point of two branches.
//
// formula:  y[c] = a[c] * A_GAINS[c] + b[c] * B_GAINS[c]
// channels: beat n of a pixel carries channels n*PE .. n*PE + PE-1, n < NF, on both inputs
// inputs:   s_data = {b, a}; bit 0 of s_valid and s_ready is a, bit 1 is b; a beat of each is taken in the same clock
// gains:    where all NF channels of a lane have one gain it is a constant, and the gain 1 costs nothing
// latency:  2 clocks          rate: 1 beat a clock
`default_nettype none
module stream_add #(
    parameter int                   PE        = 1,  // channels of a beat
    parameter int                   NF        = 1,  // beats of a pixel
    parameter int                   A_BITS    = 4,  // bits of a channel of a
    parameter int                   A_SIGNED  = 0,  // 1: two's complement
    parameter int                   B_BITS    = 4,  // bits of a channel of b
    parameter int                   B_SIGNED  = 0,  // 1: two's complement
    parameter int                   GAIN_BITS = 2,  // bits of a gain, two's complement
    parameter [NF*PE*GAIN_BITS-1:0] A_GAINS   = {NF * PE{GAIN_BITS'(1)}},  // gain of channel c of a at c*GAIN_BITS
    parameter [NF*PE*GAIN_BITS-1:0] B_GAINS   = {NF * PE{GAIN_BITS'(1)}},  // gain of channel c of b at c*GAIN_BITS
    parameter int                   OUT_BITS  = 6   // bits of a sum, two's complement; every sum must fit
) (
    input  wire logic                          clk,
    input  wire logic                          rst,
    input  wire logic [PE*(A_BITS+B_BITS)-1:0] s_data,
    input  wire logic [                   1:0] s_valid,
    output      logic [                   1:0] s_ready,
    output      logic [       PE*OUT_BITS-1:0] m_data,
    output      logic                          m_valid,
    input  wire logic                          m_ready
);
  localparam int CW = NF > 1 ? $clog2(NF) : 1;
  localparam int ALL = NF * PE * GAIN_BITS;  // bits of all gains
  // The gains of all beats but the last, and what they differ by from the gain of their lane in the next beat.
  localparam int EARLIER = ALL - PE * GAIN_BITS;
  localparam [ALL-1:0] A_STEPS = (A_GAINS ^ (A_GAINS >> (PE * GAIN_BITS))) & ((ALL'(1) << EARLIER) - ALL'(1));
  localparam [ALL-1:0] B_STEPS = (B_GAINS ^ (B_GAINS >> (PE * GAIN_BITS))) & ((ALL'(1) << EARLIER) - ALL'(1));
  // Bits of the gain of lane 0 in every beat.
  localparam [ALL-1:0] LANE = {NF{(PE * GAIN_BITS)'({GAIN_BITS{1'b1}})}};

  logic          enable, take, valid_1;
  logic [CW-1:0] beat;

  assign enable  = !m_valid || m_ready;
  assign take    = enable && s_valid == 2'b11;
  assign s_ready = {enable && s_valid[0], enable && s_valid[1]};  // a waits for b and b for a

  always_ff @(posedge clk) begin
    if (rst) begin
      beat    <= '0;
      valid_1 <= 1'b0;
      m_valid <= 1'b0;
    end else if (enable) begin
      valid_1 <= take;
      m_valid <= valid_1;
      if (take) beat <= beat == CW'(NF - 1) ? '0 : beat + 1'b1;
    end
  end

  for (genvar p = 0; p < PE; p++) begin : lane
    logic signed [      A_BITS:0] a;  // with a sign bit
    logic signed [      B_BITS:0] b;
    logic signed [ GAIN_BITS-1:0] a_gain, b_gain;
    logic signed [  OUT_BITS-1:0] a_term, b_term;  // modulo 2^OUT_BITS: only the sum must fit

    assign a = {A_SIGNED != 0 && s_data[(p+1)*A_BITS-1], s_data[p*A_BITS+:A_BITS]};
    assign b = {B_SIGNED != 0 && s_data[PE*A_BITS+(p+1)*B_BITS-1], s_data[PE*A_BITS+p*B_BITS+:B_BITS]};
    if ((A_STEPS & (LANE << (p * GAIN_BITS))) == '0) begin : a_constant
      assign a_gain = A_GAINS[p*GAIN_BITS+:GAIN_BITS];
    end else begin : a_by_beat
      assign a_gain = A_GAINS[(int'(beat)*PE+p)*GAIN_BITS+:GAIN_BITS];
    end
    if ((B_STEPS & (LANE << (p * GAIN_BITS))) == '0) begin : b_constant
      assign b_gain = B_GAINS[p*GAIN_BITS+:GAIN_BITS];
    end else begin : b_by_beat
      assign b_gain = B_GAINS[(int'(beat)*PE+p)*GAIN_BITS+:GAIN_BITS];
    end

    always_ff @(posedge clk) begin
      if (enable) begin
        a_term <= OUT_BITS'(a) * OUT_BITS'(a_gain);
        b_term <= OUT_BITS'(b) * OUT_BITS'(b_gain);
        m_data[p*OUT_BITS+:OUT_BITS] <= a_term + b_term;
      end
    end
    logic unused;  // upper bits that the range of the sum does not need
    assign unused = &{1'b0, a, b, a_gain, b_gain};
  end

  // With constant gains nobody asks for the beat number.
  logic unused;
  assign unused = &{1'b0, beat};
endmodule
`default_nettype wire
