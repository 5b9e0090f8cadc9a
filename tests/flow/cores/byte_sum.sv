// A core for tests of everything around cores: one result byte, the sum of the frame's bytes modulo 256.
module byte_sum #(
  parameter int BEATS = 16    // bytes of a frame, at least 2
) (
  input  logic       clk,
  input  logic       rst,
  input  logic [7:0] s_axis_tdata,
  input  logic       s_axis_tvalid,
  output logic       s_axis_tready,
  output logic [7:0] m_axis_tdata,
  output logic       m_axis_tvalid,
  input  logic       m_axis_tready,
  output logic       m_axis_tlast
);

  localparam int COUNT_W = $clog2(BEATS);
  logic [COUNT_W-1:0] count;

  assign s_axis_tready = !m_axis_tvalid;
  assign m_axis_tlast = 1'b1;

  always_ff @(posedge clk) begin
    if (s_axis_tvalid && s_axis_tready) begin
      m_axis_tdata <= (count == '0 ? 8'd0 : m_axis_tdata) + s_axis_tdata;
      m_axis_tvalid <= count == COUNT_W'(BEATS - 1);
      count <= count == COUNT_W'(BEATS - 1) ? '0 : count + COUNT_W'(1);
    end
    if (m_axis_tvalid && m_axis_tready) m_axis_tvalid <= 1'b0;
    if (rst) begin
      count <= '0;
      m_axis_tvalid <= 1'b0;
    end
  end

endmodule
