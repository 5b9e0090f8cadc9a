"""The tasks of the compiled executor: what happens to a block of frames, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from lutwright.ir.plan_moves import Move
from lutwright.ir.plan_points import Point
from lutwright.ir.plan_storage import Numbers, Workspace
from lutwright.ir.plan_sums import Chunk, Source
from lutwright.numerics.quantiser import IntArray

_CHUNK_BYTES = 1 << 21  # windows and accumulators of a chunk; longer ones leave the cache, shorter ones cost calls

Sinks = dict[str, IntArray]


class Task(Protocol):
    """One step of the plan."""

    def run(self, work: Workspace, frames: int, sinks: Sinks) -> None:
        """Work on the first `frames`. sinks: tensor -> int64 [frames, rows, columns * channels] to fill."""
        ...


@dataclass(frozen=True, eq=False)
class Stage:
    """A source and operations on each element of what it makes.

    tensors: the names of what the source makes ("" where it only copies) and of what each operation makes.
    others: for each operation the buffer of its second input, or -1. target: the buffer of the last tensor, or -1.
    """

    source: Source
    points: tuple[Point, ...]
    tensors: tuple[str, ...]
    others: tuple[int, ...]
    target: int
    rows: int

    def run(self, work: Workspace, frames: int, sinks: Sinks) -> None:
        """See Task."""
        for chunk in self._chunks(frames):
            self._run(work, chunk, sinks)

    def _chunks(self, frames: int) -> Iterator[Chunk]:
        """Whole frames, or some rows of one frame, of about _CHUNK_BYTES."""
        frame = self.source.row_bytes * self.rows
        if frame <= _CHUNK_BYTES:
            for start, stop in split(frames, -(-frames // (_CHUNK_BYTES // frame))):
                yield Chunk(start, stop, 0, self.rows)
            return
        parts = split(self.rows, -(-self.rows // max(1, _CHUNK_BYTES // self.source.row_bytes)))
        for index in range(frames):
            for first, last in parts:
                yield Chunk(index, index + 1, first, last)

    def _run(self, work: Workspace, chunk: Chunk, sinks: Sinks) -> None:
        place = (chunk.start, chunk.stop, chunk.first, chunk.last)
        x = self.source.make(work, chunk)
        _sink(sinks, self.tensors[0], chunk, x)
        for number, (point, other) in enumerate(zip(self.points, self.others, strict=True), 1):
            x = x if x.dtype == point.kind else x.astype(point.kind)
            stored = self.target >= 0 and number == len(self.points)
            out = work.buffers[self.target].rows(*place) if stored else x
            point.run(x, work.buffers[other].rows(*place) if other >= 0 else None, out)
            _sink(sinks, self.tensors[number], chunk, out)
            x = out
        if self.target >= 0 and not self.points:
            np.copyto(work.buffers[self.target].rows(*place), x, casting="unsafe")


def _sink(sinks: Sinks, tensor: str, chunk: Chunk, x: Numbers) -> None:
    if tensor in sinks:
        np.copyto(sinks[tensor][chunk.start : chunk.stop, chunk.first : chunk.last], x, casting="unsafe")


@dataclass(frozen=True, eq=False)
class Whole:
    """An operation on whole frames: buffers `sources` to buffer `target`."""

    move: Move
    sources: tuple[int, ...]
    target: int
    tensor: str

    def run(self, work: Workspace, frames: int, sinks: Sinks) -> None:
        """See Task."""
        made = work.buffers[self.target]
        self.move([work.buffers[index].image(0, frames) for index in self.sources], made.image(0, frames))
        if self.tensor in sinks:
            np.copyto(sinks[self.tensor], made.rows(0, frames, 0, made.layout.shape[0]), casting="unsafe")


def split(count: int, parts: int) -> list[tuple[int, int]]:
    """0 to `count` as at most `parts` stretches (start, stop) of about the same length."""
    parts = max(1, min(parts, count))
    edges = [count * part // parts for part in range(parts + 1)]
    return list(pairwise(edges))
