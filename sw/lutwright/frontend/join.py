"""Handlers of operators that bring two or more activations together."""

from __future__ import annotations

import numpy as np
import onnx

from lutwright.frontend.quantisers import attributes
from lutwright.frontend.translator import Translator
from lutwright.frontend.values import Symbol, Value
from lutwright.numerics.grid import common_scale
from lutwright.numerics.quantiser import FloatArray, IntArray
from lutwright.numerics.view import View, same

_MOST_GAIN = 1 << 30


def residual(t: Translator, node: onnx.NodeProto, a: Symbol, b: Symbol, sign: int) -> Symbol:
    """a + sign * b, on the finest grid that both lie on."""
    if a.view.model_shape != b.view.model_shape:
        raise t.refuse(
            node,
            "both branches must have the same shape",
            f"{a.view.model_shape} and {b.view.model_shape}",
            "Broadcast before.",
        )
    a, b = t.materialise(node, a), t.materialise(node, b)
    if a.view.shape != b.view.shape or not same(a.view.index, b.view.index):
        a, b = (t.flat(node, x) if len(x.view.model_shape) == 1 else t.canonical(node, x) for x in (a, b))
        a, b = (_in_order(t, node, x) for x in (a, b))
    scale, gains = _aligned(t, node, a.chain.scale, b.chain.scale)
    low = max(
        int(np.abs(g).max()) * max(abs(x.low), abs(x.high))
        for g, x in zip(gains, (t.tensors[a.tensor], t.tensors[b.tensor]), strict=True)
    )
    t.exact_sum(node, 2 * low)
    return t.emit(node, "Add", (a, b), scale, a.view, gains=(gains[0], gains[1] * sign))


def _in_order(t: Translator, node: onnx.NodeProto, x: Symbol) -> Symbol:
    """A vector whose elements stand in the model's order; images are in order already."""
    words = np.arange(x.view.index.size)
    if len(x.view.shape) != 1 or same(x.view.index, words):
        return x
    return t.reorder(node, x, View(words, x.view.shape), x.view.index.reshape(-1))


def _aligned(
    t: Translator, node: onnx.NodeProto, a: FloatArray, b: FloatArray
) -> tuple[FloatArray, tuple[IntArray, IntArray]]:
    """One scale for everything and the gains of both branches; where channels differ, a scale for each."""
    both = np.concatenate([a, b])
    found = common_scale(both, _MOST_GAIN)
    if found is not None:
        return np.array([found[0]]), (found[1][: a.size], found[1][a.size :])
    channels = max(a.size, b.size)
    a, b = np.broadcast_to(a, channels), np.broadcast_to(b, channels)
    scale, gains = np.empty(channels), np.empty((2, channels), np.int64)
    for c in range(channels):
        each = common_scale(np.array([a[c], b[c]]), _MOST_GAIN)
        if each is None:
            raise t.refuse(
                node,
                "the branches' scales must have a common divisor",
                f"{a[c]} and {b[c]} in channel {c}",
                "Quantise both branches with one shared quantiser.",
            )
        scale[c], gains[:, c] = each
    return scale, (gains[0], gains[1])


def total(t: Translator, node: onnx.NodeProto) -> Value:
    """Sum of any number of activations."""
    result = t.symbol(node)
    for index in range(1, len(node.input)):
        result = residual(t, node, result, t.symbol(node, index), 1)
    return result


def concat(t: Translator, node: onnx.NodeProto) -> Value:
    """Concat of activations along an axis behind the batch, or of constants."""
    from lutwright.frontend.values import Constant, Weights

    values = [t.values[name] for name in node.input]
    if all(isinstance(v, Constant | Weights) for v in values):
        constants = [t.constant(node, i) for i in range(len(values))]
        t.room(node, sum(c.size for c in constants))
        return Constant(np.concatenate(constants, int(attributes(node).get("axis", 0))))
    parts = [t.materialise(node, t.symbol(node, i)) for i in range(len(values))]
    if len(parts) == 1:
        return parts[0]
    t.room(node, sum(p.view.index.size for p in parts))
    rank = len(parts[0].view.model_shape)
    axis = int(attributes(node).get("axis", 1)) % (rank + 1) - 1
    shapes = {p.view.model_shape[:axis] + p.view.model_shape[axis + 1 :] for p in parts}
    if axis < 0 or len(shapes) != 1:
        raise t.refuse(
            node,
            "must join activations of one shape behind the batch",
            [p.view.model_shape for p in parts],
            "Check the axis.",
        )
    if rank == 1:
        return _vectors(t, node, [t.flat(node, p) for p in parts])
    if rank not in (2, 3):
        raise t.refuse(node, "must join vectors, signals or images", parts[0].view.model_shape, "Reshape before.")
    if not all(p.view.is_image() for p in parts) and all(_is_last(p.view) for p in parts):
        return _images(t, node, parts, axis + 3 - rank, rank, True)
    images = [t.canonical(node, p) for p in parts]
    return _images(t, node, images, ((2, 0, 1) if rank == 3 else (2, 1))[axis], rank, False)


def _is_last(view: View) -> bool:
    """Whether this is an image or a signal that the model holds with its channels last."""
    shape = view.model_shape
    words = np.arange(view.index.size).reshape(shape)
    return view.shape == (*[1] * (3 - len(shape)), *shape) and same(view.index, words)


def _vectors(t: Translator, node: onnx.NodeProto, parts: list[Symbol]) -> Symbol:
    starts = np.cumsum([0] + [p.view.index.size for p in parts])
    index = np.concatenate([p.view.index + start for p, start in zip(parts, starts, strict=False)])
    scale = np.concatenate([np.broadcast_to(p.chain.scale, p.view.channels) for p in parts])
    return t.emit(node, "Concat", tuple(parts), _short(scale), View(index, (index.size,)), axis=0)


def _images(t: Translator, node: onnx.NodeProto, parts: list[Symbol], axis: int, rank: int, last: bool) -> Symbol:
    """Join along axis 0, 1 or 2 of (H, W, C)."""
    if axis == 2:
        scale = _short(np.concatenate([np.broadcast_to(p.chain.scale, p.view.channels) for p in parts]))
    else:
        parts = [t.whole(node, p) for p in parts]
        scale, parts = _one_scale(t, node, parts)
    shape = list(parts[0].view.shape)
    shape[axis] = sum(p.view.shape[axis] for p in parts)
    index = np.arange(int(np.prod(shape))).reshape(shape)
    if rank == 2:
        index = index.reshape(shape[1:])
    view = View(index if last else index.transpose((2, 0, 1) if rank == 3 else (1, 0)), tuple(shape))
    return t.emit(node, "Concat", tuple(parts), scale, view, axis=axis)


def _one_scale(t: Translator, node: onnx.NodeProto, parts: list[Symbol]) -> tuple[FloatArray, list[Symbol]]:
    found = common_scale(np.array([p.chain.scale[0] for p in parts]), _MOST_GAIN)
    if found is None:
        raise t.refuse(
            node, "the parts' scales must have a common divisor", [p.chain.scale[0] for p in parts], "Use one scale."
        )
    zero = np.zeros(1, np.int64)
    moved = [
        p
        if gain == 1
        else t.emit(node, "Affine", (p,), np.array([found[0]]), p.view, "_align", gain=np.array([gain]), offset=zero)
        for p, gain in zip(parts, found[1], strict=True)
    ]
    return np.array([found[0]]), moved


def _short(scale: FloatArray) -> FloatArray:
    return scale[:1] if (scale == scale[0]).all() else scale
