"""What a netlist takes of a Cyclone V part, before it is placed: halves of an ALM.

An ALM has eight inputs for two LUTs and two adders. Two functions of up to 4 inputs share one whatever they read, so do
one of 5 and one of 3; one of 6 inputs takes it whole. Hence, with h halves for the rest,

    2 * those of 6 inputs + max(h, 2 * those of 5 inputs - those of up to 3)
    h = LUTs of up to 5 inputs, bits of adders, and bits of 32 words of LUT RAM (an ALM has two)

The fitter also joins functions that read the same signals, and takes apart what is left where there is room: this is
near to what it needs on a full part. The halves are what Quartus calls combinational ALUTs, twice its ALMs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

_SMALL = ("MISTRAL_ALUT2", "MISTRAL_ALUT3", "MISTRAL_NOT")


def half_alms(cells: Mapping[str, Any]) -> int:
    """Halves of an ALM that the cells of a flat netlist (Yosys' JSON: modules.TOP.cells) take."""
    kinds = Counter(str(cell["type"]) for cell in cells.values())
    large, small = kinds["MISTRAL_ALUT5"], sum(kinds[name] for name in _SMALL)
    halves = large + small + kinds["MISTRAL_ALUT4"] + kinds["MISTRAL_ALUT_ARITH"] + kinds["MISTRAL_MLAB"]
    return 2 * kinds["MISTRAL_ALUT6"] + max(halves, 2 * large - small)
