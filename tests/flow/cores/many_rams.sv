// A core that asks for more LUT RAM than a GW1NR-9 has: COPIES memories of 16 x 4, written and read by every byte.
module many_rams #(
  parameter int COPIES = 320
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

  logic [4*(COPIES+1)-1:0] chain;

  assign chain[3:0] = s_axis_tdata[3:0];
  assign s_axis_tready = !m_axis_tvalid;
  assign m_axis_tlast = 1'b1;
  assign m_axis_tdata = {4'd0, chain[4*COPIES +: 4]};

  generate
    for (genvar i = 0; i < COPIES; i++) begin : copy
      (* ram_style = "distributed" *)
      logic [3:0] memory [0:15];
      logic [3:0] read;
      always_ff @(posedge clk) begin
        if (s_axis_tvalid && s_axis_tready) memory[s_axis_tdata[7:4]] <= chain[4*i +: 4];
        read <= memory[chain[4*i +: 4]];
      end
      assign chain[4*(i+1) +: 4] = read;
    end
  endgenerate

  always_ff @(posedge clk) m_axis_tvalid <= !rst && (s_axis_tvalid || (m_axis_tvalid && !m_axis_tready));

endmodule
