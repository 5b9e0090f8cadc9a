"""Functions of one activation, sums of activations, and the ends of models, against onnxruntime and numpy."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from small_models import Net, agree

from lutwright.errors import UnsupportedOp
from lutwright.frontend.translate import import_with_taps

SHAPE = (3, 4, 5)

# Operator -> attributes to try, and whether float32 computes it exactly.
UNARY = {
    "Relu": ([{}], True),
    "LeakyRelu": ([{}, {"alpha": 0.25}, {"alpha": -0.5}], True),
    "HardSigmoid": ([{}, {"alpha": 0.125, "beta": 0.375}, {"alpha": -0.25}], True),
    "ThresholdedRelu": ([{"alpha": 0.75}], True),
    "Elu": ([{}, {"alpha": 0.7}], False),
    "Selu": ([{}], False),
    "Celu": ([{}, {"alpha": 0.5}], False),
    "Mish": ([{}], False),
    "Gelu": ([{}, {"approximate": "tanh"}], False),
    "Sigmoid": ([{}], False),
    "Tanh": ([{}], False),
    "Softplus": ([{}], False),
    "Softsign": ([{}], True),
    "Erf": ([{}], False),
    "Exp": ([{}], False),
    "Abs": ([{}], True),
    "Neg": ([{}], True),
    "Floor": ([{}], True),
    "Ceil": ([{}], True),
    "Round": ([{}], True),
    "Sign": ([{}], True),
}
UNARY_CASES = [(op, told) for op, (tries, _) in UNARY.items() for told in tries]


@pytest.mark.parametrize("power", [True, False], ids=["float32", "float64"])
@pytest.mark.parametrize(("op", "told"), UNARY_CASES, ids=[f"{o} {t}" for o, t in UNARY_CASES])
def test_functions_of_one_activation(op, told, power):
    net = Net(SHAPE, power, opset=22)
    x = net.add("Conv", net.start(signed=1), net.weights(3, 3, 1, 1))
    x = net.add("Add", x, net.constant([[[0.3]], [[-0.7]], [[0.1]]]))
    y = net.add(op, x, **told)
    model = net.model(net.act(y, 0.125, bits=5, signed=1))
    agree(model, exact=power and UNARY[op][1])


def test_hard_swish():
    """Against its definition, which onnx's reference can run."""

    def build(swish):
        net = Net(SHAPE, False)
        x = net.add("Conv", net.start(signed=1), net.weights(3, 3, 1, 1))
        y = net.add("HardSwish", x) if swish else net.add("Mul", x, net.add("HardSigmoid", x, alpha=1 / 6, beta=0.5))
        return net.model(net.act(y, 0.125, bits=5, signed=1))

    agree(build(True), oracle=build(False), exact=False)


def clip(net, low, high, old=False):
    x = net.add("Conv", net.start(signed=1), net.weights(3, 3, 1, 1))
    if old:
        net.opset = 8
        return net.act(net.add("Clip", x, **{k: v for k, v in (("min", low), ("max", high)) if v is not None}))
    given = ["" if v is None else net.constant(v) for v in (low, high)]
    return net.act(net.add("Clip", x, *given[: 2 if high is not None else 1]), 0.25, bits=6, signed=1)


def prelu(slope):
    def build(net):
        x = net.add("Conv", net.start(signed=1), net.weights(3, 3, 1, 1))
        return net.act(net.add("PRelu", x, net.constant(slope)), 0.25, signed=1)

    return build


def limit(op, *bounds):
    def build(net):
        x = net.add("Conv", net.start(signed=1), net.weights(3, 3, 1, 1))
        given = [net.constant(b) for b in bounds]
        return net.act(net.add(op, *given[:1], x, *given[1:]), 0.25, signed=1)

    return build


def pair(op, function, **attrs):
    """x with a function of x: both are functions of the same integer."""

    def build(net):
        x = net.add("Conv", net.start(signed=1), net.weights(3, 3, 1, 1))
        x = net.add("Add", x, net.constant([[[0.3]], [[-0.7]], [[0.1]]]))
        y = net.add(function, net.add("Mul", x, net.constant(0.7)), **attrs)
        return net.act(net.add(op, x, y), 0.25, signed=1)

    return build


