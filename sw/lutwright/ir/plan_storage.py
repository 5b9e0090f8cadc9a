"""Where the compiled executor keeps activations: numpy buffers that are used again for block after block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lutwright.ir.graph import Tensor
from lutwright.numerics.ranges import exact_float

# float32, float64 or int64 arrays; whatever they are, they hold integers.
Numbers = NDArray[Any]
Kind = type[np.floating[Any]] | type[np.int64]
Halo = tuple[int, int, int, int]


def kind_of(bound: int) -> Kind:
    """The narrowest type in which sums and products of integers are exact if all stay within +-`bound`.

    A float holds every integer up to two to the power of its significand's bits, and IEEE arithmetic returns the exact
    result where it can be held. So if every intermediate result is an integer within the bound, nothing is rounded, in
    whatever order BLAS adds and whether or not it fuses a product with a sum.
    """
    return exact_float(bound) or np.int64


def canonical(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """(rows, columns, channels) of a shape of any rank; a vector is one pixel."""
    if len(shape) == 1:
        return 1, 1, shape[0]
    return int(np.prod(shape[:-2], dtype=np.int64)), shape[-2], shape[-1]


@dataclass(frozen=True)
class Layout:
    """How a tensor lies in a buffer: `shape` (rows, columns, channels) within a border of zeros for padded windows.

    halo: (top, left, bottom, right) of the border.
    """

    shape: tuple[int, int, int]
    halo: Halo
    kind: Kind


def layout_of(tensor: Tensor, halo: Halo) -> Layout:
    """The layout of `tensor` in the narrowest type that holds its range."""
    return Layout(canonical(tensor.shape), halo, kind_of(max(abs(tensor.low), abs(tensor.high))))


class Buffer:
    """Frames of one tensor at a time. `base` is [frames, rows, columns, channels] with the border."""

    def __init__(self, layout: Layout, frames: int) -> None:
        """The border is written here and never again, so it stays 0."""
        rows, columns, channels = layout.shape
        top, left, bottom, right = layout.halo
        self.layout = layout
        self.base: Numbers = np.zeros((frames, rows + top + bottom, columns + left + right, channels), layout.kind)

    def image(self, start: int, stop: int) -> Numbers:
        """Frames start to stop [n, rows, columns, channels], without the border."""
        (rows, columns, _), (top, left, _, _) = self.layout.shape, self.layout.halo
        return self.base[start:stop, top : top + rows, left : left + columns]

    def rows(self, start: int, stop: int, first: int, last: int) -> Numbers:
        """Rows first to last of these frames, each a run of columns * channels numbers: [n, last - first, run]."""
        (_, columns, channels), (top, left, _, _) = self.layout.shape, self.layout.halo
        frames, height, width, _ = self.base.shape
        lines = self.base.reshape(frames, height, width * channels)
        return lines[start:stop, top + first : top + last, left * channels : (left + columns) * channels]


class Workspace:
    """The buffers of one worker thread, and scratch arrays."""

    def __init__(self, layouts: tuple[Layout, ...], frames: int) -> None:
        """One buffer for each of `layouts`, with room for `frames`."""
        self.frames = frames
        self.buffers = [Buffer(layout, frames) for layout in layouts]
        self._scratch: dict[tuple[str, Kind], Numbers] = {}

    def scratch(self, use: str, kind: Kind, shape: tuple[int, ...]) -> Numbers:
        """A contiguous array of `shape` with old contents; the next call with this `use` and `kind` gives it again."""
        size = int(np.prod(shape, dtype=np.int64))
        have = self._scratch.get((use, kind))
        if have is None or have.size < size:
            have = self._scratch[use, kind] = np.empty(size, kind)
        return have[:size].reshape(shape)
