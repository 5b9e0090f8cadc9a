"""The cost model against synthesis: python benchmarks/calibrate.py. What was counted once is kept on disk."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
from command import exit_status
from hardware_layers import samples
from hardware_networks import HELD_OUT, HeldOut
from hardware_synthesis import FAMILIES, Counts, alone, count
from tables import processor

from lutwright.dataflow.cost import cost, pipeline_cost
from lutwright.dataflow.parts import FAMILIES as COEFFICIENTS
from lutwright.dataflow.parts import Cost, Family
from lutwright.dataflow.stage import Pipeline
from lutwright.emit.rtl import core_files
from lutwright.files import write_file
from lutwright.ir.graph import Graph
from lutwright.numerics.quantiser import FloatArray

FITTED = ("logic", "select", "product", "table", "chain", "loose")
"""The coefficients of a family that are fitted."""
_PAGE = """\
# The cost model against synthesis

Estimates of dataflow/cost.py and what Yosys counts: LUTs as they are placed (LUT sites on Gowin, cells TRELLIS_COMB on
ECP5), flip-flops, block RAMs (18 kbit; 4 kbit on iCE40) and multipliers of cores by themselves, without a board. The
coefficients of dataflow/parts.py are fitted to small networks of one or two layers; the networks below are not among
them, but one formula, of multiplexers with up to four turns, was settled by a stage of mnist-mux at 784 clocks. "block
RAM" and "DSP": estimate, count.

```text
{tables}
```

## How this was made

    {command}

Python {python}, pyosys {pyosys}. {processor}, {cores} cores. The commands of Yosys are those of benchmarks/RESULTS.md,
with `-nodsp` but for the products that are to be in DSP blocks.
"""


@dataclass(frozen=True)
class Row:
    """One thing synthesised: the parts that the model says it has, and what Yosys counted."""

    title: str
    parts: Cost
    counts: Counts

    def error(self, family: str) -> float:
        """Of the LUTs, relative to those counted."""
        return self.parts.on(family).lut / max(1, self.counts.lut) - 1


def block_bits(family: str) -> int:
    """From how many bits on memories go to block RAM; iCE40 has no LUT RAM."""
    return 0 if family == "ice40" else 512


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for; return the exit status."""
    return exit_status(lambda: _run(_parsed(arguments)))


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--skip", nargs="*", choices=("cells", "fit", "held-out"), default=[])
    parser.add_argument(
        "--stages",
        nargs="*",
        default=[],
        metavar="TEXT",
        help="held-out networks with this in their title, stage by stage as well",
    )
    parser.add_argument("--timeout", type=float, default=900, help="seconds for one synthesis")
    parser.add_argument("--out", type=Path, help="write the tables to this Markdown file as well")
    return parser.parse_args(arguments)


def _run(options: argparse.Namespace) -> None:
    lines = []
    for line in _lines(options):
        print(line, flush=True)
        lines.append(line)
    if options.out:
        write_file(options.out, page("\n".join(lines).strip("\n"), _command(options)))


def _command(options: argparse.Namespace) -> str:
    """What was run, without what only says where to."""
    families = "" if options.families == list(FAMILIES) else f" --families {' '.join(options.families)}"
    skip = f" --skip {' '.join(options.skip)}" if options.skip else ""
    stages = f" --stages {' '.join(repr(text) for text in options.stages)}" if options.stages else ""
    return f"python benchmarks/calibrate.py{families}{skip}{stages}"


def page(tables: str, command: str) -> str:
    """The tables as a Markdown page that says how they were made."""
    told = {"python": platform.python_version(), "processor": processor(), "cores": os.cpu_count()}
    return _PAGE.format(tables=tables, command=command, pyosys=version("pyosys"), **told)


def _lines(options: argparse.Namespace) -> Iterable[str]:
    """Every table that was asked for, line by line."""
    parts: tuple[tuple[str, Callable[[str, float], Iterable[str]]], ...] = (
        ("cells", cell_table),
        ("fit", fit_table),
        ("held-out", held_out_table),
    )
    for family in options.families:
        for name, table in parts:
            if name not in options.skip and (name != "cells" or family == "ecp5"):
                yield from table(family, options.timeout)
        for held in HELD_OUT:
            if any(text in held.title for text in options.stages):
                yield from stage_table(held, family, options.timeout)


# ---- each cell by itself ---------------------------------------------------------------------------------------------


def cell_table(family: str, timeout: float) -> Iterable[str]:
    """What each formula says of its cell, against the cell alone: sums over all samples, and the mean error of one."""
    rows = defaultdict(list)
    for cell, row in dict(_cells(family, timeout)).values():
        rows[cell].append(row)
    yield f"\n{family}, cells alone"
    head = ("cell", "samples", "LUT", "counted", "error", "mean", "FF", "counted", "block RAM")
    yield "{:22}{:>8}{:>8}{:>9}{:>8}{:>7}{:>8}{:>9}{:>12}".format(*head)
    for cell, made in sorted(rows.items()):
        here = [row.parts.on(family) for row in made]
        lut, seen = sum(c.lut for c in here), sum(row.counts.lut for row in made)
        mean = sum(abs(c.lut - row.counts.lut) for c, row in zip(here, made, strict=True)) / max(1, seen)
        ff, ff_seen = sum(c.ff for c in here), sum(row.counts.ff for row in made)
        wrong = sum(c.bram != row.counts.bram for c, row in zip(here, made, strict=True))
        yield (
            f"{cell:22}{len(made):8}{lut:8.0f}{seen:9}{lut / max(1, seen) - 1:+8.0%}{mean:7.0%}{ff:8.0f}{ff_seen:9}"
            f"{f'{wrong} wrong' if wrong else 'exact':>12}"
        )


