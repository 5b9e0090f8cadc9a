"""classify behind float operations: the class is that of the model's own scores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import Net
from test_order import chains

from lutwright.errors import NotExact
from lutwright.frontend.translate import import_with_taps
from lutwright.ir.execute import execute
from lutwright.ir.graph import Graph, Output, Tensor
from lutwright.numerics import chain as floats
from lutwright.numerics.chain import Chain
from lutwright.numerics.edge import Edge, Exit
from lutwright.numerics.quantiser import Quantiser
from lutwright.numerics.view import View
from lutwright.passes.classify import classify


def scores(chain, order, kind=np.float64, low=-30, high=30):
    """A graph that hands its input on as scores, `order` being where the model has them."""
    channels = len(order)
    tensor = Tensor("input", (channels,), low, high, np.ones(1))
    view = View(np.asarray(order), (channels,))
    edge = Edge.of(Quantiser(1.0, 0, 8, True, False))
    return Graph("scores", (), {"input": tensor}, "input", (Output("input", exit=Exit(chain, kind, view)),), edge, {})


@given(st.data(), st.integers(2, 5), st.sampled_from([np.float32, np.float64]), st.integers(0, 2**32 - 1))
@settings(max_examples=120, deadline=None)
def test_the_class_is_that_of_the_scores(data, channels, kind, seed):
    rng = np.random.default_rng(seed)
    graph = scores(data.draw(chains(channels)), rng.permutation(channels), kind)
    ends = classify(graph)
    codes = rng.integers(-30, 31, (300, channels))
    values = np.broadcast_to(graph.exit.values(codes), codes.shape)
    assert ends.exit is None
    assert ends.nodes[-1].op == "ArgMax"
    assert np.array_equal(execute(ends, codes)[:, 0], np.argmax(values, axis=1))


@pytest.mark.parametrize(
    ("chain", "order", "nodes"),
    [
        (Chain(np.array([0.5])), [0, 1, 2], ["ArgMax"]),
        (Chain(np.array([0.5])), [2, 0, 1], ["Reorder", "ArgMax"]),
        (Chain(np.array([0.5, 0.25, 1.0])), [0, 1, 2], ["Affine", "ArgMax"]),
        (Chain(np.array([0.5]), (floats.curve("a", np.abs),)), [2, 1, 0], ["Step", "Reorder", "ArgMax"]),
    ],
)
def test_no_node_more_than_the_order_needs(chain, order, nodes):
    assert [node.op for node in classify(scores(chain, order)).nodes] == nodes


def test_scores_that_have_no_order_in_integers():
    wide = scores(Chain(np.array([0.1, 0.3])), [0, 1], low=-(1 << 22), high=1 << 22)
    with pytest.raises(NotExact, match="the scores of the output: scores of different scales need at most"):
        classify(wide)


def imported(make, shape=(6,)):
    net = Net(shape, False)
    return import_with_taps(net.model(make(net)), "net").graph


def head(net, classes=7):
    """Scores with a bias and a scale for each class."""
    scale = np.float32(net.rng.uniform(0.05, 0.5, (1, classes)))
    y = net.add("MatMul", net.start(signed=1), net.weights(6, classes, scale=scale))
    return net.add("Add", y, net.constant(net.rng.normal(size=classes)))


@pytest.mark.parametrize("end", ["", "Softmax", "LogSoftmax"])
def test_classifiers_of_models(end):
    graph = imported(lambda net: net.add(end, head(net)) if end else head(net))
    codes = np.random.default_rng(0).integers(-8, 8, (500, 6))
    values = graph.exit.values(execute(graph, codes))
    assert np.array_equal(execute(classify(graph), codes)[:, 0], np.argmax(values, axis=1))


def test_what_is_no_list_of_classes_stays():
    """An index, an image, a single score, and a vector that the model puts out as a matrix."""
    for make in (
        lambda net: net.add("ArgMax", head(net), axis=1),
        lambda net: net.add("Gemm", net.start(), net.weights(6, 1)),
        lambda net: net.add("Reshape", head(net, 8), net.shape_of(1, 2, 4)),
    ):
        graph = imported(make)
        assert classify(graph) is graph
    graph = imported(lambda net: net.add("Conv", net.start(), net.weights(3, 2, 1, 1)), (2, 3, 3))
    assert classify(graph) is graph
    vector = imported(lambda net: net.add("Reshape", head(net, 8), net.shape_of(1, 8, 1)))
    assert classify(vector) is not vector
