"""The quantising operators of QONNX and ONNX as functions from floats to integers.

Quant and IntQuant, BipolarQuant, Trunc (both versions), MultiThreshold (QONNX) and QuantizeLinear (ONNX).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from lutwright.errors import BadModel, UnsupportedOp
from lutwright.frontend.tensors import is_integer, limits
from lutwright.numerics.quantiser import ROUNDING, FloatArray, IntArray, Quantiser

Constants = Callable[[int], NDArray[Any]]
# An array that broadcasts against the tensor to [1] or [channels] of its channels.
Lane = Callable[[NDArray[Any]], FloatArray]


@dataclass(frozen=True, eq=False)
class Quantise:
    """floats [..., channels] -> integers of the same shape; value = integer * scale (float64 [1] or [channels]).

    low, high: the integers that can come out. fixed: whether every constant in it is exact in float32 arithmetic.
    """

    integers: Callable[[FloatArray], IntArray]
    scale: FloatArray
    low: int
    high: int


def place(node: onnx.NodeProto) -> str:
    """How messages call `node`."""
    return f"node '{node.name or node.output[0]}' ({node.op_type})"


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """The attributes of `node` by name, texts decoded."""
    found = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    return {k: v.decode(errors="replace") if isinstance(v, bytes) else v for k, v in found.items()}


def read_quantise(node: onnx.NodeProto, constants: Constants, lane: Lane, version: int) -> Quantise:
    """The function of quantising node `node`; `constants(i)` is its input i, `version` that of its operator set.

    Raises UnsupportedOp or BadModel naming the node.
    """
    return _READ[node.op_type](node, constants, lane, version)


def _refuse(node: onnx.NodeProto, rule: str, found: object, fix: str = "") -> UnsupportedOp:
    return UnsupportedOp(place(node), rule, found, fix)


def _scale(node: onnx.NodeProto, value: NDArray[Any]) -> NDArray[np.float64]:
    scale = np.asarray(value, np.float64)
    if not scale.size or not np.isfinite(scale).all() or (scale <= 0).any():
        raise BadModel(
            place(node), "scales must be positive and finite", scale.reshape(-1).tolist()[:4], "Train again."
        )
    return scale


def _bits(node: onnx.NodeProto, value: NDArray[Any]) -> int:
    bits = np.unique(np.asarray(value, np.float64))
    if bits.size != 1 or not 1 <= bits[0] <= 32 or bits[0] != int(bits[0]):
        raise _refuse(node, "the bit width must be one integer from 1 to 32", bits.tolist()[:4], "Use 2 to 8 bits.")
    return int(bits[0])


def _rounding(node: onnx.NodeProto, default: str = "ROUND") -> str:
    mode = str(attributes(node).get("rounding_mode", default)).upper()
    if mode not in ROUNDING:
        raise _refuse(node, f"rounding_mode must be one of {', '.join(ROUNDING)}", mode)
    return mode


def _quant(node: onnx.NodeProto, constants: Constants, lane: Lane, version: int) -> Quantise:
    told = attributes(node)
    scale, zero = _scale(node, constants(1)), np.asarray(constants(2), np.float64)
    if not np.isfinite(zero).all():
        raise BadModel(place(node), "the zero point must be finite", zero.reshape(-1).tolist()[:4], "Train again.")
    signed, narrow = bool(told.get("signed", 1)), bool(told.get("narrow", 0))
    made = Quantiser(lane(scale), lane(zero), _bits(node, constants(3)), signed, narrow, _rounding(node))
    if made.high <= made.low:
        raise _refuse(node, "the quantiser must have two codes or more", "one", "Use more bits, or narrow=0.")
    if made.unit == 0:
        raise _refuse(
            node, "zero points must be multiples of 1/16", zero.reshape(-1).tolist()[:4], "Use whole zero points."
        )
    ends = np.array([[made.low], [made.high]]) * made.unit - np.rint(lane(zero) * made.unit)
    if np.abs(ends).max() >= 1 << 40:
        raise _refuse(
            node, "zero points must be below 2^40", float(np.abs(zero).max()), "Use a zero point among the codes."
        )
    return Quantise(made.centred, np.asarray(lane(scale) / made.unit, np.float64), int(ends.min()), int(ends.max()))


def _bipolar(node: onnx.NodeProto, constants: Constants, lane: Lane, version: int) -> Quantise:
    scale = np.asarray(lane(_scale(node, constants(1))), np.float64)
    return Quantise(lambda x: np.where(x >= 0, 1, -1).astype(np.int64), scale, -1, 1)


def _trunc(node: onnx.NodeProto, constants: Constants, lane: Lane, version: int) -> Quantise:
    """Trunc-1 (input bits, output bits) and Trunc-2 (input bits, output scale, output bits) of QONNX."""
    told = attributes(node)
    scale, zero = lane(_scale(node, constants(1))), lane(np.asarray(constants(2), np.float64))
    shift: FloatArray
    out_scale: FloatArray
    rounding = ROUNDING[_rounding(node, "FLOOR")]
    bits_in = _bits(node, constants(3))
    if len(node.input) > 5 or version >= 2:
        bits, out_scale = _bits(node, constants(5)), np.asarray(lane(_scale(node, constants(4))), np.float64)
        shift = 2.0 ** np.rint(np.log2(out_scale / scale))
        clip: tuple[int, int] | None = _codes(bits, bool(told.get("signed", 1)), bool(told.get("narrow", 0)))
        out_zero: FloatArray = zero / shift
    else:
        bits, out_scale = _bits(node, constants(4)), scale
        shift, clip, out_zero = np.asarray([2.0 ** (bits_in - bits)]), None, zero
    unit = next((u for u in (1, 2, 4, 8, 16) if bool((out_zero * u == np.rint(out_zero * u)).all())), 0)
    if unit == 0:
        raise _refuse(node, "zero points must be multiples of 1/16 after truncation", out_zero.tolist()[:4])

    def integers(x: FloatArray) -> IntArray:
        kind = x.dtype.type
        y = np.rint(x / scale.astype(kind) + zero.astype(kind)) / shift.astype(kind)
        y = y if clip is None else np.clip(y, kind(clip[0]), kind(clip[1]))
        return rounding(y).astype(np.int64) * unit - np.rint(out_zero * unit).astype(np.int64)

    # Without a clip the range is that of whatever comes in; the step function finds it.
    low, high = clip if clip is not None else (-(1 << 40), 1 << 40)
    ends = np.array([[low], [high]]) * unit - np.rint(out_zero * unit)
    return Quantise(integers, np.asarray(out_scale / unit, np.float64), int(ends.min()), int(ends.max()))


def _codes(bits: int, signed: bool, narrow: bool) -> tuple[int, int]:
    """Lowest and highest code; of one signed bit -1 and 0, which is binary only in Quant."""
    if signed:
        return -(1 << (bits - 1)) + int(narrow), (1 << (bits - 1)) - 1
    return 0, (1 << bits) - 1 - int(narrow)


def _multi_threshold(node: onnx.NodeProto, constants: Constants, lane: Lane, version: int) -> Quantise:
    """out_scale * (number of thresholds that x reaches) + out_bias; thresholds [1 or channels, n]."""
    told = attributes(node)
    thresholds = np.asarray(constants(1), np.float64)
    if thresholds.ndim != 2 or not thresholds.size:
        raise BadModel(place(node), "thresholds must be (channels, steps)", thresholds.shape, "Export the model again.")
    rows = np.sort(np.stack([lane(thresholds[:, j]) for j in range(thresholds.shape[1])], axis=-1), axis=-1)
    out_scale, bias = float(told.get("out_scale", 1.0)), float(told.get("out_bias", 0.0))
    if not np.isfinite(out_scale) or out_scale == 0 or not np.isfinite(bias):
        raise BadModel(place(node), "out_scale must be finite and not 0", out_scale, "Export the model again.")
    unit = next((u for u in (1, 2, 4, 8, 16) if bias / out_scale * u == round(bias / out_scale * u)), 0)
    if unit == 0:
        raise _refuse(
            node, "out_bias must be a multiple of out_scale / 16", f"{bias} and {out_scale}", "Change out_bias."
        )
    offset = round(bias / out_scale * unit)

    def integers(x: FloatArray) -> IntArray:
        count = np.zeros(x.shape, np.int64)
        for j in range(rows.shape[1]):
            count += x >= rows[:, j].astype(x.dtype)
        return count * unit + offset

    scale = np.array([out_scale / unit])
    return Quantise(integers, scale, offset, rows.shape[1] * unit + offset)


def _quantize_linear(node: onnx.NodeProto, constants: Constants, lane: Lane, version: int) -> Quantise:
    """saturate(round(x / scale) + zero point), half to even; the integers still hold the zero point (scale 1)."""
    told = attributes(node)
    zero = constants(2) if len(node.input) > 2 and node.input[2] else np.zeros(1, np.uint8)
    if not is_integer(zero.dtype) or told.get("output_dtype", 0) not in (
        0,
        onnx.helper.np_dtype_to_tensor_dtype(zero.dtype),
    ):
        raise _refuse(node, "the zero point must be an integer type", zero.dtype, "Quantise to int8 or uint8.")
    if told.get("block_size", 0):
        raise _refuse(node, "block_size must be 0", told["block_size"], "Quantise per tensor or per channel.")
    low, high = limits(zero.dtype)
    scale, offset = lane(_scale(node, constants(1))), lane(zero.astype(np.float64))

    def integers(x: FloatArray) -> IntArray:
        kind = x.dtype.type
        y = np.rint(x / scale.astype(kind)) + offset.astype(kind)
        return np.clip(y, kind(low), kind(high)).astype(np.int64)

    return Quantise(integers, np.ones(1), low, high)


_READ: Mapping[str, Callable[[onnx.NodeProto, Constants, Lane, int], Quantise]] = {
    "Quant": _quant,
    "IntQuant": _quant,
    "BipolarQuant": _bipolar,
    "Trunc": _trunc,
    "MultiThreshold": _multi_threshold,
    "QuantizeLinear": _quantize_linear,
}
