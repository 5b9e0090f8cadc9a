"""Handlers of pools and of reductions over a whole image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx

from lutwright.errors import BadModel
from lutwright.frontend.quantisers import attributes, place
from lutwright.frontend.translator import Translator
from lutwright.frontend.values import Symbol, Value
from lutwright.frontend.windows import channels_last, geometry, pooled
from lutwright.numerics import chain as floats

_MOST_TAPS = 1 << 16  # of a window that is larger than its image


def pool(t: Translator, node: onnx.NodeProto) -> Value:
    """MaxPool and AveragePool; NHWC in qonnx's channels-last domain."""
    handler = _max_pool if node.op_type.startswith("MaxPool") else _average_pool
    if node.domain.endswith("channels_last") or node.op_type.endswith("NHWC"):
        return channels_last(t, node, handler)
    return handler(t, node, t.symbol(node))


def _window(
    t: Translator, node: onnx.NodeProto, x: Symbol
) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int, int, int], bool]:
    """Kernel, stride, pads (grown at the far ends where ceil_mode asks for it), and whether they were grown."""
    told = attributes(node)
    spatial = len(x.view.model_shape) - 1
    kernel = (*[1] * (2 - spatial), *(int(k) for k in told.get("kernel_shape", [])))
    if len(kernel) != 2 or min(kernel) < 1:
        raise BadModel(place(node), f"must have a kernel of {spatial} axes", list(kernel), "Export the model again.")
    if any(d != 1 for d in told.get("dilations", [1])):
        raise t.refuse(node, "dilations must be 1", list(told["dilations"]), "Use a larger kernel.")
    size = x.view.shape[:2]
    if kernel[0] * kernel[1] > _MOST_TAPS and kernel[0] * kernel[1] > size[0] * size[1]:
        raise t.refuse(node, f"windows must have at most {_MOST_TAPS} places", list(kernel), "Use a smaller kernel.")
    stride, pads = geometry(t, node, told, kernel, size, spatial)
    grown = list(pads)
    if told.get("ceil_mode", 0):
        for axis in range(2):
            total = size[axis] + pads[axis] + pads[axis + 2] - kernel[axis]
            outputs = -(-total // stride[axis]) + 1
            # A window that would begin beyond the image and its first padding does not count.
            if (outputs - 1) * stride[axis] >= size[axis] + pads[axis]:
                outputs -= 1
            grown[axis + 2] = max(pads[axis + 2], (outputs - 1) * stride[axis] + kernel[axis] - size[axis] - pads[axis])
    if pads[0] >= kernel[0] or pads[1] >= kernel[1] or pads[2] >= kernel[0] or pads[3] >= kernel[1]:
        raise t.refuse(node, "padding must be smaller than the kernel", list(pads), "Pad less.")
    return (kernel[0], kernel[1]), stride, (grown[0], grown[1], grown[2], grown[3]), tuple(grown) != pads


def _max_pool(t: Translator, node: onnx.NodeProto, x: Symbol) -> Symbol:
    if len(node.output) > 1 and node.output[1]:
        raise t.refuse(node, "must have one output", "indices besides", "Drop the indices.")
    x = t.canonical(node, t.rising(node, x))
    kernel, stride, pads, _ = _window(t, node, x)
    return pooled(t, node, "MaxPool", x, kernel=kernel, stride=stride, pads=pads)


def _average_pool(t: Translator, node: onnx.NodeProto, x: Symbol) -> Symbol:
    x = t.canonical(node, t.materialise(node, x))
    kernel, stride, pads, grown = _window(t, node, x)
    if grown or (any(pads) and not attributes(node).get("count_include_pad", 0)):
        raise t.refuse(
            node,
            "every window must average the same number of elements",
            f"pads {list(pads)}",
            "Set count_include_pad, or pad before.",
        )
    return _averaged(t, node, x, kernel, stride, pads)


def _averaged(
    t: Translator,
    node: onnx.NodeProto,
    x: Symbol,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    pads: tuple[int, int, int, int],
    mean: bool = True,
) -> Symbol:
    count = kernel[0] * kernel[1]
    tensor = t.tensors[x.tensor]
    t.exact_sum(node, count * max(abs(tensor.low), abs(tensor.high)))
    if count & (count - 1) and mean:
        t.inexact(f"{place(node)} divides by {count}")
    y = pooled(t, node, "SumPool", x, kernel=kernel, stride=stride, pads=pads)
    return y.then(floats.divide(node.name, np.array([float(count)]))) if mean else y


def global_pool(t: Translator, node: onnx.NodeProto) -> Value:
    """GlobalAveragePool and GlobalMaxPool."""
    x = t.symbol(node)
    return _global(t, node, x, node.op_type == "GlobalMaxPool")


def _global(t: Translator, node: onnx.NodeProto, x: Symbol, largest: bool, mean: bool = True) -> Symbol:
    x = t.canonical(node, t.rising(node, x) if largest else t.materialise(node, x))
    kernel = (x.view.shape[0], x.view.shape[1])
    if largest:
        return pooled(t, node, "MaxPool", x, kernel=kernel, stride=(1, 1), pads=(0, 0, 0, 0))
    return _averaged(t, node, x, kernel, (1, 1), (0, 0, 0, 0), mean)


def reduce(t: Translator, node: onnx.NodeProto) -> Value:
    """ReduceMean, ReduceSum and ReduceMax over the whole of an image or signal."""
    x = t.symbol(node)
    told = attributes(node)
    rank = len(x.view.model_shape) + 1
    given = t.integers(node, 1) if t.has(node, 1) else told.get("axes", range(rank))
    axes = sorted(int(a) % rank for a in given)
    last = rank > 2 and axes == list(range(1, rank - 1))
    if (not last and axes != list(range(2, rank))) or not axes:
        raise t.refuse(node, "must reduce height and width", axes, "Reduce the axes of the image.")
    if last:
        x = replace(x, view=x.view.seen(np.moveaxis(x.view.index, -1, 0)))
    y = _global(t, node, x, node.op_type == "ReduceMax", node.op_type == "ReduceMean")
    index = y.view.index
    if last:
        index = np.moveaxis(index, 0, -1)
    return replace(y, view=y.view.seen(index if told.get("keepdims", 1) else index.reshape(-1)))
