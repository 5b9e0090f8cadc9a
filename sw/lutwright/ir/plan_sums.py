"""Sums of products of the compiled executor: BLAS on windows that are laid out in a small buffer.

A source makes a chunk of its node's output, [frames, rows, columns * channels] of its `kind`, which fits into the
cache and which its caller may overwrite. `kind` is wide enough for every partial sum (plan_storage.kind_of), so that
the order in which BLAS adds makes no difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from lutwright.ir.graph import Node, Tensor
from lutwright.ir.linear import sum_bound
from lutwright.ir.plan_steps import tiled
from lutwright.ir.plan_storage import Halo, Kind, Numbers, Workspace, canonical, kind_of
from lutwright.numerics.quantiser import IntArray


@dataclass(frozen=True)
class Chunk:
    """Frames start to stop of a block, and of each the output rows first to last."""

    start: int
    stop: int
    first: int
    last: int


class Source(Protocol):
    """What a stage begins with."""

    @property
    def kind(self) -> Kind:
        """The type of the numbers that `make` makes."""
        ...

    @property
    def row_bytes(self) -> int:
        """Bytes of scratch memory that one output row of one frame takes."""
        ...

    def make(self, work: Workspace, chunk: Chunk) -> Numbers:
        """The chunk [frames, rows, columns * channels]."""
        ...


@dataclass(frozen=True, eq=False)
class Copied:
    """What is in buffer `index`, row by row."""

    kind: Kind
    row_bytes: int
    index: int

    def make(self, work: Workspace, chunk: Chunk) -> Numbers:
        """See Source."""
        rows = work.buffers[self.index].rows(chunk.start, chunk.stop, chunk.first, chunk.last)
        made = work.scratch("sums", self.kind, rows.shape)
        np.copyto(made, rows, casting="unsafe")
        return made


@dataclass(frozen=True, eq=False)
class Geometry:
    """Where the windows of a convolution lie: kernel, stride, and the rows and columns of the output.

    index: the buffer that is read; skip: rows and columns of its border that this convolution does not need.
    """

    index: int
    skip: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    output: tuple[int, int, int]

    def windows(self, work: Workspace, chunk: Chunk, channels: slice) -> Numbers:
        """The windows [frames, rows, columns, kh, kw, channels] of `chunk`, a view of the buffer."""
        base = work.buffers[self.index].base[chunk.start : chunk.stop, :, :, channels]
        base = base[:, self.skip[0] + chunk.first * self.stride[0] :, self.skip[1] :]
        frame, row, column, channel = base.strides
        shape = (base.shape[0], chunk.last - chunk.first, self.output[1], *self.kernel, base.shape[3])
        strides = (frame, row * self.stride[0], column * self.stride[1], row, column, channel)
        return np.lib.stride_tricks.as_strided(base, shape, strides, writeable=False)


@dataclass(frozen=True, eq=False)
class MatrixSums:
    """Conv as one matrix product for each group.

    weights: [groups, kh * kw * inputs of a group, outputs of a group] of `kind`. bias: None, a scalar or
    [columns * outputs]. pixelwise: a 1x1 kernel that takes every pixel.
    """

    kind: Kind
    row_bytes: int
    geometry: Geometry
    weights: Numbers
    bias: Any
    pixelwise: bool

    def make(self, work: Workspace, chunk: Chunk) -> Numbers:
        """See Source."""
        groups, depth, outputs = self.weights.shape
        columns = self.geometry.output[1]
        frames, rows = chunk.stop - chunk.start, chunk.last - chunk.first
        made = work.scratch("sums", self.kind, (frames * rows * columns, groups * outputs))
        for group in range(groups):
            flat = self._flat(work, chunk, slice(group * depth // self._taps, (group + 1) * depth // self._taps))
            if groups == 1:
                np.matmul(flat, self.weights[0], out=made)
            else:
                made[:, group * outputs : (group + 1) * outputs] = flat @ self.weights[group]
        lines = made.reshape(frames, rows, columns * groups * outputs)
        if self.bias is not None:
            np.add(lines, self.bias, out=lines)
        return lines

    @property
    def _taps(self) -> int:
        return self.geometry.kernel[0] * self.geometry.kernel[1]

    def _flat(self, work: Workspace, chunk: Chunk, channels: slice) -> Numbers:
        """The windows as the rows of a matrix."""
        depth = self.weights.shape[1]
        buffer = work.buffers[self.geometry.index]
        if self.pixelwise and self.weights.shape[0] == 1 and buffer.layout.kind is self.kind:
            return buffer.image(chunk.start, chunk.stop)[:, chunk.first : chunk.last].reshape(-1, depth)
        windows = self.geometry.windows(work, chunk, channels)
        flat = work.scratch("windows", self.kind, windows.shape)
        np.copyto(flat, windows, casting="unsafe")
        return flat.reshape(-1, depth)


@dataclass(frozen=True, eq=False)
class ChannelSums:
    """Depthwise Conv: one product and one sum for each tap, on whole rows.

    weights: [kh, kw, columns, outputs] of `kind`, so that numpy runs along whole rows at stride 1. times: outputs for
    each input channel. bias as in MatrixSums.
    """

    kind: Kind
    row_bytes: int
    geometry: Geometry
    weights: Numbers
    bias: Any
    times: int

    def make(self, work: Workspace, chunk: Chunk) -> Numbers:
        """See Source."""
        windows = self.geometry.windows(work, chunk, slice(None))
        shape = (*windows.shape[:3], self.geometry.output[2])
        made, term = work.scratch("sums", self.kind, shape), work.scratch("windows", self.kind, shape)
        for tap, (i, j) in enumerate(np.ndindex(*self.geometry.kernel)):
            x = windows[:, :, :, i, j]
            x = x if self.times == 1 else np.repeat(x, self.times, axis=3)
            np.multiply(x, self.weights[i, j], out=term if tap else made, dtype=self.kind, casting="unsafe")
            if tap:
                np.add(made, term, out=made)
        lines = made.reshape(*shape[:2], -1)
        if self.bias is not None:
            np.add(lines, self.bias, out=lines)
        return lines


def make_sums(node: Node, x: Tensor, out: Tensor, index: int, halo: Halo) -> Source:
    """The source of a Conv or Dense `node` that reads `x` from buffer `index`, which has the border `halo`."""
    kind, shape = kind_of(sum_bound(node, x)), canonical(out.shape)
    w = node.attrs["weights"]
    if node.op == "Dense":
        w = w[:, None, None, :]
    stride, pads, groups = (node.attrs.get(key, other) for key, other in _PLAIN.items())
    skip = halo[0] - pads[0], halo[1] - pads[1]
    geometry = Geometry(index, skip, w.shape[1:3], stride, shape)
    bias = tiled(node.attrs["bias"], shape[1], kind) if "bias" in node.attrs else None
    size = np.dtype(kind).itemsize * shape[1]
    if groups > 1 and w.shape[3] == 1:
        taps = np.repeat(w[..., 0].transpose(1, 2, 0)[:, :, None], shape[1], axis=2).astype(kind)
        return ChannelSums(kind, size * 2 * shape[2], geometry, taps, bias, shape[2] // groups)
    pixelwise = w.shape[1:3] == (1, 1) and stride == (1, 1) and not any(pads)
    depth = int(np.prod(w.shape[1:]))
    return MatrixSums(kind, size * (depth + shape[2]), geometry, _matrices(w, groups, kind), bias, pixelwise)


_PLAIN: dict[str, Any] = {"stride": (1, 1), "pads": (0, 0, 0, 0), "groups": 1}


def _matrices(w: IntArray, groups: int, kind: Kind) -> Numbers:
    """Weights [O, kh, kw, I] as [groups, kh * kw * I, O / groups]."""
    split = w.reshape(groups, w.shape[0] // groups, -1)
    return np.ascontiguousarray(split.transpose(0, 2, 1)).astype(kind)
