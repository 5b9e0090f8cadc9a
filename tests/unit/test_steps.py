"""Step functions and tables against the functions that they were found from, on every accumulator."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lutwright.errors import NotExact
from lutwright.numerics import steps as module
from lutwright.numerics.steps import Steps, Table, find_steps


def looked_up(codes, low):
    """The chain whose codes for the accumulators from `low` on are the rows of `codes` [n, C]."""
    return lambda acc: codes[acc - low, np.arange(codes.shape[1])]


@st.composite
def monotone_codes(draw):
    """(codes [n, C], low): channels that rise, fall or stay, by up to three codes at one accumulator."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    low, count, channels = draw(st.integers(-200, 200)), draw(st.integers(1, 120)), draw(st.integers(1, 5))
    jumps = rng.integers(1, 4, (count, channels)) * (
        rng.random((count, channels)) < draw(st.sampled_from([0, 0.1, 0.8]))
    )
    return np.cumsum(jumps, axis=0) * rng.choice([-1, 0, 1], channels) + rng.integers(-9, 9, channels), low


def everywhere(found):
    """Every accumulator, [n, C]."""
    return np.repeat(np.arange(found.low, found.high + 1)[:, None], found.channels, axis=1)


def same(a, b):
    arrays = ("thresholds", "base", "direction")
    return (a.low, a.high) == (b.low, b.high) and all(np.array_equal(getattr(a, n), getattr(b, n)) for n in arrays)


@given(monotone_codes())
@settings(max_examples=150, deadline=None)
def test_all_three_searches_find_the_same_steps(made):
    codes, low = made
    arguments = (looked_up(codes, low), codes.shape[1], low, low + len(codes) - 1, "node")
    whole = find_steps(*arguments)
    assert isinstance(whole, Steps)
    assert np.array_equal(whole.apply(everywhere(whole)), codes)
    assert (whole.code_low, whole.code_high) == (codes.min(), codes.max())
    assert np.array_equal(whole.ends, codes[-1])
    with patch.multiple(module, _MOST_TABLE=0, _BLOCK=11):
        assert same(find_steps(*arguments), whole)
    with patch.multiple(module, _FEW=0, _BLOCK=11):
        assert same(find_steps(*arguments, monotone=True), whole)


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 60), st.integers(-50, 50))
@settings(max_examples=60, deadline=None)
def test_any_function_is_found(seed, channels, count, low):
    codes = np.random.default_rng(seed).integers(-3, 4, (count, channels))
    with patch.object(module, "_BLOCK", 11):
        found = find_steps(looked_up(codes, low), channels, low, low + count - 1, "node")
    assert np.array_equal(found.apply(everywhere(found)), codes)
    assert (found.channels, found.code_low, found.code_high) == (channels, codes.min(), codes.max())
    turns = [(np.diff(column) > 0).any() and (np.diff(column) < 0).any() for column in codes.T]
    assert isinstance(found, Table) == any(turns)


def test_one_channel_that_turns_makes_a_table_of_all():
    found = find_steps(lambda a: np.stack([a[:, 0] ** 2, a[:, 1]], axis=1), 2, -2, 3, "node")
    assert isinstance(found, Table)
    assert found.codes.tolist() == [[4, 1, 0, 1, 4, 9], [-2, -1, 0, 1, 2, 3]]


@pytest.mark.parametrize("shape", [(3,), (1, 3), (2, 5, 3), (2, 2, 2, 3), (0, 3)])
def test_apply_takes_any_shape(shape):
    acc = np.random.default_rng(1).integers(-4, 10, shape)
    steps = Steps(np.array([[-1, 5], [0, 10], [2, 2]]), np.array([0, 7, 1]), np.array([1, -1, 1]), -4, 9)
    passed = (acc[..., None] >= steps.thresholds).sum(axis=-1)
    assert np.array_equal(steps.apply(acc), steps.base + steps.direction * passed)
    table = find_steps(lambda a: a % 5, 3, -4, 9, "node")
    assert np.array_equal(table.apply(acc), acc % 5)


def test_ranges_up_to_52_bits_are_bisected():
    most, shifts = 1 << 52, np.array([45, 49, 51])
    found = find_steps(lambda a: (a + 12345) >> shifts, 3, -most, most, "node", monotone=True)
    for row, base, shift in zip(found.thresholds, found.base, shifts, strict=True):
        assert base == (12345 - most) >> shift
        codes = range(base + 1, ((most + 12345) >> shift) + 1)
        expected = [(code << int(shift)) - 12345 for code in codes]
        assert row.tolist() == expected + [most + 1] * (len(row) - len(expected))


def test_jumps_falls_and_constants_are_bisected():
    def chain(acc):
        return np.stack([7 * (acc[:, 0] >= 1234), -(acc[:, 1] // 100000), 0 * acc[:, 2] - 4], axis=1)

    found = find_steps(chain, 3, 0, 399_999, "node", monotone=True)
    assert found.thresholds[0].tolist() == [1234] * 7
    assert found.thresholds[1].tolist() == [100_000, 200_000, 300_000] + [400_000] * 4
    assert found.thresholds[2].tolist() == [400_000] * 7
    assert (found.base.tolist(), found.direction.tolist()) == ([0, 0, -4], [1, -1, 1])


@pytest.mark.parametrize(
    "chain",
    [np.abs, lambda a: a % 1000, lambda a: a // 1000 - 9 * (a // 1000 == 77), lambda a: -(a // 5000) + 2 * (a == 4999)],
)
def test_a_broken_promise_is_seen(chain):
    with pytest.raises(
        NotExact, match=r"node: channel 0 must be monotone .*, not code -?\d+ at accumulator -?\d+, out"
    ):
        find_steps(chain, 1, -(1 << 20), 1 << 20, "node", monotone=True)


def test_what_is_drawn_depends_on_the_seed_alone():
    def drawn(seed):
        seen = []
        find_steps(lambda a: seen.append(a) or a // 9000, 1, 0, 1 << 20, "node", monotone=True, seed=seed)
        return seen[-1]

    assert np.array_equal(drawn(1), drawn(1))
    assert not np.array_equal(drawn(1), drawn(2))


def test_what_is_not_monotone_and_too_long_for_a_table_is_refused():
    with pytest.raises(NotExact, match=r"node: channel 0 must be monotone .* not both rising and falling"):
        find_steps(np.abs, 1, -(1 << 21), 1 << 21, "node")


def test_a_range_too_long_is_refused():
    with pytest.raises(NotExact, match="the accumulator range times the channels must be at most"):
        find_steps(lambda a: a, 1 << 20, 0, 1 << 20, "node")


@pytest.mark.parametrize(
    ("chain", "channels", "high", "monotone"),
    [
        (lambda a: a << 24, 1, 2, False),  # tried whole
        (lambda a: a << 8, 1, 1 << 23, False),  # tried whole, without keeping the codes
        (lambda a: a, 4, 1 << 23, True),  # bisected
    ],
)
def test_too_many_thresholds_are_refused(chain, channels, high, monotone):
    with pytest.raises(NotExact, match="node: the channels times the codes that each passes must be at most 16777216"):
        find_steps(chain, channels, 0, high, "node", monotone)


def test_ends_of_falling_steps():
    steps = Steps(np.array([[2, 5]]), np.array([9]), np.array([-1]), 0, 9)
    assert (steps.code_low, steps.code_high, steps.ends.tolist()) == (7, 9, [7])
