"""fuse_steps and fold_pads: the function stays, the nodes go, the names are those of the later node."""

import numpy as np
import pytest
from graphs import Maker, any_graphs, frames
from hypothesis import given, settings
from hypothesis import strategies as st

from lutwright.ir.execute import execute, execute_all
from lutwright.ir.verify import verify
from lutwright.numerics.steps import Steps, Table, find_steps
from lutwright.passes import run_pipeline
from lutwright.passes.fold_pads import fold_pads
from lutwright.passes.fuse_steps import fuse_steps


def ops(graph):
    return [node.op for node in graph.nodes]


def same(before, after, seed=0):
    codes = frames(before, 24, seed)
    return np.array_equal(execute_all(before, codes, {before.output}, plain=True)[before.output], execute(after, codes))


def chain(rng, kinds, shape=(3, 3, 2), bits=6):
    """Pointwise nodes behind each other."""
    maker = Maker(rng, shape, bits, signed=True)
    for kind in kinds:
        if kind == "affine":
            maker.affine(7)
        elif kind == "offset":
            sign = rng.choice([-1, 1], maker.here.channels)
            maker.add("Affine", gain=sign, offset=maker.integers(9, maker.here.channels))
        elif kind == "table":
            maker.table(4)
        elif kind == "binary":
            maker.binary()
        else:
            maker.step(5, kind == "power")
    return maker


KINDS = ("affine", "offset", "step", "power", "binary", "table")


@given(st.integers(0, 2**32 - 1), st.lists(st.sampled_from(KINDS), min_size=1, max_size=6))
@settings(max_examples=150, deadline=None)
def test_fusing_keeps_the_function(seed, kinds):
    graph = chain(np.random.default_rng(seed), kinds).graph()
    fused = verify(fuse_steps(graph))
    assert same(graph, fused, seed % 1000)
    assert len(fused.nodes) <= len(graph.nodes)
    assert fused.output == graph.output
    assert fused.nodes[-1].name == graph.nodes[-1].name


@given(any_graphs(), st.integers(0, 999))
@settings(max_examples=80, deadline=None)
def test_whatever_the_graph(graph, seed):
    for step in (fuse_steps, fold_pads):
        after = verify(step(graph))
        assert same(graph, after, seed), step.__name__
        assert {n.name for n in after.nodes} <= {n.name for n in graph.nodes}


@pytest.mark.parametrize(
    ("kinds", "left"),
    [
        (["step", "step"], ["Step"]),
        (["affine", "step"], ["Step"]),
        (["step", "offset"], ["Step"]),
        (["affine", "step", "offset", "step"], ["Step"]),
        (["table", "step"], ["Step"]),
        (["affine", "table"], ["Step"]),
        (["step", "affine"], ["Step", "Affine"]),
        (["affine", "affine"], ["Affine", "Affine"]),
        (["offset", "offset", "step"], ["Affine", "Step"]),
    ],
)
def test_what_is_fused(kinds, left):
    graph = chain(np.random.default_rng(7), kinds).graph()
    assert ops(graph) == ["Affine" if k in ("affine", "offset") else "Step" for k in kinds]
    fused = fuse_steps(graph)
    assert ops(fused) == left
    assert set(fused.tensors) == {"input", *(node.output for node in fused.nodes)}


def test_a_tensor_that_others_read_stays():
    maker = chain(np.random.default_rng(1), ["step"])
    first = maker.here
    maker.step(3, False)
    maker.add("Add", maker.here, first, gains=(np.ones(1, np.int64), np.ones(1, np.int64)))
    graph = maker.graph()
    assert fuse_steps(graph) is graph


def test_a_tensor_that_is_read_twice_by_one_node_stays():
    maker = chain(np.random.default_rng(1), ["step"])
    maker.add("Concat", maker.here, maker.here, axis=2)
    maker.step(3, False)
    graph = maker.graph()
    assert fuse_steps(graph) is graph


def test_monotone_steps_stay_steps_and_tables_stay_tables():
    assert isinstance(
        fuse_steps(chain(np.random.default_rng(3), ["step", "step"]).graph()).nodes[0].attrs["steps"], Steps
    )
    assert isinstance(
        fuse_steps(chain(np.random.default_rng(3), ["affine", "table"]).graph()).nodes[0].attrs["steps"], Table
    )


def test_a_short_table_behind_wide_sums_stays_short():
    """|x| of a 4-bit code is a table of 16; fused with the step before it, it would be one of every accumulator."""
    maker = Maker(np.random.default_rng(0), (64,), 8)
    maker.dense(32, 12)
    assert maker.spread * 32 > 1 << 22
    maker.step(4, False)
    low, high = maker.here.low, maker.here.high
    bent = find_steps(lambda a: np.abs(a - 7), 32, low, high, "bent")
    assert isinstance(bent, Table)
    maker.add("Step", steps=bent, form=None)
    graph = maker.graph()
    assert ops(fuse_steps(graph)) == ["Dense", "Step", "Step"]
    assert same(graph, run_pipeline(graph))


def padded(rng, pads, value=0, readers=("conv",)):
    """An image, padded, and what reads that."""
    maker = Maker(rng, (4, 5, 2), 3)
    for each in pads:
        maker.add("Pad", pads=each, value=value)
    here, ends = maker.here, []
    for reader in readers:
        maker.here = here
        if reader == "conv":
            maker.conv(3, (2, 2), (1, 1), (1, 0, 0, 1))
        else:
            maker.add("MaxPool", kernel=(2, 2), stride=(1, 1), pads=(0, 0, 0, 0))
        ends.append(maker.here)
    if len(ends) > 1 and readers == ("conv", "conv"):
        maker.add("Concat", *ends, axis=2)
    return maker.graph()


def test_zeros_go_into_the_convolution():
    graph = padded(np.random.default_rng(0), [(1, 2, 3, 0)])
    after = verify(fold_pads(graph))
    assert ops(after) == ["Conv"]
    assert after.nodes[0].attrs["pads"] == (2, 2, 3, 1)
    assert after.nodes[0].name == graph.nodes[1].name
    assert same(graph, after)


def test_pads_behind_each_other_go_both():
    graph = padded(np.random.default_rng(0), [(1, 2, 3, 0), (0, 1, 0, 1)])
    after = verify(fold_pads(graph))
    assert ops(after) == ["Conv"]
    assert after.nodes[0].attrs["pads"] == (2, 3, 3, 2)
    assert same(graph, after)


def test_zeros_go_into_every_convolution_that_reads_them():
    graph = padded(np.random.default_rng(0), [(1, 1, 1, 1)], readers=("conv", "conv"))
    after = verify(fold_pads(graph))
    assert ops(after) == ["Conv", "Conv", "Concat"]
    assert same(graph, after)


@pytest.mark.parametrize(
    "graph",
    [
        padded(np.random.default_rng(0), [(1, 1, 1, 1)], value=1),
        padded(np.random.default_rng(0), [(1, 1, 1, 1)], readers=("pool",)),
        padded(np.random.default_rng(0), [(1, 1, 1, 1)], readers=("conv", "pool")),
        padded(np.random.default_rng(0), [(1, 1, 1, 1)], readers=()),
    ],
)
def test_other_pads_stay(graph):
    assert fold_pads(graph) is graph
