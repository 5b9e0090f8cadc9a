// Width converter, narrow to wide: RATIO beats become one, the first beat in the low bits.
//
// formula:  m_data[i*WIDTH +: WIDTH] = beat i of the group
// latency:  1 clock after the last beat of a group          rate: 1 narrow beat a clock
`default_nettype none
module width_up #(
    parameter int WIDTH = 8,  // bits of a narrow beat
    parameter int RATIO = 4   // narrow beats in a wide one; 1 or more
) (
    input  wire logic                   clk,
    input  wire logic                   rst,
    input  wire logic [      WIDTH-1:0] s_data,
    input  wire logic                   s_valid,
    output      logic                   s_ready,
    output      logic [RATIO*WIDTH-1:0] m_data,
    output      logic                   m_valid,
    input  wire logic                   m_ready
);
  localparam int CW = RATIO > 1 ? $clog2(RATIO) : 1;

  logic [CW-1:0] count;
  logic          last;

  assign last    = count == CW'(RATIO - 1);
  assign s_ready = !m_valid || m_ready;

  always_ff @(posedge clk) begin
    if (rst) begin
      count   <= '0;
      m_valid <= 1'b0;
    end else begin
      if (m_ready) m_valid <= 1'b0;
      if (s_valid && s_ready) begin
        count   <= last ? '0 : count + 1'b1;
        m_valid <= last;
      end
    end
  end

  // A shift register: no multiplexer on the data.
  always_ff @(posedge clk) begin
    if (s_valid && s_ready) m_data <= (RATIO*WIDTH)'({s_data, m_data} >> WIDTH);
  end
endmodule
`default_nettype wire
