// Credit store: ends a run of cells that never wait. It always takes, because credit_gate before them has counted.
//
// formula:  m_data = s_data, in order, nothing lost or doubled as long as at most DEPTH beats are on their way or here
// latency:  2 clocks          rate: 1 beat a clock          storage: DEPTH beats in LUT or block RAM, 1 in registers
`default_nettype none
module credit_store #(
    parameter int WIDTH = 8,  // bits of a beat
    parameter int DEPTH = 8,  // beats in the memory; 2 or more
    parameter int BLOCK = 0   // 1: memory in block RAM
) (
    input  wire logic             clk,
    input  wire logic             rst,
    input  wire logic [WIDTH-1:0] s_data,
    input  wire logic             s_valid,
    output      logic             s_ready,  // always 1: the enables of the cells before it become constants
    output      logic [WIDTH-1:0] m_data,
    output      logic             m_valid,
    input  wire logic             m_ready,
    output      logic             left      // a beat has left: one clock for each
);
  logic room;

  assign s_ready = 1'b1;

  always_ff @(posedge clk) begin
    if (rst) left <= 1'b0;
    else left <= m_valid && m_ready;
  end

  fifo #(
      .WIDTH(WIDTH),
      .DEPTH(DEPTH),
      .BLOCK(BLOCK)
  ) u_fifo (
      .clk    (clk),
      .rst    (rst),
      .s_data (s_data),
      .s_valid(s_valid),
      .s_ready(room),
      .m_data (m_data),
      .m_valid(m_valid),
      .m_ready(m_ready)
  );

  logic unused;  // there is always room
  assign unused = &{1'b0, room};
endmodule
`default_nettype wire
