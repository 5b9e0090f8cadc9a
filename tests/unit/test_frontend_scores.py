"""The ends of models: Softmax, ArgMax and TopK, whose integers must stand in the order of the model's scores."""

import numpy as np
import pytest
from small_models import Net, agree

from lutwright.frontend.translate import import_with_taps
from lutwright.ir.execute import execute
from lutwright.passes.classify import classify

IMAGE, VECTOR = (3, 4, 5), (6,)


def scores(net, classes=7, scale=None, bias=None):
    """Scores of a dense layer, or of each pixel."""
    x = net.start(signed=1)
    if len(net.shape) == 1:
        w = net.weights(net.shape[0], classes, scale=scale)
        y = net.add("MatMul", x, w)
        return y if bias is None else net.add("Add", y, net.constant(bias))
    w = net.weights(classes, net.shape[0], 1, 1, scale=None if scale is None else scale.reshape(-1, 1, 1, 1))
    y = net.add("Conv", x, w)
    return y if bias is None else net.add("Add", y, net.constant(np.reshape(bias, (-1, 1, 1))))


def ends(op, shape=VECTOR, opset=20, scale=None, bias=None, k=None, **attrs):
    """Scores, then `op`."""

    def build(net):
        net.opset = opset
        steps = None if scale is None else np.asarray(scale, np.float32)
        x = scores(net, 7, steps, bias)
        if op == "TopK":
            return net.add(op, x, net.shape_of(k), outputs=2, **attrs)[1]
        return net.add(op, x, **attrs)

    return build, shape


SCALES = [0.1, 0.3, 0.1, 0.7, 0.02, 0.5, 0.11]
POWERS = [0.125, 0.5, 0.125, 0.25, 0.0625, 1.0, 0.125]
BIAS = [0.3, -0.4, 0.0, 1.7, 0.01, -2.2, 0.3]


def reordered(op):
    """A flattened image whose elements stand in the graph's order, then the index."""

    def build(net):
        x = net.add("Flatten", net.add("MaxPool", scores(net, 5), kernel_shape=[2, 2]))
        y = net.add("Add", x, net.constant(np.linspace(-1, 1, 60)))
        if op == "TopK":
            return net.add("TopK", y, net.shape_of(4), axis=1, outputs=2)[1]
        return net.add("ArgMax", y, axis=1)

    return build, IMAGE


def softmax_then(op):
    def build(net):
        x = net.add("Softmax", scores(net, bias=BIAS), axis=1)
        if op == "TopK":
            return net.add("TopK", x, net.shape_of(3), outputs=2)[1]
        return net.add("ArgMax", x, axis=-1, keepdims=0)

    return build, VECTOR


def softmax_moved(net):
    """Only views behind the Softmax."""
    x = net.add("Softmax", scores(net), axis=1)
    return net.add("Flatten", net.add("Transpose", x, perm=[0, 2, 3, 1]))


def curve_then_argmax(net):
    """Scores through a function that is neither rising nor linear."""
    return net.add("ArgMax", net.add("Abs", scores(net, bias=BIAS)), axis=1)


def rounded_then_argmax(net):
    """Many ties: the scores are quantised coarsely."""
    return net.add("ArgMax", net.act(scores(net, bias=BIAS), near=4.0, bits=2), axis=1)


