"""A shell of five pins around a module, to place and route it where the part has fewer pins than it has ports."""

from __future__ import annotations

from collections.abc import Mapping

TOP = "few_pins"
"""The module."""
PINS = ("clk", "rst", "serial", "load", "given")
"""Its ports, a pin each."""


def few_pins(top: str, ins: Mapping[str, int], outs: Mapping[str, int]) -> str:
    """SystemVerilog of the shell around module `top`: its ports but clk and rst, and their bits.

    All inputs come out of one shift register, all outputs go into another, which a pin loads: every path of `top` lies
    between registers, none at a pin. The shell adds a flip-flop for each bit and a LUT for each bit that comes out.
    """
    taken, given = sum(ins.values()), sum(outs.values())
    low, pins = 0, [".clk(clk)", ".rst(cleared)"]
    for name, bits in ins.items():
        pins.append(f".{name}(held[{low}+:{bits}])")
        low += bits
    low = 0
    for name, bits in outs.items():
        pins.append(f".{name}(seen[{low}+:{bits}])")
        low += bits
    joined = ",\n      ".join(pins)
    return f"""module {TOP} (
    input wire logic clk,
    input wire logic rst,
    input wire logic serial,
    input wire logic load,
    output logic given
);
  logic cleared;
  logic [{taken - 1}:0] held;
  logic [{given - 1}:0] seen, kept;
  always_ff @(posedge clk) begin
    cleared <= rst;
    held <= {{held[{taken - 2}:0], serial}};
    kept <= load ? seen : {{kept[{given - 2}:0], 1'b0}};
  end
  assign given = kept[{given - 1}];
  {top} u_inside (
      {joined}
  );
endmodule
"""
