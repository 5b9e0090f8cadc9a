"""The clock that a core reaches on an ECP5, placed and routed alone with a pin for each of its ports."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from hardware_synthesis import CACHE, keep

from lutwright.boards import load_board
from lutwright.errors import ToolFailed
from lutwright.flow.synth import synthesise
from lutwright.flow.tools import NEXTPNR_ECP5, run_tool, tail, version

_BOARD = "ulx3s-85f"
_PACKAGE = "CABGA756"  # the one of the LFE5U-85F with the most pins


def fmax(files: Mapping[str, bytes], top: str, mhz: float, timeout: float, seed: int = 1) -> float:
    """MHz of the clock of module `top`, routed on an LFE5U-85F of speed grade 6 for a clock of `mhz`.

    Paths from and to the pins do not count. timeout: seconds of each tool. Raises ToolFailed.
    """
    digest = hashlib.sha256(f"{version(NEXTPNR_ECP5.package)} {top} {mhz} {seed}\n".encode())
    for name, data in sorted(files.items()):
        digest.update(f"{name} {len(data)}\n".encode() + data)
    kept = CACHE / f"route-{digest.hexdigest()[:32]}.json"
    if not kept.is_file():
        keep(kept, json.dumps(_routed(files, top, mhz, timeout, seed)) + "\n")
    return float(json.loads(kept.read_text()))


def _routed(files: Mapping[str, bytes], top: str, mhz: float, timeout: float, seed: int) -> float:
    board = load_board(_BOARD)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, data in files.items():
            (folder / path).write_bytes(data)
        sources = sorted(path for path in folder.iterdir() if path.suffix in (".sv", ".v"))
        synthesise(folder, sources, board, top, timeout=timeout)
        told = ["--85k", "--package", _PACKAGE, "--speed", "6", "--json", f"flow/{top}.json", "--report", "report.json"]
        told += ["--seed", str(seed), "--freq", f"{mhz:g}", "--timing-allow-fail", "--lpf-allow-unconstrained"]
        run_tool(NEXTPNR_ECP5, told, folder, folder / "log", timeout)
        try:
            clocks = json.loads((folder / "report.json").read_text())["fmax"].values()
            return min(float(clock["achieved"]) for clock in clocks)
        except (OSError, ValueError, KeyError) as error:
            raise ToolFailed("nextpnr-ecp5", "must report the clock", "none", tail(folder / "log")) from error
