"""Pools, reductions, padding and resizing against onnxruntime (float32) and numpy (float64)."""

import numpy as np
import onnxruntime
import pytest
from small_models import Net, agree

from lutwright.frontend.translate import import_with_taps
from lutwright.ir.execute import execute

IMAGE, SIGNAL = (2, 7, 6), (2, 9)


def pool(op="MaxPool", kernel=(2, 2), strides=None, shape=None, signed=1, **attrs):
    def build(net):
        x = net.start(signed=signed)
        y = net.add(op, x, kernel_shape=kernel, strides=strides or kernel, **attrs)
        return net.act(y, 0.5, signed=1)

    return build, shape or (IMAGE if len(kernel) == 2 else SIGNAL)


def pool_of_negatives(net):
    """Everything below 0, so that padding with 0 would win."""
    x = net.quant(net.add("Sub", net.start(), net.constant(8.0)), net.scale(0.5), 6, signed=1)
    return net.add("MaxPool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1])


def pool_behind_floats(net):
    """A pool between batch norm, which falls in some channels, and the quantiser."""
    x = net.add("Conv", net.start(), net.weights(4, 2, 2, 2))
    given = [
        net.constant(v) for v in ([1.3, -0.7, -2.0, 0.0], net.rng.normal(size=4), net.rng.normal(size=4), np.ones(4))
    ]
    x = net.add("MaxPool", net.add("BatchNormalization", x, *given), kernel_shape=[2, 2], strides=[2, 1])
    return net.act(net.add("Relu", x), 0.5)


def pool_behind_negation(op):
    """A pool of -x: the smallest integer is the largest value."""

    def build(net):
        return net.add(op, net.add("Neg", net.start()), **({"kernel_shape": [2, 2]} if op == "MaxPool" else {}))

    return build, IMAGE


def pool_behind_a_curve(net):
    """A pool of |x|, which is no monotone function."""
    return net.add("MaxPool", net.add("Abs", net.start(signed=1)), kernel_shape=[2, 3])


def reduce(op, axes, keep, last=False, shape=IMAGE, opset=20):
    """A reduction; axes as input (opset 18 and up) or as attribute."""

    def build(net):
        net.opset = opset
        x = net.start(signed=1)
        if last:
            x = net.add("Transpose", x, perm=[0, 2, 3, 1] if len(shape) == 3 else [0, 2, 1])
        given, told = ([net.shape_of(*axes)], {}) if opset >= 18 else ([], {"axes": axes})
        return net.act(net.add(op, x, *given, keepdims=keep, **told), 0.25, bits=6, signed=1)

    return build, shape


def reduce_sum_13(net):
    net.opset = 13
    return net.add("ReduceSum", net.start(), net.shape_of(-1, -2), keepdims=0)


def scaled_pool(op, **attrs):
    """Channels with their own scales through a pool."""

    def build(net):
        scale = np.array([0.25, 1.0]).reshape(1, 2, 1, 1) * (1.0 if net.power else np.float32(0.3))
        return net.act(net.add(op, net.quant("input", scale, 4, name="in"), **attrs), 0.5)

    return build, IMAGE


def pads(edges, mode="constant", value=None, axes=None, shape=IMAGE, opset=20):
    def build(net):
        net.opset = opset
        x = net.act(net.add("Conv", net.start(), net.weights(*(3, 2, *[1] * (len(shape) - 1)))), 0.5, signed=1)
        if opset < 11:
            return net.add("Pad", x, pads=edges, mode=mode, value=value or 0.0)
        given = [net.shape_of(*edges)]
        given += [net.constant(value)] if value is not None else [""] if axes else []
        given += [net.shape_of(*axes)] if axes else []
        return net.add("Pad", x, *given, mode=mode)

    return build, shape


def pad_with_a_code(net):
    """Padding with 3 steps of the scale, around floats behind a Relu."""
    x = net.add("Relu", net.quant("input", 0.25, 4, signed=1, name="in"))
    return net.add(
        "Conv", net.add("Pad", x, net.shape_of(0, 0, 1, 2, 0, 0, 0, 1), net.constant(0.75)), net.weights(3, 2, 3, 3)
    )


def pad_then_conv(net):
    x = net.add("Pad", net.start(), net.shape_of(0, 0, 1, 2, 0, 0, 0, 1))
    return net.act(net.add("Conv", x, net.weights(3, 2, 3, 3), pads=[1, 1, 1, 1]), 1.0)


def pad_keeps_floats(mode):
    """Repeated pixels keep the float operations before them."""

    def build(net):
        x = net.add("Add", net.add("Conv", net.start(), net.weights(3, 2, 1, 1)), net.constant(0.3))
        return net.act(net.add("Pad", x, net.shape_of(0, 0, 1, 2, 0, 0, 2, 1), mode=mode))

    return build, IMAGE


RESIZES = {
    **{
        f"{how} {rounding} {f[2]:.2f} {f[3]:.2f}": {
            "scales": f,
            "coordinate_transformation_mode": how,
            "nearest_mode": rounding,
        }
        for how in ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric")
        for rounding in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
        for f in ([1, 1, 2, 2], [1, 1, 1.7, 0.6], [1, 1, 0.4, 2.5], [1, 1, 0.15, 1 / 3])
    },
    "default": {"scales": [1, 1, 2, 3]},
    "1-D": {"scales": [1, 1, 2.5], "shape": SIGNAL},
    "sizes": {"sizes": [1, 2, 10, 4]},
    "axes": {"scales": [1.5, 2], "axes": [3, 2]},
    "sizes axes": {"sizes": [5, 13], "axes": [2, 3]},
    "not larger": {"sizes": [14, 13], "axes": [2, 3], "keep_aspect_ratio_policy": "not_larger"},
    "not smaller": {"sizes": [14, 13], "axes": [2, 3], "keep_aspect_ratio_policy": "not_smaller"},
    "size that float32 rounds": {"scales": [1, 1, 0.7, 1], "shape": (2, 10, 3)},
    "to one": {"sizes": [1, 2, 1, 1], "coordinate_transformation_mode": "pytorch_half_pixel"},
    "same size": {"scales": [1, 1, 1.1, 1.01], "coordinate_transformation_mode": "asymmetric", "nearest_mode": "ceil"},
    "opset 11": {"scales": [1, 1, 0.3, 2], "opset": 11, "coordinate_transformation_mode": "asymmetric"},
    "tensorflow": {"scales": [1, 1, 0.3, 2], "opset": 11, "coordinate_transformation_mode": "tf_half_pixel_for_nn"},
    **{f"opset 10 {f[2]}": {"scales": f, "opset": 10} for f in ([1, 1, 2, 3], [1, 1, 0.25, 0.4], [1, 1, 1.6, 0.7])},
    **{f"upsample {o}": {"scales": [1, 1, 2, 3], "op": "Upsample", "opset": o} for o in (7, 9)},
    "upsample uneven": {"scales": [1, 1, 1.6, 2.7], "op": "Upsample", "opset": 9},
}


def resized(net, x, op="Resize", scales=None, sizes=None, **attrs):
    """Node Resize or Upsample on `x`, its operands where the version of the operator has them."""
    if op == "Upsample" and net.opset < 9:
        return net.add(op, x, scales=[float(f) for f in scales], **attrs)
    if net.opset < 11:
        return net.add(op, x, net.constant(scales), **attrs)
    roi = net.constant([], "roi")
    if sizes is not None:
        return net.add(op, x, roi, net.constant([], "none"), net.shape_of(*sizes), **attrs)
    return net.add(op, x, roi, net.constant(scales), **attrs)


@pytest.mark.parametrize("name", RESIZES)
def test_resize_takes_the_pixels_that_onnxruntime_takes(name):
    told = dict(RESIZES[name])
    shape, opset = told.pop("shape", IMAGE), told.pop("opset", 20)
    net = Net(shape, opset=opset)
    model = net.model(resized(net, net.quant("input", 1.0, 8, name="in"), **told))
    graph = import_with_taps(model, "net").graph
    alone = Net(shape, opset=opset)
    session = onnxruntime.InferenceSession(alone.model(resized(alone, "input", **told)).SerializeToString())
    frame = np.arange(np.prod(shape), dtype=np.float32).reshape(1, *shape)
    (expected,) = session.run(None, {"input": frame})
    words = execute(graph, graph.edge.codes(graph.edge.arrange(frame)))
    assert np.array_equal(graph.exit.values(words), expected)


def scaled_resize(net):
    """A resize keeps the float operations before it, channel by channel."""
    x = net.add("Add", net.add("Conv", net.start(), net.weights(3, 2, 1, 1)), net.constant(0.3 * np.ones((3, 1, 1))))
    return net.act(net.add("Resize", x, "", net.constant([1, 1, 2, 3]), mode="nearest"))


CASES = {
    "max": pool(),
    "max overlapping": pool(kernel=(3, 3), strides=(2, 2)),
    "max pads": pool(kernel=(3, 3), strides=(2, 2), pads=[1, 1, 1, 1]),
    "max uneven": pool(kernel=(3, 2), strides=(1, 2), pads=[2, 0, 1, 1]),
    "max ceil": pool(kernel=(2, 4), strides=(2, 4), ceil_mode=1),
    "max ceil and pads": pool(kernel=(3, 3), strides=(2, 2), pads=[1, 1, 0, 1], ceil_mode=1),
    "max ceil beyond": pool(kernel=(2, 2), strides=(3, 4), pads=[1, 1, 1, 1], ceil_mode=1),
    "max same upper": pool(kernel=(3, 2), strides=(2, 2), auto_pad="SAME_UPPER"),
    "max same lower": pool(kernel=(2, 3), strides=(2, 2), auto_pad="SAME_LOWER"),
    "max 1-D": pool(kernel=(3,), strides=(2,), pads=[1, 1]),
    "max 1-D ceil": pool(kernel=(2,), strides=(2,), ceil_mode=1),
    "max of negatives": (pool_of_negatives, IMAGE),
    "max behind floats": (pool_behind_floats, IMAGE),
    "max behind negation": pool_behind_negation("MaxPool"),
    "global max behind negation": pool_behind_negation("GlobalMaxPool"),
    "max behind a curve": (pool_behind_a_curve, IMAGE),
    "average": pool("AveragePool"),
    "average of 6": pool("AveragePool", kernel=(3, 2)),
    "average overlapping": pool("AveragePool", kernel=(3, 4), strides=(2, 1)),
    "average pads": pool("AveragePool", kernel=(2, 4), strides=(1, 2), pads=[1, 1, 0, 2], count_include_pad=1),
    "average 1-D": pool("AveragePool", kernel=(4,), strides=(3,)),
    "average ceil that fits": pool("AveragePool", kernel=(1, 2), strides=(1, 2), ceil_mode=1),
    "scaled max": scaled_pool("MaxPool", kernel_shape=[2, 2]),
    "scaled average": scaled_pool("AveragePool", kernel_shape=[2, 2]),
    "scaled global": scaled_pool("GlobalAveragePool"),
    "global average": (
        lambda net: net.act(net.add("GlobalAveragePool", net.start(signed=1)), 0.1, signed=1),
        (2, 4, 4),
    ),
    "global average 1-D": (lambda net: net.act(net.add("GlobalAveragePool", net.start()), 0.1, bits=6), SIGNAL),
    "global max": (lambda net: net.add("GlobalMaxPool", net.start(signed=1)), IMAGE),
    "mean": reduce("ReduceMean", [2, 3], 1),
    "mean of vectors": reduce("ReduceMean", [-1, -2], 0),
    "mean last": reduce("ReduceMean", [1, 2], 0, last=True),
    "mean last kept": reduce("ReduceMean", [1, 2], 1, last=True),
    "mean 1-D": reduce("ReduceMean", [2], 0, shape=SIGNAL),
    "mean 1-D last": reduce("ReduceMean", [1], 1, last=True, shape=SIGNAL),
    "mean opset 11": reduce("ReduceMean", [2, 3], 0, opset=11),
    "sum": reduce("ReduceSum", [2, 3], 1),
    "sum opset 13": (reduce_sum_13, IMAGE),
    "largest": reduce("ReduceMax", [2, 3], 0),
    "largest last": reduce("ReduceMax", [1, 2], 1, last=True),
    "pad": pads([0, 0, 1, 2, 0, 0, 0, 1]),
    "pad axes": pads([1, 2, 0, 1], axes=[2, -1]),
    "pad value": pads([0, 0, 1, 0, 0, 0, 2, 0], value=0.0),
    "pad opset 10": pads([0, 0, 1, 2, 0, 0, 0, 1], opset=10),
    "pad nothing": pads([0] * 8),
    "pad 1-D": pads([0, 0, 2, 0, 0, 1], shape=SIGNAL),
    "pad with a code": (pad_with_a_code, IMAGE),
    "pad then conv": (pad_then_conv, IMAGE),
    **{f"pad {mode}": pads([0, 0, 2, 1, 0, 0, 1, 3], mode) for mode in ("reflect", "edge", "wrap")},
    "pad edge 1-D": pads([0, 0, 2, 0, 0, 1], "edge", shape=SIGNAL),
    "crop": pads([0, 0, -1, -2, 0, 0, 0, -1]),
    "crop and edge": pads([0, 0, -1, 2, 0, 0, 0, 1], "edge"),
    **{f"pad {mode} keeps floats": pad_keeps_floats(mode) for mode in ("reflect", "edge")},
    "resize": (scaled_resize, IMAGE),
}


def model(name, power):
    """The model of case `name`."""
    build, shape = CASES[name]
    net = Net(shape, power)
    return net.model(build(net)), net.ops


@pytest.mark.parametrize("power", [True, False], ids=["float32", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_words_are_those_of_the_model(name, power):
    agree(model(name, power or "crop" in name)[0])  # onnx's reference cannot crop
