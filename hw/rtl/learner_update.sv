// One example more in an anchor of the learner, which stays the exact mean of its examples.
//
// formula:  t = r + difference;  q = floor(t / (n + 1));  y_next = y + q;  r_next = t - q*(n + 1);  n_next = n + 1
//           so that n*y + r, with 0 <= r < n, is the sum of the n examples times 2^FRAC, always; `full`: n = 2^N - 1,
//           the anchor cannot learn, and what comes out means nothing
// division: restoring, one quotient bit a clock, of t in two's complement: where t is negative the remainder begins with
//           n, for -1 = -1*(n + 1) + n, and the quotient's upper bits are ones; so the floor needs no correction
// latency:  STEPS = max(A, N) + 1 clocks of `step` after the one of `load`, and one more; y and n are held all the time
`default_nettype none
module learner_update #(
    parameter  int W     = 8,   // elements of a subvector
    parameter  int A     = 12,  // bits of an anchor's element
    parameter  int N     = 8,   // bits of a count
    localparam int STEPS = (A > N ? A : N) + 1
) (
    input  wire logic               clk,
    input  wire logic               load,
    input  wire logic               step,
    input  wire logic [W*(A+1)-1:0] difference,  // of feature and anchor, two's complement
    input  wire logic [    W*A-1:0] y,
    input  wire logic [    W*N-1:0] r,
    input  wire logic [      N-1:0] n,
    output      logic [    W*A-1:0] y_next,
    output      logic [    W*N-1:0] r_next,
    output      logic [      N-1:0] n_next,
    output      logic               full
);
  assign full = &n;
  always_ff @(posedge clk) if (load) n_next <= n + 1'b1;

  for (genvar j = 0; j < W; j++) begin : element
    logic [A:0] mine;
    logic [STEPS:0] t;
    logic [STEPS-1:0] bits;  // of t, which leave at the top; of the quotient, which come in below
    logic [N-1:0] rest;
    logic [N:0] longer;
    logic [N+1:0] less;
    assign mine   = difference[j*(A+1)+:A+1];
    assign t      = {{(STEPS - A) {mine[A]}}, mine} + (STEPS + 1)'(r[j*N+:N]);
    assign longer = {rest, bits[STEPS-1]};
    assign less   = {1'b0, longer} - (N + 2)'(n_next);
    always_ff @(posedge clk) begin
      if (load) begin
        bits <= t[STEPS-1:0];
        rest <= t[STEPS] ? n : '0;
      end else if (step) begin
        bits <= {bits[STEPS-2:0], !less[N+1]};
        rest <= less[N+1] ? longer[N-1:0] : less[N-1:0];
      end
    end
    always_ff @(posedge clk) y_next[j*A+:A] <= y[j*A+:A] + bits[A-1:0];  // a clock of its own: y comes from block RAM
    assign r_next[j*N+:N] = rest;
    logic unused;  // both are less than n + 1, which N bits hold
    assign unused = &{1'b0, longer[N], less[N]};
  end
endmodule
`default_nettype wire
