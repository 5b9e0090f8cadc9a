"""What the methods came to, as Markdown, and a plot of accuracy against LUTs."""

from __future__ import annotations

import io
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from methods_run import METHODS

Row = Mapping[str, Any]

HEAD = (
    "method",
    "accuracy, %",
    "seeds",
    "epochs",
    "weights",
    "storage, bits",
    "operations a frame",
    "LUT",
    "block RAM",
    "fastest, frames/s",
)


def page(sets: Mapping[str, Sequence[Row]], routed: Sequence[Mapping[str, Any]], board: str, command: str) -> str:
    """Return the whole page: a table and a plot for each recipe, then what was placed and routed."""
    parts = [
        "# Position policies compared",
        f"Made by `{command}`. For each recipe the same layout, data and number of epochs with every method; only how "
        "the multiplexer layers choose their positions differs. Accuracy is that of the test images after the last "
        "epoch, its mean over the seeds and, where there are several, the largest distance from it. LUT and block RAM "
        f"are estimates for {board} at the stated clocks a frame, frames a second those of the fastest folding that "
        "the estimate lets onto the board at its own clock. Policies: docs/multiplexers.md.",
    ]
    for recipe, rows in sets.items():
        parts += [f"## {recipe}", _interval(rows), _table(rows), f"![accuracy against LUT](methods/{recipe}.svg)"]
    if routed:
        head = ("recipe", "method", "accuracy, %", "LUT", "estimated", "FF", "block RAM", "Fmax, MHz", "frames/s")
        parts += [
            "## Placed and routed",
            f"The most accurate multiplexer network of each, at its clocks a frame, on {board}.",
            table(head, [_routed(row) for row in routed]),
        ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _interval(rows: Sequence[Row]) -> str:
    found = sorted({row["interval"] for row in rows if row["lut"] is not None})
    return f"LUT and block RAM at {', '.join(f'{clocks:,}' for clocks in found)} clocks a frame."


def grouped(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the rows of each method, in the order of `METHODS`."""
    return {method: found for method in METHODS if (found := [row for row in rows if row["method"] == method])}


def _table(rows: Sequence[Row]) -> str:
    lines = []
    for method, found in grouped(rows).items():
        accuracies = [100 * row["accuracy"] for row in found]
        mean = statistics.fmean(accuracies)
        spread = f" ± {max(abs(value - mean) for value in accuracies):.2f}" if len(found) > 1 else ""
        first = min(found, key=lambda row: row["seed"])
        lines.append(
            (
                METHODS[method],
                f"{mean:.2f}{spread}",
                str(len(found)),
                str(first["epochs"]),
                f"{first['weights']:,}",
                f"{first['bits']:,}",
                f"{first['operations']:,}",
                _number(first["lut"]),
                _number(first["bram"]),
                _number(first["fps"]),
            )
        )
    return table(HEAD, lines)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; all columns but the first are set to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _routed(row: Mapping[str, Any]) -> tuple[str, ...]:
    numbers = (_number(row[key]) for key in ("lut", "estimate", "ff", "bram"))
    return (
        row["recipe"],
        METHODS[row["method"]],
        f"{100 * row['accuracy']:.2f}",
        *numbers,
        f"{row['fmax']:.1f}",
        f"{row['fps']:,.0f}",
    )


def plot(recipe: str, rows: Sequence[Row]) -> bytes:
    """Return accuracy against LUTs as SVG; the same bytes for the same rows."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    # A fixed salt for the file's identifiers and no date: the same rows make the same file.
    with matplotlib.rc_context({"svg.hashsalt": recipe, "font.size": 9}):
        figure, axes = pyplot.subplots(figsize=(6, 3.6))
        for method, found in grouped(rows).items():
            if found[0]["lut"] is None:
                level = 100 * statistics.fmean(row["accuracy"] for row in found)
                axes.axhline(level, color="0.6", linewidth=0.8, linestyle="--", label=METHODS[method])
                continue
            accuracies = [100 * row["accuracy"] for row in found]
            axes.plot([row["lut"] for row in found], accuracies, "o", label=METHODS[method])
        axes.set(xlabel="LUT", ylabel="accuracy, %", title=recipe, xscale="log")
        axes.legend(fontsize=7)
        figure.tight_layout()
        out = io.BytesIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
        pyplot.close(figure)
    return out.getvalue()
