"""What Vivado says of a routed design: the reports of report_utilization and report_timing_summary.

LUTs and registers are those of the whole design, the block design around a processor included. A tile of block RAM is
two blocks of 18 kbit.
"""

from __future__ import annotations

import re
from pathlib import Path

from lutwright.errors import ToolFailed

REPORTS = ("reports/utilization.rpt", "reports/timing.rpt")
"""What vivado/build.tcl leaves in a project."""

# Our name -> the rows of the tables that have it, and how many of ours one is.
_ROWS = {
    "lut": (("Slice LUTs", "CLB LUTs"), 1),
    "ff": (("Slice Registers", "CLB Registers"), 1),
    "bram": (("Block RAM Tile",), 2),
    "dsp": (("DSPs",), 1),
}
_ADVICE = "Build again; a version of Vivado with other tables may have written it."


def read_area(text: str) -> dict[str, int]:
    """lut, ff, bram, dsp out of a utilization report. Raises ToolFailed where a row is not there."""
    rows = dict(re.findall(r"^\|\s*([A-Za-z][\w ]*?)\*?\s*\|\s*([\d.]+)\s*\|", text, re.M))
    found = {}
    for kind, (names, each) in _ROWS.items():
        told = next((rows[name] for name in names if name in rows), None)
        if told is None:
            raise ToolFailed("Vivado", f"{REPORTS[0]} must have a row '{names[0]}'", "none", _ADVICE)
        found[kind] = round(float(told) * each)
    return found


def read_fmax(text: str, mhz: float) -> float:
    """The clock in MHz at which the slack of a timing report would be 0; `mhz` is the one that was asked for.

    Of several clocks the one nearest to `mhz` is the design's. Raises ToolFailed where slack or clock are not there.
    """
    number = r"(-?\d+\.\d+)"
    slack = re.search(rf"\| Design Timing Summary.*?WNS\(ns\).*?^\s*{number}\s+-?\d", text, re.S | re.M)
    table = re.search(r"\| Clock Summary(.*?)\n\s*\n-{20}", text, re.S)
    periods = [float(row) for row in re.findall(rf"\}}\s+{number}\s+\d", table[1])] if table else []
    if slack is None or not periods:
        raise ToolFailed("Vivado", f"{REPORTS[1]} must tell the worst slack and a clock", "neither or one", _ADVICE)
    period = min(periods, key=lambda one: abs(1000 / one - mhz))
    return 1000 / (period - float(slack[1]))


def read(project: Path, mhz: float) -> tuple[dict[str, int], float]:
    """Area and speed out of the reports in a project."""
    area, timing = ((project / name).read_text(errors="replace") for name in REPORTS)
    return read_area(area), read_fmax(timing, mhz)
