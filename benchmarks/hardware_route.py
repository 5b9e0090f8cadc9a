"""The clock that a core reaches on an ECP5 or a Gowin part, placed and routed alone."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hardware_pins import PINS
from hardware_synthesis import CACHE, keep

from lutwright.boards import load_board
from lutwright.errors import ToolFailed
from lutwright.flow.ecp5 import router
from lutwright.flow.synth import synthesise
from lutwright.flow.tools import NEXTPNR_ECP5, NEXTPNR_GOWIN, YOSYS, Tool, run_tool, tail, version
from lutwright.flow.yosys_passes import maps, synth_passes


@dataclass(frozen=True)
class Part:
    """A part without a board: nextpnr, a board that has the family's way of synthesis, and nextpnr's options.

    pins: for the shell of hardware_pins.py, where nextpnr does not choose them and the part has too few for all ports.
    """

    title: str
    tool: Tool
    board: str
    options: tuple[str, ...]
    pins: tuple[str, ...] = ()


PARTS = {
    "ecp5": Part(
        "LFE5U-85F, speed grade 6",
        NEXTPNR_ECP5,
        "ulx3s-85f",
        # of the packages of this die the one with the most pins
        ("--85k", "--package", "CABGA756", "--speed", "6", "--lpf-allow-unconstrained"),
    ),
    "gowin": Part(
        "GW2AR-18, C8/I7",
        NEXTPNR_GOWIN,
        "tangnano9k",
        ("--device", "GW2AR-LV18QN88C8/I7", "--vopt", "family=GW2A-18C", "--vopt", "cst=pins.cst"),
        ("4", "15", "16", "17", "18"),
    ),
}
"""By family; each is large enough for everything that is measured."""


def fmax(
    files: Mapping[str, bytes], top: str, mhz: float, timeout: float, seed: int = 1, family: str = "ecp5"
) -> float:
    """MHz of the clock of module `top`, routed on the part of `family` for a clock of `mhz`; on "gowin" a few_pins.

    Paths from and to the pins do not count. timeout: seconds of each tool. Raises ToolFailed.
    """
    part = PARTS[family]
    synthesis = [version(YOSYS.package), *synth_passes(family, ""), *maps(family).values()]
    digest = hashlib.sha256(f"{version(part.tool.package)} {part.options} {top} {mhz} {seed} {synthesis}\n".encode())
    for name, data in sorted(files.items()):
        digest.update(f"{name} {len(data)}\n".encode() + data)
    kept = CACHE / f"route-{digest.hexdigest()[:32]}.json"
    if not kept.is_file():
        keep(kept, json.dumps(_routed(files, top, mhz, timeout, seed, family)) + "\n")
    return float(json.loads(kept.read_text()))


def _routed(files: Mapping[str, bytes], top: str, mhz: float, timeout: float, seed: int, family: str) -> float:
    part = PARTS[family]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, data in files.items():
            (folder / path).write_bytes(data)
        sources = sorted(path for path in folder.iterdir() if path.suffix in (".sv", ".v"))
        places = zip(PINS, part.pins, strict=False)
        (folder / "pins.cst").write_text("".join(f'IO_LOC "{port}" {pin};\n' for port, pin in places))
        made = synthesise(folder, sources, load_board(part.board), top, timeout=timeout)
        chosen = router(made.cells.lut) if family == "ecp5" else []
        told = ["--json", f"flow/{top}.json", "--report", "report.json", "--seed", str(seed), "--freq", f"{mhz:g}"]
        run_tool(part.tool, [*part.options, *chosen, *told, "--timing-allow-fail"], folder, folder / "log", timeout)
        try:
            clocks = json.loads((folder / "report.json").read_text())["fmax"].values()
            return min(float(clock["achieved"]) for clock in clocks)
        except (OSError, ValueError, KeyError) as error:
            raise ToolFailed(part.tool.name, "must report the clock", "none", tail(folder / "log")) from error
