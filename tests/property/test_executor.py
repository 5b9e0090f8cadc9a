"""Law: the compiled executor computes what the definitions say, and every range is exactly what is reached."""

import numpy as np
import pytest
from graphs import any_graphs, frames, graphs
from hypothesis import given, settings
from hypothesis import strategies as st

from lutwright.ir import plan, plan_tasks
from lutwright.ir.execute import execute, execute_all
from lutwright.ir.graph import Node, Tensor
from lutwright.ir.ops import OPS, infer
from lutwright.ir.plan import Plan


def check_equal(graph, count=6):
    """Every tensor of `graph` is the same by plan and by definition, and within its range."""
    codes = frames(graph, count)
    want, have = execute_all(graph, codes, plain=True), execute_all(graph, codes)
    assert want.keys() == have.keys() == {graph.input} | {node.output for node in graph.nodes}
    for name, words in want.items():
        tensor = graph.tensors[name]
        assert have[name].dtype == np.int64
        assert np.array_equal(have[name], words), name
        assert words.shape == (count, *tensor.shape)
        assert tensor.low <= words.min() and words.max() <= tensor.high, name


@given(any_graphs())
@settings(max_examples=250, deadline=None)
def test_plan_equals_definition(graph):
    check_equal(graph)


@given(graphs())
@settings(max_examples=60, deadline=None)
def test_plan_equals_definition_for_hardware(graph):
    check_equal(graph)


@pytest.mark.long
@given(any_graphs(most=10))
@settings(max_examples=20_000, deadline=None)
def test_many_plans(graph):
    check_equal(graph)


@given(any_graphs())
@settings(max_examples=80, deadline=None)
def test_blocks_and_chunks_do_not_matter(graph):
    """Blocks of a frame or two on all threads, chunks of a row or two."""
    codes = frames(graph, 5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "_BLOCK_BYTES", 700)
        patch.setattr(plan_tasks, "_CHUNK_BYTES", 300)
        small = Plan(graph).run(codes, {graph.output})
    assert np.array_equal(small[graph.output], execute_all(graph, codes, plain=True)[graph.output])


@given(any_graphs())
@settings(max_examples=60, deadline=None)
def test_batches_do_not_matter(graph):
    codes = frames(graph, 5)
    one_by_one = np.concatenate([execute(graph, codes[i : i + 1]) for i in range(5)])
    assert np.array_equal(execute(graph, codes), one_by_one)


# ---- ranges are exact: an adversary reaches both ends, and cannot pass them ------------------------------------------


def respond(node, tensors, parts):
    """The outputs [n, words] for inputs [n, words of all input tensors]."""
    edges = np.cumsum([t.words for t in tensors])[:-1]
    arrays = [a.reshape(-1, *t.shape) for a, t in zip(np.split(parts, edges, axis=1), tensors, strict=True)]
    return OPS[node.op].execute(node, arrays, tensors).reshape(parts.shape[0], -1)


def check_reached(node, tensors):
    """Give each output what makes it largest and smallest: every input at the extreme that its coefficient asks for."""
    made = infer(node, tensors)
    low = np.concatenate([np.full(t.words, t.low) for t in tensors])
    high = np.concatenate([np.full(t.words, t.high) for t in tensors])
    zero = np.zeros((1, low.size), np.int64)
    coefficients = (respond(node, tensors, np.eye(low.size, dtype=np.int64)) - respond(node, tensors, zero)).T
    largest = respond(node, tensors, np.where(coefficients > 0, high, low))
    smallest = respond(node, tensors, np.where(coefficients < 0, high, low))
    assert largest.max() == made.high
    assert smallest.min() == made.low
    assert made.low <= largest.min() and smallest.max() <= made.high


@st.composite
def sources(draw, name, shape):
    """A tensor of `shape` whose range may lie anywhere."""
    low = draw(st.integers(-9, 9))
    return Tensor(name, shape, low, low + draw(st.integers(0, 15)), np.ones(1))


@st.composite
def windows(draw, shape):
    """kernel, stride and pads; the image may be smaller than the kernel, and windows may see padding alone."""
    kernel = tuple(draw(st.integers(1, 4)) for _ in range(2))
    pads = [draw(st.integers(0, 4)) for _ in range(4)]
    for i in range(2):
        pads[i + 2] += max(0, kernel[i] - shape[i] - pads[i] - pads[i + 2])
    return kernel, tuple(draw(st.integers(1, 3)) for _ in range(2)), tuple(pads)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_convolutions_reach_their_range(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    groups = data.draw(st.integers(1, 2))
    shape = (data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4)), groups * data.draw(st.integers(1, 2)))
    kernel, stride, pads = data.draw(windows(shape))
    outputs = groups * data.draw(st.integers(1, 2))
    weights = rng.integers(-4, 5, (outputs, *kernel, shape[2] // groups))
    attrs = {"weights": weights, "stride": stride, "pads": pads, "groups": groups}
    if data.draw(st.booleans()):
        attrs["bias"] = rng.integers(-30, 31, outputs)
    check_reached(Node("n", "Conv", ("x",), "y", attrs), [data.draw(sources("x", shape))])


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_matrices_reach_their_range(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    inputs, outputs = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 4))
    attrs = {"weights": rng.integers(-9, 10, (outputs, inputs))}
    if data.draw(st.booleans()):
        attrs["bias"] = rng.integers(-30, 31, outputs)
    check_reached(Node("n", "Dense", ("x",), "y", attrs), [data.draw(sources("x", (inputs,)))])


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_sums_of_windows_reach_their_range(data):
    shape = (data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5)), data.draw(st.integers(1, 2)))
    kernel, stride, pads = data.draw(windows(shape))
    node = Node("n", "SumPool", ("x",), "y", {"kernel": kernel, "stride": stride, "pads": pads})
    check_reached(node, [data.draw(sources("x", shape))])


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_additions_reach_their_range(data):
    channels = data.draw(st.integers(1, 3))
    gain = st.lists(st.integers(-9, 9), min_size=1, max_size=1) | st.lists(
        st.integers(-9, 9), min_size=channels, max_size=channels
    )
    gains = tuple(np.array(data.draw(gain)) for _ in range(2))
    tensors = [data.draw(sources(name, (2, 1, channels))) for name in "ab"]
    check_reached(Node("n", "Add", ("a", "b"), "y", {"gains": gains}), tensors)
    twice = Node("n", "Add", ("a", "a"), "y", {"gains": gains})
    one = Node("n", "Affine", ("a",), "y", {"gain": gains[0] + gains[1], "offset": np.zeros(1, np.int64)})
    check_reached(one, tensors[:1])
    same, whole = infer(one, tensors[:1]), infer(twice, [tensors[0], tensors[0]])
    assert (whole.low, whole.high) == (same.low, same.high)
