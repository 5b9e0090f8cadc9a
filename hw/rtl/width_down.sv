// Width converter, wide to narrow: one beat becomes RATIO, the low bits first.
//
// formula:  beat i of the group = s_data[i*WIDTH +: WIDTH]
// latency:  1 clock          rate: 1 narrow beat a clock, no idle clock between groups
`default_nettype none
module width_down #(
    parameter int WIDTH = 8,  // bits of a narrow beat
    parameter int RATIO = 4   // narrow beats in a wide one; 1 or more
) (
    input  wire logic                   clk,
    input  wire logic                   rst,
    input  wire logic [RATIO*WIDTH-1:0] s_data,
    input  wire logic                   s_valid,
    output      logic                   s_ready,
    output      logic [      WIDTH-1:0] m_data,
    output      logic                   m_valid,
    input  wire logic                   m_ready
);
  localparam int CW = RATIO > 1 ? $clog2(RATIO) : 1;

  logic [RATIO*WIDTH-1:0] held;
  logic [         CW-1:0] count;  // narrow beats already sent
  logic                   last;

  assign last    = count == CW'(RATIO - 1);
  assign s_ready = !m_valid || (m_ready && last);
  assign m_data  = held[WIDTH-1:0];

  always_ff @(posedge clk) begin
    if (rst) begin
      count   <= '0;
      m_valid <= 1'b0;
    end else if (s_ready) begin
      count   <= '0;
      m_valid <= s_valid;
    end else if (m_ready) begin
      count <= count + 1'b1;
    end
  end

  always_ff @(posedge clk) begin
    if (s_ready) held <= s_data;
    else if (m_ready) held <= held >> WIDTH;
  end
endmodule
`default_nettype wire
