// The first clock is a reset; later ones may be, too.
`default_nettype none
module reset_first (
    input wire logic clk,
    input wire logic rst
);
  logic started = 1'b0;

  always_ff @(posedge clk) started <= 1'b1;
  always_comb assume (started || rst);
endmodule
`default_nettype wire