def _cells(family: str, timeout: float) -> Iterable[tuple[tuple[tuple[str, bytes], ...], tuple[str, Row]]]:
    """Each different stage of the samples, by its files: its cell and row."""
    seen: set[tuple[tuple[str, bytes], ...]] = set()
    for _, pipeline in samples(block_bits(family)):
        for stage in pipeline.stages:
            files = alone(stage)
            key = tuple(sorted(files.items()))
            if key not in seen:
                seen.add(key)
                cell = "unrolled" if stage.made is not None else stage.cell
                yield key, (cell, Row(stage.name, cost(stage), count(files, "alone", family, timeout=timeout)))


# ---- the coefficients of a family ------------------------------------------------------------------------------------


def fit_table(family: str, timeout: float) -> Iterable[str]:
    """The coefficients that fit the samples best beside those of dataflow/parts.py, and the errors with both."""
    rows = [_row("", made, family, timeout) for made in samples(block_bits(family))]
    now = COEFFICIENTS[family]
    best = fitted(rows, now)
    yield f"\n{family}, coefficients" + "".join(f"{name:>10}" for name in FITTED) + f"{'mean error':>12}{'largest':>9}"
    for title, made in (("in use", now), ("fitted", best)):
        errors = np.abs([row.parts.luts(made) / max(1, row.counts.lut) - 1 for row in rows])
        values = "".join(f"{getattr(made, name):10.2f}" for name in FITTED)
        yield f"{title:>{len(family) + 14}}{values}{errors.mean():12.1%}{errors.max():9.1%}"
    wrong = [row for row in rows if row.parts.on(family).bram != row.counts.bram]
    yield f"block RAMs: {len(rows) - len(wrong)} of {len(rows)} exact"


def fitted(rows: Sequence[Row], start: Family) -> Family:
    """Least squares of the relative errors of `rows`; what comes out negative is 0.

    Only a chain may take less than nothing: its first and last bit are often not of LUTs.
    """
    free = [name for name in FITTED if start.loose or name != "loose"]
    zero = replace(start, **dict.fromkeys(FITTED, 0.0))
    seen = np.array([max(1, row.counts.lut) for row in rows])
    base = np.array([row.parts.luts(zero) for row in rows])
    while True:
        units: FloatArray = np.array([[row.parts.luts(replace(zero, **{name: 1.0})) for name in free] for row in rows])
        scaled = (units - base[:, None]) / seen[:, None]
        found = np.linalg.lstsq(scaled, (seen - base) / seen, rcond=None)[0]
        negative = [name for name, value in zip(free, found, strict=True) if value < 0 and name != "chain"]
        if not negative:
            return replace(zero, **dict(zip(free, found.tolist(), strict=True)))
        free = [name for name in free if name not in negative]


def _row(title: str, made: tuple[Graph, Pipeline], family: str, timeout: float) -> Row:
    graph, pipeline = made
    return Row(title, pipeline_cost(pipeline), count(core_files(graph, pipeline), graph.name, family, timeout=timeout))


# ---- networks that were not used -------------------------------------------------------------------------------------


def held_out_table(family: str, timeout: float) -> Iterable[str]:
    """Estimate and count of whole networks."""
    head = (f"{family}, networks", "LUT", "counted", "error", "FF", "counted", "block RAM", "DSP")
    yield "\n{:33}{:>8}{:>9}{:>8}{:>8}{:>9}{:>11}{:>9}".format(*head)
    for held in HELD_OUT:
        made = held.design(block_bits(family))
        row = _row(held.title, (made.graph, made.pipeline), family, timeout)
        told, seen = row.parts.on(family), row.counts
        yield (
            f"{held.title:33}{told.lut:8.0f}{seen.lut:9}{row.error(family):+8.1%}{told.ff:8.0f}{seen.ff:9}"
            f"{f'{told.bram}, {seen.bram}':>11}{f'{told.dsp}, {seen.dsp}':>9}"
        )


def stage_table(held: HeldOut, family: str, timeout: float) -> Iterable[str]:
    """Estimate and count of each stage of a network, alone: where the whole is wrong, this says which cell is."""
    yield f"\n{family}, {held.title}"
    yield f"{'stage':24}{'cell':22}{'LUT':>8}{'counted':>9}{'FF':>8}{'counted':>9}"
    for stage in held.design(block_bits(family)).pipeline.stages:
        told, seen = cost(stage).on(family), count(alone(stage), "alone", family, timeout=timeout)
        cell = "unrolled" if stage.made is not None else stage.cell
        yield f"{stage.name:24}{cell:22}{told.lut:8.0f}{seen.lut:9}{told.ff:8.0f}{seen.ff:9}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
