"""Pictures of a report, as text that goes into the page itself."""

from __future__ import annotations

import base64
import io
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lutwright.errors import ToolMissing


def pyplot() -> Any:
    """matplotlib.pyplot, set up so that the same data gives the same bytes. Raises ToolMissing without matplotlib."""
    try:
        import matplotlib
    except ImportError as error:
        raise ToolMissing(
            "report", "the package matplotlib must be installed", "absent", "pip install 'lutwright[report]'."
        ) from error
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "lutwright"  # the same data gives the same file
    from matplotlib import pyplot as plt

    return plt


def svg(figure: Any) -> str:
    """A matplotlib figure as an SVG element; the figure is closed."""
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    pyplot().close(figure)
    text = out.getvalue()
    return text[text.index("<svg") :]


def training_curve(history: list[dict[str, Any]]) -> str:
    """An SVG of accuracy and loss over the epochs; the phases are shaded."""
    figure, left = pyplot().subplots(figsize=(7.2, 3.0))
    epochs = range(1, len(history) + 1)
    left.plot(epochs, [100 * h["accuracy"] for h in history], color="#1b6ca8", label="test accuracy")
    left.set_xlabel("epoch")
    left.set_ylabel("test accuracy, %", color="#1b6ca8")
    left.set_ylim(max(0, min(100 * h["accuracy"] for h in history) - 5), 100)
    right = left.twinx()
    right.plot(epochs, [h["loss"] for h in history], color="#c05621", linewidth=1)
    right.set_ylabel("training loss", color="#c05621")
    change = next((i for i, h in enumerate(history) if h["phase"] != history[0]["phase"]), None)
    if change:
        left.axvline(change + 0.5, color="#888", linestyle=":")
        left.text(change + 0.8, 0.5, "positions frozen", transform=left.get_xaxis_transform(), fontsize=8, color="#555")
    figure.tight_layout()
    return svg(figure)


def learning_curve(rows: list[dict[str, Any]]) -> str:
    """An SVG of the accuracy of old classes, new classes and all over the examples learnt; lines where a class begins.

    rows: each with `learnt`, `label` (of the class being learnt, or None), and the fractions `old`, `new`, `all`.
    """
    figure, plot = pyplot().subplots(figsize=(7.2, 3.4))
    for name, colour in (("old", "#1b6ca8"), ("new", "#c05621"), ("all", "#333")):
        shown = [(row["learnt"], 100 * row[name]) for row in rows if row[name] is not None]
        plot.plot(*zip(*shown, strict=True) if shown else ([], []), color=colour, marker=".", label=name)
    for before, row in pairwise(rows):
        if row["label"] != before["label"]:
            plot.axvline(before["learnt"], color="#888", linestyle=":")
            plot.text(before["learnt"], 1.01, f" {row['label']}", transform=plot.get_xaxis_transform(), fontsize=8)
    plot.set_xlabel("examples learnt")
    plot.set_ylabel("test accuracy, %")
    lowest = min(100 * row[name] for row in rows for name in ("old", "new", "all") if row[name] is not None)
    plot.set_ylim(max(0, lowest - 5), 100)
    plot.legend(loc="lower right")
    figure.tight_layout()
    return svg(figure)


def digit(image: NDArray[np.uint8]) -> str:
    """A data URI of a grey image [rows, columns(, 1)], dark on white."""
    out = io.BytesIO()
    pyplot().imsave(
        out,
        255 - image.reshape(image.shape[:2]),
        cmap="gray",
        vmin=0,
        vmax=255,
        format="png",
        metadata={"Software": None},
    )
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
