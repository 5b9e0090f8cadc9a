// Checker of the number of beats: nothing doubled (a beat out needs a credit) and nothing lost (credits do not pile up).
//
// formula:  IN beats in give OUT credits, a beat out takes one; a reset leaves FIRST
//           FIRST: beats that may go out before the input that makes them has moved on (a beat that is held or shared)
//           MOST:  credits that the cell can hold: all that it stores
`default_nettype none
module credits #(
    parameter int IN    = 1,  // beats in that give OUT credits
    parameter int OUT   = 1,  // see above
    parameter int FIRST = 0,  // credits after a reset
    parameter int MOST  = 2   // credits at most
) (
    input wire logic clk,
    input wire logic rst,
    input wire logic taken,  // a beat in moves
    input wire logic sent    // a beat out moves
);
  localparam int CW = $clog2(MOST + OUT + 2);
  localparam int IW = IN > 1 ? $clog2(IN) : 1;

  logic [IW-1:0] part;
  logic [CW-1:0] credit;
  logic          whole;

  assign whole = taken && part == IW'(IN - 1);

  always_ff @(posedge clk) begin
    if (rst) begin
      part   <= '0;
      credit <= CW'(FIRST);
    end else begin
      if (taken) part <= whole ? '0 : part + 1'b1;
      credit <= credit + (whole ? CW'(OUT) : '0) - CW'(sent);
    end
  end

  always_comb begin
    if (!rst) begin
      assert (!sent || credit != '0);
      assert (credit <= CW'(MOST));
    end
  end
endmodule
`default_nettype wire
