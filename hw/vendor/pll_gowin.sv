// A clock from an oscillator by the rPLL of a Gowin GW1N or GW2A part; lutwright/plls.py finds the dividers.
//
//   f_clk = f_osc * (FBDIV_SEL + 1) / (IDIV_SEL + 1); the VCO runs at ODIV_SEL times that.
//   Phases of osc and clk have nothing to do with each other.
//
// Latency: locked some thousand periods of osc after configuration. Rate: as said.
module pll_gowin #(
  // MHz of osc and the part, as the packer wants them.
  parameter FCLKIN = "27",
  parameter DEVICE = "GW1N-9C",
  // Dividers less 1 of the oscillator and of what is fed back, 0 to 63.
  parameter int IDIV_SEL = 0,
  parameter int FBDIV_SEL = 1,
  // Divider of the VCO: 2, 4, 8, or a multiple of 16 up to 128.
  parameter int ODIV_SEL = 8
) (
  input  logic osc,
  output logic clk,
  output logic locked    // asynchronous; clk is right while it is high
);

  rPLL #(
    .FCLKIN(FCLKIN), .DEVICE(DEVICE), .IDIV_SEL(IDIV_SEL), .FBDIV_SEL(FBDIV_SEL), .ODIV_SEL(ODIV_SEL),
    .CLKFB_SEL("internal"), .DYN_IDIV_SEL("false"), .DYN_FBDIV_SEL("false"), .DYN_ODIV_SEL("false"),
    .PSDA_SEL("0000"), .DYN_DA_EN("false"), .DUTYDA_SEL("1000"), .CLKOUT_BYPASS("false"), .CLKOUTP_BYPASS("false"),
    .CLKOUTD_BYPASS("false"), .DYN_SDIV_SEL(2), .CLKOUTD_SRC("CLKOUT"), .CLKOUTD3_SRC("CLKOUT")
  ) pll (
    .CLKIN(osc), .CLKFB(1'b0), .RESET(1'b0), .RESET_P(1'b0), .FBDSEL(6'd0), .IDSEL(6'd0), .ODSEL(6'd0), .PSDA(4'd0),
    .DUTYDA(4'd0), .FDLY(4'd0), .CLKOUT(clk), .LOCK(locked));

endmodule
