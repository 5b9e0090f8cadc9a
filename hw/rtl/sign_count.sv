// Products of -1 and 1, up to four of them added up: an XNOR for each, and how many of them are 1.
//
// formula:  p = #{ i < N : x[i] == w[i] } - ceil(N/2);  the sum of the N products is 2*p, or 2*p + 1 where N is odd
// signs:    a bit is 1 for -1 and 0 for 1
// latency:  1 clock with `enable`          rate: 1 a clock
`default_nettype none
module sign_count #(
    parameter int N = 4  // pairs of signs; 1 to 4
) (
    input  wire logic         clk,
    input  wire logic         enable,
    input  wire logic [N-1:0] x,
    input  wire logic [N-1:0] w,
    output      logic [  2:0] p        // two's complement
);
  if (N < 1 || N > 4) begin : bad_n
    ERROR_N_must_be_1_to_4 error ();
  end

  logic [N-1:0] equal;
  logic [  2:0] entries[1<<N];  // constants: a LUT4 a bit

  assign equal = ~(x ^ w);
  for (genvar i = 0; i < (1 << N); i++) begin : entry
    localparam int COUNT = (i & 1) + ((i >> 1) & 1) + ((i >> 2) & 1) + ((i >> 3) & 1);
    assign entries[i] = 3'(COUNT - (N + 1) / 2);
  end

  always_ff @(posedge clk) if (enable) p <= entries[equal];
endmodule
`default_nettype wire
