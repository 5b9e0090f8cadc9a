// FIFO: evens out a bursty producer and a steady consumer.
//
// formula:  m_data = s_data, in order, nothing lost or doubled
// latency:  2 clocks          rate: 1 beat a clock          storage: DEPTH beats in LUT or block RAM, 1 in registers
`default_nettype none
module fifo #(
    parameter int WIDTH = 8,   // bits of a beat
    parameter int DEPTH = 16,  // beats in the memory; 2 or more
    parameter int BLOCK = 0    // 1: memory in block RAM
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
  localparam int AW = $clog2(DEPTH);
  localparam int CW = $clog2(DEPTH + 1);

  logic [AW-1:0] write_at, read_at;
  logic [CW-1:0] count;  // beats in the memory
  logic write, read;

  assign s_ready = count != CW'(DEPTH);
  assign write   = s_valid && s_ready;
  assign read    = count != '0 && (!m_valid || m_ready);

  always_ff @(posedge clk) begin
    if (rst) begin
      write_at <= '0;
      read_at  <= '0;
      count    <= '0;
      m_valid  <= 1'b0;
    end else begin
      if (write) write_at <= write_at == AW'(DEPTH - 1) ? '0 : write_at + 1'b1;
      if (read) read_at <= read_at == AW'(DEPTH - 1) ? '0 : read_at + 1'b1;
      count <= count + CW'(write) - CW'(read);
      if (read) m_valid <= 1'b1;
      else if (m_ready) m_valid <= 1'b0;
    end
  end

  // The memory is read only where count > 0 and written only where it is not full, so never both at one address.
  line_memory #(
      .DEPTH(DEPTH),
      .WIDTH(WIDTH),
      .BLOCK(BLOCK)
  ) u_memory (
      .clk          (clk),
      .read_enable  (read),
      .read_address (read_at),
      .q            (m_data),
      .write_enable (write),
      .write_address(write_at),
      .d            (s_data)
  );
endmodule
`default_nettype wire
