// MULT9X9: a multiplier of Gowin parts, as Yosys uses it: DOUT = A * B, each two's complement where ASIGN, BSIGN is 1.
// Without registers, combinational; the shift chains SI, SO are not modelled.
module MULT9X9 #(
  parameter AREG = 1'b0,       // registers at the inputs, the output and between: none
  parameter BREG = 1'b0,
  parameter OUT_REG = 1'b0,
  parameter PIPE_REG = 1'b0
) (
  input  [8:0] A, SIA, B, SIB,
  input  ASIGN, BSIGN, ASEL, BSEL, CE, CLK, RESET,
  output [17:0] DOUT,
  output [8:0] SOA, SOB
);
  wire signed [9:0] a = {ASIGN & A[8], A};
  wire signed [9:0] b = {BSIGN & B[8], B};
  wire signed [19:0] product = a * b;
  assign DOUT = product[17:0];
  assign SOA = A;
  assign SOB = B;

  initial if (AREG || BREG || OUT_REG || PIPE_REG) $fatal(1, "%m: a multiplier that is not modelled");

  wire unused = &{1'b0, product[19:18], SIA, SIB, ASEL, BSEL, CE, CLK, RESET};
endmodule
