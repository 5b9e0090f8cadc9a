"""The compiled executor: which arithmetic it takes, that each is exact up to its edge, how the work is divided."""

import gc
import os
import weakref

import numpy as np
import pytest
from graphs import Maker

from lutwright.ir import execute as execution
from lutwright.ir import plan, plan_tasks
from lutwright.ir.execute import execute, execute_all
from lutwright.ir.graph import Graph, Node, Output, Tensor
from lutwright.ir.ops import infer
from lutwright.ir.plan import Plan
from lutwright.ir.plan_steps import Applied, Count, Line, Picked, make_step
from lutwright.ir.plan_storage import canonical, kind_of
from lutwright.ir.plan_tasks import split
from lutwright.ir.verify import verify
from lutwright.numerics.edge import Edge
from lutwright.numerics.quantiser import Quantiser
from lutwright.numerics.requantise import Lookup, Multiply, Threshold, fit
from lutwright.numerics.steps import Steps, Table, find_steps

NONE = (0, 0, 0, 0)


def graph_of(tensors, *nodes):
    """nodes: (op, inputs, attrs); node i makes tensor 'ti'."""
    made = {t.name: t for t in tensors}
    done = []
    for index, (op, inputs, attrs) in enumerate(nodes):
        node = Node(f"n{index}", op, inputs, f"t{index}", attrs)
        made[node.output] = infer(node, [made[name] for name in inputs])
        done.append(node)
    edge = Edge.of(Quantiser(1.0, 0, 4, True, False))
    return verify(Graph("g", tuple(done), made, tensors[0].name, (Output(done[-1].output),), edge, {}))


def source(shape, low, high):
    return Tensor("x", shape, low, high, np.ones(1))


def equal(graph, codes):
    """Whether every tensor is the same by plan and by definition."""
    want, have = execute_all(graph, codes, plain=True), execute_all(graph, codes)
    return want.keys() == have.keys() and all(np.array_equal(have[name], want[name]) for name in want)


# ---- step functions --------------------------------------------------------------------------------------------------


def line(bits, low, high, channels=3, seed=0):
    rng = np.random.default_rng(seed)
    top = (1 << bits) - 1
    gain = (top + 1) / (high - low) * rng.uniform(0.5, 2, channels) * np.array([1, -1] * channels)[:channels]
    offset = rng.uniform(0, top, channels)
    chain = lambda a: np.clip(np.rint(a * gain + offset), 0, top).astype(np.int64)  # noqa: E731
    return find_steps(chain, channels, low, high, "n", monotone=True)


def random_thresholds(count, low, high, channels=3):
    rng = np.random.default_rng(1)
    thresholds = np.sort(rng.integers(low + 1, high + 1, (channels, count)), axis=1)
    return Steps(thresholds, rng.integers(-9, 9, channels), np.array([1, -1, 1])[:channels], low, high)


TABLE = Table(np.random.default_rng(2).integers(-99, 99, (3, 201)), -100, 100)
WIDE = 1 << 30
KERNELS = [
    (line(4, -500, 400), -500, 400, Line, np.float32),
    (line(8, -500, 400), -500, 400, Line, np.float32),
    (line(8, -(1 << 21), 1 << 21, 64), -(1 << 21), 1 << 21, Line, np.float64),  # float32 rounds some channel wrongly
    (line(4, -WIDE, WIDE), -WIDE, WIDE, Line, np.float64),
    (fit(line(4, -500, 400), "n"), -500, 400, Line, np.float32),
    (Multiply(np.array([1, -3, 1 << 20]), np.array([5, 0, 1]), 3, -9, 9), -500, 400, Line, np.float64),
    (Multiply(np.array([1, 4, 16]), np.array([8, -3, 5]), 4, -9, 9, True), -500, 400, Line, np.float32),
    (Multiply(np.array([1, -3, 1 << 40]), np.array([5, 0, 1]), 3, -9, 9), -(1 << 20), 1 << 20, Applied, np.int64),
    (random_thresholds(9, -500, 400), -500, 400, Count, np.float32),
    (Threshold(random_thresholds(9, -WIDE, WIDE)), -WIDE, WIDE, Count, np.float64),
    (random_thresholds(4, -(1 << 55), 1 << 55), -(1 << 55), 1 << 55, Count, np.int64),
    (random_thresholds(16, -500, 400), -500, 400, Picked, np.float32),
    (random_thresholds(16, -WIDE, WIDE), -WIDE, WIDE, Applied, np.int64),
    (TABLE, -100, 100, Picked, np.float32),
    (Lookup(TABLE), -50, 100, Picked, np.float32),
]


