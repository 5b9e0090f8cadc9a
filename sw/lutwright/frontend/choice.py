"""Handlers of operators that keep some elements of an activation: Slice, Split and Gather."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx

from lutwright.errors import BadModel
from lutwright.frontend.quantisers import attributes, place
from lutwright.frontend.translator import Translator
from lutwright.frontend.values import Constant, Symbol, Value, Weights
from lutwright.frontend.windows import pooled
from lutwright.numerics.quantiser import IntArray
from lutwright.numerics.view import plain


def slice_of(t: Translator, node: onnx.NodeProto) -> Value:
    """Slice behind the batch: by attributes before opset 10, then by inputs."""
    told = attributes(node)
    inputs = len(node.input) > 1
    rank = _rank(t, node)

    def given(index: int, name: str) -> list[int] | None:
        if inputs:
            return t.integers(node, index) if t.has(node, index) else None
        return [int(n) for n in told[name]] if name in told else None

    starts, ends = given(1, "starts") or [], given(2, "ends") or []
    axes = given(3, "axes") or list(range(len(starts)))
    steps = given(4, "steps") or [1] * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        rule = "must have as many starts, ends, axes and steps, none of which 0"
        raise BadModel(place(node), rule, [starts, ends, axes, steps], "Export the model again.")
    cut = [slice(None)] * rank
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        lowest = None if step < 0 and end < -(1 << 30) else end  # beyond the first, backwards
        cut[axis % rank] = slice(start, lowest, step)
    return _one(t, node, cut)


def split(t: Translator, node: onnx.NodeProto) -> tuple[Value, ...]:
    """Split behind the batch, into given or equal parts."""
    told = attributes(node)
    rank = _rank(t, node)
    axis = int(told.get("axis", 0)) % rank
    size = (t.batch, *_shape(t, node))[axis]
    parts = t.integers(node, 1) if t.has(node, 1) else [int(n) for n in told.get("split", [])]
    if not parts:
        each = -(-size // len(node.output))
        parts = [each] * (size // each) + [size % each] * bool(size % each)
    if sum(parts) != size or len(parts) != len(node.output) or min(parts) < 1:
        raise BadModel(
            place(node), f"must split {size} into {len(node.output)} parts", parts, "Export the model again."
        )
    ends = np.cumsum(parts)
    made = []
    for end, part, output in zip(ends, parts, node.output, strict=True):
        cut: list[Any] = [slice(None)] * rank
        cut[axis] = slice(int(end - part), int(end))
        made.append(_one(t, node, cut) if output else Constant(np.zeros(0)))
    return tuple(made)


def gather(t: Translator, node: onnx.NodeProto) -> Value:
    """Gather of constant places behind the batch; a single place takes its axis away."""
    rank = _rank(t, node)
    axis = int(attributes(node).get("axis", 0)) % rank
    where = np.asarray(t.constant(node, 1), np.int64)
    size = (t.batch, *_shape(t, node))[axis]
    if where.ndim > 1 or not where.size or where.min() < -size or where.max() >= size:
        rule = f"indices must be one place or a list of places in [0, {size - 1}]"
        raise t.refuse(node, rule, where.reshape(-1).tolist()[:8], "Gather a list of channels, rows or columns.")
    t.room(node, int(np.prod(_shape(t, node))) // size * where.size)
    t.room(node, where.size * math.prod(_shape(t, node)) // size)
    cut: list[Any] = [slice(None)] * rank
    cut[axis] = where % size
    return _one(t, node, cut)


def _shape(t: Translator, node: onnx.NodeProto) -> tuple[int, ...]:
    value = t.values[node.input[0]]
    if isinstance(value, Weights):
        raise t.refuse(node, "quantised constants must be whole", node.op_type, "Quantise the parts.")
    return t.symbol(node).view.model_shape


def _rank(t: Translator, node: onnx.NodeProto) -> int:
    return len(_shape(t, node)) + 1


def _one(t: Translator, node: onnx.NodeProto, cut: list[Any]) -> Symbol:
    """The elements of input 0 that `cut`, one index for each axis, keeps."""
    x = t.symbol(node)
    frames = np.arange(t.batch + 1)  # of any number, whatever batch the file was exported with
    if not np.array_equal(frames[cut[0]], frames):
        raise t.refuse(node, "the batch must stay whole", str(cut[0]), "Cut other axes only.")
    kept = x.view.index[tuple(cut[1:])]
    if not kept.size:
        raise BadModel(place(node), "must keep an element", "none", "Export the model again.")
    if kept.shape == x.view.index.shape and (kept == x.view.index).all():
        return x
    cropped = _cropped(t, node, x, cut)
    if cropped is not None:
        return cropped
    view = plain(kept.shape)
    order: IntArray = np.empty(kept.size, np.int64)
    order[view.index.reshape(-1)] = kept.reshape(-1)
    return t.reorder(node, x, view, order)


def _cropped(t: Translator, node: onnx.NodeProto, x: Symbol, cut: list[Any]) -> Symbol | None:
    """`x` where `cut` takes rows and columns of a plain image or signal and leaves its channels; otherwise None."""
    sizes = x.view.model_shape
    if (
        not x.view.is_image()
        or len(cut) != len(sizes) + 1
        or not np.array_equal(np.arange(sizes[0])[cut[1]], np.arange(sizes[0]))
    ):
        return None
    lines = [np.arange(n)[c] for n, c in zip(sizes[1:], cut[2:], strict=True)]
    if any(line.ndim == 0 for line in lines):
        return None
    rows, columns = lines if len(lines) == 2 else (np.zeros(1, np.int64), lines[0])
    return pooled(t, node, "Resize", x, rows=rows, columns=columns)