def square(net):
    x = net.start(signed=1)
    return net.act(net.add("Mul", x, x), 0.5)


def twice(op):
    """The same tensor on both sides."""

    def build(net):
        x = net.start(signed=1)
        return net.add("Conv", net.add(op, x, x), net.weights(2, 3, 1, 1))

    return build


def scaled_twice(net):
    """Two constant multiples of one tensor: their scales differ."""
    x = net.start(signed=1)
    a, b = (net.add("Mul", x, net.constant(c)) for c in (0.5, 0.75))
    return net.act(
        net.add("Div", net.add("Conv", net.add("Add", a, b), net.weights(2, 3, 1, 1)), net.constant(2.0)), 0.5
    )


def pair_through_a_shuffle(net, bias=0.25):
    """A function of two chains stays behind the pixels that are shuffled before a resize."""
    x = net.add("Conv", net.start(signed=1), net.weights(8, 3, 1, 1))
    x = net.add("Mul", x, net.add("HardSigmoid", net.add("Add", x, net.constant(bias)), alpha=0.125))
    x = net.add("DepthToSpace", x, blocksize=2)
    return net.act(net.add("Resize", x, "", net.constant([1, 1, 2, 2]), mode="nearest"), 0.25, signed=1)


def test_channels_of_a_pair_are_not_mixed():
    """Were they, each pixel would get the function of another channel; there is no form for that."""
    net = Net(SHAPE)
    model = net.model(pair_through_a_shuffle(net, np.linspace(-1, 1, 8).reshape(8, 1, 1)))
    with pytest.raises(UnsupportedOp, match=r"node 'resize' \(Resize\): the input must come out of a quantiser"):
        import_with_taps(model, "net")


def residual(op, other, near=0.5):
    """Two branches; the second has its own scale, `other` of the first."""

    def build(net):
        scale = net.scale(near)
        x = net.start(signed=1)
        a = net.quant(net.add("Conv", x, net.weights(3, 3, 3, 3), pads=[1, 1, 1, 1]), scale, 4, signed=1)
        b = net.quant(net.add("Conv", x, net.weights(3, 3, 1, 1)), scale * np.float32(other), 4, signed=1)
        return net.act(net.add(op, a, b), 1.0, signed=1)

    return build


def residual_of_accumulators(net):
    """Sums of two convolutions with one scale, no quantiser between."""
    x, scale = net.start(signed=1), net.scale(0.125)
    a = net.add("Conv", x, net.weights(3, 3, 3, 3, scale=scale), pads=[1, 1, 1, 1])
    return net.act(net.add("Add", a, net.add("Conv", x, net.weights(3, 3, 1, 1, scale=scale))), 1.0, signed=1)


def residual_per_channel(net):
    """Scales that differ by channel, in one branch."""
    x = net.start(signed=1)
    steps = np.array([1, 2, 4]).reshape(1, 3, 1, 1) * 0.125 * (1.0 if net.power else np.float32(0.3))
    a = net.quant(net.add("Conv", x, net.weights(3, 3, 1, 1)), steps, 4, signed=1)
    b = net.quant(net.add("Conv", x, net.weights(3, 3, 1, 1)), steps[:, 1:2], 4, signed=1)
    return net.act(net.add("Add", a, b), 1.0, signed=1)


def residual_only_by_channel(net):
    """Scales whose ratio is rational in each channel, but not over all of them."""
    x = net.start(signed=1)
    base = np.float32([0.3, 0.7, 0.11]).reshape(1, 3, 1, 1)
    a = net.quant(net.add("Conv", x, net.weights(3, 3, 1, 1)), base, 4, signed=1)
    b = net.quant(net.add("Conv", x, net.weights(3, 3, 1, 1)), base * 2, 4, signed=1)
    return net.act(net.add("Add", a, b), 1.0, signed=1)


def residual_of_orders(net):
    """Branches that lie in different orders: one was shuffled."""
    x = net.act(net.add("Conv", net.start(signed=1), net.weights(12, 3, 1, 1)), signed=1)
    a = net.add("DepthToSpace", x, blocksize=2)
    b = net.add("DepthToSpace", x, blocksize=2, mode="CRD")
    return net.act(net.add("Add", a, b), 1.0, signed=1)


