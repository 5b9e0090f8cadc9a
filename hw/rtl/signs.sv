// The signs of a stream of -1 and 1: wires, no logic.
//
// formula:  bit i of m_data is 1 where element i is -1, and 0 where it is 1; no element is 0
// latency:  0 clocks          rate: 1 beat a clock
`default_nettype none
module signs #(
    parameter int LANES = 1,  // elements of a beat
    parameter int BITS  = 2   // bits of an element, two's complement
) (
    input  wire logic                  clk,
    input  wire logic                  rst,
    input  wire logic [LANES*BITS-1:0] s_data,
    input  wire logic                  s_valid,
    output      logic                  s_ready,
    output      logic [     LANES-1:0] m_data,
    output      logic                  m_valid,
    input  wire logic                  m_ready
);
  assign m_valid = s_valid;
  assign s_ready = m_ready;
  for (genvar i = 0; i < LANES; i++) begin : lane
    assign m_data[i] = s_data[(i+1)*BITS-1];
  end

  logic unused;
  assign unused = &{1'b0, clk, rst, s_data};
endmodule
`default_nettype wire
