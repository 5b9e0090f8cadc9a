"""What a netlist takes of an iCE40 part, before it is placed: logic cells, which are what such a part runs out of.

A cell is a LUT of four inputs, a carry and a flip-flop behind the LUT. One is taken by

    each SB_LUT4
    each SB_DFF* whose data do not come from a LUT that feeds nothing else
    each SB_CARRY that no LUT goes with: one with the carry's operands as I1 and I2, and with its CI as I3, or one of
    two inputs, I2 and I3, that makes an operand of the carry
    each carry chain that begins with a net, and each carry that goes to anything but the next cell of its chain

These are the rules of nextpnr-ice40 0.11. It also breaks chains that are longer than a column of the part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

Pins = Mapping[str, Any]


def logic_cells(cells: Mapping[str, Any]) -> int:
    """Logic cells that the cells of a flat netlist (Yosys' JSON: modules.TOP.cells) take."""
    by_kind: dict[str, list[Pins]] = {"SB_LUT4": [], "SB_CARRY": [], "SB_DFF": []}
    for cell in cells.values():
        for kind, found in by_kind.items():
            if str(cell["type"]).startswith(kind):
                found.append(cell["connections"])
    luts, carries = by_kind["SB_LUT4"], by_kind["SB_CARRY"]
    users: Counter[object] = Counter(bit for bit in _inputs(cells) if isinstance(bit, int))
    driven = {_bit(pins, "O") for pins in luts}
    apart = sum(_bit(pins, "D") not in driven or users[_bit(pins, "D")] > 1 for pins in by_kind["SB_DFF"])
    return len(luts) + apart + _alone(luts, carries) + _ends(luts, carries, users)


def _alone(luts: list[Pins], carries: list[Pins]) -> int:
    """Carries that no LUT goes with."""
    adding = Counter((_bit(pins, "I1"), _bit(pins, "I2"), _bit(pins, "I3")) for pins in luts)
    short = {_bit(pins, "O") for pins in luts if {_bit(pins, "I0"), _bit(pins, "I1")} <= {"0", "x"}}
    missing = 0
    for pins in carries:
        operands = _bit(pins, "I0"), _bit(pins, "I1")
        wanted = (*operands, _bit(pins, "CI"))
        if adding[wanted]:
            adding[wanted] -= 1
        elif made := next((bit for bit in operands if bit in short), None):
            short.remove(made)
        else:
            missing += 1
    return missing


def _ends(luts: list[Pins], carries: list[Pins], users: Counter[object]) -> int:
    """Cells that let a carry into a chain, or out of it to where the chain does not go."""
    made, goes_on = {_bit(pins, "CO") for pins in carries}, Counter(_bit(pins, "CI") for pins in carries)
    sums = Counter(_bit(pins, "I3") for pins in luts)
    into = sum(isinstance(bit, int) and bit not in made for bit in goes_on.elements())
    # What the next cell takes, as its carry and into its LUT, needs none.
    out = sum(users[bit] > min(goes_on[bit], 1) + min(sums[bit], 1) for bit in made if isinstance(bit, int))
    return into + out


def _inputs(cells: Mapping[str, Any]) -> Iterator[object]:
    for cell in cells.values():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] != "output":
                yield from bits


def _bit(pins: Pins, port: str) -> object:
    """The net or constant at a port; unconnected ones are alike."""
    return (pins.get(port) or ["x"])[0]
