// Credit gate: begins a run of cells that never wait. It lets a beat in only where credit_store behind them has a place.
//
// formula:  m_data = s_data, in order, nothing lost or doubled
//           beats between this cell and what has left the store: at most CREDITS
// latency:  0 clocks          rate: 1 beat a clock, as long as a credit comes back within CREDITS clocks
// why:      the enable of cells that wait goes to each of their registers; where these are thousands, it sets the clock
`default_nettype none
module credit_gate #(
    parameter int WIDTH   = 8,  // bits of a beat
    parameter int CREDITS = 8   // beats for which the store has places; 2 or more
) (
    input  wire logic             clk,
    input  wire logic             rst,
    input  wire logic [WIDTH-1:0] s_data,
    input  wire logic             s_valid,
    output      logic             s_ready,
    output      logic [WIDTH-1:0] m_data,
    output      logic             m_valid,
    input  wire logic             m_ready,
    input  wire logic             left      // a beat has left the store: one clock for each
);
  localparam int CW = $clog2(CREDITS + 1);

  logic [CW-1:0] credits, next;
  logic open, enter;

  assign m_data  = s_data;
  assign m_valid = s_valid && open;
  assign s_ready = m_ready && open;
  assign enter   = m_valid && m_ready;
  assign next    = credits + CW'(left) - CW'(enter);

  always_ff @(posedge clk) begin
    if (rst) begin
      credits <= CW'(CREDITS);
      open    <= 1'b1;
    end else begin
      credits <= next;
      open    <= next != '0;
    end
  end
endmodule
`default_nettype wire
