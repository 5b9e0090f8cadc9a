"""Handlers of functions of one activation: activations, clips, softmax, casts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import onnx

from lutwright.errors import BadModel
from lutwright.frontend.pointwise import activation, float_op, per_element
from lutwright.frontend.quantisers import attributes, place
from lutwright.frontend.translator import Translator
from lutwright.frontend.values import Constant, Ending, Symbol, Value, Weights
from lutwright.numerics import chain as floats
from lutwright.numerics.chain import FloatOp
from lutwright.numerics.quantiser import FloatArray


def _clip(t: Translator, node: onnx.NodeProto, told: dict[str, Any]) -> FloatOp:
    low = float(t.constant(node, 1).reshape(-1)[0]) if t.has(node, 1) else float(told.get("min", -np.inf))
    high = float(t.constant(node, 2).reshape(-1)[0]) if t.has(node, 2) else float(told.get("max", np.inf))
    if low > high or np.isnan(low) or np.isnan(high):
        raise BadModel(place(node), "min must be at most max", f"{low} and {high}", "Export the model again.")
    return floats.clip(node.name, low, high)


def _leaky(t: Translator, node: onnx.NodeProto, told: dict[str, Any]) -> FloatOp:
    alpha = float(told.get("alpha", 0.01))
    function = lambda x: np.where(x < 0, x * x.dtype.type(alpha), x)  # noqa: E731
    return floats.rising(node.name, function) if alpha >= 0 else floats.curve(node.name, function, exact=True)


def _hard_sigmoid(t: Translator, node: onnx.NodeProto, told: dict[str, Any]) -> FloatOp:
    alpha, beta = float(told.get("alpha", 0.2)), float(told.get("beta", 0.5))
    function = lambda x: np.clip(x * x.dtype.type(alpha) + x.dtype.type(beta), 0, 1).astype(x.dtype)  # noqa: E731
    return floats.rising(node.name, function) if alpha >= 0 else floats.curve(node.name, function, exact=True)


def _with_alpha(function: Callable[[FloatArray, Any], FloatArray], default: float, exact: bool = False) -> Any:
    def make(t: Translator, node: onnx.NodeProto, told: dict[str, Any]) -> FloatOp:
        alpha = float(told.get("alpha", default))
        return floats.curve(node.name, lambda x: np.asarray(function(x, x.dtype.type(alpha)), x.dtype), exact)

    return make


def _selu(t: Translator, node: onnx.NodeProto, told: dict[str, Any]) -> FloatOp:
    alpha, gamma = float(told.get("alpha", 1.6732632)), float(told.get("gamma", 1.0507010))
    return floats.curve(
        node.name, lambda x: np.where(x > 0, gamma * x, gamma * alpha * np.expm1(np.minimum(x, 0))).astype(x.dtype)
    )


def _always(make: Callable[..., FloatOp], function: Any, **options: Any) -> Any:
    return lambda t, node, told: make(node.name, function, **options)


def _sigmoid(x: FloatArray) -> FloatArray:
    small = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1 / (1 + small), small / (1 + small)), x.dtype)


def _softplus(x: FloatArray) -> FloatArray:
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), x.dtype)


def _erf(x: FloatArray) -> FloatArray:
    from math import erf

    return np.asarray(np.vectorize(erf, otypes=[np.float64])(x), x.dtype)


def _hard_swish(x: FloatArray) -> FloatArray:
    kind = x.dtype.type
    return np.asarray(x * np.clip(x * kind(1 / 6) + kind(0.5), kind(0), kind(1)))


def _gelu(t: Translator, node: onnx.NodeProto, told: dict[str, Any]) -> FloatOp:
    if str(told.get("approximate", "none")) == "tanh":
        inner = float(np.sqrt(2 / np.pi))
        return floats.curve(
            node.name, lambda x: np.asarray(0.5 * x * (1 + np.tanh(inner * (x + 0.044715 * x * x * x))), x.dtype)
        )
    return floats.curve(node.name, lambda x: np.asarray(0.5 * x * (1 + _erf(x / np.sqrt(2.0))), x.dtype))


def _neg(t: Translator, node: onnx.NodeProto, told: dict[str, Any]) -> FloatOp:
    return floats.multiply(node.name, -np.ones(1))


UNARY: dict[str, Callable[[Translator, onnx.NodeProto, dict[str, Any]], FloatOp]] = {
    "Relu": _always(floats.rising, lambda x: np.maximum(x, x.dtype.type(0))),
    "LeakyRelu": _leaky,
    "Clip": _clip,
    "HardSigmoid": _hard_sigmoid,
    "ThresholdedRelu": _with_alpha(lambda x, a: np.where(x > a, x, x.dtype.type(0)), 1.0, True),
    "Gelu": _gelu,
    "Mish": _always(floats.curve, lambda x: np.asarray(x * np.tanh(_softplus(x)), x.dtype)),
    "Celu": _with_alpha(lambda x, a: np.maximum(x, 0) + a * np.expm1(np.minimum(x, 0) / a), 1.0),
    "Elu": _with_alpha(lambda x, a: np.where(x > 0, x, a * np.expm1(np.minimum(x, 0))), 1.0),
    "Selu": _selu,
    "Sigmoid": _always(floats.curve, _sigmoid),
    "Tanh": _always(floats.curve, np.tanh),
    "Softplus": _always(floats.curve, _softplus),
    "Softsign": _always(floats.curve, lambda x: x / (1 + np.abs(x)), exact=True),
    "Erf": _always(floats.curve, _erf),
    "Exp": _always(floats.curve, np.exp),
    "HardSwish": _always(floats.curve, _hard_swish),
    "Abs": _always(floats.curve, np.abs, exact=True),
    "Neg": _neg,
    "Floor": _always(floats.rising, np.floor),
    "Ceil": _always(floats.rising, np.ceil),
    "Round": _always(floats.rising, np.rint),
    "Sign": _always(floats.rising, np.sign),
}


def unary(t: Translator, node: onnx.NodeProto) -> Value:
    """A function of one activation."""
    x = activation(t, node)
    return float_op(t, node, x, UNARY[node.op_type](t, node, attributes(node)))


def prelu(t: Translator, node: onnx.NodeProto) -> Value:
    """PRelu with a slope for each channel."""
    x, slope = per_element(t, node, activation(t, node), t.constant(node, 1))
    sign = np.where(slope >= 0, 1, 0).astype(np.int64)
    return float_op(t, node, x, FloatOp(node.name, lambda v, s: np.where(v < 0, v * s, v), (slope,), sign))


def limit(t: Translator, node: onnx.NodeProto) -> Value:
    """Min and Max of an activation and constants."""
    places = [i for i in range(len(node.input)) if not isinstance(t.values[node.input[i]], Constant | Weights)]
    if len(places) != 1:
        raise t.refuse(node, "all inputs but one must be constants", f"{len(places)} activations", "Use Clip or Relu.")
    x = activation(t, node, places[0])
    for index in range(len(node.input)):
        if index != places[0]:
            x, bound = per_element(t, node, x, t.constant(node, index))
            function = np.minimum if node.op_type == "Min" else np.maximum
            x = replace(x, chain=x.chain.then(FloatOp(node.name, function, (bound,))))
    return x


def identity(t: Translator, node: onnx.NodeProto) -> Value:
    """Identity, and Dropout in inference mode."""
    if t.has(node, 2) and t.constant(node, 2).any():
        raise t.refuse(node, "training_mode must be false", "true", "Export the model in eval mode.")
    return t.values[node.input[0]]


def cast(t: Translator, node: onnx.NodeProto) -> Value:
    """Cast between float32 and float64, which changes nothing here; of an index also to integers that hold it."""
    to = int(attributes(node)["to"])
    x = t.values[node.input[0]]
    index = isinstance(x, Symbol) and not x.chain.ops and t.is_index(x)
    if to not in _FLOATS and not (index and to in _INTEGERS):
        found = onnx.TensorProto.DataType.Name(to) if to in onnx.TensorProto.DataType.values() else to
        raise t.refuse(node, "activations may be cast to float32 or float64 only", found, "Drop the Cast.")
    return x


_FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE)
_INTEGERS = (onnx.TensorProto.INT32, onnx.TensorProto.INT64, onnx.TensorProto.UINT32, onnx.TensorProto.UINT64)


def softmax(t: Translator, node: onnx.NodeProto) -> Value:
    """Softmax and LogSoftmax at the end of a model: the order of the scores stays."""
    x = t.symbol(node)
    rank = len(x.view.model_shape) + 1
    axis = int(attributes(node).get("axis", -1 if t.versions.get("", 13) >= 13 else 1)) % rank
    if axis == 0:
        raise t.refuse(node, "Softmax must not run over the batch", axis, "Give the axis of the classes.")
    log = node.op_type == "LogSoftmax"
    axes = (axis,) if t.versions.get("", 13) >= 13 else tuple(range(axis, rank))

    view = x.view

    def run(v: FloatArray) -> FloatArray:
        v = view.to_model(v)
        shifted = v - v.max(axis=axes, keepdims=True)
        total = np.exp(shifted).sum(axis=axes, keepdims=True)
        return view.from_model(np.asarray(shifted - np.log(total) if log else np.exp(shifted) / total))

    kept = [1 if i + 1 in axes else n for i, n in enumerate(view.model_shape)]
    sets = np.broadcast_to(np.arange(int(np.prod(kept))).reshape(kept), view.model_shape)
    return replace(x, last=Ending(run, view.from_model(sets[None]).reshape(-1)))
