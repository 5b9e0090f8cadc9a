// Asynchronous serial receiver: 8 data bits, no parity, 1 stop bit, least significant bit first.
//
//   A byte is reported in the middle of its stop bit, by one clock of `valid` (stop bit high) or one clock of
//   `error` (stop bit low: a break, another baud rate or noise). After an error nothing is reported until the
//   line has been high again, so that a cut cable gives one error and not one each ten bits.
//   A start bit that is no longer low in its middle is taken for a glitch and forgotten.
//   `data` holds until the first bit of the next byte has been sampled.
//
// Latency: 2 clocks (synchroniser) + 9.5 bits from the falling edge of the start bit.
// Rate: one byte each 9.5 bits at best; the sender's clock may be off by 4 % (for CLOCKS_PER_BIT >= 16).
module uart_rx #(
  // Clocks in one bit: clock frequency / baud, rounded; at least 4.
  parameter int CLOCKS_PER_BIT = 27
) (
  input  logic       clk,
  input  logic       rst,      // synchronous, active high
  input  logic       rxd,      // the line, not synchronised; idle is high
  output logic [7:0] data,
  output logic       valid,
  output logic       error
);

  localparam int COUNT_W = $clog2(CLOCKS_PER_BIT);
  localparam int HALF = CLOCKS_PER_BIT / 2;

  generate
    if (CLOCKS_PER_BIT < 4) begin : check_clocks
      ERROR_CLOCKS_PER_BIT_is_below_4 fault ();
    end
  endgenerate
  initial if (CLOCKS_PER_BIT < 4) $fatal(1, "%m: CLOCKS_PER_BIT must be at least 4, not %0d", CLOCKS_PER_BIT);

  typedef enum logic [1:0] {
    IDLE,       // the line is high
    START,      // it fell; half a bit to wait
    BITS,       // eight data bits and the stop bit
    RECOVER     // the stop bit was low; wait for a high line
  } state_t;

  state_t               state;
  logic                 line_0, line;   // synchroniser
  logic [COUNT_W-1:0]   count;          // clocks since the last sample
  logic [3:0]           index;          // bits sampled; 8 = the stop bit is next

  // Both reset to the idle level, or a start bit would be seen after reset.
  always_ff @(posedge clk) begin
    if (rst) begin
      line_0 <= 1'b1;
      line   <= 1'b1;
    end else begin
      line_0 <= rxd;
      line   <= line_0;
    end
  end

  always_ff @(posedge clk) begin
    valid <= 1'b0;
    error <= 1'b0;
    count <= count + COUNT_W'(1);
    unique case (state)
      IDLE: begin
        count <= '0;
        if (!line) state <= START;
      end
      START: begin
        index <= '0;
        if (count == COUNT_W'(HALF - 1)) begin
          count <= '0;
          state <= line ? IDLE : BITS;
        end
      end
      BITS: if (count == COUNT_W'(CLOCKS_PER_BIT - 1)) begin
        count <= '0;
        index <= index + 4'd1;
        if (index == 4'd8) begin
          valid <= line;
          error <= !line;
          state <= line ? IDLE : RECOVER;
        end else begin
          data <= {line, data[7:1]};
        end
      end
      default: if (line) state <= IDLE;   // RECOVER
    endcase
    if (rst) begin
      state <= IDLE;
      valid <= 1'b0;
      error <= 1'b0;
    end
  end

endmodule
