"""Convolutions, dense layers, arithmetic and batch norm against onnxruntime (float32) and numpy (float64)."""

import numpy as np
import pytest
from small_models import Net, agree


def conv(outputs=3, kernel=(3, 3), inputs=2, shape=None, **attrs):
    """One convolution of the input and a quantiser."""

    def build(net):
        w = net.weights(outputs, inputs // attrs.get("group", 1), *kernel)
        return net.act(net.add("Conv", net.start(), w, **attrs), 1.0)

    return build, shape or ((inputs, 5, 6) if len(kernel) == 2 else (inputs, 9))


def lanes(net, channels, near=0.5):
    """Scales for the channels of an activation that have a common divisor."""
    steps = net.rng.integers(1, 9, channels) if not net.power else 2 ** net.rng.integers(0, 4, channels)
    return (steps * near / 4).reshape(1, channels, 1, 1) * (1.0 if net.power else np.float32(0.3))


def scaled_inputs(groups, outputs):
    """Input channels with their own scales into a convolution with groups."""

    def build(net):
        x = net.quant(net.add("Conv", net.start(), net.weights(4, 4, 1, 1)), lanes(net, 4), 4, signed=1)
        w = net.weights(outputs, 4 // groups, 3, 2, scale=net.scale(0.2, (outputs, 1, 1, 1)))
        return net.act(net.add("Conv", x, w, group=groups, pads=[1, 0, 1, 1]), 2.0)

    return build, (4, 5, 6)


def scaled_weights(axis):
    """Weight scales along `axis`; along the inputs they go into the integers."""

    def build(net):
        shape = [1, 1, 1, 1]
        shape[axis] = (3, 2, 2, 2)[axis]
        scale = net.scale(0.2, shape) if net.power else np.array([0.1, 0.3, 0.7])[: shape[axis]].reshape(shape)
        return net.act(net.add("Conv", net.start(), net.weights(3, 2, 2, 2, scale=scale)), 1.0)

    return build, (2, 5, 6)


def biased(kind):
    def build(net):
        bias = {"floats": net.rng.normal(size=3), "one": [0.3], "zero": np.zeros(3)}.get(kind)
        if kind == "quantised":
            bias = net.quant(net.constant(net.rng.normal(size=3)), net.scale(0.03), 8, signed=1, name="bias")
        else:
            bias = net.constant(np.broadcast_to(bias, 3))
        return net.act(net.add("Conv", net.start(), net.weights(3, 2, 3, 3), bias), 1.0)

    return build, (2, 5, 6)


def dilated(shape, kernel, **attrs):
    def build(net):
        w = net.weights(3, shape[0] // attrs.get("group", 1), *kernel)
        return net.act(net.add("Conv", net.start(), w, **attrs), 1.0)

    return build, shape


def depthwise_separable(net):
    x = net.act(net.add("Conv", net.start(), net.weights(4, 1, 3, 3), group=4, pads=[1, 1, 1, 1]))
    return net.add("Conv", x, net.weights(6, 4, 1, 1))


def integer_weights(net):
    """Weights that nothing quantised, as FINN stores them: integers in floats."""
    return net.add("Conv", net.start(), net.constant(net.rng.integers(-3, 4, (3, 2, 3, 3))))


def empty_weights(net):
    """One output whose weights are all 0."""
    w = net.rng.integers(-3, 4, (3, 2, 3, 3))
    w[1] = 0
    return net.add("Conv", net.start(), net.constant(w))


def gemm(**attrs):
    def build(net):
        w = net.weights(*((7, 6) if attrs.get("transB") else (6, 7)))
        return net.act(net.add("Gemm", net.start(), w, net.constant(net.rng.normal(size=7)), **attrs), 1.0)

    return build, (6,)


def gemm_chain(net):
    x = net.act(net.add("MatMul", net.start(), net.weights(6, 8, scale=net.scale(0.1, (1, 8)))))
    return net.add("Gemm", x, net.weights(5, 8), transB=1)


def gemm_flat_scales(net):
    """Channels with their own scales, flattened into a dense layer."""
    x = net.quant(net.add("Conv", net.start(), net.weights(3, 2, 1, 1)), lanes(net, 3), 4, signed=1)
    return net.act(net.add("Gemm", net.add("Flatten", x), net.weights(5, 90), transB=1), 4.0)


def gemm_row_scales(net):
    return net.add("MatMul", net.start(), net.weights(6, 7, scale=lanes(net, 6).reshape(6, 1)))


def matmul_last(net):
    """A matrix on the last axis of an image that is channels last."""
    x = net.add("Transpose", net.start(), perm=[0, 2, 3, 1])
    y = net.act(net.add("MatMul", x, net.weights(2, 4)))
    return net.add("Transpose", y, perm=[0, 3, 1, 2])


def matmul_signal(net):
    x = net.add("Transpose", net.start(), perm=[0, 2, 1])
    return net.act(net.add("MatMul", x, net.weights(2, 4)))


def matmul_of_weights(net):
    """The product of two constants is a constant."""
    a, b = net.constant(net.rng.integers(-2, 3, (6, 4))), net.constant(net.rng.integers(-2, 3, (4, 5)))
    return net.add("MatMul", net.start(), net.add("MatMul", a, b))


def weight_arithmetic(op, first=True):
    """A quantised weight times a constant; the rest of arithmetic gives floats."""

    def build(net):
        w, c = net.weights(3, 2, 2, 2), net.constant(np.array([0.5, 2.0, -4.0]).reshape(3, 1, 1, 1))
        return net.act(net.add("Conv", net.start(), net.add(op, *((w, c) if first else (c, w)))), 1.0)

    return build, (2, 5, 6)


def weight_sums(net):
    """Quantised weights plus a constant on a grid: floats that are integers again."""
    w = net.quant(net.constant(net.rng.normal(size=(3, 2, 2, 2))), 0.25, 4, signed=1, name="w")
    return net.add("Conv", net.start(), net.add("Sub", net.constant(0.5), net.add("Add", w, net.constant(0.25))))


def moved_weights(net):
    """Transpose and Reshape of quantised weights, with scales for each output."""
    w = net.add("Transpose", net.weights(90, 5, scale=net.scale(0.1, (1, 5))), perm=[1, 0])
    w = net.add(
        "Unsqueeze", net.add("Squeeze", net.add("Reshape", w, net.shape_of(5, 1, 90)), net.shape_of(1)), net.shape_of(0)
    )
    w = net.add("Reshape", w, net.shape_of(5, 2, 5, 9))
    return net.act(net.add("Conv", net.start(), w), 1.0)


def moved_weights_of_one_scale(net):
    w = net.add("Flatten", net.add("Reshape", net.weights(5, 90), net.shape_of(5, 9, 10)))
    return net.add("Gemm", net.add("Flatten", net.start()), net.add("Identity", w), transB=1), (2, 5, 9)


def arithmetic(op, first, constant, near=1.0):
    def build(net):
        x = net.add("Conv", net.start(), net.weights(3, 2, 2, 2))
        c = net.constant(np.asarray(constant).reshape(-1, 1, 1) if np.ndim(constant) else constant)
        return net.act(net.add(op, *((x, c) if first else (c, x))), near, signed=1)

    return build, (2, 5, 6)


def before_the_input(net):
    """Float operations in front of the first quantiser: the mean and the deviation of the data."""
    x = net.add("Sub", "input", net.constant(np.array([0.5, -0.25]).reshape(1, 2, 1, 1)))
    x = net.add("Div", x, net.constant(np.array([0.25, 0.5]).reshape(2, 1, 1)))
    x = net.add("Mul", x, net.constant(2.0))
    return net.add("Conv", net.quant(x, 0.5, 4, signed=1), net.weights(3, 2, 2, 2))


def pixels_before_the_input(net):
    """A mean for each pixel: the input is a vector in the graph."""
    x = net.add("Sub", "input", net.constant(net.rng.integers(-2, 3, (1, 2, 5, 6)) * 0.25))
    x = net.add("Add", x, net.constant(np.array([0.5, 0.25]).reshape(2, 1, 1)))
    return net.add("Conv", net.quant(x, 0.25, 4, signed=1), net.weights(3, 2, 2, 2))


def batch_norm(negative=False, opset=20):
    def build(net):
        x = net.add("Conv", net.start(), net.weights(3, 2, 2, 2))
        gain = net.rng.uniform(0.5, 2, 3) * (net.rng.choice([-1, 1], 3) if negative else 1)
        given = [
            net.constant(v) for v in (gain, net.rng.normal(size=3), net.rng.normal(size=3), net.rng.uniform(0.5, 2, 3))
        ]
        return net.act(net.add("BatchNormalization", x, *given, epsilon=1e-3), 0.5, signed=1)

    return build, (2, 5, 6)


def batch_norm_flat(net):
    """On the vector of a flattened image: one gain a feature."""
    given = [
        net.constant(v)
        for v in (net.rng.normal(size=60), net.rng.normal(size=60), net.rng.normal(size=60), np.ones(60))
    ]
    return net.act(net.add("BatchNormalization", net.add("Flatten", net.start()), *given), 0.5, signed=1)


def bias_of_a_flat_image(net):
    """A constant for each feature of a flattened image, on the grid of the codes, into a dense layer."""
    x = net.add("Flatten", net.quant("input", 0.25, 4, name="in"))
    x = net.add("Add", x, net.constant(net.rng.integers(-3, 4, (1, 60)) * 0.25))
    return net.add("MatMul", x, net.weights(60, 4))


CASES = {
    "conv": conv(),
    "conv stride": conv(strides=[2, 3]),
    "conv pads": conv(kernel=(3, 2), pads=[2, 0, 1, 1]),
    "conv stride and pads": conv(kernel=(3, 3), strides=[2, 2], pads=[1, 1, 0, 2]),
    "conv tall": conv(kernel=(5, 1)),
    "conv whole": conv(kernel=(5, 6)),
    "conv same upper": conv(kernel=(2, 4), auto_pad="SAME_UPPER", strides=[2, 1]),
    "conv same lower": conv(kernel=(4, 3), auto_pad="SAME_LOWER", strides=[1, 2]),
    "conv valid": conv(auto_pad="VALID"),
    "conv groups": conv(4, inputs=4, group=2),
    "conv depthwise": conv(4, inputs=4, group=4),
    "conv multiplier": conv(8, inputs=4, group=4, pads=[1, 1, 1, 1]),
    "conv 1-D": conv(kernel=(3,)),
    "conv 1-D stride and pads": conv(kernel=(4,), strides=[2], pads=[2, 1]),
    "conv 1-D groups": conv(4, (3,), 4, group=2),
    "conv 1-D same": conv(kernel=(4,), strides=[2], auto_pad="SAME_LOWER"),
    "depthwise separable": (depthwise_separable, (4, 5, 6)),
    **{f"scaled inputs, {g} groups": scaled_inputs(g, o) for g, o in ((1, 3), (2, 6), (4, 4), (4, 8))},
    **{f"scaled weights, axis {a}": scaled_weights(a) for a in range(4)},
    **{f"bias {k}": biased(k) for k in ("floats", "quantised", "one", "zero")},
    "integer weights": (integer_weights, (2, 5, 6)),
    "empty weights": (empty_weights, (2, 5, 6)),
    "gemm": gemm(),
    "gemm transB": gemm(transB=1),
    "gemm with factors": gemm(alpha=0.5, beta=-2.0),
    "gemm with a negative factor": gemm(alpha=-0.25),
    "dilated": dilated((2, 9, 8), (3, 2), dilations=[2, 3], pads=[2, 1, 2, 1]),
    "dilated with strides": dilated((2, 9, 8), (3, 3), dilations=[2, 2], strides=[2, 1]),
    "dilated signal in groups": dilated((4, 15), (3,), dilations=[4], group=1, pads=[8, 0]),
    "gemm chain": (gemm_chain, (6,)),
    "gemm flat scales": (gemm_flat_scales, (2, 5, 6)),
    "gemm row scales": (gemm_row_scales, (6,)),
    "matmul last": (matmul_last, (2, 5, 6)),
    "matmul signal": (matmul_signal, (2, 9)),
    "matmul of weights": (matmul_of_weights, (6,)),
    "weights Mul": weight_arithmetic("Mul"),
    "weights Div": weight_arithmetic("Div"),
    "weights Mul second": weight_arithmetic("Mul", False),
    "weights Sub Add": (weight_sums, (2, 5, 6)),
    "moved weights": (moved_weights, (2, 5, 9)),
    "moved weights of one scale": (lambda net: moved_weights_of_one_scale(net)[0], (2, 5, 9)),
    "Add": arithmetic("Add", True, 0.3),
    "Add channels": arithmetic("Add", False, [0.3, -0.7, 1.0]),
    "Sub": arithmetic("Sub", True, [0.3, -0.7, 1.0]),
    "Sub from": arithmetic("Sub", False, 0.3),
    "Mul": arithmetic("Mul", True, [0.3, -0.7, 1.0]),
    "Mul zero": arithmetic("Mul", False, [0.0, -0.7, 1.0]),
    "Div": arithmetic("Div", True, [0.3, -0.7, 3.0]),
    "before the input": (before_the_input, (2, 5, 6)),
    "pixels before the input": (pixels_before_the_input, (2, 5, 6)),
    "batch norm": batch_norm(),
    "batch norm falling": batch_norm(True),
    "batch norm flat": (batch_norm_flat, (2, 5, 6)),
    "bias of a flat image": (bias_of_a_flat_image, (2, 5, 6)),
}


def model(name, power):
    """The model of case `name`."""
    build, shape = CASES[name]
    net = Net(shape, power)
    return net.model(build(net)), net.ops


@pytest.mark.parametrize("power", [True, False], ids=["float32", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_words_are_those_of_the_model(name, power):
    made = model(name, power)[0]
    frames = np.random.default_rng(1).normal(0, 2, (16, *CASES[name][1])) if "before the input" in name else None
    agree(made, frames=frames)