CASES = {
    "softmax": ends("Softmax", axis=-1),
    "softmax bias": ends("Softmax", bias=BIAS, axis=1),
    "softmax pixels": ends("Softmax", IMAGE, axis=1),
    "softmax rows": ends("Softmax", IMAGE, axis=2),
    "softmax opset 11": ends("Softmax", IMAGE, opset=11, axis=2),
    "softmax opset 11 default": ends("Softmax", IMAGE, opset=11),
    "log softmax": ends("LogSoftmax", bias=BIAS),
    "softmax moved": (softmax_moved, IMAGE),
    "scaled scores": (lambda net: net.add("Mul", scores(net), net.constant(0.3)), VECTOR),
    "scaled index": (
        lambda net: net.add("Mul", net.add("Cast", net.add("ArgMax", scores(net), axis=1), to=1), net.constant(0.3)),
        VECTOR,
    ),
    "argmax": ends("ArgMax", axis=1),
    "argmax -1": ends("ArgMax", axis=-1, keepdims=0),
    "argmax bias": ends("ArgMax", axis=1, bias=BIAS),
    "argmax scales": ends("ArgMax", axis=1, scale=SCALES),
    "argmax powers": ends("ArgMax", axis=1, scale=POWERS),
    "argmax scales and bias": ends("ArgMax", axis=1, scale=SCALES, bias=BIAS),
    "argmax powers and bias": ends("ArgMax", axis=1, scale=POWERS, bias=BIAS),
    "argmax pixels": ends("ArgMax", IMAGE, axis=1, bias=BIAS),
    "argmax pixels flat": ends("ArgMax", IMAGE, axis=1, keepdims=0, scale=SCALES),
    "argmax rows": ends("ArgMax", IMAGE, axis=2),
    "argmax columns": ends("ArgMax", IMAGE, axis=-1, keepdims=0),
    "argmax signal": ends("ArgMax", (3, 9), axis=1),
    "argmax of a flat image": reordered("ArgMax"),
    "argmax of a softmax": softmax_then("ArgMax"),
    "argmax of a curve": (curve_then_argmax, VECTOR),
    "argmax of ties": (rounded_then_argmax, VECTOR),
    "top 1": ends("TopK", k=1),
    "top 3": ends("TopK", k=3, axis=1),
    "top all": ends("TopK", k=7, scale=SCALES, bias=BIAS),
    "top pixels": ends("TopK", IMAGE, k=2, axis=1),
    "top rows": ends("TopK", IMAGE, k=2, axis=-2),
    "top of a flat image": reordered("TopK"),
    "top of a softmax": softmax_then("TopK"),
}


def scaled(net, name):
    """Signals have weights of one axis less."""
    build, _ = CASES[name]
    if name == "argmax signal":
        return net.add("ArgMax", net.add("Conv", net.start(signed=1), net.weights(5, 3, 1)), axis=1)
    return build(net)


def model(name, power):
    """The model of case `name`."""
    net = Net(CASES[name][1], power)
    return net.model(scaled(net, name)), net.ops


@pytest.mark.parametrize("power", [True, False], ids=["float32", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_words_are_those_of_the_model(name, power):
    agree(model(name, power or "opset 11" in name)[0], count=64)  # onnx's reference knows the new Softmax only


def test_top_k_of_opset_9():
    net = Net(VECTOR, opset=9)
    agree(net.model(net.add("TopK", scores(net), k=2, outputs=2)[1]))


def test_the_largest_of_ties_is_the_first():
    graph = import_with_taps(model("argmax", True)[0], "net").graph
    assert execute(graph, np.zeros((1, 6), np.int64)).tolist() == [[0]]
    graph = import_with_taps(model("top 3", True)[0], "net").graph
    assert execute(graph, np.zeros((1, 6), np.int64)).tolist() == [[0, 1, 2]]


def wide(bias, power, seed=0):
    """Accumulators too many to be tried one by one: 8-bit codes and weights."""
    net = Net((64,), power, seed=seed)
    x = net.quant("input", net.scale(0.0625), 8, signed=1, name="in")
    y = net.add("MatMul", x, net.weights(64, 10, bits=8, scale=net.scale(0.01)))
    return net.model(net.add("Add", y, net.constant(bias)))


@pytest.mark.parametrize("power", [True, False], ids=["float32", "float64"])
@pytest.mark.parametrize("coarse", [True, False])
def test_wide_scores_with_a_bias(power, coarse):
    """Ties on the grid of the scores are kept, and so are the differences of a fraction of it."""
    rng = np.random.default_rng(3)
    model = wide(rng.integers(-3, 4, 10) / 4 if coarse else rng.normal(size=10), power)
    imported = import_with_taps(model, "net")
    ends = classify(imported.graph)
    codes = rng.integers(-128, 128, (4000, 64))
    codes[:2000] = rng.integers(-1, 2, (2000, 64))
    values = imported.graph.exit.values(execute(imported.graph, codes))
    assert np.array_equal(execute(ends, codes)[:, 0], np.argmax(values, axis=-1))
