"""Common scales against exact fractions, and zero points: the integer 0 is the value 0."""

from fractions import Fraction
from math import gcd

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lutwright.numerics.grid import common_scale, integers_of
from lutwright.numerics.quantiser import ROUNDING, Quantiser

MOST = 1 << 40
small = st.integers(-1000, 1000).filter(bool)
floats = st.floats(0.001953125, 512, width=32)


@given(floats, st.lists(small, min_size=1, max_size=6))
@settings(max_examples=200, deadline=None)
def test_common_scale_of_multiples(step, factors):
    """Products of a float32 and small integers are exact in float64, so the factors come back, divided by theirs."""
    found = common_scale(np.array([step * f for f in factors]), MOST)
    assert found is not None
    scale, integers = found
    assert all(Fraction(scale) * int(n) == Fraction(step) * f for n, f in zip(integers, factors, strict=True))
    assert gcd(*(int(n) for n in integers)) == 1


@given(st.lists(st.floats(2.0**-20, 2.0**20, width=32), min_size=1, max_size=4), st.integers(10, 60))
@settings(max_examples=200, deadline=None)
def test_common_scale_is_exact_or_none(scales, bits):
    """None only where an integer would pass the bound, or the scale is no float64."""
    values = np.array(scales)
    found = common_scale(values, 1 << bits)
    parts = [Fraction(s) for s in scales]
    step = Fraction(gcd(*(p.numerator for p in parts)), max(p.denominator for p in parts))
    fits = max(p / step for p in parts) <= 1 << bits and Fraction(float(step)) == step
    assert (found is not None) == fits
    if found is not None:
        assert Fraction(found[0]) == step
        assert [Fraction(found[0]) * int(n) for n in found[1]] == parts


def test_common_scale_keeps_signs_shape_and_repeats():
    scale, integers = common_scale(np.array([[0.75, -0.5], [0.25, 0.75]]), MOST)
    assert scale == 0.25
    assert integers.tolist() == [[3, -2], [1, 3]]
    assert common_scale(np.array([1.0, 1.0 + 2.0**-20]), 1000) is None


@given(floats, st.lists(st.integers(-500, 500), min_size=1, max_size=8), st.booleans())
@settings(max_examples=200, deadline=None)
def test_integers_of_values_on_a_grid(step, factors, told):
    values = np.array([step * f for f in factors])
    found = integers_of(values, (step,) if told else (), 1 << 16)
    assert found is not None
    scale, integers = found
    assert all(Fraction(scale) * int(n) == Fraction(float(v)) for n, v in zip(integers, values, strict=True))


@given(floats, st.lists(st.integers(1, 500), min_size=1, max_size=8), st.integers(-2, 2))
@settings(max_examples=200, deadline=None)
def test_a_candidate_forgives_rounding_and_nothing_else(step, factors, off):
    """Values some units in the last place beside the grid are on it; values 2^-30 beside are not."""
    values = np.array([step * f for f in factors])
    near = values + off * np.spacing(values)
    scale, integers = integers_of(near, (step,), 1 << 16)
    assert scale == step
    assert integers.tolist() == factors
    assume(off)
    far = integers_of(values + off * step * 2.0**-30, (step,), 1 << 16)
    assert far is None or far[0] != step


def test_integers_of_nothing_and_of_too_much():
    assert integers_of(np.zeros(3), (), 8)[1].tolist() == [0, 0, 0]
    assert integers_of(np.array([1.0, 1000.0]), (1.0,), 100) is None
    assert integers_of(np.arange(1.0, (1 << 16) + 3), (), 1 << 30) is None
    assert integers_of(np.arange(1.0, (1 << 16) + 3), (1.0,), 1 << 30)[0] == 1.0


@given(
    st.sampled_from(sorted(ROUNDING)),
    st.integers(2, 8),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0.0, 3.0, -2.0, 0.5, 7.75, 1.125, 0.0625]),
    st.sampled_from([0.25, 0.3]),
)
@settings(max_examples=150, deadline=None)
def test_centred_integers_times_the_scale_are_the_values(rounding, bits, signed, narrow, zero, scale):
    quantiser = Quantiser(scale, zero, bits, signed, narrow, rounding)
    x = np.linspace(-300, 300, 1201) * scale
    unit = quantiser.unit
    assert unit == Fraction(zero).denominator
    centred = quantiser.centred(x)
    assert np.array_equal(centred * (scale / unit), (quantiser.codes(x) - zero) * scale)
    assert centred.min() >= quantiser.low * unit - zero * unit
    assert centred.max() <= quantiser.high * unit - zero * unit


def test_centred_by_channel():
    quantiser = Quantiser(np.array([0.5, 1.0]), np.array([0.0, 2.5]), 4, False, False)
    assert quantiser.unit == 2
    assert quantiser.centred(np.array([[0.0, 0.0], [1.0, 3.0]])).tolist() == [[0, -1], [4, 7]]


def test_a_zero_point_off_every_grid_has_no_unit():
    assert Quantiser(1.0, 0.3, 4, False, False).unit == 0


@pytest.mark.parametrize("signed", [True, False])
def test_one_bit(signed):
    codes = Quantiser(0.5, 0.0, 1, signed, False).codes(np.array([-1.0, -0.1, 0.0, 0.2, 3.0]))
    assert codes.tolist() == ([-1, -1, 1, 1, 1] if signed else [0, 0, 0, 0, 1])
