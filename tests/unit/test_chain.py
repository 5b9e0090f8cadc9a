"""Float chains: run in the model's arithmetic, channels chosen, and what is known of a chain without running it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_order import chains

from lutwright.numerics import chain as floats
from lutwright.numerics.chain import Chain, powers_of_two
from lutwright.numerics.edge import Edge, Exit
from lutwright.numerics.quantiser import Quantiser
from lutwright.numerics.view import plain

ACC = np.repeat(np.arange(-40, 41)[:, None], 3, axis=1)


@given(chains(3), st.sampled_from([np.float32, np.float64]))
@settings(max_examples=200, deadline=None)
def test_signs_are_kept(chain, kind):
    """What `sign` says of a channel holds for every pair of neighbours; `gain` is the whole of a chain that has one."""
    values = np.broadcast_to(chain.run(ACC, kind), ACC.shape)
    assert values.dtype == kind
    rises = np.sign(np.diff(values, axis=0))
    sign = np.broadcast_to(chain.sign, 3)
    for c in range(3):
        assert sign[c] == 0 or (rises[:, c] * sign[c] >= 0).all()
    if chain.gain is not None:
        assert np.allclose(values, ACC * chain.gain, rtol=1e-5, atol=0)
    if not chain.varies:
        assert (values == values[:, :1]).all()


@given(chains(3), st.lists(st.integers(0, 2), min_size=1, max_size=6))
@settings(max_examples=200, deadline=None)
def test_choosing_channels(chain, columns):
    picked = chain.select(np.array(columns))
    acc = np.random.default_rng(0).integers(-40, 41, (50, len(columns)))
    whole = np.zeros((50, 3), np.int64)
    for i, c in enumerate(columns):
        whole[:, c] = acc[:, i]
        values = np.broadcast_to(chain.run(whole, np.float64), whole.shape)[:, c]
        assert np.array_equal(np.broadcast_to(picked.run(acc, np.float64), acc.shape)[:, i], values)


def test_operations_are_done_in_the_arithmetic_that_is_asked_for():
    chain = Chain(np.array([0.1]), (floats.add("a", np.array([0.2])), floats.divide("d", np.array([0.3]))))
    for kind in (np.float32, np.float64):
        expected = (kind(7) * kind(0.1) + kind(0.2)) / kind(0.3)
        assert chain.run(np.array([[7]]), kind)[0, 0] == expected
        assert type(chain.run(np.array([[7]]), kind)[0, 0]) is kind


def test_batch_norm_is_one_gain_and_one_offset():
    rng = np.random.default_rng(0)
    w, b, m, v = rng.normal(size=3), rng.normal(size=3), rng.normal(size=3), rng.uniform(0.5, 2, 3)
    op = floats.batch_norm("n", w, b, m, v, 1e-5)
    x = rng.normal(size=(20, 3))
    gain = w * (1 / np.sqrt(v + 1e-5))
    assert np.array_equal(op.run(x), x * gain + (b - m * gain))
    assert op.sign.tolist() == np.sign(w).tolist()


def test_what_a_chain_says_of_itself():
    plain_chain = Chain(np.array([0.5]))
    scaled = plain_chain.then(floats.multiply("mul", np.array([2.0, -0.5, 3.0])))
    assert scaled.gain.tolist() == [1.0, -0.25, 1.5]
    assert scaled.sign.tolist() == [1, -1, 1]
    assert scaled.varies
    assert scaled.last == "mul"
    assert (plain_chain.last, plain_chain.varies) == ("", False)
    assert scaled.then(floats.add("a", np.zeros(1))).gain is None
    assert plain_chain.then(floats.multiply("m", np.array([0.0]))).gain is None
    assert plain_chain.then(floats.subtract_from("s", np.array([1.0]))).sign.tolist() == [-1]
    assert plain_chain.then(floats.curve("c", np.cos)).sign.tolist() == [0]
    assert Chain(np.array([-0.5])).sign.tolist() == [-1]
    assert floats.clip("c", -1, 1).run(np.array([-3.0, 0.5, 3.0])).tolist() == [-1, 0.5, 1]
    assert powers_of_two(np.array([0.25, -2.0]))
    assert not powers_of_two(np.array([0.25, 3.0]))


@pytest.mark.filterwarnings("error")
def test_functions_beyond_the_range_of_floats_are_quiet():
    chain = Chain(np.array([1e3]), (floats.curve("e", np.exp),))
    assert np.isinf(chain.run(np.array([[1]]), np.float64)).all()


def test_edges():
    edge = Edge.of(Quantiser(0.5, 1.0, 4, False, False))
    x = np.array([[[0.0, 0.5], [9.0, -3.0]]])
    assert edge.arrange(x) is x
    assert edge.codes(x).tolist() == [[[0, 1], [14, -1]]]
    view = plain((2, 3, 1))
    seen = Edge(lambda v: np.rint(v).astype(np.int64), np.float64, view)
    frame = np.arange(6.0).reshape(1, 2, 3, 1)
    assert seen.codes(seen.arrange(frame)).tolist() == [[[[0, 3]], [[1, 4]], [[2, 5]]]]


def test_exits():
    chain = Chain(np.array([0.5, 2.0]), (floats.add("a", np.array([1.0])),))
    view = plain((2, 3, 1))
    words = np.arange(6).reshape(1, 3, 1, 2)
    expected = (words * [0.5, 2.0] + 1.0).transpose(0, 3, 1, 2)
    assert np.array_equal(Exit(chain, np.float64, view).values(words), expected)
    assert np.array_equal(Exit(chain, np.float64, view, lambda v: -v).values(words), -expected)
