"""Lowering: what no cell does is refused by name, biases and offsets become stages."""

from dataclasses import replace

import numpy as np
import pytest
from graphs import Maker

from lutwright.boards import load_board
from lutwright.dataflow.choose import choose
from lutwright.dataflow.folding import fastest_interval, fold_graph
from lutwright.dataflow.kinds import is_complement
from lutwright.dataflow.lower import Target, lower
from lutwright.dataflow.supported import require_cells
from lutwright.errors import UnsupportedOp
from lutwright.numerics.requantise import Threshold
from lutwright.numerics.steps import Table
from lutwright.passes import run_pipeline
from lutwright.passes.complement_signs import complement_signs

BOARD = load_board("ulx3s-45f")
NONE = (0, 0, 0, 0)


def maker(shape=(6, 6, 4), bits=3, signed=False):
    return Maker(np.random.default_rng(0), shape, bits, signed)


def conv(m, kernel=(3, 3), stride=(1, 1), pads=NONE, **extra):
    m.conv(4, kernel, stride, pads, **extra)
    return m


def long_table(m):
    """A table of more codes than a memory should have: 2^18 for each of 8 channels."""
    m = maker((2, 2, 8), 15, True)
    m.add("Conv", weights=np.full((8, 1, 1, 8), 1, np.int64), stride=(1, 1), pads=NONE, groups=1)
    low, high = m.here.low, m.here.high
    codes = np.tile(np.arange(high - low + 1) % 3, (8, 1))
    m.add("Step", steps=Table(codes, low, high), form=None)
    return m


def op(m, name, **attrs):
    conv(m)
    m.add(name, **attrs)
    return m


def vector_of_one(m, name, **attrs):
    conv(m)
    m.add("SumPool", kernel=(4, 4), stride=(4, 4), pads=NONE)
    m.add("Flatten")
    m.dense(1, 3)
    m.add(name, **attrs)
    return m


