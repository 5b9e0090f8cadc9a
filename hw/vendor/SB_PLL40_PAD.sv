// The PLL primitive of iCE40 parts at a clock pad: for synthesis its ports, for simulation what pll_ice40 uses of it.
//
//   FEEDBACK_PATH "SIMPLE": f_PLLOUTGLOBAL = f_PACKAGEPIN * (DIVF + 1) / ((DIVR + 1) * 2^DIVQ).
//
// Latency, rate: see pll_model.
`ifdef SYNTHESIS
(* blackbox *)
`endif
module SB_PLL40_PAD #(
  // What is fed back; the model knows SIMPLE.
  parameter FEEDBACK_PATH = "SIMPLE",
  // Divider less 1 of the reference and of the VCO, and its output divider as a power of two.
  parameter [3:0] DIVR = 4'd0,
  parameter [6:0] DIVF = 7'd0,
  parameter [2:0] DIVQ = 3'd0,
  // Filter for the frequency at the phase detector.
  parameter [2:0] FILTER_RANGE = 3'd0
) (
  input  logic PACKAGEPIN, BYPASS, RESETB,
  output logic PLLOUTGLOBAL, LOCK
);
`ifndef SYNTHESIS

  pll_model #(.MULTIPLY(int'(DIVF) + 1), .DIVIDE((int'(DIVR) + 1) << DIVQ)) model (
    .osc(PACKAGEPIN), .reset(!RESETB), .clk(PLLOUTGLOBAL), .locked(LOCK));

  initial if (FEEDBACK_PATH != "SIMPLE") $fatal(1, "%m: the model knows FEEDBACK_PATH SIMPLE only");

`endif
endmodule
