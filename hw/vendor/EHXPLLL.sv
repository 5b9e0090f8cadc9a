// The PLL primitive of ECP5 parts: for synthesis its ports, for simulation what pll_ecp5 uses of it.
//
//   FEEDBK_PATH "CLKOP": f_CLKOP = f_CLKI * CLKFB_DIV / CLKI_DIV, f_CLKOS = f_CLKOP * CLKOP_DIV / CLKOS_DIV.
//
// Latency, rate: see pll_model.
`ifdef SYNTHESIS
(* blackbox *)
`endif
module EHXPLLL #(
  // Dividers of the reference, of the feedback, and of the two outputs.
  parameter int CLKI_DIV = 1,
  parameter int CLKFB_DIV = 1,
  parameter int CLKOP_DIV = 8,
  parameter int CLKOS_DIV = 8,
  // Which outputs are made.
  parameter CLKOP_ENABLE = "ENABLED",
  parameter CLKOS_ENABLE = "DISABLED",
  // Shift of the outputs, in periods of the VCO and in eighths of one; no part of the model.
  parameter int CLKOP_CPHASE = 0,
  parameter int CLKOP_FPHASE = 0,
  parameter int CLKOS_CPHASE = 0,
  parameter int CLKOS_FPHASE = 0,
  // What CLKFB comes from; the model knows CLKOP.
  parameter FEEDBK_PATH = "CLKOP",
  // What is not used here and must be said all the same.
  parameter OUTDIVIDER_MUXA = "DIVA",
  parameter OUTDIVIDER_MUXB = "DIVB",
  parameter OUTDIVIDER_MUXC = "DIVC",
  parameter OUTDIVIDER_MUXD = "DIVD",
  parameter STDBY_ENABLE = "DISABLED",
  parameter DPHASE_SOURCE = "DISABLED",
  parameter PLLRST_ENA = "DISABLED",
  parameter INTFB_WAKE = "DISABLED"
) (
  input  logic CLKI, CLKFB, RST, STDBY, PHASESEL0, PHASESEL1, PHASEDIR, PHASESTEP, PHASELOADREG, PLLWAKESYNC, ENCLKOP,
  input  logic ENCLKOS,
  output logic CLKOP, CLKOS, LOCK
);
`ifndef SYNTHESIS

  logic second_locked;   // with the first

  pll_model #(.MULTIPLY(CLKFB_DIV), .DIVIDE(CLKI_DIV)) first (.osc(CLKI), .reset(RST), .clk(CLKOP), .locked(LOCK));
  pll_model #(.MULTIPLY(CLKFB_DIV * CLKOP_DIV), .DIVIDE(CLKI_DIV * CLKOS_DIV)) second (
    .osc(CLKI), .reset(RST), .clk(CLKOS), .locked(second_locked));

  initial if (FEEDBK_PATH != "CLKOP") $fatal(1, "%m: the model knows FEEDBK_PATH CLKOP only");

`endif
endmodule
