"""Handlers of the layers that have weights: convolutions and dense layers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx

from lutwright.errors import BadModel
from lutwright.frontend.quantisers import attributes, place
from lutwright.frontend.translator import Translator
from lutwright.frontend.values import Constant, Symbol, Value, Weights
from lutwright.frontend.windows import channels_last, geometry, image
from lutwright.numerics import chain as floats
from lutwright.numerics.chain import Chain
from lutwright.numerics.grid import common_scale
from lutwright.numerics.quantiser import FloatArray, IntArray
from lutwright.numerics.view import View

_MOST_WEIGHT = 1 << 31
_MOST_DILATED = 1 << 24  # weights, with the zeros between them
_MOST_UNQUANTISED = 1 << 15  # magnitude of integers in constants that nothing quantised


def weights_of(t: Translator, node: onnx.NodeProto, index: int) -> Weights:
    """Input `index` as integers and scales; plain constants only where they are integers on a small binary grid."""
    value = t.values[node.input[index]]
    if isinstance(value, Constant | Weights):
        _not_empty(node, value)
    if isinstance(value, Weights):
        return value
    if not isinstance(value, Constant):
        raise t.refuse(
            node, "the weights must be constants", "the result of another node", "Fold them before the export."
        )
    array = np.asarray(value.value, np.float64)
    found = common_scale(array[array != 0], _MOST_UNQUANTISED) if array.any() else (1.0, np.zeros(0, np.int64))
    if found is None or not floats.powers_of_two(np.array([found[0]])):
        raise t.refuse(
            node,
            "the weights must be quantised",
            "floats",
            "Use a layer with quantised weights, and keep its Quant node in the file.",
        )
    scale = found[0] if found[0] < 1 else 1.0
    return Weights(np.rint(array / scale).astype(np.int64), np.full((1,) * max(1, array.ndim), scale))


def _not_empty(node: onnx.NodeProto, value: Constant | Weights) -> None:
    shape = (value.integers if isinstance(value, Weights) else value.value).shape
    if 0 in shape:
        raise BadModel(place(node), "the weights must not be empty", f"of shape {shape}", "Export the model again.")


def _by_output(t: Translator, node: onnx.NodeProto, w: Weights, out_axis: int) -> tuple[IntArray, FloatArray]:
    """Integers, and one scale for each output ([1] or [out]); those inside an output go into the integers."""
    scale = np.broadcast_to(w.scale, (1,) * (w.integers.ndim - w.scale.ndim) + w.scale.shape)
    inner = scale.size > 1 and any(n > 1 for i, n in enumerate(scale.shape) if i != out_axis)
    if not inner:
        return w.integers, scale.reshape(-1)
    full = np.moveaxis(np.broadcast_to(scale, w.integers.shape), out_axis, 0).reshape(w.integers.shape[out_axis], -1)
    integers = np.moveaxis(w.integers, out_axis, 0).reshape(full.shape).copy()
    scales = np.empty(full.shape[0])
    for o in range(full.shape[0]):
        found = common_scale(full[o], _MOST_WEIGHT)
        if found is None:
            raise t.refuse(
                node,
                "the scales inside an output must have a common divisor",
                full[o][:3].tolist(),
                "Use one scale an output.",
            )
        scales[o] = found[0]
        integers[o] *= found[1]
    moved = integers.reshape(np.moveaxis(w.integers, out_axis, 0).shape)
    return np.moveaxis(moved, 0, out_axis), scales


def _inputs_aligned(t: Translator, node: onnx.NodeProto, scale: FloatArray) -> tuple[float, IntArray]:
    """One scale for inputs whose channels have their own, and the factors that go into the weights."""
    found = common_scale(scale, _MOST_WEIGHT)
    if found is None:
        raise t.refuse(
            node,
            "the input channels' scales must have a common divisor",
            scale[:3].tolist(),
            "Use one scale for the activations.",
        )
    return found


def _bounded(t: Translator, node: onnx.NodeProto, x: Symbol, matrix: IntArray) -> None:
    tensor = t.tensors[x.tensor]
    if np.abs(matrix).max(initial=0) >= 1 << 50:
        raise t.refuse(node, "weights must stay below 2^50", int(np.abs(matrix).max()), "Use one scale for the layer.")
    largest = float(np.abs(matrix.reshape(matrix.shape[0], -1).astype(np.float64)).sum(axis=1).max(initial=0))
    t.exact_sum(node, int(largest * max(abs(tensor.low), abs(tensor.high))))


def _biased(t: Translator, node: onnx.NodeProto, y: Symbol, factor: float = 1.0) -> Symbol:
    """`y` with `factor` times the bias of input 2, where there is one, as part of its chain."""
    if not t.has(node, 2):
        return y
    bias = np.asarray(t.constant(node, 2), np.float64).reshape(-1) * factor
    channels = t.tensors[y.tensor].channels
    if bias.size not in (1, channels):
        raise BadModel(place(node), f"the bias must have {channels} values", bias.size, "Export the model again.")
    if not bias.any():
        return y
    tensor = t.tensors[y.tensor]
    scaled = bias / y.chain.scale
    bound = max(abs(tensor.low), abs(tensor.high)) + float(np.abs(scaled).max())
    # Float32 adds exactly in any order where sums and bias lie on one grid that leaves them 24 bits.
    on_grid = any(bool((scaled * u == np.rint(scaled * u)).all()) and u * bound < 1 << 24 for u in (1, 256))
    if not on_grid:
        t.inexact(f"{place(node)} has a bias that is off the grid of its sums")
    return y.then(floats.add(node.name, bias))


def conv(t: Translator, node: onnx.NodeProto) -> Value:
    """Conv, one- or two-dimensional, any groups and dilations; NHWC in qonnx's channels-last domain."""
    if node.domain.endswith("channels_last"):
        return channels_last(t, node, lambda t, node, x: _conv(t, node, x, _channels_first(weights_of(t, node, 1))))
    return _conv(t, node, t.symbol(node), weights_of(t, node, 1))


