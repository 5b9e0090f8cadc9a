"""The result of an exploration as rows: for CSV, JSON, the table and the picture."""

from __future__ import annotations

import csv
import io
from typing import Any

from lutwright.explore.jobs import Outcome
from lutwright.explore.points import Point

COLUMNS = (
    "frames_per_second",
    "interval",
    "lut",
    "ff",
    "bram",
    "dsp",
    "fits",
    "measured_lut",
    "measured_ff",
    "measured_bram",
    "measured_dsp",
    "fmax_mhz",
    "refused",
    "folding",
)
"""Of the CSV. measured_*: by synthesis, or by place and route, which alone tells fmax_mhz; empty where none ran."""


def folding_name(point: Point) -> str:
    """The name of the folding file of `point`."""
    return f"{point.interval}-clocks-{point.lut}-luts.toml"


def row(point: Point, front: bool, mhz: float, outcome: Outcome | None) -> dict[str, Any]:
    """One row: COLUMNS, and whether the point is on the front. Rates are those at a clock of `mhz`."""
    measured = outcome if outcome is not None and (not outcome.refused or outcome.fmax_mhz is not None) else None
    return {
        "frames_per_second": round(mhz * 1e6 / point.interval, 2),
        "interval": point.interval,
        **point.choice.estimate.as_dict(),
        "fits": point.fits,
        **{f"measured_{kind}": getattr(measured, kind, None) for kind in ("lut", "ff", "bram", "dsp")},
        "fmax_mhz": measured.fmax_mhz if measured else None,
        "refused": outcome.refused if outcome else "",
        "folding": folding_name(point) if front else "",
        "front": front,
    }


def csv_text(rows: list[dict[str, Any]]) -> str:
    """The rows on the front as CSV, with a line of names, the fastest first."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({**one, "fits": "yes" if one["fits"] else "no"} for one in rows if one["front"])
    return out.getvalue()
