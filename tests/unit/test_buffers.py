"""FIFO depths from the rates, by hand and on small graphs."""

import numpy as np
import pytest
from graphs import Maker

from lutwright.dataflow.buffers import Timing, _depth, _schedule, edge_depths, pixels
from lutwright.dataflow.folding import fold_graph
from lutwright.dataflow.lower import Target, _lower, lower
from lutwright.emit.project import for_hardware

EACH = np.arange(1, 5)


def schedule(timing, first, gap=1.0):
    """Frames of four pixels, `gap` clocks apart and each frame sixteen clocks after the one before."""
    arrivals = np.concatenate([first + 16 * frame + gap * np.arange(4) for frame in range(3)])
    (taken,), sent = _schedule(timing, [arrivals])
    return arrivals, taken, sent


def test_a_node_that_keeps_up_takes_each_pixel_as_it_comes():
    arrivals, taken, sent = schedule(Timing((EACH,), 1.0, 1.0, 0.0), 0)
    assert taken.tolist() == arrivals.tolist()
    assert (sent - arrivals).tolist() == [1.0] * 12
    assert _depth(arrivals, taken, 1.0) == 0


def test_a_burst_waits_before_a_slow_node():
    arrivals, taken, _ = schedule(Timing((EACH,), 4.0, 1.0, 0.0), 0)
    assert taken[:4].tolist() == [0, 4, 8, 12]
    assert _depth(arrivals, taken, 1.0) == 4  # three behind the one in front, and one more
    assert _depth(arrivals, taken, 2.0) == 7


def test_a_node_with_memories_takes_ahead_of_what_it_works_on():
    room = np.array([3, 4, 5, 6])
    arrivals, taken, _ = schedule(Timing((EACH,), 4.0, 1.0, 0.0, room), 0)
    assert taken[:3].tolist() == [0, 1, 2]
    assert taken[3] == 4  # when the second pixel is begun there is room for a fourth
    assert _depth(arrivals, taken, 1.0) == 0 or taken[3] > arrivals[3]


def test_padding_above_begins_when_the_first_pixel_is_there():
    """Of four clocks between two frames one passes before, behind the last pixel."""
    pauses = np.array([4.0, 0.0, 0.0, 0.0])
    arrivals, taken, _ = schedule(Timing((EACH,), 1.0, 1.0, 0.0, pauses=pauses, above=3.0), 0)
    assert taken[:4].tolist() == [3, 4, 5, 6]
    assert taken[4] == arrivals[4] + 3
    assert _depth(arrivals, taken, 1.0) == 5  # all four wait at the third clock
    late = schedule(Timing((EACH,), 1.0, 1.0, 0.0, pauses=pauses), 0)[1]
    assert late[4] == 16


def test_pixels():
    m = Maker(np.random.default_rng(0), (3, 4, 5), 2)
    assert pixels(m.here) == 12
    m.add("Flatten")
    assert pixels(m.here) == 60


def residual(stride):
    m = Maker(np.random.default_rng(0), (8, 8, 4), 2)
    start = m.here
    m.conv(4, (3, 3), (stride, stride), (1, 1, 1, 1))
    left = m.here
    m.here = start
    m.conv(4, (1, 1), (stride, stride), (0, 0, 0, 0))
    ones = np.ones(1, np.int64)
    m.add("Add", left, m.here, gains=(ones, ones))
    return for_hardware(m.graph())


@pytest.mark.parametrize(("stride", "interval"), [(1, 64), (1, 1024), (2, 64), (2, 1024)])
def test_the_shorter_branch_gets_the_queue(stride, interval):
    graph = residual(stride)
    target = Target(interval, 1)
    folds = fold_graph(graph, interval)
    depths = edge_depths(graph, _lower(graph, folds, target, {}))
    long, short = (depths[name, "add2"] for name in graph.nodes[-1].inputs)
    assert long == 0
    assert short >= 8 // stride  # at least the row and a bit that the 3x3 window is behind
    fifo = next(s for s in lower(graph, folds, target).stages if s.name == "add2_fifo1")
    assert fifo.parameters["DEPTH"] == short
    assert fifo.inputs[0].stage.startswith("conv1")


def test_concatenated_vectors_wait_for_their_turn():
    m = Maker(np.random.default_rng(0), (2, 2, 2), 2)
    m.add("Flatten")
    first = m.here
    m.dense(6, 3)
    m.add("Concat", m.here, first, m.here, axis=0)
    graph = for_hardware(m.graph())
    pipeline = lower(graph, fold_graph(graph, 64), Target(64, 1))
    depths = {s.name: s.parameters["DEPTH"] for s in pipeline.stages if s.cell == "fifo"}
    assert depths["concat2_fifo1"] >= 8
    assert depths["concat2_fifo2"] >= 6 // pipeline.stage("concat2").stream.lanes
