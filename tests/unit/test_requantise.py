"""Hardware forms of step functions against the functions themselves, and against a search by brute force."""

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lutwright.errors import NotExact
from lutwright.numerics.lines import slopes
from lutwright.numerics.requantise import (
    Lookup,
    Multiply,
    Proof,
    Threshold,
    fit,
    fit_even,
    fit_multiply,
    fit_proved,
    prove,
)
from lutwright.numerics.steps import Steps, Table, find_steps


def chain_of(gain, offset, high):
    return lambda acc: np.clip(np.rint(acc * gain + offset), 0, high).astype(np.int64)


def everywhere(steps):
    """Every accumulator, [n, C]."""
    return np.repeat(np.arange(steps.low, steps.high + 1)[:, None], steps.channels, axis=1)


@st.composite
def step_functions(draw, most=300):
    """Rounded lines, rising and falling, flat and steep, some with exact ties; and staircases that are no lines."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    channels, low = draw(st.integers(1, 5)), draw(st.integers(-most, most))
    high, top = low + draw(st.integers(0, most)), draw(st.sampled_from([1, 3, 15, 40]))
    signs = rng.choice([-1, 1], channels)
    kind = draw(st.sampled_from(["power", "flat", "steep", "tie", "stairs"]))
    if kind == "stairs":
        places = np.sort(rng.integers(low + 1, high + 2, (channels, draw(st.integers(1, 12)))), axis=1)
        return Steps(places, rng.integers(-5, 5, channels), signs, low, high)
    gain = {
        "power": 2.0 ** -rng.integers(0, 7, channels),
        "flat": rng.uniform(0.001, 0.4, channels) * signs,
        "steep": rng.uniform(0.5, 9, channels) * signs,
        "tie": rng.choice([0, 0.5, 0.25, -0.5, 1.5], channels),
    }[kind]
    centre = draw(st.sampled_from([0, (low + high) / 2]))
    offset = np.rint(rng.uniform(-4, top + 4, channels) * 4) / 4 - gain * centre
    return find_steps(chain_of(gain, offset, top), channels, low, high, "node")


@given(step_functions())
@settings(max_examples=150, deadline=None)
def test_every_form_equals_the_steps(steps):
    acc, codes = everywhere(steps), steps.apply(everywhere(steps))
    form, proof = fit_proved(steps, "node")
    assert np.array_equal(form.apply(acc), codes)
    assert proof == Proof(acc.size, "monotone")
    lines = slopes(steps)
    for other in (fit_multiply(steps, lines, True), fit_multiply(steps, lines, False), Threshold(steps)):
        if other is not None:
            assert np.array_equal(other.apply(acc), codes)
            assert prove(other, steps, "node") == proof


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_powers_of_two_with_ties_to_even_need_no_thresholds(seed):
    rng = np.random.default_rng(seed)
    channels, low, top = int(rng.integers(1, 5)), int(rng.integers(-300, 1)), int(rng.choice([1, 3, 15]))
    high = low + int(rng.integers(1, 600))
    offset, gain = rng.integers(-30, 30, channels), 2.0 ** -rng.integers(1, 6, channels)
    steps = find_steps(lambda a: chain_of(gain, 0, top)(a + offset), channels, low, high, "node", monotone=True)
    made, floor = fit_even(steps), fit_multiply(steps, slopes(steps), True)
    assert made is not None or floor is not None  # a line that never meets a tie
    if made is not None:
        assert made.form == "shift" and np.array_equal(made.apply(everywhere(steps)), steps.apply(everywhere(steps)))


def test_ties_to_even_are_found_by_the_gaps_between_thresholds():
    ties = find_steps(chain_of(0.125, 0, 7), 1, -10, 60, "node")
    form = fit(ties, "node")
    assert form.even and (form.shift, form.multiplier.tolist(), form.offset.tolist()) == (3, [1], [4])
    assert ties.thresholds[0].tolist() == [5, 12, 21, 28, 37, 44, 53]
    other = replace(ties, thresholds=ties.thresholds + (np.arange(7) == 3))
    falling = replace(ties, base=np.array([7]), direction=np.array([-1]))
    steep = find_steps(chain_of(1.5, 0, 40), 1, 0, 20, "node")
    assert [fit_even(steps) for steps in (other, falling, steep)] == [None] * 3


def allowed_offsets(steps, c, multiplier, shift):
    """(least, most) offset of channel c, from every accumulator."""
    acc = np.arange(steps.low, steps.high + 1)
    codes, product = steps.apply(everywhere(steps))[:, c], acc * multiplier
    reach, stay = codes > steps.code_low, codes < steps.code_high
    least = ((codes << shift) - product)[reach]
    most = (((codes + 1) << shift) - 1 - product)[stay]
    return int(least.max(initial=-(1 << 60))), int(most.min(initial=1 << 60))


def first_multiplier(steps, c, shift, powers):
    """The smallest multiplier of channel c that has an offset, tried one by one; None where there is none."""
    span = steps.code_high - steps.code_low + 1
    sign = -1 if steps.direction[c] < 0 and steps.base[c] != steps.ends[c] else 1
    if powers and sign < 0:
        return None
    tried = [1 << e for e in range(shift + span.bit_length() + 2)] if powers else range((span << shift) + 1)
    for m in tried:
        least, most = allowed_offsets(steps, c, sign * m, shift)
        if least <= most:
            return sign * m
    return None


@given(step_functions(most=24), st.booleans())
@settings(max_examples=100, deadline=None)
def test_the_shift_and_the_multipliers_are_the_smallest(steps, powers):
    form = fit_multiply(steps, slopes(steps), powers)
    for shift in range(4):
        expected = [first_multiplier(steps, c, shift, powers) for c in range(steps.channels)]
        if None not in expected:
            assert form is not None
            assert (form.shift, form.multiplier.tolist()) == (shift, expected)
            return
    assert form is None or form.shift >= 4


@given(step_functions(most=60), st.integers(-1, 1), st.integers(-3, 3), st.integers(0, 4))
@settings(max_examples=100, deadline=None)
def test_a_proof_fails_exactly_where_a_word_differs(steps, more, beside, c):
    form = fit_multiply(steps, slopes(steps), False)
    if form is None:
        form = Multiply(steps.direction, steps.base, 0, steps.code_low, steps.code_high)
    multiplier, offset = form.multiplier.copy(), form.offset.copy()
    multiplier[c % steps.channels] += more
    offset[c % steps.channels] += beside
    changed = Multiply(multiplier, offset, form.shift, form.code_low, form.code_high)
    wrong = changed.apply(everywhere(steps)) != steps.apply(everywhere(steps))
    if not wrong.any():
        assert prove(changed, steps, "node").words == wrong.size
        return
    with pytest.raises(NotExact, match=r"form must equal the step function, not different for") as caught:
        prove(changed, steps, "node")
    words = caught.value.found.split()
    assert wrong[int(words[3]) - steps.low, int(words[6])]


@pytest.mark.parametrize(("low", "high", "at"), [(0, 30, 30), (-30, 9, -30)])
def test_a_proof_looks_at_both_ends(low, high, at):
    # Equal beside the one threshold; a whole code further the line goes on, and the steps do not.
    steps = Steps(np.array([[5]]), np.array([7]), np.array([1]), low, high)
    with pytest.raises(NotExact, match=f"act1: the shift form must .* not different for accumulator {at} of channel 0"):
        prove(Multiply(np.array([1]), np.array([123]), 4, 0, 15), steps, "act1")


def test_a_table_becomes_a_lookup():
    table = find_steps(lambda a: np.abs(a) // [1, 3], 2, -9, 9, "node")
    form, proof = fit_proved(table, "node")
    assert isinstance(form, Lookup) and form.form == "table"
    assert np.array_equal(form.apply(everywhere(table)), np.abs(everywhere(table)) // [1, 3])
    assert proof == Proof(38, "exhaustive")
    assert fit(table, "node").form == "table"


def test_a_lookup_of_steps_is_tried_whole():
    steps = find_steps(lambda a: a // 3, 1, -9, 9, "node")
    codes = (np.arange(-9, 10) // 3)[None]
    assert prove(Lookup(Table(codes, -9, 9)), steps, "node") == Proof(19, "exhaustive")
    codes[0, 7] += 1
    with pytest.raises(NotExact, match=r"the table form must equal .* not different for accumulator -2 of channel 0"):
        prove(Lookup(Table(codes, -9, 9)), steps, "node")


def test_power_of_two_gains_become_a_shift():
    steps = find_steps(chain_of(np.array([0.125, 0.25]), np.array([0.3, 1.7]), 15), 2, -100, 100, "node")
    assert fit(steps, "node").form == "shift"


def test_ties_to_even_have_no_line_but_a_shift():
    # acc/2 ties at every odd accumulator: to even, the steps are 1 and 3 wide in turn.
    steps = find_steps(lambda a: np.clip(np.rint(a * 0.5), 0, 15).astype(np.int64), 1, 0, 40, "node")
    assert np.diff(steps.thresholds[0, :6]).tolist() == [1, 3, 1, 3, 1]
    assert slopes(steps).possible.tolist() == [False]  # from above and from below 1/2, but not 1/2
    form = fit(steps, "node")
    assert form.form == "shift" and form.even


def test_constants_beside_the_clip_and_inside_it():
    never = [7] * 3
    steps = Steps(np.array([[1, 2, 3], never, never, never]), np.array([0, 0, 3, 2]), np.array([1, 1, 1, -1]), 0, 6)
    for powers in (True, False):
        form = fit_multiply(steps, slopes(steps), powers)
        assert form is not None
        assert np.array_equal(form.apply(everywhere(steps)), steps.apply(everywhere(steps)))
        assert form.multiplier.tolist() == ([8, 1, 1, 1] if powers else [1, 0, 0, 0])


def test_a_wrong_form_is_caught():
    steps = find_steps(chain_of(np.array([0.1]), np.array([0.0]), 15), 1, 0, 200, "act1")
    assert isinstance(fit(steps, "act1"), Multiply | Threshold)
    wrong = Multiply(np.array([26]), np.array([127]), 8, 0, 15)
    with pytest.raises(NotExact, match=r"act1: the multiply form must equal the step function, not different for"):
        prove(wrong, steps, "act1")


def test_wide_ranges_are_proved_from_their_thresholds():
    most = 1 << 48
    steps = find_steps(lambda a: np.clip((a + 77) >> 40, -100, 100), 1, -most, most, "node", monotone=True)
    form, proof = fit_proved(steps, "node")
    # 30 is the longest shift, so this one has no line.
    assert (form.form, proof) == ("threshold", Proof(2 * most + 1, "monotone"))
    steps = find_steps(lambda a: np.clip((a + 77) >> 28, -100, 100), 1, -most, most, "node", monotone=True)
    form, proof = fit_proved(steps, "node")
    assert (form.form, form.shift, proof.words) == ("shift", 28, 2 * most + 1)


def test_products_that_do_not_fit_have_no_line():
    most = 1 << 52
    # No product of a code and an accumulator fits.
    wide = Steps(np.arange(-2000, 2000)[None] << 41, np.zeros(1, np.int64), np.ones(1, np.int64), -most, most)
    assert not slopes(wide).possible.any()
    assert fit(wide, "node").form == "threshold"
    # 200 codes at one accumulator need a steep line, the other channel a long shift.
    thresholds = np.array([[5] * 200, [i * 1000 for i in range(1, 201)]])
    steep = Steps(thresholds, np.zeros(2, np.int64), np.ones(2, np.int64), -(1 << 50), 1 << 50)
    assert slopes(steep).possible.all()
    assert fit_multiply(steep, slopes(steep), False) is None
    assert fit(steep, "node").form == "threshold"


def test_a_proof_does_not_take_overflow_for_equality():
    steps = Steps(np.array([[0]]), np.zeros(1, np.int64), np.ones(1, np.int64), -(1 << 40), 1 << 40)
    form = Multiply(np.array([1 << 30]), np.array([0]), 8, 0, 1)
    with pytest.raises(NotExact, match="node: products must stay below 62 bits, not 1180591620717411303424"):
        prove(form, steps, "node")


def test_a_proof_needs_ascending_thresholds():
    good, bad = (Steps(np.array([row]), np.array([0]), np.array([1]), 0, 5) for row in ([1, 3], [3, 1]))
    assert prove(Threshold(good), good, "node").words == 6
    for form, steps in ((Threshold(bad), good), (Threshold(good), bad)):
        with pytest.raises(NotExact, match="node: thresholds must ascend, not out of order"):
            prove(form, steps, "node")


def test_a_thousand_channels_of_eight_bits(capsys):
    rng, reach, channels = np.random.default_rng(0), 1 << 20, 1024
    gain, offset = rng.uniform(0.3, 1, channels) * 255 / reach, rng.uniform(0, 128, channels)
    start = time.perf_counter()
    steps = find_steps(chain_of(gain, offset, 255), channels, -reach, reach, "node", monotone=True)
    form, proof = fit_proved(steps, "node")
    with capsys.disabled():
        print(f" [{channels} channels of 8-bit codes, +-2^20: {time.perf_counter() - start:.2f} s] ", end="")
    assert proof.words == (2 * reach + 1) * channels
    acc = rng.integers(-reach, reach + 1, (200, channels))
    assert np.array_equal(form.apply(acc), chain_of(gain, offset, 255)(acc))
