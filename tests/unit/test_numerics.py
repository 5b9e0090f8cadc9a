"""Quantisers against the QONNX reference, step functions and their hardware forms against their definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qonnx.custom_op.general.intquant import int_quant

from lutwright.errors import NotExact
from lutwright.numerics.packing import from_bytes, literal, memory_lines, pack, to_bytes
from lutwright.numerics.quantiser import ROUNDING, Quantiser, is_power_of_two
from lutwright.numerics.ranges import exact_float, type_of, weighted_sum
from lutwright.numerics.requantise import Multiply, Threshold, fit, prove
from lutwright.numerics.steps import Steps, find_steps

# Exact ties on either side of zero, and what lies beside them.
TIES = np.concatenate([np.arange(-40, 41) / 4, np.arange(-40, 41) / 4 + 1e-6, [0.0, -0.0, 1e6, -1e6]]).astype(
    np.float32
)


@pytest.mark.parametrize("rounding", sorted(set(ROUNDING) - {"ROUND_TO_ZERO"}))
@pytest.mark.parametrize(
    ("bits", "signed", "narrow"), [(2, True, True), (4, True, False), (4, False, False), (3, False, True)]
)
def test_quantiser_equals_qonnx(rounding, bits, signed, narrow):
    ours = Quantiser(0.5, 0, bits, signed, narrow, rounding)
    theirs = int_quant(TIES, np.float32(0.5), np.float32(0), np.float32(bits), signed, narrow, rounding)
    assert np.array_equal(ours.values(ours.codes(TIES)), theirs)


def test_rounding_half_to_even_is_not_half_up():
    codes = Quantiser(1.0, 0, 4, False, False, "ROUND").codes(np.array([0.5, 1.5, 2.5], np.float32))
    assert codes.tolist() == [0, 2, 2]


def test_types_and_ranges():
    assert [str(type_of(a, b)) for a, b in [(0, 0), (0, 15), (0, 16), (-1, 0), (-8, 7), (-9, 7), (-8, 8)]] == [
        "uint1",
        "uint4",
        "uint5",
        "int1",
        "int4",
        "int5",
        "int5",
    ]
    low, high = weighted_sum(np.array([[3, -2], [0, 1]]), 1, 5, False)
    assert (low.tolist(), high.tolist()) == ([-7, 1], [13, 5])
    assert weighted_sum(np.array([[3, -2]]), 1, 5, True)[0].tolist() == [-10]
    assert (exact_float((1 << 24) - 1), exact_float(1 << 24), exact_float(1 << 53)) == (np.float32, np.float64, None)
    assert [is_power_of_two(s) for s in (0.25, 1.0, 0.3, 0.0)] == [True, True, False, False]


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_packing_there_and_back(data):
    width = data.draw(st.integers(1, 14))
    signed = data.draw(st.booleans())
    low, high = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if signed else (0, (1 << width) - 1)
    values = np.array(
        data.draw(st.lists(st.lists(st.integers(low, high), min_size=3, max_size=3), min_size=1, max_size=5))
    )
    assert np.array_equal(from_bytes(to_bytes(values & ((1 << width) - 1), width), 3, width, signed), values)
    assert (
        pack(values[0], width)
        == int(memory_lines(values[:1], width), 16)
        == int(literal(values[0], width).split("'h")[1], 16)
    )


def chain_of(gain, offset, high):
    return lambda acc: np.clip(np.rint(acc * gain + offset), 0, high).astype(np.int64)


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 3, 15]), st.booleans())
@settings(max_examples=80, deadline=None)
def test_every_form_equals_the_chain(seed, high, powers):
    rng = np.random.default_rng(seed)
    channels, low, top = int(rng.integers(1, 6)), int(rng.integers(-300, 1)), int(rng.integers(1, 300))
    gain = (
        2.0 ** -rng.integers(2, 7, channels)
        if powers
        else rng.uniform(0.001, 0.2, channels) * rng.choice([-1, 1], channels)
    )
    chain = chain_of(gain, rng.uniform(-4, high + 4, channels), high)
    steps = find_steps(chain, channels, low, top, "node")
    acc = np.repeat(np.arange(low, top + 1)[:, None], channels, axis=1)
    assert np.array_equal(steps.apply(acc), chain(acc))
    form = fit(steps, "node")
    assert np.array_equal(form.apply(acc), chain(acc))
    assert prove(form, steps, "node") == acc.size
    assert prove(Threshold(steps), steps, "node") == acc.size


def test_power_of_two_gains_become_a_shift():
    steps = find_steps(chain_of(np.array([0.125, 0.25]), np.array([0.3, 1.7]), 15), 2, -100, 100, "node")
    assert fit(steps, "node").form == "shift"


def test_ties_to_even_have_no_affine_form():
    # acc/2 ties at every odd accumulator: to even, the steps are 1 and 3 wide in turn.
    steps = find_steps(lambda a: np.clip(np.rint(a * 0.5), 0, 15).astype(np.int64), 1, 0, 40, "node")
    assert np.diff(steps.thresholds[0, :6]).tolist() == [2, 2, 2, 2, 2] or set(np.diff(steps.thresholds[0, :6])) == {
        1,
        3,
    }
    assert fit(steps, "node").form == "threshold"


def test_a_wrong_form_is_caught():
    steps = find_steps(chain_of(np.array([0.1]), np.array([0.0]), 15), 1, 0, 200, "act1")
    good = fit(steps, "act1")
    assert isinstance(good, Multiply | Threshold)
    wrong = Multiply(np.array([26]), np.array([127]), 8, 0, 15)
    with pytest.raises(NotExact, match=r"act1: the multiply form must equal the step function, not different for"):
        prove(wrong, steps, "act1")


def test_what_is_not_monotone_is_refused():
    with pytest.raises(NotExact, match=r"node: channel 0 must be monotone .* not both rising and falling"):
        find_steps(np.abs, 1, -3, 3, "node")


def test_a_range_too_long_is_refused():
    with pytest.raises(NotExact, match="the accumulator range times the channels must be at most"):
        find_steps(lambda a: a, 1 << 20, 0, 1 << 20, "node")


def test_ends_of_falling_steps():
    steps = Steps(np.array([[2, 5]]), np.array([9]), np.array([-1]), 0, 9)
    assert (steps.code_low, steps.code_high, steps.ends.tolist()) == (7, 9, [7])
