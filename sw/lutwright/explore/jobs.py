"""One job of an exploration: a project is synthesised in a folder of its own."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import lutwright
from lutwright.boards import Board
from lutwright.emit.shell import TOP
from lutwright.errors import DoesNotFit
from lutwright.files import write_tree
from lutwright.flow.bitstream import Measured, check_speed, place_and_route
from lutwright.flow.synth import synthesise
from lutwright.flow.tools import FLOW_TOOLS, version


@dataclass(frozen=True)
class Job:
    """files: the sources of a project, memory files and constraints, by their paths in it. route: place and route as
    well, for Fmax. top: the module on top."""

    files: dict[str, bytes]
    board: Board
    route: bool = False
    top: str = TOP

    @property
    def key(self) -> str:
        """SHA-256 of all that the result depends on: files, board, tools."""
        total = hashlib.sha256()
        tools = {tool.package: version(tool.package) for tool in FLOW_TOOLS}
        about: dict[str, object] = {"lutwright": lutwright.__version__, "tools": tools, "route": self.route}
        about["board"] = self.board.model_dump(mode="json")
        total.update(json.dumps(about, sort_keys=True).encode())
        for name in sorted(self.files):
            total.update(name.encode() + b"\0" + hashlib.sha256(self.files[name]).digest())
        return total.hexdigest()


@dataclass(frozen=True)
class Outcome:
    """What was measured; refused: why the board cannot have it, else "". fmax_mhz: None without place and route.

    A design that has room and is too slow is measured as well as refused.
    """

    lut: int = 0
    ff: int = 0
    bram: int = 0
    dsp: int = 0
    fmax_mhz: float | None = None
    refused: str = ""


def run(job: Job) -> Outcome:
    """Do `job`; its folder vanishes afterwards. Raises what flow/ raises, except that DoesNotFit is an outcome."""
    with tempfile.TemporaryDirectory(prefix="lutwright-") as place:
        folder = Path(place)
        write_tree(folder, job.files)
        sources = sorted(path for path in (folder / "rtl").iterdir() if path.suffix in (".sv", ".v"))
        try:
            if job.route:
                return _routed(place_and_route(folder, sources, job.board, job.top), job.board)
            cells = synthesise(folder, sources, job.board, job.top, job.board.processor is None).cells
        except DoesNotFit as error:
            return Outcome(refused=str(error))
    return Outcome(cells.lut, cells.ff, cells.bram, cells.dsp)


def _routed(made: Measured, board: Board) -> Outcome:
    """The outcome of a design that has room."""
    refused = ""
    try:
        check_speed(board, made)
    except DoesNotFit as error:
        refused = str(error)
    return Outcome(made.lut, made.ff, made.bram, made.dsp, made.fmax_mhz, refused)