def residual_of_vectors(net):
    """Vectors that come out of an image and of a dense layer."""
    x = net.add("Flatten", net.quant("input", 0.25, 4, signed=1, name="in"))
    y = net.quant(net.add("MatMul", x, net.weights(60, 60)), 0.25, 4, signed=1)
    return net.add("Sub", net.add("Add", x, y), y)


def total(net):
    x, scale = net.start(signed=1), net.scale(0.5)
    parts = [net.quant(net.add("Conv", x, net.weights(3, 3, 1, 1)), scale, 4, signed=1) for _ in range(3)]
    return net.act(net.add("Sum", *parts), 1.0, signed=1)


def unchanged(net):
    """Dropout, Identity and Cast change nothing."""
    x = net.add("Cast", net.add("Identity", net.start()), to=TensorProto.FLOAT)
    x = net.add("Dropout", x, net.constant(0.5))
    return net.add("Conv", x, net.add("Cast", net.constant(net.rng.integers(-3, 4, (2, 3, 1, 1)), "w", np.int8), to=1))


def constants_fold(net):
    """Constants that other operators compute: shapes, weights, biases."""
    w = net.add("Transpose", net.constant(net.rng.integers(-3, 4, (1, 1, 3, 2))), perm=[3, 2, 0, 1])
    w = net.add("Slice", net.add("Concat", w, w, axis=0), net.shape_of(1), net.shape_of(4), net.shape_of(0))
    zero = net.add("ConstantOfShape", net.shape_of(3), value=onnx.numpy_helper.from_array(np.array([0.5], np.float32)))
    half = net.add("Constant", value_float=0.5)
    return net.act(net.add("Conv", net.start(), w, net.add("Mul", net.add("Sqrt", zero), half)))


def step_function(grid):
    """Floats that lie on a grid without any quantiser: a Floor, a Sign."""

    def build(net):
        x = net.add("Mul", net.quant("input", 0.25, 5, signed=1, name="in"), net.constant([[[0.3]], [[0.7]], [[1.1]]]))
        return net.add("Conv", net.add(grid, x), net.weights(2, 3, 2, 2))

    return build


CASES = {
    "clip": lambda net: clip(net, -1.0, 0.7),
    "clip low": lambda net: clip(net, 0.3, None),
    "clip high": lambda net: clip(net, None, 0.3),
    "clip opset 8": lambda net: clip(net, -1.0, 0.7, old=True),
    "clip opset 8 high": lambda net: clip(net, None, 0.7, old=True),
    "prelu": prelu(0.25),
    "prelu channels": prelu(np.array([0.1, -0.4, 2.0]).reshape(3, 1, 1)),
    "min": limit("Min", 0.3),
    "max": limit("Max", np.array([0.3, -0.2, 0.0]).reshape(3, 1, 1), -0.1),
    "swish": pair("Mul", "Sigmoid"),
    "hard swish": pair("Mul", "HardSigmoid", alpha=0.125),
    "x + tanh": pair("Add", "Tanh"),
    "x - relu": pair("Sub", "Relu"),
    "x / (1 + exp)": pair("Div", "Exp"),
    "square": square,
    "x + x": twice("Add"),
    "scaled twice": scaled_twice,
    "pair through a shuffle": pair_through_a_shuffle,
    "residual": residual("Add", 1),
    "residual 2": residual("Add", 2),
    "residual difference": residual("Sub", 0.25),
    "residual 3": residual("Add", 3),
    "residual of accumulators": residual_of_accumulators,
    "residual per channel": residual_per_channel,
    "residual only by channel": residual_only_by_channel,
    "residual of orders": residual_of_orders,
    "residual of vectors": residual_of_vectors,
    "Sum": total,
    "unchanged": unchanged,
    "constants fold": constants_fold,
    "on a grid: Floor": step_function("Floor"),
    "on a grid: Sign": step_function("Sign"),
}


def model(name, power):
    """The model of case `name`."""
    net = Net(SHAPE, power)
    return net.model(CASES[name](net)), net.ops


@pytest.mark.parametrize("power", [True, False], ids=["float32", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_words_are_those_of_the_model(name, power):
    agree(model(name, power)[0])
