"""Synthesis of an hls4ml project by AMD's tools, which the script in the project runs."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lutwright.errors import ToolFailed, ToolMissing
from lutwright.flow.hls_reports import Csynth, Utilisation, read_csynth, read_utilisation
from lutwright.flow.tools import run_line

FOLDER = "synthesis"
"""Where in a project the tools work."""
TIMEOUT = 24 * 3600.0


@dataclass(frozen=True)
class Synthesis:
    """What was reported; vivado: None where only the C synthesis was run."""

    csynth: Csynth
    vivado: Utilisation | None

    def as_dict(self) -> dict[str, Any]:
        """The words of --json."""
        return {"csynth": self.csynth.as_dict(), "vivado": None if self.vivado is None else self.vivado.as_dict()}


def solution(folder: Path, name: str) -> Path:
    """Where the C synthesis of project `name` in `folder` leaves Verilog and reports."""
    return folder / FOLDER / f"{name}_prj" / "solution1" / "syn"


def synthesise(folder: Path, name: str, script: Path, program: str, timeout: float = TIMEOUT) -> Synthesis:
    """Run `script` of the project `name` in `folder`, and read what the tools reported.

    program: what the script needs on PATH. Raises ToolMissing without it, ToolFailed where it fails, hangs or reports
    nothing.
    """
    if shutil.which(program) is None:
        fix = "Install it and put it on PATH; the project is whole without it."
        raise ToolMissing(f"tool '{program}'", "must be on PATH for --synthesis", "absent", fix)
    run_line(program, ["sh", str(script.resolve())], folder, folder / f"{FOLDER}.log", timeout, ours=False)
    return read_reports(folder, name)


def read_reports(folder: Path, name: str) -> Synthesis:
    """The reports of the project `name` in `folder`, which was synthesised. Raises ToolFailed where there are none."""
    told = solution(folder, name) / "report" / f"{name}_csynth.xml"
    if not told.is_file():
        where = f"project '{folder}'"
        raise ToolFailed(where, f"must have the report {told.relative_to(folder)}", "none", f"Look into {FOLDER}.log.")
    utilisation = folder / FOLDER / "vivado_synth.rpt"
    found = None
    if utilisation.is_file():
        found = read_utilisation(utilisation.read_text(errors="replace"), utilisation.name)
    return Synthesis(read_csynth(told.read_bytes(), told.name), found)
