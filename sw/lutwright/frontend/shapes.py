"""Handlers of operators that only move elements: they change the view, and the integer graph not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from lutwright.errors import BadModel
from lutwright.frontend.pointwise import activation
from lutwright.frontend.quantisers import attributes, place
from lutwright.frontend.translator import Translator
from lutwright.frontend.values import Constant, Raw, Symbol, Value, Weights, narrow
from lutwright.numerics.quantiser import IntArray


def _moved(x: Raw | Symbol, index: IntArray) -> Value:
    return replace(x, view=x.view.seen(index))


def _of_weights(t: Translator, node: onnx.NodeProto, move: Callable[[NDArray[Any]], NDArray[Any]]) -> Weights | None:
    """Quantised weights with `move` done to them, which a node on plain constants never gets here for; or None."""
    w = t.values[node.input[0]]
    if not isinstance(w, Weights):
        return None
    t.weights_room(node, w.integers.size)
    try:
        integers, scale = move(w.integers), move(np.broadcast_to(w.scale, w.integers.shape))
    except (ValueError, IndexError) as error:
        rule = "the constant must have another shape"
        raise BadModel(place(node), rule, w.integers.shape, "Export the model again.") from error
    return Weights(integers, narrow(scale, scale.ndim))


def _free(t: Translator, node: onnx.NodeProto) -> Raw | Symbol:
    value = t.values[node.input[0]]
    if isinstance(value, Symbol) and value.last is not None:
        return value
    return activation(t, node)


def transpose(t: Translator, node: onnx.NodeProto) -> Value:
    """Transpose that leaves the batch in front."""
    perm = attributes(node).get("perm")
    fixed = _of_weights(t, node, lambda w: w.transpose(perm))
    if fixed is not None:
        return fixed
    x = _free(t, node)
    order = list(perm) if perm is not None else list(range(len(x.view.model_shape) + 1))[::-1]
    if order[0] != 0 or sorted(order) != list(range(len(x.view.model_shape) + 1)):
        raise t.refuse(node, "the batch must stay the first axis", order, "Transpose the other axes only.")
    return _moved(x, x.view.index.transpose([p - 1 for p in order[1:]]))


def reshape(t: Translator, node: onnx.NodeProto) -> Value:
    """Reshape that leaves the batch alone."""
    target = t.integers(node, 1)
    copies = not attributes(node).get("allowzero", 0)
    fixed = _of_weights(t, node, lambda w: w.reshape(_copied(target, w.shape) if copies else target))
    if fixed is not None:
        return fixed
    x = _free(t, node)
    shape = x.view.model_shape
    target = _copied(target, (t.batch, *shape)) if copies else target
    rest = target[1:]
    words = int(np.prod(shape))
    known = int(np.prod([n for n in rest if n != -1]))
    fits = words == known if -1 not in rest else rest.count(-1) == 1 and known > 0 and words % known == 0
    if not target or not fits or min(target) < -1 or (target[0] != t.batch and (target[0] != -1 or -1 in rest)):
        raise t.refuse(
            node,
            f"Reshape of (batch {t.batch}, {', '.join(map(str, shape))}) must keep the batch",
            target,
            "Reshape to (batch, -1).",
        )
    return _moved(x, x.view.index.reshape(rest))


def _copied(target: list[int], shape: tuple[int, ...]) -> list[int]:
    """`target` with each 0 replaced by the size that is there already."""
    return [shape[i] if n == 0 and i < len(shape) else n for i, n in enumerate(target)]


def flatten(t: Translator, node: onnx.NodeProto) -> Value:
    """Flatten behind the batch."""
    axis = int(attributes(node).get("axis", 1))
    fixed = _of_weights(t, node, lambda w: w.reshape(int(np.prod(w.shape[:axis])), -1))
    if fixed is not None:
        return fixed
    x = _free(t, node)
    if axis % (len(x.view.model_shape) + 1) != 1:
        raise t.refuse(node, "axis must be 1", axis, "Flatten everything behind the batch.")
    return _moved(x, x.view.index.reshape(-1))


def _axes(t: Translator, node: onnx.NodeProto, rank: int) -> list[int] | None:
    told = attributes(node).get("axes")
    axes = t.integers(node, 1) if t.has(node, 1) else told
    return None if axes is None else [int(a) % rank for a in axes]


def _tuple(axes: list[int] | None) -> tuple[int, ...] | None:
    return None if axes is None else tuple(axes)


def squeeze(t: Translator, node: onnx.NodeProto) -> Value:
    """Squeeze of axes behind the batch."""
    fixed = _of_weights(t, node, lambda w: np.squeeze(w, _tuple(_axes(t, node, w.ndim))))
    if fixed is not None:
        return fixed
    x = _free(t, node)
    shape = (t.batch, *x.view.model_shape)
    axes = _axes(t, node, len(shape))
    if axes is None:
        axes = [i for i, n in enumerate(shape) if n == 1 and i > 0]
    if 0 in axes or any(shape[a] != 1 for a in axes):
        raise t.refuse(node, "axes of size 1 behind the batch can be squeezed", axes, "Give other axes.")
    return _moved(x, x.view.index.reshape([n for i, n in enumerate(shape) if i and i not in axes]))


def unsqueeze(t: Translator, node: onnx.NodeProto) -> Value:
    """Unsqueeze behind the batch."""
    added = len(_axes(t, node, 64) or [])
    fixed = _of_weights(t, node, lambda w: np.expand_dims(w, _tuple(_axes(t, node, w.ndim + added)) or ()))
    if fixed is not None:
        return fixed
    x = _free(t, node)
    axes = _tuple(_axes(t, node, len(x.view.model_shape) + 1 + added)) or ()
    if 0 in axes or len(set(axes)) < len(axes):
        raise t.refuse(node, "must name different axes behind the batch", list(axes), "Give other axes.")
    return _moved(x, np.expand_dims(x.view.index, tuple(a - 1 for a in axes)))


def shape_of(t: Translator, node: onnx.NodeProto) -> Value:
    """Shape, with the batch that the file was exported with."""
    told, fixed = attributes(node), t.values[node.input[0]]
    shape = fixed.integers.shape if isinstance(fixed, Weights) else (t.batch, *_free(t, node).view.model_shape)
    full = np.array(shape, np.int64)
    return Constant(full[told.get("start", 0) : told.get("end", None)])


def depth_to_space(t: Translator, node: onnx.NodeProto) -> Value:
    """DepthToSpace, both modes: blocks of channels become blocks of pixels."""
    x = _free(t, node)
    told = attributes(node)
    b = int(told.get("blocksize", 0))
    if len(x.view.model_shape) != 3 or b < 1 or x.view.model_shape[0] % (b * b):
        raise t.refuse(
            node,
            "the channels must be a multiple of blocksize squared",
            f"{x.view.model_shape}, blocksize {b}",
            "Export again.",
        )
    c, h, w = x.view.model_shape
    if told.get("mode", "DCR") == "DCR":
        index = x.view.index.reshape(b, b, c // (b * b), h, w).transpose(2, 3, 0, 4, 1)
    else:
        index = x.view.index.reshape(c // (b * b), b, b, h, w).transpose(0, 3, 1, 4, 2)
    return _moved(x, index.reshape(c // (b * b), h * b, w * b))


def space_to_depth(t: Translator, node: onnx.NodeProto) -> Value:
    """SpaceToDepth: blocks of pixels become blocks of channels."""
    x = _free(t, node)
    b = int(attributes(node).get("blocksize", 0))
    shape = x.view.model_shape
    if len(shape) != 3 or b < 1 or shape[1] % b or shape[2] % b:
        raise t.refuse(node, "the image must be a multiple of blocksize", f"{shape}, blocksize {b}", "Export again.")
    c, h, w = shape
    index = x.view.index.reshape(c, h // b, b, w // b, b).transpose(2, 4, 0, 1, 3)
    return _moved(x, index.reshape(c * b * b, h // b, w // b))