def _channels_first(w: Weights) -> Weights:
    """Weights [O, kh, kw, I] of qonnx's channels-last convolution as [O, I, kh, kw]."""
    scale = w.scale.reshape((1,) * (w.integers.ndim - w.scale.ndim) + w.scale.shape)
    return Weights(np.moveaxis(w.integers, -1, 1), np.moveaxis(scale, -1, 1)) if w.integers.ndim > 2 else w


def _conv(t: Translator, node: onnx.NodeProto, x: Symbol, w: Weights) -> Symbol:
    """Conv of `x`, which the model holds as (C, H, W) or (C, L), with weights [O, I/groups, ...kernel]."""
    told = attributes(node)
    x, offset = _without_offset(t, node, x)
    x = t.canonical(node, x)
    integers, w_scale = _by_output(t, node, w, 0)
    spatial = len(x.view.model_shape) - 1
    if integers.ndim != spatial + 2:
        raise t.refuse(
            node, f"the weights must have {spatial + 2} axes", integers.shape, "Use a convolution of the input's rank."
        )
    groups = int(told.get("group", 1))
    channels = x.view.channels
    if groups < 1 or channels % groups or integers.shape[0] % groups or integers.shape[1] != channels // groups:
        raise BadModel(
            place(node),
            f"weights must take {channels} channels in {groups} groups",
            integers.shape,
            "Export the model again.",
        )
    shape = integers.shape[2:]
    if tuple(told.get("kernel_shape", shape)) != shape:
        rule = "kernel_shape must be that of the weights"
        raise BadModel(place(node), rule, f"{list(told['kernel_shape'])} and {list(shape)}", "Export the model again.")
    integers = _dilated(t, node, integers, [int(d) for d in told.get("dilations", [])])
    if spatial == 1:
        integers = integers[:, :, None, :]
    stride, pads = geometry(t, node, told, integers.shape[2:], x.view.shape[:2], spatial)
    shift = None if offset is None else _moved_offset(integers, w_scale, offset, channels, groups)
    x, integers, scale = _scaled(t, node, x, integers, w_scale, groups)
    _bounded(t, node, x, integers)
    weights = np.ascontiguousarray(integers.transpose(0, 2, 3, 1))
    y = t.emit(node, "Conv", (x,), scale, x.view, weights=weights, stride=stride, pads=pads, groups=groups)
    y = replace(y, view=image(t.tensors[y.tensor].shape, spatial))
    return _biased(t, node, y if shift is None else y.then(floats.add(node.name, shift)))


