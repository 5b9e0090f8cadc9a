"""What a netlist takes of an ECP5 part once it is placed: cells TRELLIS_COMB, which are what such a part runs out of.

    each LUT4              one
    each CCU2C             two; a carry chain also takes two where its carry enters and two where it leaves, constant
                           or unused as these may be
    each TRELLIS_DPR16X4   six: four of memory, and two that its write port keeps from others

These are the rules of nextpnr-ecp5 0.11, which takes one or two more for constants.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

_TAKES = {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6}
_CHAIN = 4


def comb_cells(cells: Mapping[str, Any]) -> int:
    """Cells TRELLIS_COMB that the cells of a flat netlist (Yosys' JSON: modules.TOP.cells) take."""
    kinds = Counter(str(cell["type"]) for cell in cells.values())
    return sum(_TAKES.get(kind, 0) * count for kind, count in kinds.items()) + _CHAIN * _chains(cells)


def _chains(cells: Mapping[str, Any]) -> int:
    """How many carry chains there are: CCU2C whose carry does not come from another one."""
    carries = [cell["connections"] for cell in cells.values() if cell["type"] == "CCU2C"]
    made = {bit for pins in carries for bit in pins.get("COUT", ()) if isinstance(bit, int)}
    return sum(made.isdisjoint(pins.get("CIN", ())) for pins in carries)
