// Asynchronous serial sender: 8 data bits, no parity, 1 stop bit, least significant bit first.
//
//   A byte is taken in a clock with valid && ready; `ready` does not wait for `valid`. The start bit begins in the
//   clock after, and `ready` returns in the last clock of the stop bit, so bytes follow without a gap.
//
// Latency: 1 clock to the start bit. Rate: one byte each 10 * CLOCKS_PER_BIT clocks.
module uart_tx #(
  // Clocks in one bit: clock frequency / baud, rounded; at least 2.
  parameter int CLOCKS_PER_BIT = 27
) (
  input  logic       clk,
  input  logic       rst,      // synchronous, active high; the line goes high at once
  input  logic [7:0] data,
  input  logic       valid,
  output logic       ready,
  output logic       txd       // the line; idle is high
);

  localparam int COUNT_W = $clog2(CLOCKS_PER_BIT);

  generate
    if (CLOCKS_PER_BIT < 2) begin : check_clocks
      ERROR_CLOCKS_PER_BIT_is_below_2 fault ();
    end
  endgenerate
  initial if (CLOCKS_PER_BIT < 2) $fatal(1, "%m: CLOCKS_PER_BIT must be at least 2, not %0d", CLOCKS_PER_BIT);

  logic [COUNT_W-1:0] count;     // clocks left in this bit, less one
  logic [3:0]         left;      // bits left with the one on the line; 0 = idle
  logic [8:0]         shift;     // what follows the bit on the line, stop bit on top

  logic bit_ends;
  assign bit_ends = count == '0;
  assign ready = left == 4'd0 || (left == 4'd1 && bit_ends);

  always_ff @(posedge clk) begin
    if (valid && ready) begin
      txd   <= 1'b0;
      shift <= {1'b1, data};
      left  <= 4'd10;
      count <= COUNT_W'(CLOCKS_PER_BIT - 1);
    end else if (left != 4'd0) begin
      count <= bit_ends ? COUNT_W'(CLOCKS_PER_BIT - 1) : count - COUNT_W'(1);
      if (bit_ends) begin
        txd   <= shift[0];
        shift <= {1'b1, shift[8:1]};
        left  <= left - 4'd1;
      end
    end
    if (rst) begin
      txd  <= 1'b1;
      left <= 4'd0;
    end
  end

endmodule
