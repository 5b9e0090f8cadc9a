"""Integers in the order of float scores: every comparison as the floats have it, ties included."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lutwright.errors import NotExact
from lutwright.numerics import chain as floats
from lutwright.numerics.chain import Chain
from lutwright.numerics.order import ordered_in, ranks
from lutwright.numerics.steps import Table

POWERS = [0.125, 0.25, 0.5, 1.0]
ODD = [0.1, 0.3, 0.7, 1.0]


@st.composite
def chains(draw, channels, ties=True):
    """Per-channel scales of either sign and one to three operations; small sets of numbers, so that ties occur."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pool = draw(st.sampled_from([POWERS, ODD]))
    sizes = draw(st.sampled_from([1, channels]))
    scale = rng.choice(pool, sizes) * rng.choice([1, 1, -1], sizes)
    ops = []
    for _ in range(draw(st.integers(0, 3))):
        size = draw(st.sampled_from([1, channels]))
        kind = draw(st.sampled_from(["add", "multiply", "relu", "clip", "tanh", "abs", "round", "batch_norm"]))
        ops.append(
            {
                "add": lambda s=size: floats.add("a", rng.choice([-1.0, -0.3, 0.0, 0.5, 1.7], s)),
                "multiply": lambda s=size: floats.multiply("m", rng.choice([-0.7, 0.0, 0.5, 2.0], s)),
                "relu": lambda: floats.rising("r", lambda x: np.maximum(x, 0)),
                "clip": lambda: floats.clip("c", -1.5, 2.25),
                "tanh": lambda: floats.curve("t", np.tanh),
                "abs": lambda: floats.curve("b", np.abs, exact=True),
                "round": lambda: floats.rising("q", np.rint),
                "batch_norm": lambda s=size: floats.batch_norm(
                    "n", rng.normal(size=s), rng.normal(size=s), rng.normal(size=s), rng.uniform(0.5, 2, s), 1e-5
                ),
            }[kind]()
        )
    return Chain(scale, tuple(ops))


def keys(made, acc):
    return acc * made.gain + made.offset if made.table is None else made.table.apply(acc)


def order(x):
    return np.argsort(-x, axis=-1, kind="stable")


@given(st.data(), st.sampled_from([np.float32, np.float64]), st.integers(1, 5), st.integers(0, 2**32 - 1))
@settings(max_examples=250, deadline=None)
def test_integers_compare_as_the_scores_do(data, kind, channels, seed):
    chain = data.draw(chains(channels))
    rng = np.random.default_rng(seed)
    low = int(rng.integers(-60, 20))
    high = low + int(rng.integers(0, 90))
    made = ranks(chain, channels, low, high, kind, "here")
    acc = rng.integers(low, high + 1, (400, channels))
    scores = np.broadcast_to(chain.run(acc, kind), acc.shape)
    found = keys(made, acc)
    assert np.array_equal(np.argmax(found, axis=1), np.argmax(scores, axis=1))
    assert np.array_equal(order(found), order(scores))


@given(st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=60, deadline=None)
def test_wide_scores_of_one_scale_and_a_bias(seed, grid):
    """More scores than are tried; those of neighbouring floats are drawn on purpose."""
    rng = np.random.default_rng(seed)
    channels, high = 6, 1 << 22
    scale = 0.0078125 if grid else rng.choice([0.3, 1e-4])
    bias = scale * (rng.integers(-99, 99, channels) / 8 if grid else rng.normal(0, 9, channels))
    chain = Chain(np.array([scale]), (floats.add("b", bias),))
    made = ranks(chain, channels, -high, high, np.float64, "here")
    assert made.table is None
    base = rng.integers(-high // 2, high // 2, (500, 1)) - np.floor(bias / scale).astype(np.int64)
    acc = base + rng.integers(-1, 2, (500, channels))
    assert np.array_equal(order(keys(made, acc)), order(chain.run(acc, np.float64)))


def test_one_scale_needs_nothing():
    assert ranks(Chain(np.array([0.3])), 4, -100, 100, np.float64, "here").plain
    assert ranks(Chain(np.array([0.25, 0.25])), 2, -(1 << 40), 1 << 40, np.float32, "here").plain
    same_bias = Chain(np.array([0.5]), (floats.add("b", np.array([0.25])),))
    assert ranks(same_bias, 3, -50, 50, np.float32, "here").plain


def test_scores_of_different_scales_get_gains():
    made = ranks(Chain(np.array([0.25, 0.5, 1.0])), 3, -50, 50, np.float32, "here")
    assert made.table is None
    assert (made.gain / made.gain[0]).tolist() == [1, 2, 4]


def test_a_curve_gets_a_table():
    made = ranks(Chain(np.array([1.0]), (floats.curve("b", np.abs),)), 2, -5, 5, np.float32, "here")
    assert isinstance(made.table, Table)
    assert made.table.codes.max() == 5


def test_constant_channels_are_compared_too():
    chain = Chain(np.array([1.0]), (floats.multiply("m", np.array([1.0, 0.0])), floats.add("b", np.array([0.0, 2.5]))))
    made = ranks(chain, 2, -5, 5, np.float64, "here")
    acc = np.stack([np.arange(-5, 6), np.zeros(11, np.int64)], axis=1)
    assert np.argmax(keys(made, acc), axis=1).tolist() == [1] * 8 + [0] * 3


@pytest.mark.parametrize(
    "chain",
    [
        Chain(np.array([0.1, 0.3])),
        Chain(np.array([-0.5])),
        Chain(np.array([0.5]), (floats.curve("t", np.tanh),)),
        Chain(np.array([0.5]), (floats.multiply("m", np.array([1.0, 2.0])),)),
    ],
)
def test_wide_scores_without_a_form(chain):
    with pytest.raises(
        NotExact, match="here: scores of different scales need at most 4194304 accumulators times channels"
    ):
        ranks(chain, 2, -(1 << 22), 1 << 22, np.float64, "here")


def test_wide_scores_that_float32_rounds():
    """A bias between the accumulators is lost where float32 has no bits for it: such scores tie."""
    chain = Chain(np.array([0.25]), (floats.add("b", np.array([0.0, 0.1])),))
    assert ordered_in(chain, 2, -(1 << 10), 1 << 10, np.float32)
    assert not ordered_in(chain, 2, -(1 << 22), 1 << 22, np.float32)
    assert ordered_in(chain, 2, -(1 << 22), 1 << 22, np.float64)
    with pytest.raises(NotExact, match="here: scores must be exact in float32 to be put in order, not rounded"):
        ranks(chain, 2, -(1 << 22), 1 << 22, np.float32, "here")
    odd = Chain(np.array([0.25]), (floats.multiply("m", np.array([0.3])),))
    assert not ordered_in(odd, 2, -(1 << 22), 1 << 22, np.float32)
    exact = Chain(np.array([0.25]), (floats.add("b", np.array([0.0, 0.5])),))
    assert ordered_in(exact, 2, -(1 << 22), 1 << 22, np.float32)
