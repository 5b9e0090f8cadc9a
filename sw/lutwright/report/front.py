"""The picture of an exploration: rate against LUTs, both on logarithmic scales."""

from __future__ import annotations

from typing import Any

from lutwright.report.pictures import pyplot, svg

_SEEN, _OTHER, _WARN, _INK = "#1b6ca8", "#9aa5b1", "#c05621", "#3e4c59"


def front_picture(rows: list[dict[str, Any]], title: str, room: int) -> str:
    """An SVG of foldings: frames_per_second, lut, front, and measured_lut or None. room: LUTs of the board."""
    figure, axis = pyplot().subplots(figsize=(7.2, 4.2))
    best = [row for row in rows if row["front"]]
    others = [row for row in rows if not row["front"]]
    if others:
        axis.plot(*_columns(others, "lut"), "o", color=_OTHER, markersize=4, label="another is better")
    axis.plot(*_columns(best, "lut"), "o-", color=_SEEN, markersize=5, linewidth=1, label="front, estimated")
    measured = [row for row in best if row["measured_lut"] is not None]
    if measured:
        axis.plot(*_columns(measured, "measured_lut"), "x", color=_WARN, markersize=7, label="synthesised")
    axis.axvline(room, color=_INK, linewidth=0.9, linestyle=":")
    where = axis.get_xaxis_transform()
    axis.text(room, 0.02, "LUTs of the board ", transform=where, ha="right", fontsize=8, color=_INK)
    axis.set_xscale("log", subs=[])
    axis.set_yscale("log", subs=[])
    for scale in (axis.xaxis, axis.yaxis):
        scale.set_major_locator(_decades())
        scale.set_major_formatter(lambda value, _: f"{value:,.10g}")
    axis.set_xlabel("LUTs")
    axis.set_ylabel("frames a second")
    axis.set_title(title, fontsize=10, color=_INK)
    axis.legend(fontsize=8, frameon=False, loc="upper left")
    axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    return svg(figure)


def _decades() -> Any:
    """Ticks at 1, 2 and 5 of each decade."""
    from matplotlib.ticker import LogLocator

    return LogLocator(subs=(1.0, 2.0, 5.0))


def _columns(rows: list[dict[str, Any]], kind: str) -> tuple[list[float], list[float]]:
    return [row[kind] for row in rows], [row["frames_per_second"] for row in rows]
