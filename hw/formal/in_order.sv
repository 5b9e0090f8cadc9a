// Checker of order: follows one beat, any of them, through a cell and compares it when it comes out.
//
// formula:  beats out = beats in, in order, nothing changed
// How it works. `mark` is free: the proof looks at every choice of the beat to follow. The beats that were inside of
// the cell before it go out first; then it must be the next.
`default_nettype none
module in_order #(
    parameter int WIDTH = 1,  // bits of a beat
    parameter int MOST  = 2   // beats that the cell can hold
) (
    input wire logic             clk,
    input wire logic             rst,
    input wire logic [WIDTH-1:0] in_data,
    input wire logic             taken,    // a beat in moves
    input wire logic [WIDTH-1:0] out_data,
    input wire logic             sent      // a beat out moves
);
  localparam int CW = $clog2(MOST + 2);

  (* anyseq *) logic mark;
  logic             follows;  // a beat is being followed
  logic [   CW-1:0] held;     // beats in the cell
  logic [   CW-1:0] ahead;    // of them, those in front of the one followed
  logic [WIDTH-1:0] word;     // what it must be

  always_ff @(posedge clk) begin
    if (rst) begin
      follows <= 1'b0;
      held    <= '0;
    end else begin
      held <= held + CW'(taken) - CW'(sent);
      if (follows) begin
        if (sent && ahead == '0) follows <= 1'b0;
        if (sent) ahead <= ahead - 1'b1;
      end else if (taken && mark) begin
        follows <= 1'b1;
        ahead   <= held - CW'(sent);
        word    <= in_data;
      end
    end
  end

  always_comb if (!rst && follows && sent && ahead == '0) assert (out_data == word);
endmodule
`default_nettype wire
