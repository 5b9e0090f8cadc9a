"""Forced forms against the step function on every accumulator, and against a search by brute force."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lutwright.errors import BadOption, NotExact
from lutwright.numerics.approximate import approximate
from lutwright.numerics.lines import slopes
from lutwright.numerics.requantise import Lookup, Multiply, Threshold, fit_multiply
from lutwright.numerics.steps import Steps, find_steps


def everywhere(steps):
    """Every accumulator, [n, C]."""
    return np.repeat(np.arange(steps.low, steps.high + 1)[:, None], steps.channels, axis=1)


def rounded(gain, offset, top, low, high):
    """The steps of clip(round(a * gain + offset), 0, top)."""
    chain = lambda a: np.clip(np.rint(a * gain + offset), 0, top).astype(np.int64)  # noqa: E731
    return find_steps(chain, len(gain), low, high, "node", monotone=True)


@st.composite
def step_functions(draw):
    """Rounded lines, flat and steep, rising and falling, ties, constants; and staircases that are no lines."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    channels, low = draw(st.integers(1, 5)), draw(st.integers(-300, 300))
    high, top = low + draw(st.integers(0, 300)), draw(st.sampled_from([1, 3, 15, 40]))
    signs = rng.choice([-1, 1], channels)
    kind = draw(st.sampled_from(["flat", "steep", "tie", "stairs"]))
    if kind == "stairs":
        places = np.sort(rng.integers(low + 1, high + 2, (channels, draw(st.integers(1, 12)))), axis=1)
        return Steps(places, rng.integers(-5, 5, channels), signs, low, high)
    gain = {
        "flat": rng.uniform(0.001, 0.4, channels) * signs,
        "steep": rng.uniform(0.5, 9, channels) * signs,
        "tie": rng.choice([0, 0.5, 0.25, -0.5, 1 / 3], channels),
    }[kind]
    return rounded(gain, rng.uniform(-4, top + 4, channels) - gain * (low + high) / 2, top, low, high)


@given(step_functions(), st.sampled_from(["shift", "multiply", "threshold"]), st.integers(1, 12))
@settings(max_examples=300, deadline=None)
def test_the_wrong_words_are_counted_and_none_where_an_exact_form_exists(steps, name, bits):
    form, wrong = approximate(steps, name, bits)
    acc = everywhere(steps)
    assert wrong == int((form.apply(acc) != steps.apply(acc)).sum())
    if name == "threshold":
        assert wrong == 0 and isinstance(form, Threshold)
        return
    assert isinstance(form, Multiply)
    exact = fit_multiply(steps, slopes(steps), name == "shift")
    if exact is not None:
        assert wrong == 0
        assert (form.shift, form.multiplier.tolist()) == (exact.shift, exact.multiplier.tolist())
        return
    size = np.abs(form.multiplier)
    if name == "shift":
        assert (size > 0).all() and not (size & (size - 1)).any()
    else:
        assert size.max() < 1 << bits


def fewest_wrong(steps, shift, multipliers):
    """The fewest wrong words of one channel with any of `multipliers` and any offset at all."""
    acc = np.arange(steps.low, steps.high + 1)
    codes, fewest = steps.apply(acc[:, None])[:, 0], acc.size
    for m in multipliers:
        ends = acc * m
        offsets = np.arange(
            ((steps.code_low - 1) << shift) - ends.max(), ((steps.code_high + 1) << shift) - ends.min() + 1
        )
        made = np.clip((ends + offsets[:, None]) >> shift, steps.code_low, steps.code_high)
        fewest = min(fewest, int((made != codes).sum(axis=1).min()))
    return fewest


@pytest.mark.parametrize("bits", [1, 2, 3, 4])
@pytest.mark.parametrize("gain", [0.5, -0.5, 0.17, 0.23, -0.3, 1.7])
def test_a_rounded_line_is_near_the_best_multiplier_of_so_many_bits(gain, bits):
    # Ties to even keep the steps from being any exact line.
    steps = rounded(np.array([gain, 0.5]), np.array([5.0, 5.0]), 12, -40, 40)
    alone = rounded(np.array([gain]), np.array([5.0]), 12, -40, 40)
    form, wrong = approximate(steps, "multiply", bits)
    sign = int(np.sign(gain))
    best = fewest_wrong(alone, form.shift, [sign * m for m in range(1 << bits)])
    tie = fewest_wrong(rounded(np.array([0.5]), np.array([5.0]), 12, -40, 40), form.shift, range(1 << bits))
    assert best + tie <= wrong <= best + tie + 6


