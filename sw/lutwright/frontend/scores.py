"""Handlers of ArgMax and TopK, which need scores as integers in the order of the floats."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx

from lutwright.errors import BadModel
from lutwright.frontend.quantisers import attributes, place
from lutwright.frontend.translator import Translator
from lutwright.frontend.values import Symbol, Value
from lutwright.numerics.chain import Chain
from lutwright.numerics.order import ordered_in, ranks
from lutwright.numerics.view import View, same


def _scores(t: Translator, node: onnx.NodeProto, x: Symbol, axis: int) -> Symbol:
    """`x` as integers in the order of its floats, with axis `axis` of the model last in the graph."""
    if axis < 1:
        raise t.refuse(node, "axis must be behind the batch", axis, "Give the axis of the classes.")
    if x.last is not None:
        sets = x.last.groups[np.moveaxis(x.view.index, axis - 1, 0)]
        if not (sets == sets[0]).all():
            raise t.refuse(node, "axis must be that of the Softmax before it", axis, "Drop the Softmax.")
        x = replace(x, last=None)
    if len(x.view.model_shape) == 1:
        x = t.flat(node, x)
        index = x.view.index
        if not same(index, np.arange(index.size)):
            x = t.reorder(node, x, View(np.arange(index.size), x.view.shape), index)
    else:
        x = t.canonical(node, replace(x, view=x.view.seen(np.moveaxis(x.view.index, axis - 1, 0))))
    return in_order(t, node, x)


def in_order(t: Translator, node: onnx.NodeProto, x: Symbol) -> Symbol:
    """`x` without its chain, as integers that compare as its floats do over the channels."""
    tensor = t.tensors[x.tensor]
    if not ordered_in(x.chain, tensor.channels, tensor.low, tensor.high, t.kind):
        t.inexact(f"{place(node)} compares scores that float32 rounds")
    made = ranks(x.chain, tensor.channels, tensor.low, tensor.high, t.kind, place(node))
    one = np.ones(1)
    if made.plain:
        return replace(x, chain=Chain(one))
    if made.table is not None:
        return t.emit(node, "Step", (x,), one, x.view, "_ranks", steps=made.table, form=None)
    return t.emit(node, "Affine", (x,), one, x.view, "_scores", gain=made.gain, offset=made.offset)


def arg_max(t: Translator, node: onnx.NodeProto) -> Value:
    """ArgMax: the first of the largest."""
    told = attributes(node)
    if told.get("select_last_index", 0):
        raise t.refuse(node, "select_last_index must be 0", 1, "Take the first of the largest.")
    x = _ended(t, node)
    rank = len(x.view.model_shape) + 1
    axis = int(told.get("axis", 0)) % rank
    x = _scores(t, node, x, axis)
    y = t.emit(node, "ArgMax", (x,), np.ones(1), x.view)
    return replace(y, view=_indices(t, y, axis, bool(told.get("keepdims", 1)), rank))


def top_k(t: Translator, node: onnx.NodeProto) -> Value:
    """TopK: its indices; the values are not made."""
    told = attributes(node)
    if told.get("largest", 1) != 1:
        raise t.refuse(node, "largest must be 1", told["largest"], "Negate the scores.")
    x = _ended(t, node)
    k = t.integers(node, 1)[0] if t.has(node, 1) else int(told.get("k", 1))
    rank = len(x.view.model_shape) + 1
    axis = int(told.get("axis", -1)) % rank
    x = _scores(t, node, x, axis)
    if not 1 <= k <= x.view.channels:
        raise BadModel(place(node), f"k must be from 1 to {x.view.channels}", k, "Export the model again.")
    y = (
        t.emit(node, "ArgMax", (x,), np.ones(1), x.view)
        if k == 1
        else t.emit(node, "TopK", (x,), np.ones(1), x.view, k=k)
    )
    return replace(y, view=_indices(t, y, axis, True, rank))


def _ended(t: Translator, node: onnx.NodeProto) -> Symbol:
    """Input 0, which may have a Softmax at its end."""
    value = t.values[node.input[0]]
    return value if isinstance(value, Symbol) else t.symbol(node)


def _indices(t: Translator, y: Symbol, axis: int, keep: bool, rank: int) -> View:
    shape = t.tensors[y.tensor].shape
    index = np.arange(int(np.prod(shape))).reshape(shape)
    if rank == 2:
        return View(index.reshape(-1) if keep else index.reshape(()), shape)
    if rank == 3:
        index = index.reshape(shape[1:])
    index = np.moveaxis(index, -1, axis - 1)
    return View(index if keep else index.squeeze(axis - 1), shape)
