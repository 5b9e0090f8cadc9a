// Vector memory: takes a vector of BEATS beats once and sends it TIMES times, for a dense layer that makes
// its outputs a few at a time. Two banks, so that the next vector comes in while this one is replayed.
//
// formula:  beat t*BEATS + i out = beat i in, t < TIMES
// latency:  2 clocks from the last beat of a vector to its first replay          rate: 1 beat a clock on either side
// storage:  2*BEATS beats in LUT or block RAM
`default_nettype none
module replay #(
    parameter int WIDTH = 8,   // bits of a beat
    parameter int BEATS = 16,  // beats of a vector
    parameter int TIMES = 2,   // how often it is sent; 1 or more
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
  localparam int BW = BEATS > 1 ? $clog2(BEATS) : 1;
  localparam int TW = TIMES > 1 ? $clog2(TIMES) : 1;

  logic [   1:0] full;  // banks that hold a whole vector
  logic          write_bank, read_bank;
  logic [BW-1:0] write_at, read_at;
  logic [TW-1:0] time_at;
  logic write, read, write_last, read_last, time_last;

  assign s_ready    = !full[write_bank];
  assign write      = s_valid && s_ready;
  assign read       = full[read_bank] && (!m_valid || m_ready);
  assign write_last = write_at == BW'(BEATS - 1);
  assign read_last  = read_at == BW'(BEATS - 1);
  assign time_last  = time_at == TW'(TIMES - 1);

  always_ff @(posedge clk) begin
    if (rst) begin
      full       <= '0;
      write_bank <= 1'b0;
      read_bank  <= 1'b0;
      write_at   <= '0;
      read_at    <= '0;
      time_at    <= '0;
      m_valid    <= 1'b0;
    end else begin
      if (write) begin
        write_at <= write_last ? '0 : write_at + 1'b1;
        if (write_last) begin
          write_bank       <= !write_bank;
          full[write_bank] <= 1'b1;
        end
      end
      if (read) begin
        read_at <= read_last ? '0 : read_at + 1'b1;
        if (read_last) time_at <= time_last ? '0 : time_at + 1'b1;
        if (read_last && time_last) begin
          read_bank       <= !read_bank;
          full[read_bank] <= 1'b0;
        end
      end
      if (read) m_valid <= 1'b1;
      else if (m_ready) m_valid <= 1'b0;
    end
  end

  // A bank is either written or read, never both.
  line_memory #(
      .DEPTH(2 << BW),
      .WIDTH(WIDTH),
      .BLOCK(BLOCK)
  ) u_memory (
      .clk          (clk),
      .read_enable  (read),
      .read_address ({read_bank, read_at}),
      .q            (m_data),
      .write_enable (write),
      .write_address({write_bank, write_at}),
      .d            (s_data)
  );
endmodule
`default_nettype wire