@pytest.mark.parametrize("gain", [0.1, 0.2, 0.3, 0.45, -0.09, -0.3, 1.7])
def test_the_power_of_two_is_the_best_one(gain):
    steps = rounded(np.array([gain]), np.array([5.3]), 12, -60, 60)
    wrong = approximate(steps, "shift")[1]
    sign = int(np.sign(gain))
    best = fewest_wrong(steps, 6, [sign << e for e in range(10)])
    assert best <= wrong <= best + 8
    assert wrong > 0


def test_more_bits_come_nearer():
    rng, reach = np.random.default_rng(3), 1 << 17
    gain = rng.uniform(0.3, 1, 16) * rng.choice([-1, 1], 16) * 255 / reach
    steps = rounded(gain, rng.uniform(0, 255, 16), 255, -reach, reach)
    wrong = [approximate(steps, "multiply", bits)[1] for bits in (4, 8, 12, 16)]
    assert all(more < less / 4 for less, more in pairwise(wrong))
    form, count = approximate(steps, "multiply", 8)
    assert count == int((form.apply(everywhere(steps)) != steps.apply(everywhere(steps))).sum())


def wrong_between_changes(form, steps):
    """The wrong words, from the places where either function changes: between them both are constant."""
    made = find_steps(form.apply, steps.channels, steps.low, steps.high, "node", monotone=True)
    changes = np.unique(np.concatenate([steps.thresholds.reshape(-1), made.thresholds.reshape(-1), [steps.low]]))
    acc = np.repeat(changes[changes <= steps.high][:, None], steps.channels, axis=1)
    lengths = np.diff([*acc[:, 0], steps.high + 1])
    different = form.apply(acc) != steps.apply(acc)
    return sum(int(length) * int(wrong) for length, wrong in zip(lengths, different.sum(axis=1), strict=True))


@pytest.mark.parametrize("name", ["shift", "multiply"])
def test_ranges_of_52_bits_do_not_overflow(name):
    most = 1 << 52
    thresholds = np.array([np.arange(1, 256) ** 2 << 30, [7] * 255, (np.arange(255) - 128) << 44])
    steps = Steps(thresholds, np.array([0, 0, 255]), np.array([1, 1, -1]), -most, most)
    form, wrong = approximate(steps, name)
    ends = [most * abs(int(m)) + abs(int(b)) for m, b in zip(form.multiplier, form.offset, strict=True)]
    assert max(ends) < 1 << 63
    assert wrong == wrong_between_changes(form, steps) > 0


def test_codes_of_32_bits_do_not_overflow():
    top, low = (1 << 32) - 1, -(1 << 40)
    thresholds = np.array([[1 << 20, 1 << 30, 1 << 38], [-low + 1] * 3, [7] * 3])
    steps = Steps(thresholds, np.array([top - 3, top - 1, top - 3]), np.array([1, 1, 1]), low, -low)
    for name in ("shift", "multiply"):
        form, wrong = approximate(steps, name)
        assert top << form.shift < 1 << 61
        assert wrong == wrong_between_changes(form, steps) > 0


def test_a_steep_channel_is_held_back_for_a_flat_one():
    low = -(1 << 50)
    thresholds = np.array([np.arange(1, 16) << 13, np.arange(1, 16)])
    thresholds[0, ::2] += 1 << 11
    steps = Steps(thresholds, np.array([0, 0]), np.array([1, 1]), low, -low)
    form, _ = approximate(steps, "shift")
    assert (form.shift, form.multiplier.tolist()) == (14, [2, 1 << 10])


def test_a_table_has_only_its_lookup():
    table = find_steps(np.abs, 1, -5, 5, "node")
    form, wrong = approximate(table, "threshold")
    assert isinstance(form, Lookup) and wrong == 0
    assert np.array_equal(form.apply(everywhere(table)), np.abs(everywhere(table)))
    for name in ("shift", "multiply"):
        with pytest.raises(NotExact, match=f"act1: a {name} needs a monotone function, not a table. Ask for the thres"):
            approximate(table, name, where="act1")


def test_other_forms_and_widths_are_refused():
    steps = Steps(np.array([[1]]), np.array([0]), np.array([1]), 0, 3)
    with pytest.raises(BadOption, match="act1: the form must be one of shift, multiply, threshold, not 'table'"):
        approximate(steps, "table", where="act1")
    for bits in (0, 32):
        with pytest.raises(BadOption, match=f"act1: the multiplier bits must be 1 to 31, not {bits}"):
            approximate(steps, "multiply", bits, "act1")
