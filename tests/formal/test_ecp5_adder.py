"""hw/techmap/ecp5_adder.v is Yosys' $alu, proved for all inputs by SAT over the cells' models that come with Yosys."""

import pytest
from proofs import yosys

from lutwright.resources import room

# Sums, differences, carries in, comparisons with and without signs, operands that are shorter, and a switched sign.
DUT = """
module dut #(parameter N = 8) (
    input signed [N-1:0] a, b, input signed [N-4:0] short, input c,
    output [N-1:0] add, sub, shorter, carried, constant, output less, below, most, output signed [N:0] wide
);
  assign add = a + b;
  assign sub = a - b;
  assign shorter = short - a;
  assign carried = a + b + c;
  assign constant = a - {N{1'b1}};
  assign less = a < short;
  assign below = $unsigned(a) < $unsigned(b);
  assign most = a >= 3;
  assign wide = a - b;
endmodule
"""
CARRIED = """
module dut (
    input [SIZE-1:0] a, b, input ci, bi, output [SIZE-1:0] x, y, co
);
  \\$alu #(.A_SIGNED(1), .B_SIGNED(1), .A_WIDTH(SIZE), .B_WIDTH(SIZE), .Y_WIDTH(SIZE))
    u_alu (.A(a), .B(b), .CI(CARRY), .BI(INVERT), .X(x), .Y(y), .CO(co));
endmodule
"""
PROOF = [
    "equiv_opt -assert -map +/ecp5/cells_sim.v techmap -map +/techmap.v -map ecp5_adder.v t:$alu",
    "design -load postopt",
    "select -assert-any t:CCU2C",
    "select -assert-none t:$alu",
]


def prove(folder, text, before):
    (folder / "ecp5_adder.v").write_bytes((room("hw") / "techmap" / "ecp5_adder.v").read_bytes())
    (folder / "dut.v").write_text(text)
    read = ["read_verilog -lib +/ecp5/cells_sim.v", "read_verilog -icells dut.v"]
    status, said = yosys([*read, *before, *PROOF], folder)
    assert status == 0 and "Equivalence successfully proven!" in said, said[-1500:]


@pytest.mark.parametrize("bits", [5, 6, 7, 8, 11, 16])
def test_what_synthesis_makes_of_operators(bits, tmp_path):
    prove(tmp_path, DUT, [f"hierarchy -top dut -chparam N {bits}", "proc", "opt", "wreduce", "alumacc", "opt"])


ONE, ZERO = "1'b1", "1'b0"


@pytest.mark.parametrize("bits", [5, 8])
@pytest.mark.parametrize(
    ("ci", "bi"), [(ZERO, ZERO), (ONE, ZERO), (ZERO, ONE), (ONE, ONE), ("ci", "bi"), ("ci", ONE), (ONE, "bi")]
)
def test_every_carry_and_inversion(bits, ci, bi, tmp_path):
    text = CARRIED.replace("CARRY", ci).replace("INVERT", bi).replace("SIZE", str(bits))
    prove(tmp_path, text, ["hierarchy -top dut", "proc"])
