// Register slice: cuts every combinational path of a stream, valid and ready alike.
//
// formula:  m_data = s_data, in order, nothing lost or doubled
// latency:  1 clock          rate: 1 beat a clock          storage: 2 beats
`default_nettype none
module skid #(
    parameter int WIDTH = 8  // bits of a beat
) (
    input  wire logic             clk,
    input  wire logic             rst,
    input  wire logic [WIDTH-1:0] s_data,
    input  wire logic             s_valid,
    output      logic             s_ready,
    output      logic [WIDTH-1:0] m_data,
    output      logic             m_valid,
    input  wire logic             m_ready
);
  logic [WIDTH-1:0] spare;
  logic             spare_valid;

  assign s_ready = !spare_valid;

  always_ff @(posedge clk) begin
    if (rst) begin
      m_valid     <= 1'b0;
      spare_valid <= 1'b0;
    end else begin
      if (!m_valid || m_ready) begin
        m_valid     <= spare_valid || s_valid;
        spare_valid <= 1'b0;
      end else if (s_valid && s_ready) begin
        spare_valid <= 1'b1;
      end
    end
  end

  always_ff @(posedge clk) begin
    if (s_ready) spare <= s_data;
    if (!m_valid || m_ready) m_data <= spare_valid ? spare : s_data;
  end
endmodule
`default_nettype wire