REFUSALS = {
    "groups": (
        lambda m: conv(m, groups=2),
        r"'conv0' \(Conv\): the window must be square or a row and the layer dense",
    ),
    "strides": (lambda m: conv(m, stride=(1, 2)), r"'conv0' \(Conv\): strides must be equal .*, not \(1, 2\)"),
    "kernel": (lambda m: conv(m, (3, 2)), r"'conv0' \(Conv\): the window must be square .*, not kernel \(3, 2\)"),
    "1x1": (lambda m: conv(m, (1, 1), (2, 2)), r"'conv0' \(Conv\): the window must be square"),
    "pool strides": (
        lambda m: op(m, "MaxPool", kernel=(2, 2), stride=(1, 2), pads=NONE),
        r"'maxpool1' \(MaxPool\): strides must be equal for the hardware, not \(1, 2\). Run passes/square_windows",
    ),
    "table": (long_table, r"'step1' \(Step\): a table must have at most 1048576 codes for the hardware, not 2097096"),
    "ArgMax of one": (lambda m: vector_of_one(m, "ArgMax"), r"'argmax4' \(ArgMax\): must choose among two"),
    "TopK of one": (lambda m: vector_of_one(m, "TopK", k=1), r"'topk4' \(TopK\): must choose among two"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals(case):
    make, message = REFUSALS[case]
    graph = make(maker()).graph()
    with pytest.raises(UnsupportedOp, match=message):
        choose(graph, BOARD)
    target = Target(fastest_interval(graph), 1)
    with pytest.raises(UnsupportedOp, match=message):
        lower(graph, fold_graph(graph, target.interval), target)


def test_a_graph_without_nodes():
    with pytest.raises(UnsupportedOp, match="graph 'random': must compute something for the hardware, not no nodes"):
        choose(maker().graph(), BOARD)


def lowered(graph, slow=1):
    target = Target(fastest_interval(graph) * slow, 1)
    return {stage.name: stage for stage in lower(graph, fold_graph(graph, target.interval), target).stages}


def test_biases_become_stages():
    m = conv(maker(), bias=True)
    m.add("Flatten")
    m.dense(5, 3, True)
    stages = lowered(m.graph(), 4)
    for name, tensor in (("conv0", "conv0.out"), ("dense2", "dense2.out")):
        assert stages[name].tensor == ""  # the sums before the bias are no tensor of the graph
        added = stages[f"{name}_bias"]
        assert (added.cell, added.tensor, added.parameters["SHIFT"]) == ("requantise_affine", tensor, 0)
        assert added.parameters["CLIP"] == 0
        assert (
            added.parameters["OFFSETS"].values.tolist() == m.nodes[0 if name == "conv0" else 2].attrs["bias"].tolist()
        )
        assert added.stream.signed


def test_an_offset_becomes_a_stage():
    m = conv(maker((3, 3, 4)))
    m.add("Flatten")
    m.add("Affine", gain=np.array([3, -1, 0, 2]), offset=np.array([7]))
    m.add("ArgMax")
    stage = lowered(m.graph())["affine2"]
    assert stage.parameters["MULTIPLIERS"].values.tolist() == [3, -1, 0, 2]
    assert stage.parameters["OFFSETS"].values.tolist() == [7, 7, 7, 7]


def test_only_complemented_signs_come_out_of_the_multiplexers():
    m = conv(maker(), kind="sign")
    m.step(3, False)
    graph = run_pipeline(m.graph())
    assert is_complement(graph.nodes[0])
    stages = lowered(graph)
    assert stages["conv0"].parameters["SIGN_ONLY"] == 1 and "conv0_bias" not in stages
    other = conv(maker(), kind="sign", bias=True)
    other.step(3, False)
    stages = lowered(run_pipeline(other.graph()))
    assert "SIGN_ONLY" not in stages["conv0"].parameters and "conv0_bias" in stages
    dense = conv(maker(), bias=True)
    assert not is_complement(dense.nodes[0])
    assert not is_complement(conv(maker(), (1, 1), bias=True).nodes[0])


def test_signs_in_front_of_a_table_stay():
    m = conv(maker(), kind="sign")
    m.table(2)
    graph = m.graph()
    assert isinstance(graph.nodes[1].attrs["steps"], Table)
    assert complement_signs(graph).nodes == graph.nodes


def test_thresholds_that_every_sum_passes_move_into_the_base():
    """Channel 1 loses 4 by its four negative weights; its sums reach no lower than those of channel 0 did."""
    m = maker((3, 3, 4), bits=1)
    w = np.zeros((2, 3, 3, 4), np.int64)
    w[0, 0, 0], w[1, 0, 0] = 1, -1
    m.add("Conv", weights=w, stride=(1, 1), pads=NONE, groups=1)
    m.step(2, False)
    before, after = m.graph(), complement_signs(m.graph())
    steps = after.nodes[1].attrs["steps"]
    assert (steps.thresholds > steps.low).all()
    acc = np.arange(-4, 5)[:, None].repeat(2, axis=1)
    moved = np.clip(acc + after.nodes[0].attrs["bias"], steps.low, steps.high)
    reached = np.stack([acc[:, 0] >= 0, acc[:, 1] <= 0], axis=1)
    assert np.array_equal(steps.apply(moved)[reached], before.nodes[1].attrs["steps"].apply(acc)[reached])


def test_supported_graphs_pass():
    m = conv(maker(signed=True), bias=True)
    m.step(3, False)
    m.add("MaxPool", kernel=(2, 2), stride=(2, 2), pads=NONE)
    m.add("Flatten")
    m.dense(3, 3)
    m.affine(4)
    m.add("ArgMax")
    graph = run_pipeline(m.graph())
    require_cells(graph)
    steps = graph.nodes[1]
    forced = replace(steps, attrs={**steps.attrs, "form": Threshold(steps.attrs["steps"])})
    require_cells(replace(graph, nodes=(graph.nodes[0], forced, *graph.nodes[2:])))
