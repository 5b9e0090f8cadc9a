"""The figures of the benchmark as a Markdown page."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from engines import BREVITAS, CACHED, FLOATS, INTEGERS, QONNX

Row = Mapping[str, Any]  # as executor.py makes them

_PACKAGES = ("numpy", "torch", "brevitas", "qonnx", "onnxruntime")
_NOTES = f"""\
Frames a second, the best of many calls on the same frames; the engines take turns. What each puts out for these very
frames is checked first: every word of the integer graph, layer by layer, against the model in its exact arithmetic, and
the classes of every engine against those of the integers.

- *{INTEGERS}*: lutwright's executor, input codes to output words.
- *{FLOATS}*: the same from the model's float input to its float output, which is what the others do.
- *{BREVITAS}*: the module in eval mode under no_grad, on all threads or on one, whichever is faster.
- *{CACHED}*: the same under its quant_inference_mode; "-" where that fails.
- *{QONNX}*: execute_onnx on the cleaned QONNX file with this batch.
- *x*: times as fast as that engine, *{FLOATS}* / *{INTEGERS}*.
"""
_CONVERSION = """\
A cleaned QONNX file in a fresh process: to the integer graph, and through the passes, which prove every hardware form.
Memory is the peak of resident MiB: of Python with all imports, and what the graph, then the passes, add to it.
"""


def load() -> float:
    """The load average of the last minute: figures taken beside other work are lower."""
    return os.getloadavg()[0]


def page(command: str, load_before: float, speed: Sequence[Row], made: Sequence[Row]) -> str:
    """The page of the figures of speed and of the conversions made; load_before: from `load`."""
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    lines = [
        "# The integer executor, measured",
        "",
        f"    {command}",
        "",
        f"Python {platform.python_version()}, {versions}.",
        f"{processor()}, {os.cpu_count()} cores, torch on {torch.get_num_threads()} threads; load average "
        f"{load_before:.1f} at the start.",
        "",
    ]
    if speed:
        words = {row["title"]: row["words"] for row in speed}
        lines += ["## Speed", "", _NOTES, *_speed_table(speed), ""]
        lines += [f"Words compared, 0 different: {', '.join(f'{title}: {n:,}' for title, n in words.items())}.", ""]
    if made:
        lines += ["## Conversion", "", _CONVERSION, *_conversion_table(made), ""]
    return "\n".join(lines)


def processor() -> str:
    """The name of this machine's processor."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Markdown lines; the first column to the left, numbers to the right."""
    rule = [":--", *["--:"] * (len(head) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]


def _speed_table(rows: Sequence[Row]) -> list[str]:
    others = (BREVITAS, CACHED, QONNX)
    shown = (INTEGERS, FLOATS, *others)
    head = ["network", "batch", *shown, *(f"x {name}" for name in others), f"same class: {BREVITAS}, {QONNX}"]
    return _table(head, [_speed_row(row, shown, others) for row in rows])


def _speed_row(row: Row, shown: Sequence[str], others: Sequence[str]) -> list[str]:
    rate, agree = row["rate"], row["agree"]
    cells = [row["title"], str(row["batch"])]
    cells += [number(rate[name]) if name in rate else "-" for name in shown]
    for name in others:
        ratios = [f"{rate[own] / rate[name]:.1f}" for own in (FLOATS, INTEGERS)] if name in rate else ["-"]
        cells.append(" / ".join(ratios))
    return [*cells, f"{agree[BREVITAS]}, {agree[QONNX]} of {row['batch']}"]


def number(value: float) -> str:
    """A figure as the tables have it: whole, or three digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _conversion_table(rows: Sequence[Row]) -> list[str]:
    head = ["network", "nodes", "file to graph, s", "passes, s", "both, s", "imports, MiB", "graph, MiB", "passes, MiB"]
    return _table(head, [_conversion_row(row) for row in rows])


def _conversion_row(row: Row) -> list[str]:
    seconds = [row["graph_seconds"], row["passes_seconds"], row["graph_seconds"] + row["passes_seconds"]]
    memory = [row["imports_mib"], row["graph_mib"] - row["imports_mib"], row["peak_mib"] - row["graph_mib"]]
    return [row["title"], str(row["nodes"]), *(f"{s:.2f}" for s in seconds), *(f"{m:.0f}" for m in memory)]
