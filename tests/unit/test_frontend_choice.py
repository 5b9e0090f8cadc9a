"""Slice, Split and Gather: parts of an activation, against onnxruntime and numpy."""

import numpy as np
import pytest
from small_models import Net, agree

SHAPE = (4, 5, 6)
FAR = (1 << 63) - 1


def layer(net, x, channels):
    return net.act(net.add("Conv", x, net.weights(3, channels, 2, 2)), 1.0)


def sliced(net, starts, ends, axes, steps=None):
    given = [net.shape_of(*values) for values in (starts, ends, axes, steps) if values is not None]
    return net.add("Slice", net.start(), *given)


@pytest.mark.parametrize(
    ("cut", "channels", "op"),
    [
        (([1, 1], [FAR, -1], [2, 3]), 4, "Resize"),
        (([0], [4], [3], [2]), 4, "Resize"),
        (([-1], [-FAR, ], [2], [-1]), 4, "Resize"),
        (([1], [3], [1]), 2, "Reorder"),
        (([0], [FAR], [1], [2]), 2, "Reorder"),
        (([0, 2, 0], [FAR, 4, 5], [0, 1, 2]), 2, "Reorder"),
        (([0, 0], [4, 6], [-3, -1]), 4, None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("power", [True, False], ids=["float32", "float64"])
def test_slices(cut, channels, op, power):
    net = Net(SHAPE, power=power)
    graph = agree(net.model(layer(net, sliced(net, *cut), channels)), exact=power).graph
    assert [node.op for node in graph.nodes] == [*[op] * (op is not None), "Conv", "Step"]


def test_slice_by_attributes():
    net = Net(SHAPE, opset=9)
    x = net.add("Slice", net.start(), starts=[1, 1], ends=[3, 4], axes=[1, 2])
    agree(net.model(layer(net, x, 2)))


def test_slice_of_a_signal_and_of_a_vector():
    net = Net((3, 9))
    x = net.add("Slice", net.start(), net.shape_of(2), net.shape_of(8), net.shape_of(2))
    x = net.add("Slice", net.add("Flatten", x), net.shape_of(3), net.shape_of(15), net.shape_of(1))
    agree(net.model(net.add("MatMul", x, net.weights(12, 4))))


@pytest.mark.parametrize(
    ("opset", "given", "told", "sizes"),
    [
        (18, [1, 3], {}, [1, 3]),
        (13, None, {}, [2, 2]),
        (11, None, {"split": [3, 1]}, [3, 1]),
        (18, None, {"num_outputs": 2, "axis": 3}, [3, 3]),
    ],
)
def test_split(opset, given, told, sizes):
    net = Net(SHAPE, opset=opset)
    more = [net.shape_of(*given)] if given else []
    parts = net.add("Split", net.start(), *more, outputs=2, **{"axis": 1, **told})
    channels = [4, 4] if told.get("axis") else sizes
    a, b = (layer(net, part, n) for part, n in zip(parts, channels, strict=True))
    agree(net.model(net.add("Concat", a, b, axis=1)))


@pytest.mark.parametrize(("where", "axis"), [([2, 0, 2], 1), ([0, 3], 2), (1, 1), (-1, 3)])
def test_gather(where, axis):
    net = Net(SHAPE)
    x = net.add("Gather", net.start(), net.constant(where, "where", np.int64), axis=axis)
    x = net.add("Flatten", x)
    words = np.take(np.zeros(SHAPE), where, axis - 1).size
    agree(net.model(net.add("MatMul", x, net.weights(words, 4))))


def test_a_slice_behind_scales_of_channels():
    """Each channel takes its own scale along."""
    net = Net(SHAPE)
    scale = np.float32([0.25, 0.5, 1.0, 2.0]).reshape(1, 4, 1, 1)
    x = net.quant(net.add("Conv", net.start(), net.weights(4, 4, 1, 1)), scale, 4)
    x = net.add("Slice", x, net.shape_of(1), net.shape_of(4), net.shape_of(1))
    agree(net.model(net.add("Conv", x, net.weights(3, 1, 2, 2), group=3)))
