"""Pictures of a check: ranges, codes, float32 differences and what-if answers, each an SVG."""

from __future__ import annotations

from typing import Any

import numpy as np

from lutwright.report.pictures import pyplot, svg

_DERIVED, _SEEN, _WARN, _INK = "#dfe5ec", "#1b6ca8", "#c05621", "#3e4c59"
_WIDTH = 9.6
_ROW = 0.27
_OBSERVED, _BITS = 1.22, 1.7  # where the columns of text beside the bars begin; a bar goes from 0 to 1
_MOST_BARS = 64  # more codes than this share bars


def ranges(stages: list[dict[str, Any]]) -> str:
    """One bar a stage: what was observed inside the derived range; every derived range is drawn as wide.

    stages: name, low, high, observed_low, observed_high, bits, observed_bits.
    """
    figure, axis = _rows(stages)
    for row, s in enumerate(stages):
        span = max(1, s["high"] - s["low"])
        at = (s["observed_low"] - s["low"]) / span
        axis.barh(row, 1, color=_DERIVED, height=0.72)
        axis.barh(row, max(0.003, (s["observed_high"] - s["observed_low"]) / span), left=at, color=_SEEN, height=0.4)
        if s["low"] < 0 < s["high"]:
            axis.plot([-s["low"] / span] * 2, [row - 0.36, row + 0.36], color=_INK, linewidth=0.8)
        axis.text(-0.01, row, f"{s['low']:,}", ha="right", va="center", fontsize=8, color=_INK)
        axis.text(1.01, row, f"{s['high']:,}", ha="left", va="center", fontsize=8, color=_INK)
        words = f"{s['observed_low']:,} to {s['observed_high']:,}"
        axis.text(_OBSERVED, row, words, ha="left", va="center", fontsize=8, color=_SEEN)
        axis.text(_BITS, row, f"{s['bits']} ({s['observed_bits']})", ha="left", va="center", fontsize=8, color=_INK)
    for x, text in ((0.5, "derived range, observed inside it"), (_OBSERVED, "observed"), (_BITS, "bits (observed)")):
        place = "center" if x == 0.5 else "left"
        axis.text(x, -0.85, text, ha=place, va="center", fontsize=8.5, color=_INK, fontweight="bold")
    axis.set_xlim(-0.2, 1.95)
    axis.set_ylim(len(stages) - 0.5, -1.25)
    axis.set_xticks([])
    return _done(figure, axis)


def histograms(stages: list[dict[str, Any]]) -> str:
    """How often each code came, one small panel a stage: name, low, histogram (counts from `low` on)."""
    across = 4
    down = -(-len(stages) // across)
    figure, axes = pyplot().subplots(down, across, figsize=(_WIDTH, 1.65 * down), squeeze=False)
    for axis in axes.flat[len(stages) :]:
        axis.axis("off")
    for axis, s in zip(axes.flat, stages, strict=False):
        counts = np.asarray(s["histogram"], np.float64)
        group = -(-counts.size // _MOST_BARS)
        padded = np.pad(counts, (0, -counts.size % group)).reshape(-1, group).sum(axis=1)
        share = 100 * padded / max(1.0, padded.sum())
        axis.bar(s["low"] + group * np.arange(share.size), share, width=0.85 * group, align="edge", color=_SEEN)
        axis.set_title(shorten(s["name"], 24), fontsize=9, color=_INK, pad=3)
        axis.tick_params(labelsize=8, length=2, pad=2)
        ends = [s["low"], s["low"] + counts.size - 1]
        axis.set_xticks([v + group / 2 for v in ends], [str(v) for v in ends])
        axis.yaxis.set_major_formatter(lambda v, _: f"{v:g} %")
        axis.yaxis.set_major_locator(pyplot().MaxNLocator(3))
        axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout(h_pad=0.9, w_pad=0.8)
    return svg(figure)


def differences(stages: list[dict[str, Any]]) -> str:
    """One bar a stage: words in a million that the float32 forward has otherwise: name, words, float32_differences."""
    figure, axis = _rows(stages)
    for row, s in enumerate(stages):
        rate = 1e6 * s["float32_differences"] / max(1, s["words"])
        axis.barh(row, rate, color=_WARN, height=0.6)
        axis.text(rate, row, f"  {s['float32_differences']:,} of {s['words']:,}", va="center", fontsize=8, color=_INK)
    axis.set_ylim(len(stages) - 0.4, -0.6)
    axis.set_xlabel("words in a million", fontsize=8.5, color=_INK)
    axis.set_xlim(0, max(1.0, 1.35 * axis.dataLim.x1))
    axis.tick_params(axis="x", labelsize=8)
    return _done(figure, axis)


def answers(rows: list[dict[str, Any]], exact: float, label: str) -> str:
    """What-if answers: question, score in percent; a line at `exact`, the score of the exact graph."""
    figure, axis = _rows([{"name": row["question"]} for row in rows], 42)
    for row, one in enumerate(rows):
        axis.barh(row, one["score"], color=_SEEN if one["score"] >= exact else _WARN, height=0.6)
        axis.text(102, row, f"{one['score']:.1f} %", va="center", fontsize=8, color=_INK)
    axis.plot([exact, exact], [-0.45, len(rows) - 0.55], color=_INK, linewidth=0.9, linestyle=":")
    axis.text(exact, -0.78, f"exact {exact:.1f} %", ha="right", va="center", fontsize=8, color=_INK)
    axis.set_ylim(len(rows) - 0.4, -1.05)
    axis.set_xlim(0, 109)
    axis.set_xlabel(label, fontsize=8.5, color=_INK)
    axis.tick_params(axis="x", labelsize=8)
    return _done(figure, axis)


def _rows(stages: list[dict[str, Any]], longest: int = 28) -> tuple[Any, Any]:
    """A figure with one row a stage, names at the left."""
    figure, axis = pyplot().subplots(figsize=(_WIDTH, 0.75 + _ROW * len(stages)))
    axis.set_yticks(range(len(stages)), [shorten(s["name"], longest) for s in stages], fontsize=8.5, color=_INK)
    axis.tick_params(axis="y", length=0)
    return figure, axis


def _done(figure: Any, axis: Any) -> str:
    axis.spines[["top", "right", "left", "bottom"]].set_visible(False)
    figure.tight_layout(pad=0.4)
    return svg(figure)


def shorten(name: str, longest: int) -> str:
    """`name`, its middle left out where it is long, because both ends tell layers apart."""
    return name if len(name) <= longest else f"{name[: longest // 2 - 1]}…{name[-(longest // 2) :]}"
