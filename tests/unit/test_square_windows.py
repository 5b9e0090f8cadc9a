"""Convolutions and pools of any shape become those that the window cells know, and compute the same."""

import numpy as np
import pytest
from graphs import Maker, frames

from lutwright.dataflow.supported import require_cells
from lutwright.ir.execute import execute
from lutwright.ir.verify import verify
from lutwright.passes.square_windows import square_windows


def one_conv(shape, outputs, kernel, stride, pads, groups=1, bias=False):
    m = Maker(np.random.default_rng(3), shape, 3, True)
    m.conv(outputs, kernel, stride, pads, groups=groups, bias=bias)
    return m.graph()


@pytest.mark.parametrize(
    ("shape", "outputs", "kernel", "stride", "pads", "groups"),
    [
        ((6, 7, 2), 3, (3, 1), (1, 1), (1, 0, 1, 0), 1),
        ((6, 7, 2), 3, (1, 3), (2, 2), (0, 2, 1, 0), 1),
        ((1, 12, 3), 4, (1, 5), (1, 2), (0, 2, 0, 2), 1),
        ((12, 1, 3), 4, (3, 1), (3, 1), (1, 0, 0, 0), 1),
        ((5, 5, 1), 2, (5, 5), (1, 1), (0, 0, 0, 0), 1),
        ((7, 7, 2), 2, (1, 1), (2, 2), (0, 0, 0, 0), 1),
        ((7, 7, 2), 2, (1, 1), (1, 1), (1, 1, 1, 1), 1),
        ((7, 8, 2), 2, (2, 2), (3, 3), (0, 0, 1, 1), 1),
        ((7, 8, 4), 6, (3, 3), (1, 1), (1, 1, 1, 1), 2),
        ((7, 8, 4), 8, (3, 3), (1, 1), (1, 1, 1, 1), 4),
        ((7, 8, 4), 4, (3, 2), (1, 1), (1, 1, 1, 1), 4),
        ((8, 9, 2), 3, (3, 3), (1, 2), (1, 1, 1, 1), 1),
        ((9, 9, 2), 3, (3, 2), (4, 2), (1, 0, 1, 0), 1),
        ((1, 9, 2), 3, (1, 1), (1, 3), (0, 0, 0, 0), 1),
        ((1, 9, 2), 3, (1, 1), (2, 2), (0, 1, 0, 1), 1),
        ((4, 9, 2), 2, (1, 3), (1, 2), (0, 2, 0, 1), 2),
        ((4, 9, 4), 4, (1, 3), (2, 1), (0, 1, 0, 1), 2),
    ],
)
@pytest.mark.parametrize("bias", [False, True])
def test_the_same_words(shape, outputs, kernel, stride, pads, groups, bias):
    graph = one_conv(shape, outputs, kernel, stride, pads, groups, bias)
    made = verify(square_windows(graph))
    require_cells(made)
    codes = frames(graph, 8)
    assert np.array_equal(execute(made, codes), execute(graph, codes))
    assert made.tensors[made.output] is graph.tensors[graph.output]


def test_windows_that_are_not_picked_may_reach_further():
    # One row of windows is wanted, half in the padding; the next one, which is not, holds two pixels.
    m = Maker(np.random.default_rng(3), (2, 3, 1), 1)
    attrs = {"weights": np.ones((1, 2, 1, 1), np.int64), "stride": (2, 1), "pads": (1, 0, 0, 0), "groups": 1}
    m.add("Conv", **attrs)
    graph = m.graph()
    made = verify(square_windows(graph))
    require_cells(made)
    assert (made.tensors[made.output].high, made.tensors[made.nodes[0].output].high) == (1, 2)
    codes = frames(graph, 8)
    assert np.array_equal(execute(made, codes), execute(graph, codes))


def test_what_fits_already_stays():
    graph = one_conv((6, 6, 2), 3, (3, 3), (1, 1), (1, 1, 1, 1))
    (before,), (after,) = graph.nodes, square_windows(graph).nodes
    assert np.array_equal(before.attrs["weights"], after.attrs["weights"])
    assert all(before.attrs[key] == after.attrs[key] for key in ("stride", "pads", "groups"))


@pytest.mark.parametrize(
    ("shape", "kernel", "stride", "pads"),
    [
        ((6, 7, 2), (2, 3), (1, 1), (1, 0, 0, 2)),
        ((6, 7, 2), (3, 2), (2, 1), (0, 0, 0, 0)),
        ((7, 9, 2), (2, 2), (4, 2), (1, 1, 1, 1)),  # the common stride would have windows wholly in the padding
        ((5, 9, 1), (3, 3), (3, 2), (2, 0, 2, 2)),
        ((6, 7, 2), (2, 3), (2, 3), (0, 0, 0, 0)),
        ((6, 7, 2), (1, 1), (3, 2), (0, 0, 0, 0)),
        ((1, 9, 2), (1, 3), (2, 2), (0, 1, 0, 1)),
        ((4, 5, 2), (4, 5), (1, 1), (0, 0, 0, 0)),
        ((6, 5, 2), (2, 5), (5, 1), (0, 0, 0, 0)),  # one window down, and room for three
    ],
)
@pytest.mark.parametrize("op", ["MaxPool", "SumPool"])
def test_pools(op, shape, kernel, stride, pads):
    m = Maker(np.random.default_rng(3), shape, 3, True)
    m.add(op, kernel=kernel, stride=stride, pads=pads)
    graph = m.graph()
    made = verify(square_windows(graph))
    require_cells(made)
    codes = frames(graph, 8)
    assert np.array_equal(execute(made, codes), execute(graph, codes))
    assert made.nodes[0].attrs["kernel"] == kernel


@pytest.mark.parametrize("stride", [(1, 1), (1, 2), (2, 2)])
def test_one_row_stays_one_row(stride):
    (node,) = square_windows(one_conv((1, 9, 2), 3, (1, 3), stride, (0, 1, 0, 1))).nodes
    assert (node.attrs["weights"].shape[1:3], node.attrs["stride"]) == ((1, 3), (1, stride[1]))


def test_depthwise_stays_depthwise():
    (node,) = square_windows(one_conv((6, 6, 3), 3, (3, 2), (1, 1), (1, 1, 1, 1), 3)).nodes
    assert node.attrs["groups"] == 3
    assert node.attrs["weights"].shape == (3, 3, 3, 1)
