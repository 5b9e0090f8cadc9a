// Checker of law 4 on one stream: once valid is high it stays, and data holds, until ready.
//
// ASSUME = 0: asserted, for what a cell sends          ASSUME = 1: assumed, for what it gets
// Nothing is said about the clock of a reset and about what waited before it.
`default_nettype none
module law4 #(
    parameter int WIDTH  = 8,  // bits of a beat
    parameter int ASSUME = 0   // 1: assume, 0: assert
) (
    input wire logic             clk,
    input wire logic             rst,
    input wire logic [WIDTH-1:0] data,
    input wire logic             valid,
    input wire logic             ready
);
  logic             waiting;  // in the clock before, a beat was not taken
  logic [WIDTH-1:0] waited;   // that beat

  always_ff @(posedge clk) begin
    waiting <= !rst && valid && !ready;
    waited  <= data;
  end

  always_comb begin
    if (waiting && !rst) begin
      if (ASSUME != 0) assume (valid && data == waited);
      else assert (valid && data == waited);
    end
  end
endmodule
`default_nettype wire
