// The common end of the MAC engines: for each of PE outputs, the sum of SIMD terms and of SF such sums.
//
// formula:  result[p] = sum over SF beats, s < SIMD of terms[beat][p*SIMD + s];  if ADDS, plus OFFSETS of n*PE + p in
//           the n-th of each NF results
// latency:  ceil(ceil(log2(SIMD)) / EVERY) clocks with `enable`, 1 more if SF > 1 or ADDS          rate: 1 beat a clock
`default_nettype none
module mac_accumulate #(
    parameter int PE        = 1,  // outputs made at the same time
    parameter int SIMD      = 1,  // terms of each output in a beat
    parameter int SF        = 1,  // beats of a sum
    parameter int TERM_BITS = 8,  // bits of a term
    parameter int SIGNED    = 1,  // 1: terms are two's complement, 0: unsigned
    parameter int ACC_BITS  = 12,  // bits of the result, two's complement; the range of the result must fit
    parameter int EVERY     = 1,  // levels of adders between two registers
    parameter int ADDS      = 0,  // 1: each result begins with an entry of OFFSETS
    parameter int NF        = 1,  // results that have an offset of their own
    parameter [(ADDS != 0 ? NF*PE : 1)*ACC_BITS-1:0] OFFSETS = '0  // that of n*PE + p at (n*PE + p)*ACC_BITS, modulo 2^ACC_BITS
) (
    input  wire logic                         clk,
    input  wire logic                         rst,
    input  wire logic                         enable,
    input  wire logic [PE*SIMD*TERM_BITS-1:0] terms,
    input  wire logic                         valid,   // `terms` holds a beat
    input  wire logic                         first,   // it is the first of its sum
    input  wire logic                         last,    // it is the last of its sum
    output      logic [      PE*ACC_BITS-1:0] result,
    output      logic                         result_valid
);
  localparam int LEVELS = $clog2(SIMD);
  localparam int SUM_BITS = TERM_BITS + LEVELS;
  localparam int DELAY = (LEVELS + EVERY - 1) / EVERY;

  localparam int NW = NF > 1 ? $clog2(NF) : 1;

  // The flags travel beside the adder tree.
  logic valid_sum, first_sum, last_sum;
  if (DELAY == 0) begin : no_delay
    assign {valid_sum, first_sum, last_sum} = {valid, first, last};
  end else begin : delay
    logic [DELAY-1:0] valids, firsts, lasts;
    always_ff @(posedge clk) begin
      if (rst) valids <= '0;
      else if (enable) valids <= DELAY'({valids, valid});
    end
    always_ff @(posedge clk) begin
      if (enable) begin
        firsts <= DELAY'({firsts, first});
        lasts  <= DELAY'({lasts, last});
      end
    end
    assign {valid_sum, first_sum, last_sum} = {valids[DELAY-1], firsts[DELAY-1], lasts[DELAY-1]};
  end

  logic [NW-1:0] number;  // of the result that is being added up
  if (ADDS != 0 && NF > 1) begin : count
    always_ff @(posedge clk) begin
      if (rst) number <= '0;
      else if (enable && valid_sum && last_sum) number <= number == NW'(NF - 1) ? '0 : number + 1'b1;
    end
  end else begin : one
    assign number = '0;
  end

  for (genvar p = 0; p < PE; p++) begin : output_channel
    logic [SUM_BITS-1:0] sum;
    logic [ACC_BITS-1:0] fit;  // the sum in the bits of the result
    adder_tree #(
        .TERMS  (SIMD),
        .IN_BITS(TERM_BITS),
        .SIGNED (SIGNED),
        .EVERY  (EVERY)
    ) u_tree (
        .clk   (clk),
        .enable(enable),
        .x     (terms[p*SIMD*TERM_BITS+:SIMD*TERM_BITS]),
        .sum   (sum)
    );
    logic unused;  // upper bits that the range of the result does not need
    assign unused = &{1'b0, sum};
    if (SIGNED != 0) begin : two
      assign fit = ACC_BITS'($signed(sum));
    end else begin : plain
      assign fit = ACC_BITS'(sum);
    end
    if (SF == 1 && ADDS == 0) begin : direct
      assign result[p*ACC_BITS+:ACC_BITS] = fit;
    end else begin : accumulate
      logic [ACC_BITS-1:0] acc, start;
      if (ADDS != 0) begin : offset
        assign start = OFFSETS[(int'(number)*PE+p)*ACC_BITS+:ACC_BITS];
      end else begin : zero
        assign start = '0;
      end
      always_ff @(posedge clk) begin
        if (enable && valid_sum) acc <= (SF == 1 || first_sum ? start : acc) + fit;
      end
      assign result[p*ACC_BITS+:ACC_BITS] = acc;
    end
  end

  if (SF == 1 && ADDS == 0) begin : direct_valid
    assign result_valid = valid_sum;
    logic unused_flags;
    assign unused_flags = &{1'b0, rst, first_sum, last_sum, number};
  end else begin : accumulate_valid
    always_ff @(posedge clk) begin
      if (rst) result_valid <= 1'b0;
      else if (enable) result_valid <= valid_sum && last_sum;
    end
    logic unused_flags;
    assign unused_flags = &{1'b0, number, first_sum};
  end
endmodule
`default_nettype wire
