// Sum of TERMS numbers by a tree of adders with a register after every EVERY levels and after the last.
// Sums between registers are kept as they are: else synthesis merges them into carry-save logic, which costs
// about 1.7 times the LUTs where there are carry chains.
//
// formula:  sum = x[0] + x[1] + ... + x[TERMS-1]; exact, OUT_BITS = IN_BITS + ceil(log2(TERMS))
// latency:  ceil(LEVELS / EVERY) clocks with `enable`, LEVELS = ceil(log2(TERMS))          rate: 1 sum a clock
`default_nettype none
module adder_tree #(
    parameter  int TERMS    = 4,  // numbers to add; 1 or more
    parameter  int IN_BITS  = 8,  // bits of each
    parameter  int SIGNED   = 1,  // 1: two's complement, 0: unsigned
    parameter  int EVERY    = 1,  // levels of adders between two registers; 1 or more
    localparam int LEVELS   = $clog2(TERMS),
    localparam int OUT_BITS = IN_BITS + LEVELS
) (
    input  wire logic                     clk,
    input  wire logic                     enable,
    input  wire logic [TERMS*IN_BITS-1:0] x,
    output      logic [     OUT_BITS-1:0] sum
);
  // Level l holds ceil(TERMS / 2^l) numbers of IN_BITS + l bits.
  for (genvar l = 0; l <= LEVELS; l++) begin : level
    localparam int N = (TERMS + (1 << l) - 1) >> l;
    localparam int B = IN_BITS + l;
    logic [N*B-1:0] v;
    if (l == 0) begin : leaves
      assign v = x;
    end else begin : sums
      localparam int BELOW = (TERMS + (1 << (l - 1)) - 1) >> (l - 1);
      for (genvar i = 0; i < N; i++) begin : add
        logic [B-2:0] a, b;
        (* keep *) logic [B-1:0] s;
        assign a = level[l-1].v[2*i*(B-1)+:B-1];
        if (2 * i + 1 < BELOW) begin : pair
          assign b = level[l-1].v[(2*i+1)*(B-1)+:B-1];
        end else begin : odd
          assign b = '0;
        end
        assign s = {SIGNED != 0 && a[B-2], a} + {SIGNED != 0 && b[B-2], b};
        if (l == LEVELS || l % EVERY == 0) begin : register
          always_ff @(posedge clk) if (enable) v[i*B+:B] <= s;
        end else begin : wire_on
          assign v[i*B+:B] = s;
        end
      end
    end
  end

  assign sum = level[LEVELS].v;

  // Without levels there is no register, and the clock has nothing to do.
  if (LEVELS == 0) begin : no_register
    logic unused;
    assign unused = &{1'b0, clk, enable};
  end
endmodule
`default_nettype wire
