// The common end of the MAC engines: for each of PE outputs, the sum of SIMD terms and of SF such sums.
//
// formula:  result[p] = sum over SF beats, s < SIMD of terms[beat][p*SIMD + s]
// latency:  ceil(ceil(log2(SIMD)) / EVERY) clocks with `enable`, 1 more if SF > 1          rate: 1 beat a clock
`default_nettype none
module mac_accumulate #(
    parameter int PE        = 1,  // outputs made at the same time
    parameter int SIMD      = 1,  // terms of each output in a beat
    parameter int SF        = 1,  // beats of a sum
    parameter int TERM_BITS = 8,  // bits of a term, two's complement
    parameter int ACC_BITS  = 12,  // bits of the result, two's complement; the range of the result must fit
    parameter int EVERY     = 1   // levels of adders between two registers
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

  for (genvar p = 0; p < PE; p++) begin : output_channel
    logic signed [SUM_BITS-1:0] sum;
    adder_tree #(
        .TERMS  (SIMD),
        .IN_BITS(TERM_BITS),
        .EVERY  (EVERY)
    ) u_tree (
        .clk   (clk),
        .enable(enable),
        .x     (terms[p*SIMD*TERM_BITS+:SIMD*TERM_BITS]),
        .sum   (sum)
    );
    logic unused;  // upper bits that the range of the result does not need
    assign unused = &{1'b0, sum};
    if (SF == 1) begin : direct
      assign result[p*ACC_BITS+:ACC_BITS] = ACC_BITS'(sum);
    end else begin : accumulate
      logic signed [ACC_BITS-1:0] acc;
      always_ff @(posedge clk) begin
        if (enable && valid_sum) acc <= (first_sum ? '0 : acc) + ACC_BITS'(sum);
      end
      assign result[p*ACC_BITS+:ACC_BITS] = acc;
    end
  end

  if (SF == 1) begin : direct_valid
    assign result_valid = valid_sum;
    logic unused_flags;
    assign unused_flags = &{1'b0, rst, first_sum, last_sum};
  end else begin : accumulate_valid
    always_ff @(posedge clk) begin
      if (rst) result_valid <= 1'b0;
      else if (enable) result_valid <= valid_sum && last_sum;
    end
  end
endmodule
`default_nettype wire
