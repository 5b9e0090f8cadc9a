// Requantise, threshold form: counts the thresholds that an accumulator reaches, by binary search.
//
// formula:  code = base[c] + count  or  base[c] - count,   count = #{ j : a >= threshold[c][j] }
//           the thresholds of a channel ascend; LEVELS comparators find the count, most significant bit first
// channels: beat n of a pixel carries channels n*PE .. n*PE + PE-1, n < NF
// latency:  LEVELS + 1 clocks          rate: 1 beat a clock
`default_nettype none
module requantise_threshold #(
    parameter  int                                PE         = 1,   // channels of a beat
    parameter  int                                NF         = 1,   // beats of a pixel
    parameter  int                                ACC_BITS   = 12,  // bits of an accumulator and of a threshold, two's complement
    parameter  int                                LEVELS     = 4,   // thresholds of a channel: 2^LEVELS - 1
    parameter  int                                CODE_BITS  = 4,   // bits of a code
    localparam int                                STEPS      = (1 << LEVELS) - 1,
    parameter  [NF*PE*STEPS*ACC_BITS-1:0]         THRESHOLDS = '0,  // threshold j of channel c at (c*STEPS + j)*ACC_BITS
    parameter  [NF*PE*STEPS-1:0]                  NEVER      = '0,  // 1: no accumulator reaches this threshold
    parameter  [NF*PE*CODE_BITS-1:0]              BASES      = '0,  // base[c]
    parameter  [NF*PE-1:0]                        FALLING    = '0   // 1: code = base[c] - count
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

  logic              enable;
  logic [    CW-1:0] beat;
  logic [LEVELS-1:0] valids;

  assign enable  = !m_valid || m_ready;
  assign s_ready = enable;

  always_ff @(posedge clk) begin
    if (rst) begin
      beat    <= '0;
      valids  <= '0;
      m_valid <= 1'b0;
    end else if (enable) begin
      valids  <= LEVELS'({valids, s_valid});
      m_valid <= valids[LEVELS-1];
      if (s_valid) beat <= beat == CW'(NF - 1) ? '0 : beat + 1'b1;
    end
  end

  // The beat number travels with the search: number[l].at belongs to level l.
  for (genvar l = 0; l <= LEVELS; l++) begin : number
    logic [CW-1:0] at;
    if (l == 0) begin : here
      assign at = beat;
    end else begin : later
      always_ff @(posedge clk) if (enable) at <= number[l-1].at;
    end
  end

  for (genvar p = 0; p < PE; p++) begin : channel
    for (genvar l = 0; l <= LEVELS; l++) begin : level
      // The count so far: its upper l bits are known, the others 0.
      logic        [  LEVELS-1:0] count;
      logic signed [ACC_BITS-1:0] a;
      if (l == 0) begin : here
        assign count = '0;
        assign a     = s_data[p*ACC_BITS+:ACC_BITS];
      end else begin : search
        // Only thresholds (2*prefix + 1)*HALF - 1 are asked at this level.
        localparam int HALF = 1 << (LEVELS - l);
        localparam int PREFIXES = 1 << (l - 1);
        logic [NF*PREFIXES*ACC_BITS-1:0] candidates;
        logic [         NF*PREFIXES-1:0] never;
        for (genvar n = 0; n < NF; n++) begin : fold
          for (genvar i = 0; i < PREFIXES; i++) begin : prefix
            localparam int AT = (n * PE + p) * STEPS + (2 * i + 1) * HALF - 1;
            assign candidates[(n*PREFIXES+i)*ACC_BITS+:ACC_BITS] = THRESHOLDS[AT*ACC_BITS+:ACC_BITS];
            assign never[n*PREFIXES+i] = NEVER[AT];
          end
        end
        int                         at;
        logic signed [ACC_BITS-1:0] threshold;
        logic                       reached;
        assign at        = int'(number[l-1].at) * PREFIXES + int'(level[l-1].count) / (2 * HALF);
        assign threshold = candidates[at*ACC_BITS+:ACC_BITS];
        assign reached   = level[l-1].a >= threshold && !never[at];
        always_ff @(posedge clk) begin
          if (enable) begin
            count <= level[l-1].count | (reached ? LEVELS'(HALF) : '0);
            a     <= level[l-1].a;
          end
        end
      end
    end

    logic [CODE_BITS-1:0] base, count;
    logic                 falling;
    assign base    = BASES[(int'(number[LEVELS].at)*PE+p)*CODE_BITS+:CODE_BITS];
    assign falling = FALLING[int'(number[LEVELS].at)*PE+p];
    assign count   = CODE_BITS'(level[LEVELS].count);
    logic unused;
    assign unused = &{1'b0, level[LEVELS].a};
    always_ff @(posedge clk) if (enable) m_data[p*CODE_BITS+:CODE_BITS] <= falling ? base - count : base + count;
  end
endmodule
`default_nettype wire
