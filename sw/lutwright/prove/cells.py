"""Models of a family's cells: those of Yosys, and our own (hw/sim_models) where Yosys has a black box.

text = cell_models("ecp5", {"LUT4", "DP16KD"})      # Verilog with these modules and what they are made of
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable
from pathlib import Path

from lutwright.errors import CannotSimulate, ToolMissing
from lutwright.resources import room

# The files of Yosys' share/ that hold a family's models.
_FILES = {
    "ice40": ("ice40/cells_sim.v",),
    "ecp5": ("lattice/common_sim.vh", "lattice/ccu2c_sim.vh"),
    "gowin": ("gowin/cells_sim.v",),
}
_MODULE = re.compile(r"^module\s+(\w+).*?^endmodule", re.M | re.S)
_BLACK_BOX = re.compile(r"\(\*[^*]*blackbox[^*]*\*\)\s*$")
# Yosys' iCE40 models tell what an unconnected input is; Icarus 11 does not read that, and no netlist needs it.
_PLAIN = "`define NO_ICE40_DEFAULT_ASSIGNMENTS"


def cell_models(family: str, types: Iterable[str], plain: bool = False) -> str:
    """The Verilog of the models of cells `types` of `family`, and of the cells in them.

    plain: without defaults of unconnected inputs.
    Raises CannotSimulate where there is no model, ToolMissing where pyosys is absent.
    """
    if family not in _FILES:
        raise CannotSimulate(
            f"netlist for family '{family}'",
            f"must be of a family whose cells have models ({', '.join(_FILES)})",
            "another",
            "Use --level rtl.",
        )
    ours = {path.stem: path.read_text() for path in sorted((room("hw") / "sim_models").glob("*.v"))}
    head, library = _library(family)
    known = library | ours
    wanted = set(types)
    left = sorted(wanted)
    missing = sorted(wanted - known.keys())
    if missing:
        raise CannotSimulate(
            f"netlist for family '{family}'",
            "every cell must have a model",
            ", ".join(missing),
            "Fold the design so that it needs no such cell.",
        )
    while left:
        text = known[left.pop()]
        inside = (set(re.findall(r"^\s*(\w+)\s*(?:#\s*\(|\w+\s*\()", text, re.M)) & known.keys()) - wanted
        wanted |= inside
        left += inside
    parts = [_PLAIN] if plain else []
    return "\n\n".join([*parts, head, *(known[name] for name in sorted(wanted))]) + "\n"


def _library(family: str) -> tuple[str, dict[str, str]]:
    """What stands before the first module of Yosys' models, and module -> text of those that are no black boxes."""
    texts = [(_share() / name).read_text() for name in _FILES[family]]
    modules: dict[str, str] = {}
    for text in texts:
        for found in _MODULE.finditer(text):
            if not _BLACK_BOX.search(text[: found.start()]):
                modules[found.group(1)] = found.group(0)
    first = next(_MODULE.finditer(texts[0])).start()
    lines = [line for line in texts[0][:first].splitlines() if line.startswith("`")]
    return "\n".join(lines), modules


def _share() -> Path:
    """The folder share/ of Yosys."""
    spec = importlib.util.find_spec("pyosys")
    if spec is None or not spec.submodule_search_locations:
        raise ToolMissing(
            "cell models",
            "the package pyosys must be installed (they come with Yosys)",
            "absent",
            "pip install 'lutwright[flow]'.",
        )
    return Path(spec.submodule_search_locations[0]) / "share"
