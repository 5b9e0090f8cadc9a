"""What a row of the operation table is, and the checks that every row shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lutwright.errors import BadGraph
from lutwright.ir.graph import Node, Tensor
from lutwright.numerics.quantiser import FloatArray, IntArray
from lutwright.numerics.ranges import exact_float

Infer = Callable[[Node, list[Tensor]], Tensor]
Execute = Callable[[Node, list[IntArray], list[Tensor]], IntArray]

# Integers keep this far away from the ends of int64, so that a sum of two of them still fits.
_MOST = 1 << 62


@dataclass(frozen=True)
class Attribute:
    """What the value of an attribute must be: in words that follow "must be", and as a test."""

    words: str
    holds: Callable[[Any], bool]


@dataclass(frozen=True)
class Op:
    """One row. attrs: what every node must have; optional: what it may have besides.

    infer: shape, exact range and inherited scale of the output; it may take the attributes for checked.
    execute: int64 arrays [batch, ...shape] in, one out; the definition, plain on purpose.
    inputs: fewest and most tensors that a node reads.
    """

    name: str
    summary: str
    attrs: Mapping[str, Attribute]
    infer: Infer
    execute: Execute
    optional: Mapping[str, Attribute] = field(default_factory=dict)
    inputs: tuple[int, int] = (1, 1)


def must(node: Node, holds: bool, rule: str, found: object) -> None:
    """Raise BadGraph naming `node` unless `holds`."""
    if not holds:
        raise BadGraph(
            f"node '{node.name}' ({node.op})", rule, found, "Report this graph; a pass or a frontend made it."
        )


# ---- kinds of attributes ------------------------------------------------------------------------------------------


def is_int(value: Any) -> bool:
    """A Python or numpy integer, not a bool."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _tuple_of(value: Any, entries: int, least: int) -> bool:
    return isinstance(value, tuple) and len(value) == entries and all(is_int(n) and n >= least for n in value)


def integers(dimensions: int) -> Attribute:
    """An int64 array of `dimensions` dimensions, not empty."""
    return Attribute(
        f"an int64 array of {dimensions} dimensions, not empty",
        lambda value: (
            isinstance(value, np.ndarray) and value.dtype == np.int64 and value.ndim == dimensions and value.size > 0
        ),
    )


INTEGER = Attribute("an integer", is_int)
SIZES = Attribute("(rows, columns), 1 or more each", lambda value: _tuple_of(value, 2, 1))
PADS = Attribute("(top, left, bottom, right), 0 or more each", lambda value: _tuple_of(value, 4, 0))


# ---- ranges --------------------------------------------------------------------------------------------------------


def largest(*tensors: Tensor) -> int:
    """The largest magnitude in any of `tensors`."""
    return max(max(abs(t.low), abs(t.high)) for t in tensors)


def fits_int64(node: Node, bound: float, what: str) -> None:
    """Raise BadGraph unless `bound`, a magnitude in float arithmetic, is far enough inside int64."""
    must(node, bound < _MOST, f"{what} must stay below 2^62", f"{bound:.3g}")


def products(node: Node, x: Tensor, gain: IntArray) -> tuple[IntArray, IntArray]:
    """Bounds int64 [1] or [C] of gain * x; each is reached."""
    fits_int64(node, float(np.abs(gain.astype(np.float64)).max()) * largest(x), "products")
    ends = np.stack([gain * x.low, gain * x.high])
    return ends.min(axis=0), ends.max(axis=0)


def per_channel(node: Node, key: str, channels: int) -> None:
    """Raise BadGraph unless attribute `key` has one entry or one for each channel."""
    size = int(node.attrs[key].size)
    must(node, size in (1, channels), f"{key} must have 1 or {channels} entries", size)


def within(node: Node, key: str, index: IntArray, size: int) -> None:
    """Raise BadGraph unless every entry of attribute `key` is an index into `size` elements."""
    inside = bool(index.min() >= 0 and index.max() < size)
    must(node, inside, f"{key} must be in [0, {size - 1}]", f"[{index.min()}, {index.max()}]")


def inherited(x: Tensor, shape: tuple[int, ...]) -> FloatArray:
    """The scale that an output of `shape` takes from `x`: that of x where it still says something, otherwise 1."""
    return x.scale if x.scale.size in (1, shape[-1]) else np.ones(1)


def image(node: Node, x: Tensor) -> tuple[int, int, int]:
    """The shape of `x`, which must be (height, width, channels)."""
    must(node, len(x.shape) == 3, "the input must be (height, width, channels)", x.shape)
    return x.shape[0], x.shape[1], x.shape[2]


def matmul(x: IntArray, weights: IntArray, bound: int) -> IntArray:
    """x [n, K] @ weights [O, K].T in integers; `bound` on every partial sum tells whether float BLAS is exact."""
    kind = exact_float(bound)
    if kind is None:
        return np.asarray(x @ weights.T)
    return np.asarray(x.astype(kind) @ weights.T.astype(kind)).astype(np.int64)
