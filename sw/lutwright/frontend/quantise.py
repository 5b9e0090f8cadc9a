"""Handlers of the quantising operators, and of DequantizeLinear."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from lutwright.errors import BadModel
from lutwright.frontend.quantisers import attributes, place, read_quantise
from lutwright.frontend.translator import Translator, along
from lutwright.frontend.values import Constant, Raw, Value, Weights, narrow
from lutwright.numerics import chain as floats
from lutwright.numerics.quantiser import FloatArray


def quantise(t: Translator, node: onnx.NodeProto) -> Value:
    """A quantiser on a constant, on the input or on an activation."""
    x = t.values[node.input[0]]
    if isinstance(x, Constant | Weights):
        return _quantise_constant(t, node, x)
    if isinstance(x, Raw) and t.declared is None:
        return t.quantise_input(node, x, t.quantise(node, x.view))
    symbol = t.symbol(node)
    return t.step(node, symbol, t.quantise(node, symbol.view))


def _quantise_constant(t: Translator, node: onnx.NodeProto, x: Constant | Weights) -> Value:
    value = x.value if isinstance(x, Constant) else np.asarray(x.integers * x.scale)
    if value.dtype.kind != "f":
        value = value.astype(np.float32)
    full: dict[int, NDArray[Any]] = {}

    def lane(array: NDArray[Any]) -> FloatArray:
        array = along(node, array, value.ndim)
        if array.size == 1:
            return array.reshape(1).astype(np.float64)
        try:
            full[0] = np.broadcast_to(array, value.shape)
        except ValueError as error:
            raise BadModel(place(node), f"must fit {value.shape}", array.shape, "Export the model again.") from error
        return full[0].reshape(-1).astype(np.float64)

    t.weights_room(node, value.size)
    made = read_quantise(node, lambda i: t.constant(node, i), lane, t.versions.get(node.domain, 1))
    integers = made.integers(value.reshape(-1).astype(t.kind)).reshape(value.shape)
    scale = made.scale if made.scale.size == 1 else made.scale.reshape(value.shape)
    t.exact_scale(node, made.scale)
    t.exact_codes(node, int(np.abs(integers).max(initial=0)))
    if node.op_type == "QuantizeLinear":
        return Constant(integers.astype(t.kind))
    return Weights(integers, narrow(scale, value.ndim))


def dequantise(t: Translator, node: onnx.NodeProto) -> Value:
    """DequantizeLinear: (integer - zero point) * scale."""
    x = t.values[node.input[0]]
    if attributes(node).get("block_size", 0):
        raise t.refuse(
            node, "block_size must be 0", attributes(node)["block_size"], "Quantise per tensor or per channel."
        )
    zero = t.constant(node, 2) if t.has(node, 2) else np.zeros(1)
    scale = np.asarray(t.constant(node, 1), np.float64)
    if not scale.size or not np.isfinite(scale).all() or (scale <= 0).any():
        raise BadModel(
            place(node), "scales must be positive and finite", scale.reshape(-1).tolist()[:4], "Train again."
        )
    t.exact_scale(node, scale)
    if isinstance(x, Constant | Weights):
        value = x.value if isinstance(x, Constant) else x.integers * x.scale
        rank = max(1, value.ndim)
        whole = np.rint(value) if value.dtype.kind == "f" else value
        integers = whole.astype(np.int64) - np.asarray(along(node, zero.astype(np.int64), rank))
        return Weights(
            integers.reshape(value.shape), np.asarray(along(node, scale, rank)).reshape(_shape_of(node, scale, value))
        )
    symbol = t.symbol(node)
    lane = t.lane(node, symbol.view)
    offset, gain = lane(zero.astype(np.float64)), lane(scale)
    if offset.any():
        symbol = symbol.then(floats.add(node.name, -offset))
    return symbol.then(floats.multiply(node.name, gain))


def _shape_of(node: onnx.NodeProto, scale: FloatArray, value: NDArray[Any]) -> tuple[int, ...]:
    if scale.size == 1:
        return (1,) * value.ndim
    axis = int(attributes(node).get("axis", 1)) % value.ndim
    return tuple(-1 if i == axis else 1 for i in range(value.ndim))