@pytest.mark.parametrize(("function", "low", "high", "kernel", "kind"), KERNELS)
@pytest.mark.parametrize("columns", [1, 3])
def test_kernels(function, low, high, kernel, kind, columns):
    channels = channels_of(function)
    made = make_step(function, channels, columns, low, high)
    assert (type(made), made.kind) == (kernel, kind)
    rng = np.random.default_rng(3)
    few = high - low < 2000
    values = np.arange(low, high + 1) if few else np.append(rng.integers(low, high + 1, 3000), [low, high])
    acc = np.stack([rng.permutation(values) for _ in range(channels)], axis=1)
    acc = np.concatenate([acc, np.clip(around(function, channels), low, high)])
    acc = acc[: len(acc) // columns * columns]
    x = acc.reshape(-1, columns * channels).astype(kind)
    assert np.array_equal(x, acc.reshape(x.shape))
    out = np.empty(x.shape, np.float32)
    made.run(x, out)
    assert np.array_equal(out.reshape(acc.shape), function.apply(acc))


def channels_of(function):
    steps = getattr(function, "steps", getattr(function, "table", function))
    return steps.multiplier.size if isinstance(steps, Multiply) else steps.channels


def around(function, channels):
    """The accumulators on either side of each threshold."""
    steps = getattr(function, "steps", function)
    if not isinstance(steps, Steps):
        return np.zeros((1, channels), np.int64)
    return np.concatenate([steps.thresholds.T, steps.thresholds.T - 1])


def test_a_slope_that_no_line_has_is_counted():
    """Jumps of 1 and of 100 codes: no straight line passes both."""
    steps = Steps(np.array([[-40] + [0] * 10 + [40]]), np.zeros(1, np.int64), np.ones(1, np.int64), -50, 50)
    assert isinstance(make_step(steps, 1, 1, -50, 50), Count)


def test_constants_are_lines():
    steps = Steps(np.array([[51], [0], [51]]), np.array([0, 0, 1]), np.array([1, 1, -1]), -50, 50)
    made = make_step(steps, 3, 1, -50, 50)
    assert isinstance(made, Line)
    x = np.array([[-50, -50, -50], [50, 50, 50]], np.float32)
    made.run(x, x)
    assert x.tolist() == [[0, 0, 1], [0, 1, 1]]


def test_a_forced_form_is_what_runs():
    """A form that is not equal to the steps, as what-if questions ask for."""
    steps = line(3, -50, 50, 1)
    other = Multiply(np.array([1]), np.array([100]), 5, 0, 7)
    graph = graph_of([source((1,), -50, 50)], ("Step", ("x",), {"steps": steps, "form": other}))
    codes = np.arange(-50, 51)[:, None]
    assert np.array_equal(execute(graph, codes), other.apply(codes))
    assert not np.array_equal(other.apply(codes), steps.apply(codes))


# ---- the edges of each arithmetic ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bound", "kind"),
    [
        ((1 << 24) - 1, np.float32),
        (1 << 24, np.float64),
        ((1 << 53) - 1, np.float64),
        (1 << 53, np.int64),
        (1 << 60, np.int64),
    ],
)
@pytest.mark.parametrize("op", ["Dense", "Conv", "depthwise", "Affine", "Add", "bias"])
def test_sums_at_the_edge(bound, kind, op):
    """Sums of `bound` and just below it, odd ones too: a type with a bit less would round them."""
    half = bound // 2
    shape = (1, 1, 2) if op in ("Conv", "depthwise") else (2,)
    w = np.array([[half, bound - half], [1, 0]])
    nodes = {
        "Dense": ("Dense", ("x",), {"weights": w}),
        "Conv": ("Conv", ("x",), {"weights": w[:, None, None], "stride": (1, 1), "pads": NONE, "groups": 1}),
        "depthwise": (
            "Conv",
            ("x",),
            {"weights": np.array([half, bound])[:, None, None, None], "stride": (1, 1), "pads": NONE, "groups": 2},
        ),
        "Affine": ("Affine", ("x",), {"gain": np.array([half - 1, half]), "offset": np.array([bound - half])}),
        "Add": ("Add", ("x", "x"), {"gains": (np.array([half]), np.array([bound - half]))}),
        "bias": ("Dense", ("x",), {"weights": w // 2, "bias": np.array([bound - half // 2 - (bound - half) // 2, 0])}),
    }
    graph = graph_of([source(shape, -1, 1)], nodes[op], ("ArgMax", ("t0",), {}))
    top = max(abs(graph.tensors["t0"].low), abs(graph.tensors["t0"].high))
    assert top == bound and kind_of(top) is kind
    codes = np.array([(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)]).reshape(9, *shape)
    assert equal(graph, codes)


def test_an_accumulator_beyond_float32_is_told_apart_from_its_neighbour():
    """2^24 and 2^24 + 1 are one float32; the step between them is kept."""
    w = np.array([[1 << 24, 1]])
    steps = Steps(np.array([[(1 << 24) + 1]]), np.zeros(1, np.int64), np.ones(1, np.int64), -(1 << 25), 1 << 25)
    graph = graph_of(
        [source((2,), -1, 1)], ("Dense", ("x",), {"weights": w}), ("Step", ("t0",), {"steps": steps, "form": None})
    )
    assert execute(graph, np.array([[1, 1], [1, 0]])).tolist() == [[1], [0]]


@pytest.mark.parametrize("low", [(1 << 24) - 2, (1 << 53) - 2, (1 << 59) - 2])
def test_large_values_keep_their_last_bit_everywhere(low):
    """Pools, padding, moves and indices of values that a narrower type cannot tell apart."""
    rng = np.random.default_rng(0)
    x = source((4, 4, 4), low, low + 5)
    ones = np.ones(1, np.int64)
    graph = graph_of(
        [x],
        ("MaxPool", ("x",), {"kernel": (2, 3), "stride": (1, 1), "pads": (1, 1, 0, 1)}),
        ("SumPool", ("x",), {"kernel": (2, 2), "stride": (2, 2), "pads": (1, 1, 1, 1)}),
        ("Pad", ("x",), {"pads": (1, 0, 0, 1), "value": -3}),
        ("Resize", ("x",), {"rows": np.array([0, 0, 3]), "columns": np.array([1, 2])}),
        ("DepthToSpace", ("x",), {"block": 2, "mode": "CRD"}),
        ("Reorder", ("x",), {"shape": (2, 8, 4), "index": rng.permutation(64)}),
        ("Flatten", ("x",), {}),
        ("Add", ("t0", "x"), {"gains": (ones, -ones)}),
        ("Concat", ("t0", "x", "t7"), {"axis": 2}),
        ("TopK", ("x",), {"k": 3}),
        ("ArgMax", ("x",), {}),
    )
    assert equal(graph, rng.integers(low, low + 6, (3, 4, 4, 4)))


# ---- division of the work --------------------------------------------------------------------------------------------


def network():
    m = Maker(np.random.default_rng(0), (9, 8, 3), 4)
    m.conv(6, (3, 3), (1, 1), (1,) * 4)
    m.step(3, False)
    skip = m.here
    m.conv(6, (3, 3), (1, 1), (1,) * 4, groups=6)
    m.step(3, True)
    m.conv(6, (3, 3), (1, 1), (1, 2, 1, 0), groups=2, bias=True)
    m.add("Add", m.here, skip, gains=(np.array([1]), np.array([3])))
    m.step(4, False)
    m.add("MaxPool", kernel=(2, 2), stride=(2, 2), pads=NONE)
    m.add("Flatten")
    m.dense(5, 3, True)
    return m.graph()


CODES = np.random.default_rng(0).integers(0, 16, (7, 9, 8, 3))


@pytest.mark.parametrize("threads", [None, 1, 3])
@pytest.mark.parametrize("block", [1, 5000, 1 << 22])
@pytest.mark.parametrize("chunk", [1, 9000, 1 << 21])
def test_blocks_threads_and_chunks(threads, block, chunk, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: threads)
    monkeypatch.setattr(plan, "_BLOCK_BYTES", block)
    monkeypatch.setattr(plan_tasks, "_CHUNK_BYTES", chunk)
    graph = network()
    compiled = Plan(graph)
    want = execute_all(graph, CODES, plain=True)
    for codes in (CODES, CODES[:2], CODES):  # a workspace made for few frames is not taken for many
        have = compiled.run(codes, set(want))
        assert all(np.array_equal(have[name], want[name][: len(codes)]) for name in want)


def test_only_what_is_asked_for():
    graph = network()
    want = execute_all(graph, CODES, plain=True)
    for keep in ({"input"}, {"conv0.out", graph.output}, set()):
        have = execute_all(graph, CODES, keep)
        assert have.keys() == keep
        assert all(np.array_equal(have[name], want[name]) for name in keep)


def test_no_frames():
    graph = network()
    for plain in (False, True):
        words = execute_all(graph, CODES[:0], plain=plain)
        assert all(words[name].shape == (0, *graph.tensors[name].shape) for name in words)


def test_a_graph_without_nodes():
    edge = Edge.of(Quantiser(1.0, 0, 2, False, False))
    graph = Graph("none", (), {"x": source((2,), 0, 3)}, "x", (Output("x"),), edge, {})
    assert execute(verify(graph), np.array([[1, 2]])).tolist() == [[1, 2]]


def test_results_are_the_callers_own():
    """What comes back is no view of a buffer that the next run writes to."""
    graph = network()
    first = execute_all(graph, CODES)
    kept = {name: words.copy() for name, words in first.items()}
    execute_all(graph, CODES[::-1])
    assert all(np.array_equal(first[name], kept[name]) for name in first)


def test_plans_go_with_their_graphs():
    graph = network()
    execute(graph, CODES)
    made = execution._PLANS[graph]
    execute(graph, CODES)
    assert execution._PLANS[graph] is made
    gone = weakref.ref(made)
    del graph, made
    gc.collect()
    assert gone() is None


def test_tensors_of_two_and_four_dimensions():
    """Reorder may make them; what follows takes the last axis for channels."""
    step = {"steps": random_thresholds(3, -20, 20), "form": None}
    graph = graph_of(
        [source((2, 4, 3), 0, 15)],
        ("Reorder", ("x",), {"shape": (8, 3), "index": np.arange(24)[::-1].copy()}),
        ("Step", ("t0",), step),
        ("Concat", ("t1", "t1"), {"axis": 0}),
        ("Reorder", ("t2",), {"shape": (2, 2, 4, 3), "index": np.arange(48)}),
        ("Step", ("t3",), step),
        ("ArgMax", ("t4",), {}),
    )
    assert equal(graph, np.random.default_rng(0).integers(0, 16, (3, 2, 4, 3)))


def test_small_helpers():
    assert [canonical(shape) for shape in ((5,), (4, 5), (3, 4, 5), (2, 3, 4, 5))] == [
        (1, 1, 5),
        (1, 4, 5),
        (3, 4, 5),
        (6, 4, 5),
    ]
    assert split(7, 3) == [(0, 2), (2, 4), (4, 7)]
    assert split(2, 5) == [(0, 1), (1, 2)]
    assert split(0, 3) == [(0, 0)]