def _dilated(t: Translator, node: onnx.NodeProto, integers: IntArray, dilations: list[int]) -> IntArray:
    """Weights [O, I/groups, *kernel] with zeros between the taps, which is what a dilation means."""
    if all(d == 1 for d in dilations):
        return integers
    kernel = integers.shape[2:]
    if len(dilations) != len(kernel) or min(dilations) < 1:
        raise BadModel(place(node), f"must have {len(kernel)} positive dilations", dilations, "Export the model again.")
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    if int(np.prod(spans, dtype=np.float64)) * integers.shape[0] * integers.shape[1] > _MOST_DILATED:
        raise t.refuse(node, "the dilated kernel must be smaller", spans, "Use a smaller dilation.")
    spread = np.zeros((*integers.shape[:2], *spans), np.int64)
    spread[(slice(None), slice(None), *(slice(None, None, d) for d in dilations))] = integers
    return spread


def _without_offset(t: Translator, node: onnx.NodeProto, x: Symbol) -> tuple[Symbol, FloatArray | None]:
    """`x` as integers times a scale, and an offset [1] or [channels] of it that has no small grid; None for 0.

    Where nothing is padded a layer passes such an offset (a mean taken off pixels) on as a constant for each output.
    """
    told = attributes(node)
    padded = any(told.get("pads", [])) or str(told.get("auto_pad", "NOTSET")).startswith("SAME")
    lines = t.lines(x) if x.view.is_image() or len(x.view.shape) == 1 else None
    if lines is None:
        return t.materialise(node, x), None
    if padded:
        rule = "what a padded layer reads must lie on a grid with 0"
        raise t.refuse(node, rule, f"the float result of {x.chain.last!r}", "Quantise it first, or pad elsewhere.")
    t.inexact(f"{place(node)} reads integers with an offset that is off their grid")
    return replace(x, chain=Chain(lines[0])), lines[1]


def _moved_offset(
    integers: IntArray, w_scale: FloatArray, offset: FloatArray, channels: int, groups: int
) -> FloatArray:
    """What `offset` [1] or [channels] of the inputs adds to each output of weights [O, I/groups, ...]."""
    outputs, inside = integers.shape[:2]
    owner = np.arange(outputs) // (outputs // groups)
    lanes = np.broadcast_to(offset, channels).reshape(groups, inside)[owner]
    sums = integers.reshape(outputs, inside, -1).sum(axis=2)
    return np.asarray((sums * lanes).sum(axis=1) * w_scale)


def _scaled(
    t: Translator, node: onnx.NodeProto, x: Symbol, integers: IntArray, w_scale: FloatArray, groups: int
) -> tuple[Symbol, IntArray, FloatArray]:
    """The input, the weights [O, I/groups, kh, kw] and the scale of the sums; input channels may have their own."""
    scale = x.chain.scale
    if (scale == scale[0]).all():
        return replace(x, chain=Chain(scale[:1])), integers, scale[:1] * w_scale
    outputs, inside = integers.shape[:2]
    owner = np.arange(outputs) // (outputs // groups)
    lanes = np.broadcast_to(scale, x.view.channels).reshape(groups, inside)[owner]  # [outputs, inside]
    if (lanes == lanes[:, :1]).all():
        return x, integers, lanes[:, 0] * w_scale
    one, factors = _inputs_aligned(t, node, scale)
    factors = factors.reshape(groups, inside)[owner]
    return x, integers * factors[:, :, None, None], one * w_scale


