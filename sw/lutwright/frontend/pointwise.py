"""Handlers of arithmetic on each element: additions, multiplications, batch normalisation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from lutwright.errors import BadModel
from lutwright.frontend.join import residual
from lutwright.frontend.quantisers import attributes, place
from lutwright.frontend.translator import Translator
from lutwright.frontend.values import Constant, Raw, Symbol, Value, Weights
from lutwright.numerics import chain as floats
from lutwright.numerics.chain import Chain, FloatOp
from lutwright.numerics.quantiser import FloatArray
from lutwright.numerics.view import View, same


def float_op(t: Translator, node: onnx.NodeProto, x: Raw | Symbol, op: FloatOp) -> Value:
    """`x` with one more float operation."""
    if not op.exact:
        t.inexact(f"{place(node)} is a function that libraries round differently")
    return replace(x, chain=x.chain.then(op))


def activation(t: Translator, node: onnx.NodeProto, index: int = 0) -> Raw | Symbol:
    """Input `index` as the model's raw input or a symbol."""
    value = t.values[node.input[index]]
    return value if isinstance(value, Raw) and t.declared is None else t.symbol(node, index)


def per_element(
    t: Translator, node: onnx.NodeProto, x: Raw | Symbol, array: NDArray[Any]
) -> tuple[Raw | Symbol, FloatArray]:
    """`array`, which broadcasts against x, by channel; a vector that is an image in the graph is flattened."""
    try:
        found = x.view.per_channel(array)
    except ValueError as error:
        raise BadModel(
            place(node), f"the constant must fit {x.view.model_shape}", array.shape, "Export the model again."
        ) from error
    if found is None and len(x.view.model_shape) == 1 and isinstance(x, Symbol):
        x = t.flat(node, x)
        found = x.view.per_channel(array)
    if found is None and isinstance(x, Raw):
        words = x.view.index.size
        x = Raw(View(x.view.index, (words,)), x.chain.select(np.arange(words) % x.view.channels))
        found = x.view.per_channel(array)
    if found is None:
        raise t.refuse(
            node,
            "the constant must be the same over an image",
            f"{array.shape} on {x.view.model_shape}",
            "Give one value a channel.",
        )
    return x, found.astype(np.float64)


def batch_norm(t: Translator, node: onnx.NodeProto) -> Value:
    """BatchNormalization in inference mode."""
    told = attributes(node)
    if told.get("training_mode", 0):
        raise t.refuse(node, "training_mode must be 0", 1, "Export the model in eval mode.")
    if not told.get("spatial", 1):
        raise t.refuse(node, "spatial must be 1", 0, "Normalise by channels.")
    x = activation(t, node)
    rank = len(x.view.model_shape)
    last = node.domain.endswith("channels_last")
    shape = [1] * rank + [-1] if last else [1, -1] + [1] * (rank - 1)
    given = [t.constant(node, index).reshape(shape) for index in (1, 2, 3, 4)]
    for value in given:
        x, _ = per_element(t, node, x, value)
    weight, bias, mean, variance = (per_element(t, node, x, value)[1] for value in given)
    epsilon = float(told.get("epsilon", 1e-5))
    if not all(np.isfinite(v).all() for v in (weight, bias, mean, variance)):
        raise BadModel(place(node), "its constants must be finite", "NaN or infinity", "Train the model again.")
    if (variance + epsilon <= 0).any():
        raise BadModel(place(node), "variances must be positive", float(variance.min()), "Train the model again.")
    return float_op(t, node, x, floats.batch_norm(node.name, weight, bias, mean, variance, epsilon))


def arithmetic(t: Translator, node: onnx.NodeProto) -> Value:
    """Add, Sub, Mul, Div: of an activation and a constant, of two activations, or of two constants."""
    a, b = t.values[node.input[0]], t.values[node.input[1]]
    if isinstance(a, Constant | Weights) and isinstance(b, Constant | Weights):
        return _of_weights(t, node, a, b)
    if not isinstance(a, Constant | Weights) and not isinstance(b, Constant | Weights):
        return _of_two(t, node)
    first = not isinstance(a, Constant | Weights)
    x = activation(t, node, 0 if first else 1)
    x, constant = per_element(t, node, x, t.constant(node, 1 if first else 0))
    if not np.isfinite(constant).all():
        raise BadModel(place(node), "the constant must be finite", "NaN or infinity", "Train the model again.")
    return float_op(t, node, x, _constant_op(t, node, constant, first))


