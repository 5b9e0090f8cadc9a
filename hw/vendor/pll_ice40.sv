// A clock from an oscillator by the PLL of an iCE40 part; lutwright/plls.py finds the dividers.
//
//   f_clk = f_osc * (DIVF + 1) / ((DIVR + 1) * 2^DIVQ). Phases of osc and clk have nothing to do with each other.
//
// Latency: locked up to 50 us after configuration. Rate: as said.
module pll_ice40 #(
  // Dividers less 1 of the oscillator and of the VCO, and the output divider as a power of two.
  parameter [3:0] DIVR = 4'd0,
  parameter [6:0] DIVF = 7'd79,
  parameter [2:0] DIVQ = 3'd4,
  // 1 to 6: for the frequency at the phase detector, below 17, 26, 44, 66, 101 MHz or above.
  parameter [2:0] FILTER_RANGE = 3'd1,
  // 1: osc is the pin of a clock pad beside the PLL and goes nowhere else; 0: it is any clock of the design.
  parameter int PAD = 0
) (
  input  logic osc,
  output logic clk,
  output logic locked    // asynchronous; clk is right while it is high
);

  generate
    if (PAD != 0) begin : at_pad
      SB_PLL40_PAD #(
        .FEEDBACK_PATH("SIMPLE"), .DIVR(DIVR), .DIVF(DIVF), .DIVQ(DIVQ), .FILTER_RANGE(FILTER_RANGE)
      ) pll (.PACKAGEPIN(osc), .BYPASS(1'b0), .RESETB(1'b1), .PLLOUTGLOBAL(clk), .LOCK(locked));
    end else begin : in_core
      SB_PLL40_CORE #(
        .FEEDBACK_PATH("SIMPLE"), .DIVR(DIVR), .DIVF(DIVF), .DIVQ(DIVQ), .FILTER_RANGE(FILTER_RANGE)
      ) pll (.REFERENCECLK(osc), .BYPASS(1'b0), .RESETB(1'b1), .PLLOUTGLOBAL(clk), .LOCK(locked));
    end
  endgenerate

endmodule
