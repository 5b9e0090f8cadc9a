// The PLL primitive of Gowin GW1N and GW2A parts: for synthesis its ports, for simulation what pll_gowin uses of it.
//
//   f_CLKOUT = f_CLKIN * (FBDIV_SEL + 1) / (IDIV_SEL + 1). The VCO runs at ODIV_SEL times that.
//
// Latency, rate: see pll_model.
`ifdef SYNTHESIS
(* blackbox *)
`endif
module rPLL #(
  // MHz of CLKIN, and the part, for the packer.
  parameter FCLKIN = "100.0",
  parameter DEVICE = "GW1N-1",
  // Dividers less 1 of the reference and of the feedback, and divider of the VCO.
  parameter int IDIV_SEL = 0,
  parameter int FBDIV_SEL = 0,
  parameter int ODIV_SEL = 8,
  // Where the feedback comes from; the model knows internal.
  parameter CLKFB_SEL = "internal",
  // What is not used here and must be said all the same.
  parameter DYN_IDIV_SEL = "false",
  parameter DYN_FBDIV_SEL = "false",
  parameter DYN_ODIV_SEL = "false",
  parameter PSDA_SEL = "0000",
  parameter DYN_DA_EN = "false",
  parameter DUTYDA_SEL = "1000",
  parameter CLKOUT_BYPASS = "false",
  parameter CLKOUTP_BYPASS = "false",
  parameter CLKOUTD_BYPASS = "false",
  parameter int DYN_SDIV_SEL = 2,
  parameter CLKOUTD_SRC = "CLKOUT",
  parameter CLKOUTD3_SRC = "CLKOUT"
) (
  input  logic CLKIN, CLKFB, RESET, RESET_P,
  input  logic [5:0] FBDSEL, IDSEL, ODSEL,
  input  logic [3:0] PSDA, DUTYDA, FDLY,
  output logic CLKOUT, LOCK
);
`ifndef SYNTHESIS

  pll_model #(.MULTIPLY(FBDIV_SEL + 1), .DIVIDE(IDIV_SEL + 1)) model (
    .osc(CLKIN), .reset(RESET), .clk(CLKOUT), .locked(LOCK));

  initial if (CLKFB_SEL != "internal") $fatal(1, "%m: the model knows CLKFB_SEL internal only");

`endif
endmodule
