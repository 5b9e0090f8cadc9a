"""Foldings worth comparing: from the fastest that the model can have to the slowest, each as small as can be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lutwright.boards import Board
from lutwright.dataflow.choice import Choice, shortage
from lutwright.dataflow.search import Search
from lutwright.ir.graph import Graph


@dataclass(frozen=True, eq=False)
class Point:
    """One folding. fits: whether the estimate has room on the board."""

    choice: Choice
    fits: bool

    @property
    def interval(self) -> int:
        """Clocks a frame."""
        return self.choice.pipeline.interval

    @property
    def lut(self) -> int:
        """Estimated LUTs, the board's shell included."""
        return self.choice.estimate.as_dict()["lut"]


def points(graph: Graph, board: Board, count: int, progress: Callable[[int, int], None]) -> list[Point]:
    """`count` foldings of `graph` or fewer, the fastest first, whose rates lie evenly on a logarithmic scale.

    progress: called with (foldings made, foldings to make). Those that need more LUTs than `board` has are among them.
    """
    search = Search(graph, board)
    intervals = spread(search.intervals(), count)
    made: dict[tuple[int, int], Point] = {}
    for done, interval in enumerate(intervals):
        progress(done, len(intervals))
        choice = search.least(interval)
        point = Point(choice, shortage(choice, board) is None)
        made.setdefault((point.interval, point.lut), point)
    return [made[key] for key in sorted(made)]


def front(found: list[Point]) -> list[Point]:
    """Those of `found` that no other beats: each slower one has fewer LUTs. The fastest first."""
    best: list[Point] = []
    for point in sorted(found, key=lambda p: (p.interval, p.lut)):
        if not best or point.lut < best[-1].lut:
            best.append(point)
    return best


def spread(intervals: list[int], count: int) -> list[int]:
    """At most `count` of `intervals` (ascending), the first and last among them, evenly in their logarithms."""
    if count >= len(intervals):
        return intervals
    wanted = np.geomspace(intervals[0], intervals[-1], count)
    at = np.abs(np.log(np.array(intervals))[None, :] - np.log(wanted)[:, None]).argmin(axis=1)
    return [intervals[i] for i in sorted({int(i) for i in at})]
