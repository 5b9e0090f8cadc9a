"""Standard ONNX operators in float64: numpy where it is worth it, onnx's reference implementation for the rest."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx

from lutwright.check.qonnx_ops import Array, Kernel, attributes, place
from lutwright.check.windows import Geometry
from lutwright.errors import BadModel, UnsupportedOp
from lutwright.frontend.tensors import limits

_COLUMNS = 1 << 23  # elements of the windows of a convolution that are laid out at a time
_FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16)


def promote(x: Array) -> Array:
    """Floats as float64, which holds each of them exactly; anything else as it is."""
    return x.astype(np.float64) if x.dtype.kind == "f" else x


def numpy_kernel(node: onnx.NodeProto, fixed: Mapping[str, Array], opset: int) -> Kernel:
    """The kernel of a standard node; `fixed` is not used. Raises UnsupportedOp for an operator that onnx cannot run."""
    told = attributes(node)
    if node.op_type in _KERNELS:
        kernel = _KERNELS[node.op_type]
        return lambda inputs: [np.asarray(kernel(inputs, told))]
    if node.op_type in ("Resize", "Upsample") and str(told.get("mode", "nearest")) == "nearest":
        return _nearest(node, opset)
    return _reference(node, opset)


def _reference(node: onnx.NodeProto, opset: int) -> Kernel:
    from onnx.reference.ops import load_op

    try:
        implementation = load_op("", node.op_type, opset)
        operator = implementation(node, {"log": lambda *_: None, "opsets": {"": opset}, "new_ops": {}, "verbose": 0})
    except Exception as error:  # a missing schema, attribute or implementation each raise their own
        raise UnsupportedOp(
            place(node), "onnx must know how to run it", type(error).__name__, "Replace the operator."
        ) from error

    def run(inputs: list[Array]) -> list[Array]:
        try:
            return [promote(np.asarray(y)) for y in operator.run(*inputs)]
        except Exception as error:
            raise BadModel(place(node), f"onnx must run it ({error})", fix="Check the model there.") from error

    return run


# Each takes the inputs (None for one that is left out) and the attributes.


def _conv(inputs: list[Array], told: Mapping[str, Any]) -> Array:
    x, w = inputs[:2]
    groups = int(told.get("group", 1))
    g = Geometry.of(told, x.shape[2:], w.shape[2:])
    rows = max(1, _COLUMNS // max(1, w[0].size * groups * int(np.prod(g.sizes))))
    y = np.concatenate([_conv_block(x[i : i + rows], w, groups, g) for i in range(0, max(1, len(x)), rows)])
    if len(inputs) > 2 and inputs[2] is not None:
        y = y + inputs[2].reshape(-1, *[1] * len(g.sizes))
    return y


def _conv_block(x: Array, w: Array, groups: int, g: Geometry) -> Array:
    taps = g.taps(g.pad(x, 0.0))
    outputs, depth = w.shape[0], w.shape[1]
    if depth == 1 and outputs == groups:
        flat = w.reshape(outputs, -1, *[1] * len(g.sizes))
        return np.asarray(sum(tap * flat[:, j] for j, tap in enumerate(taps)))
    windows = np.stack(taps, axis=2).reshape(len(x), groups, depth * len(taps), -1)
    matrix = w.reshape(groups, outputs // groups, depth * len(taps))
    return np.matmul(matrix, windows).reshape(len(x), outputs, *g.sizes)


def _gemm(inputs: list[Array], told: Mapping[str, Any]) -> Array:
    a = inputs[0].T if told.get("transA", 0) else inputs[0]
    b = inputs[1].T if told.get("transB", 0) else inputs[1]
    y = (a @ b) * float(told.get("alpha", 1.0))
    return y + inputs[2] * float(told.get("beta", 1.0)) if len(inputs) > 2 and inputs[2] is not None else y


def _batch_norm(inputs: list[Array], told: Mapping[str, Any]) -> Array:
    """One gain and one offset for each channel, as frameworks compute it."""
    x, weight, bias, mean, variance = inputs
    gain = weight * (1.0 / np.sqrt(variance + float(told.get("epsilon", 1e-5))))
    channel = (-1, *[1] * (x.ndim - 2))
    return x * gain.reshape(channel) + (bias - mean * gain).reshape(channel)


def _max_pool(inputs: list[Array], told: Mapping[str, Any]) -> Array:
    (x,) = inputs
    g = Geometry.of(told, x.shape[2:], told["kernel_shape"])
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    taps = g.taps(g.pad(x, lowest))
    y = taps[0].copy()
    for tap in taps[1:]:
        np.maximum(y, tap, out=y)
    return y


def _average_pool(inputs: list[Array], told: Mapping[str, Any]) -> Array:
    """Sum and division, so that nothing but the division rounds."""
    (x,) = inputs
    g = Geometry.of(told, x.shape[2:], told["kernel_shape"])
    ones = np.ones((1, 1, *x.shape[2:]))
    count = sum(g.taps(g.pad(ones, 1.0 if told.get("count_include_pad", 0) else 0.0, 0.0)))
    return np.asarray(sum(g.taps(g.pad(x, 0.0))) / count)


def _global_average_pool(inputs: list[Array], told: Mapping[str, Any]) -> Array:
    (x,) = inputs
    axes = tuple(range(2, x.ndim))
    return np.asarray(x.sum(axis=axes, keepdims=True) / np.prod(x.shape[2:]))


def _along(values: Array, rank: int, axis: int) -> Array:
    return values.reshape([-1 if i == axis % rank else 1 for i in range(rank)]) if values.ndim == 1 else values


def _quantize_linear(inputs: list[Array], told: Mapping[str, Any]) -> Array:
    x, scale = inputs[:2]
    zero = inputs[2] if len(inputs) > 2 and inputs[2] is not None else np.zeros((), np.uint8)
    axis = int(told.get("axis", 1))
    codes = np.rint(x / _along(scale, x.ndim, axis)) + _along(zero.astype(np.float64), x.ndim, axis)
    return np.clip(codes, *limits(zero.dtype)).astype(zero.dtype)


def _dequantize_linear(inputs: list[Array], told: Mapping[str, Any]) -> Array:
    x, scale = inputs[:2]
    zero = inputs[2] if len(inputs) > 2 and inputs[2] is not None else np.zeros(())
    axis = int(told.get("axis", 1))
    codes = x.astype(np.float64) - _along(zero.astype(np.float64), x.ndim, axis)
    return np.asarray(codes * _along(scale, x.ndim, axis))


def _sigmoid(inputs: list[Array], told: Mapping[str, Any]) -> Array:
    small = np.exp(-np.abs(inputs[0]))
    return np.where(inputs[0] >= 0, 1.0, small) / (1.0 + small)


def _gelu(inputs: list[Array], told: Mapping[str, Any]) -> Array:
    (x,) = inputs
    if told.get("approximate", "none") == "tanh":
        return np.asarray(0.5 * x * (1.0 + np.tanh(np.sqrt(2.0 / np.pi) * (x + 0.044715 * x**3))))
    return np.asarray(0.5 * x * (1.0 + np.vectorize(math.erf, otypes=[np.float64])(x / math.sqrt(2.0))))


def _leaky_relu(inputs: list[Array], told: Mapping[str, Any]) -> Array:
    x = inputs[0]
    return np.where(x < 0, x * float(told.get("alpha", 0.01)), x)


def _cast(inputs: list[Array], told: Mapping[str, Any]) -> Array:
    to = int(told["to"])
    return inputs[0].astype(np.float64 if to in _FLOATS else onnx.helper.tensor_dtype_to_np_dtype(to))


_KERNELS: dict[str, Callable[[list[Array], Mapping[str, Any]], Array]] = {
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_norm,
    "Cast": _cast,
    "Conv": _conv,
    "DequantizeLinear": _dequantize_linear,
    "Dropout": lambda inputs, told: inputs[0],
    "Gelu": _gelu,
    "Gemm": _gemm,
    "GlobalAveragePool": _global_average_pool,
    "Identity": lambda inputs, told: inputs[0],
    "LeakyRelu": _leaky_relu,
    "MatMul": lambda inputs, told: np.matmul(inputs[0], inputs[1]),
    "MaxPool": _max_pool,
    "Mish": lambda inputs, told: inputs[0] * np.tanh(np.logaddexp(0.0, inputs[0])),
    "QuantizeLinear": _quantize_linear,
    "Relu": lambda inputs, told: np.maximum(inputs[0], 0),
    "Sigmoid": _sigmoid,
    "Tanh": lambda inputs, told: np.tanh(inputs[0]),
}


def _nearest(node: onnx.NodeProto, opset: int) -> Kernel:
    """Resize by nearest neighbour: a choice of rows and columns, which the reference makes for each axis alone."""
    whole = _reference(node, opset)

    def run(inputs: list[Array]) -> list[Array]:
        x = inputs[0]
        picks = []
        for axis, size in enumerate(x.shape):
            line = np.arange(size, dtype=np.float64).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
            picks.append(whole([line, *_for_axis(inputs[1:], axis, line.shape)])[0].reshape(-1).astype(np.int64))
        y = x
        for axis, pick in enumerate(picks):
            if pick.size != x.shape[axis] or (pick != np.arange(pick.size)).any():
                y = y.take(pick, axis=axis)
        return [y]

    def _for_axis(others: list[Any], axis: int, shape: tuple[int, ...]) -> list[Any]:
        """Scales or sizes that resize this axis only; an empty region of interest is none, any other is passed on."""
        return [None if value is None or not value.size else _only(value, axis, len(shape)) for value in others]

    return run


def _only(value: Array, axis: int, rank: int) -> Array:
    """Scales or sizes `value` of so many axes with all but one of them 1."""
    if value.size != rank:
        return value
    neutral = np.ones_like(value)
    neutral[axis] = value[axis]
    return neutral
