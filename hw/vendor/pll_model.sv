// What a PLL does, for simulation: MULTIPLY / DIVIDE times the frequency of `osc`, and `locked` when that is so.
//
//   The period of `osc` is measured. Until it has been the same for SETTLE periods the clock runs at half of its
//   frequency and `locked` is low, as it is again when `osc` changes or stops. Edges are placed to the picosecond and
//   their rounding does not add up.
//
// Latency: osc to locked SETTLE + 2 periods. Rate: as said. Uses delays: Verilator needs --timing.
`ifndef SYNTHESIS
module pll_model #(
  // The frequency of `clk` is MULTIPLY / DIVIDE times that of `osc`.
  parameter int MULTIPLY = 1,
  parameter int DIVIDE = 1,
  // Equal periods of `osc` after which the clock is right.
  parameter int SETTLE = 32
) (
  input  logic osc,
  input  logic reset,     // asynchronous, active high: as if `osc` had just begun
  output logic clk,
  output logic locked
);

  timeunit 1ps;
  timeprecision 1ps;

  realtime last, period;     // of `osc`: its last rising edge, and the time from the one before
  int      equal;            // periods that were equal so far
  logic    stopped;          // no edge of `osc` for two periods

  initial begin
    last = 0.0;
    period = 0.0;
    equal = 0;
  end

  always @(posedge osc or posedge reset) begin
    if (reset) equal <= 0;
    else begin
      equal <= (last > 0.0 && $realtime - last == period) ? equal + 1 : 0;
      period <= $realtime - last;
      last <= $realtime;
    end
  end

  assign locked = equal >= SETTLE && !stopped;

  realtime half, next;
  initial begin
    clk = 1'b0;
    stopped = 1'b0;
    repeat (3) @(posedge osc);   // the third sees a period
    next = $realtime;
    forever begin
      half = period * DIVIDE / MULTIPLY / 2.0;
      next = next + (locked ? half : 2.0 * half);
      #(next - $realtime);
      clk = !clk;
      stopped = $realtime - last > 2.0 * period;
    end
  end

endmodule
`endif
