"""What Quartus says of a routed design: the summary of the fitter and the report of the timing analyser.

An ALM is two of our LUTs.
"""

from __future__ import annotations

import re
from pathlib import Path

from lutwright.errors import ToolFailed

REPORTS = ("reports/board_top.fit.summary", "reports/board_top.sta.rpt")
"""What quartus/build.tcl leaves in a project."""

_ROWS = {
    "lut": ("Logic utilization (in ALMs)", 2),
    "ff": ("Total registers", 1),
    "bram": ("Total RAM Blocks", 1),
    "dsp": ("Total DSP Blocks", 1),
}
_ADVICE = "Build again; a version of Quartus with other tables may have written it."


def read_area(text: str) -> dict[str, int]:
    """lut, ff, bram, dsp out of a fitter's summary. Raises ToolFailed where a row is not there."""
    found = {}
    for kind, (name, each) in _ROWS.items():
        told = re.search(rf"^{re.escape(name)} : ([\d,]+)", text, re.M)
        if told is None:
            raise ToolFailed("Quartus", f"{REPORTS[0]} must have a row '{name}'", "none", _ADVICE)
        found[kind] = each * int(told[1].replace(",", ""))
    return found


def read_fmax(text: str) -> float:
    """The slowest clock of every corner in MHz, limits of the part included. Raises ToolFailed where none is told."""
    tables = re.findall(r"Fmax Summary\s*;\s*\n(.*?)(?:\n\s*\n|\Z)", text, re.S)
    row = r"^;\s*[\d.]+ MHz\s*;\s*([\d.]+) MHz\s*;"
    speeds = [float(speed) for table in tables for speed in re.findall(row, table, re.M)]
    if not speeds:
        raise ToolFailed("Quartus", f"{REPORTS[1]} must tell the Fmax of a clock", "none", _ADVICE)
    return min(speeds)


def read(project: Path, mhz: float) -> tuple[dict[str, int], float]:
    """Area and speed out of the reports in a project."""
    area, timing = ((project / name).read_text(errors="replace") for name in REPORTS)
    return read_area(area), read_fmax(timing)
