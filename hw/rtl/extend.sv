// Elements with more bits: zeros or copies of the sign in front. Only wires.
//
// formula:  element i of m_data = element i of s_data          latency: 0          rate: 1 beat a clock
`default_nettype none
module extend #(
    parameter int LANES     = 1,  // elements of a beat
    parameter int IN_BITS   = 4,  // bits of an element that comes in
    parameter int IN_SIGNED = 0,  // 1: it is two's complement
    parameter int OUT_BITS  = 8   // bits of an element that goes out; IN_BITS or more
) (
    input  wire logic                      clk,
    input  wire logic                      rst,
    input  wire logic [ LANES*IN_BITS-1:0] s_data,
    input  wire logic                      s_valid,
    output      logic                      s_ready,
    output      logic [LANES*OUT_BITS-1:0] m_data,
    output      logic                      m_valid,
    input  wire logic                      m_ready
);
  if (OUT_BITS < IN_BITS) begin : bad_bits
    ERROR_OUT_BITS_must_be_at_least_IN_BITS error ();
  end

  assign s_ready = m_ready;
  assign m_valid = s_valid;
  for (genvar i = 0; i < LANES; i++) begin : lane
    if (IN_SIGNED != 0) begin : by_sign
      assign m_data[i*OUT_BITS+:OUT_BITS] = OUT_BITS'($signed(s_data[i*IN_BITS+:IN_BITS]));
    end else begin : by_zero
      assign m_data[i*OUT_BITS+:OUT_BITS] = OUT_BITS'(s_data[i*IN_BITS+:IN_BITS]);
    end
  end

  logic unused;
  assign unused = &{1'b0, clk, rst};
endmodule
`default_nettype wire
