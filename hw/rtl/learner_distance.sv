// Distance of a subvector of features from an anchor of the learner, and their differences.
//
// formula:  difference[j] = (x[j] << FRAC) - y[j];  distance = sum over j < W of |difference[j]|, its square if L2
//           exact: DB = A + ceil(log2(W)) bits, 2*A + ceil(log2(W)) if L2, with A = F + FRAC
// latency:  differences 1 clock, distance 2 + ceil(ceil(log2(W)) / EVERY) clocks          rate: 1 subvector a clock
`default_nettype none
module learner_distance #(
    parameter  int W      = 8,  // elements of a subvector
    parameter  int F      = 8,  // bits of a feature
    parameter  int FRAC   = 4,  // fraction bits of an anchor
    parameter  int SIGNED = 0,  // 1: features and anchors are two's complement
    parameter  int L2     = 0,  // 1: squares
    parameter  int EVERY  = 2,  // levels of adders between two registers
    localparam int A      = F + FRAC,
    localparam int TERM   = L2 != 0 ? 2 * A : A,
    localparam int DB     = TERM + $clog2(W)
) (
    input  wire logic               clk,
    input  wire logic [    W*F-1:0] x,
    input  wire logic [    W*A-1:0] y,
    output      logic [W*(A+1)-1:0] difference,  // two's complement
    output      logic [     DB-1:0] distance
);
  logic [W*TERM-1:0] terms;

  for (genvar j = 0; j < W; j++) begin : element
    logic [F-1:0] feature;
    logic [A-1:0] anchor;
    logic [F:0] wide;
    logic [A:0] mine;
    assign feature = x[j*F+:F];
    assign anchor  = y[j*A+:A];
    assign wide    = {SIGNED != 0 && feature[F-1], feature};
    assign mine    = difference[j*(A+1)+:A+1];
    always_ff @(posedge clk) begin
      difference[j*(A+1)+:A+1] <= ((A + 1)'(wide) << FRAC) - {SIGNED != 0 && anchor[A-1], anchor};
    end
    if (L2 != 0) begin : square
      product_dsp #(
          .X_BITS  (A + 1),
          .X_SIGNED(1),
          .W_BITS  (A + 1),
          .P_BITS  (TERM),
          .PAIR    (0)
      ) u_square (
          .clk   (clk),
          .enable(1'b1),
          .x     (mine),
          .w     (mine),
          .p     (terms[j*TERM+:TERM])
      );
    end else begin : magnitude
      always_ff @(posedge clk) terms[j*TERM+:TERM] <= mine[A] ? -mine[A-1:0] : mine[A-1:0];
    end
  end

  adder_tree #(
      .TERMS  (W),
      .IN_BITS(TERM),
      .SIGNED (0),
      .EVERY  (EVERY)
  ) u_sum (
      .clk   (clk),
      .enable(1'b1),
      .x     (terms),
      .sum   (distance)
  );
endmodule
`default_nettype wire
