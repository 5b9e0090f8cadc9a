// Reset for a part that has none: holds `rst` for CLOCKS clocks after configuration and while `press` is high.
//
//   Relies on flip-flops that start at 0 after configuration, which ECP5, Gowin and iCE40 parts do; `rst` is therefore
//   the inverse of a flip-flop. `press` passes two flip-flops first; a bouncing button gives several resets.
//
// Latency: press to rst 3 clocks. Released 1 clock after the counter has ended.
module power_on_reset #(
  // Clocks of reset after configuration, a power of two, at least 2.
  parameter int CLOCKS = 16
) (
  input  logic clk,
  input  logic press,     // not synchronised; tie low where there is no button
  output logic rst        // synchronous, active high
);

  localparam int COUNT_W = $clog2(CLOCKS) + 1;

  generate
    if (CLOCKS < 2 || CLOCKS != 2 ** $clog2(CLOCKS)) begin : check_clocks
      ERROR_CLOCKS_is_not_a_power_of_two fault ();
    end
  endgenerate
  initial if (CLOCKS < 2 || CLOCKS != 2 ** $clog2(CLOCKS))
    $fatal(1, "%m: CLOCKS must be a power of two, at least 2, not %0d", CLOCKS);

  logic [COUNT_W-1:0] count;             // its top bit ends the power-on reset
  logic               press_0, press_1;
  logic               running;

  initial begin
    count = '0;
    press_0 = 1'b0;
    press_1 = 1'b0;
    running = 1'b0;
  end

  always_ff @(posedge clk) begin
    if (!count[COUNT_W-1]) count <= count + COUNT_W'(1);
    press_0 <= press;
    press_1 <= press_0;
    running <= count[COUNT_W-1] && !press_1;
  end

  assign rst = !running;

endmodule