def matmul(t: Translator, node: onnx.NodeProto) -> Value:
    """MatMul and Gemm of an activation with constant weights."""
    told = attributes(node)
    if isinstance(t.values[node.input[0]], Constant | Weights):
        if isinstance(t.values[node.input[1]], Constant | Weights):
            a, b = t.constant(node, 0), t.constant(node, 1)
            t.room(node, a.size * b.size // max(1, a.shape[-1]) ** 2 if a.ndim and b.ndim else 0)
            return Constant(a @ b)
        raise t.refuse(node, "the weights must be the second operand", "the first", "Swap the operands.")
    alpha, beta = float(told.get("alpha", 1.0)), float(told.get("beta", 1.0))
    if told.get("transA", 0) or alpha == 0:
        found = f"transA {told.get('transA', 0)}, alpha {alpha}"
        raise t.refuse(node, "transA must be 0 and alpha anything else", found, "Swap the operands.")
    x = t.symbol(node)
    if not isinstance(t.values[node.input[1]], Constant | Weights):
        raise t.refuse(node, "one operand must be constant weights", "two activations", "Attention is not done.")
    w = weights_of(t, node, 1)
    if w.integers.ndim != 2:
        raise t.refuse(node, "the weights must be a matrix", w.integers.shape, "Use one matrix.")
    out_axis = 0 if told.get("transB", 0) else 1
    integers, w_scale = _by_output(t, node, w, out_axis)
    w_scale = w_scale * t.exact_scale(node, np.array([alpha]))
    matrix = integers if out_axis == 0 else integers.T
    shape = x.view.model_shape
    if not shape or shape[-1] != matrix.shape[1]:
        raise BadModel(
            place(node), f"the weights must take vectors of {shape[-1:]}", integers.shape, "Flatten the input first."
        )
    if len(shape) == 1:
        return _biased(t, node, _dense(t, node, x, matrix, w_scale), beta)
    return _biased(t, node, _pointwise(t, node, t.materialise(node, x), matrix, w_scale), beta)


def _dense(t: Translator, node: onnx.NodeProto, x: Symbol, matrix: IntArray, w_scale: FloatArray) -> Symbol:
    x, offset = _without_offset(t, node, t.flat(node, x))
    ordered = np.empty_like(matrix)
    ordered[:, x.view.index] = matrix
    shift = None if offset is None else _moved_offset(ordered[:, :, None], w_scale, offset, ordered.shape[1], 1)
    scale = x.chain.scale
    if not (scale == scale[0]).all():
        one, factors = _inputs_aligned(t, node, scale)
        ordered, scale = ordered * factors, np.array([one])
    x = replace(x, chain=Chain(scale[:1]))
    _bounded(t, node, x, ordered)
    view = View(np.arange(matrix.shape[0]), (matrix.shape[0],))
    y = t.emit(node, "Dense", (x,), scale[:1] * w_scale, view, weights=np.ascontiguousarray(ordered))
    return y if shift is None else y.then(floats.add(node.name, shift))


def _pointwise(t: Translator, node: onnx.NodeProto, x: Symbol, matrix: IntArray, w_scale: FloatArray) -> Symbol:
    """A matrix on the last axis of an image (H, W, C) or a signal (L, C): a convolution with a 1x1 kernel."""
    shape = x.view.model_shape
    if len(shape) not in (2, 3):
        raise t.refuse(node, "must work on a vector, a signal or an image", shape, "Reshape before.")
    image = t.canonical(node, replace(x, view=x.view.seen(np.moveaxis(x.view.index, -1, 0))))
    image, integers, scale = _scaled(t, node, image, matrix[:, :, None, None], w_scale, 1)
    _bounded(t, node, image, integers)
    weights = np.ascontiguousarray(integers.transpose(0, 2, 3, 1))
    y = t.emit(node, "Conv", (image,), scale, image.view, weights=weights, stride=(1, 1), pads=(0, 0, 0, 0), groups=1)
    made = t.tensors[y.tensor].shape
    return replace(y, view=View(np.arange(int(np.prod(made))).reshape(*shape[:-1], made[-1]), made))