def _constant_op(t: Translator, node: onnx.NodeProto, constant: FloatArray, first: bool) -> FloatOp:
    if node.op_type == "Add":
        return floats.add(node.name, constant)
    if node.op_type == "Mul":
        return floats.multiply(node.name, constant)
    if node.op_type == "Sub":
        return floats.add(node.name, -constant) if first else floats.subtract_from(node.name, constant)
    if not first:
        raise t.refuse(node, "the divisor must be a constant", "an activation", "Multiply by the reciprocal.")
    if (constant == 0).any():
        raise BadModel(place(node), "the divisor must not be 0", 0, "Train the model again.")
    return floats.divide(node.name, constant)


def _of_weights(t: Translator, node: onnx.NodeProto, a: Constant | Weights, b: Constant | Weights) -> Value:
    """Quantised constants times a constant stay quantised; the rest is arithmetic on floats."""
    shapes = [v.integers.shape if isinstance(v, Weights) else v.value.shape for v in (a, b)]
    t.room(node, math.prod(np.broadcast_shapes(*shapes)))
    if isinstance(a, Weights) and isinstance(b, Constant) and node.op_type in ("Mul", "Div"):
        factor = np.asarray(b.value, np.float64) if node.op_type == "Mul" else 1.0 / np.asarray(b.value, np.float64)
        if (factor != 0).all() and np.isfinite(factor).all():
            scale = np.asarray(a.scale * factor)
            return Weights(a.integers, t.exact_scale(node, scale))
    if isinstance(b, Weights) and isinstance(a, Constant) and node.op_type == "Mul" and (a.value != 0).all():
        return Weights(b.integers, t.exact_scale(node, np.asarray(b.scale * np.asarray(a.value, np.float64))))
    with np.errstate(all="ignore"):
        return Constant(np.asarray(_NUMPY[node.op_type](t.constant(node, 0), t.constant(node, 1))))


_NUMPY: dict[str, Callable[..., Any]] = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide}


def _of_two(t: Translator, node: onnx.NodeProto) -> Value:
    """Two activations: of the same integers any of the four, otherwise a sum or a difference."""

    a, b = activation(t, node, 0), activation(t, node, 1)
    if isinstance(a, Raw) or isinstance(b, Raw):
        raise t.refuse(
            node, "both inputs must be quantised", "the model's raw input", "Put a quantiser in front of it."
        )
    if (
        a.tensor == b.tensor
        and same(a.view.index, b.view.index)
        and (a.chain.ops or b.chain.ops or node.op_type in ("Mul", "Div"))
    ):
        return float_op(t, node, *_combined(node, a, b))
    if node.op_type in ("Mul", "Div"):
        raise t.refuse(
            node, "one factor must be a constant", "two activations", "Use an addition, or a constant scale."
        )
    return residual(t, node, a, b, -1 if node.op_type == "Sub" else 1)


def _combined(node: onnx.NodeProto, a: Symbol, b: Symbol) -> tuple[Symbol, FloatOp]:
    """x * sigmoid(x) and the like: both operands are functions of the same integer."""
    common = 0
    while common < min(len(a.chain.ops), len(b.chain.ops)) and a.chain.ops[common] is b.chain.ops[common]:
        common += 1
    if (a.chain.scale == b.chain.scale).all():
        start = Chain(a.chain.scale, a.chain.ops[:common])
        left, right = Chain(np.ones(1), a.chain.ops[common:]), Chain(np.ones(1), b.chain.ops[common:])
    else:
        start, left, right = Chain(np.ones(1)), a.chain, b.chain
        left = Chain(np.ones(1), (floats.multiply("", left.scale), *left.ops))
        right = Chain(np.ones(1), (floats.multiply("", right.scale), *right.ops))
    run = _NUMPY[node.op_type]
    exact = all(op.exact for op in (*left.ops, *right.ops))
    op = _Pair(
        node.name, lambda x: np.asarray(run(left.after(x), right.after(x))), (), np.zeros(1, np.int64), None, exact
    )
    return replace(a, chain=start), op.over(left, right, run)


class _Pair(FloatOp):
    """An operation on two chains of the same integer; choosing channels must reach into both."""

    def over(self, left: Chain, right: Chain, run: Callable[..., Any]) -> _Pair:
        """This operation with its chains kept for `select`."""
        object.__setattr__(self, "chains", (left, right, run))
        return self

    @property
    def varies(self) -> bool:
        """Whether either chain differs between channels."""
        left, right, _ = self.__dict__["chains"]
        return bool(left.varies or right.varies)

    def select(self, columns: NDArray[np.int64]) -> FloatOp:
        """The operation for other channels."""
        left, right, run = self.__dict__["chains"]
        left, right = left.select(columns), right.select(columns)
        made = _Pair(
            self.name, lambda x: np.asarray(run(left.after(x), right.after(x))), (), self.sign, None, self.exact
        )
        return made.over(left, right, run)
