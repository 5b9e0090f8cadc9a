"""ECP5 netlists for nextpnr-ecp5: chains of carry cells without additions, and what the cells take once placed.

What such a part runs out of are cells TRELLIS_COMB:

    each LUT4              one
    each CCU2C             two; a carry chain takes two more where a net or a constant is its CIN, and two more where
                           its last COUT has a net, read or not
    each TRELLIS_DPR16X4   six: four of memory, and two that its write port keeps from others

These are the rules of nextpnr-ecp5 0.11, which takes one or two more for constants.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lutwright.files import write_file

_TAKES = {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6}
_END = 2  # cells that let a carry in or out
_OPEN = ["x"]
_LARGE = 30_000  # cells from which on nextpnr's first router takes hours
_NO_CIN = 0x000F  # bits of INIT0 of a first half whose carry and unread sum need no CIN: those of its LUT2


def open_ends(netlist: Path, top: str) -> None:
    """Do open_chains in a file of Yosys' JSON. Raises OSError, ValueError or KeyError where it is no such file."""
    design = json.loads(netlist.read_text())
    module = design["modules"][top]
    open_chains(module["cells"], module["ports"])
    write_file(netlist, json.dumps(design))


def open_chains(cells: Mapping[str, Any], ports: Mapping[str, Any]) -> None:
    """In flat `cells`, disconnect a constant CIN that cannot matter and a COUT that neither cell nor port reads."""
    readers = Counter(bit for cell in cells.values() for bits in cell["connections"].values() for bit in bits)
    readers.update(bit for port in ports.values() for bit in port["bits"])
    for cell in cells.values():
        if cell["type"] != "CCU2C":
            continue
        pins = cell["connections"]
        if pins.get("CIN") == ["0"] and _needs_no_carry(cell, readers):
            pins["CIN"] = _OPEN
        if sum(readers[bit] for bit in pins.get("COUT", ())) == 1:
            pins["COUT"] = _OPEN


def _needs_no_carry(cell: Mapping[str, Any], readers: Mapping[int, int]) -> bool:
    """Whether what is read of a CCU2C is the same for either CIN.

    Its first half passes CIN on where its LUT4 is 1, which it never is with D0 high and no bit of INIT0 above the LUT2.
    """
    pins = cell["connections"]
    unread = all(readers[bit] == 1 for bit in pins.get("S0", ()) if isinstance(bit, int))
    return unread and pins.get("D0") == ["1"] and not int(cell["parameters"]["INIT0"], 2) & ~_NO_CIN


def router(lut: int) -> list[str]:
    """Options of nextpnr-ecp5 that choose the router for a design of `lut` cells TRELLIS_COMB."""
    return ["--router", "router2"] if lut > _LARGE else []


def comb_cells(cells: Mapping[str, Any]) -> int:
    """Cells TRELLIS_COMB that the cells of a flat netlist (Yosys' JSON: modules.TOP.cells) take."""
    kinds = Counter(str(cell["type"]) for cell in cells.values())
    return sum(_TAKES.get(kind, 0) * count for kind, count in kinds.items()) + _END * _ends(cells)


def _ends(cells: Mapping[str, Any]) -> int:
    """Ends of carry chains that take cells: connected, and not to another CCU2C."""
    carries = [cell["connections"] for cell in cells.values() if cell["type"] == "CCU2C"]
    given = [bit for pins in carries for bit in pins.get("COUT", _OPEN)]
    taken = [bit for pins in carries for bit in pins.get("CIN", _OPEN)]
    inside = {bit for bit in set(given) & set(taken) if isinstance(bit, int)}
    return sum(bit != "x" and bit not in inside for bit in (*given, *taken))
