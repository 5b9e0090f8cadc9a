// A clock from an oscillator by the PLL of an ECP5 part; lutwright/plls.py finds the dividers.
//
//   f_clk = f_osc * CLKFB_DIV / CLKI_DIV, and with CLKOS_DIV: f_osc * CLKFB_DIV * CLKOP_DIV / (CLKI_DIV * CLKOS_DIV).
//   Phases of osc and clk have nothing to do with each other.
//
// Latency: locked some thousand periods of osc after configuration. Rate: as said.
module pll_ecp5 #(
  // Divider of the oscillator, 1 to 128.
  parameter int CLKI_DIV = 1,
  // Divider of what is fed back, 1 to 80.
  parameter int CLKFB_DIV = 2,
  // Divider from the VCO (400 to 800 MHz) to what is fed back, 1 to 128.
  parameter int CLKOP_DIV = 12,
  // Divider from the VCO to clk, 1 to 128; 0 where clk is what is fed back.
  parameter int CLKOS_DIV = 0
) (
  input  logic osc,
  output logic clk,
  output logic locked    // asynchronous; clk is right while it is high
);

  localparam int SECOND = CLKOS_DIV == 0 ? 1 : CLKOS_DIV;

  logic first, second;

  (* ICP_CURRENT = "12" *) (* LPF_RESISTOR = "8" *) (* MFG_ENABLE_FILTEROPAMP = "1" *) (* MFG_GMCREF_SEL = "2" *)
  EHXPLLL #(
    .CLKI_DIV(CLKI_DIV), .CLKFB_DIV(CLKFB_DIV), .CLKOP_DIV(CLKOP_DIV), .CLKOS_DIV(SECOND), .CLKOP_ENABLE("ENABLED"),
    .CLKOS_ENABLE(CLKOS_DIV == 0 ? "DISABLED" : "ENABLED"), .CLKOP_CPHASE(CLKOP_DIV / 2), .CLKOP_FPHASE(0),
    .CLKOS_CPHASE(SECOND / 2), .CLKOS_FPHASE(0), .FEEDBK_PATH("CLKOP"), .OUTDIVIDER_MUXA("DIVA"),
    .OUTDIVIDER_MUXB("DIVB"), .OUTDIVIDER_MUXC("DIVC"), .OUTDIVIDER_MUXD("DIVD"), .STDBY_ENABLE("DISABLED"),
    .DPHASE_SOURCE("DISABLED"), .PLLRST_ENA("DISABLED"), .INTFB_WAKE("DISABLED")
  ) pll (
    .CLKI(osc), .CLKFB(first), .RST(1'b0), .STDBY(1'b0), .PHASESEL0(1'b0), .PHASESEL1(1'b0), .PHASEDIR(1'b0),
    .PHASESTEP(1'b0), .PHASELOADREG(1'b0), .PLLWAKESYNC(1'b0), .ENCLKOP(1'b0), .ENCLKOS(1'b0), .CLKOP(first),
    .CLKOS(second), .LOCK(locked));

  assign clk = CLKOS_DIV == 0 ? first : second;

endmodule
