"""The cheapest hardware form of a step function, proved equal to it.

Four forms; the first two are clipped to the codes that occur:

    shift:      code = clip( ((a << up[c]) + offset[c]) >> shift )            up[c] is a constant of the channel
    multiply:   code = clip( (a * multiplier[c] + offset[c]) >> shift )       one shift for all channels
    threshold:  code = base[c] + direction[c] * #{ j : a >= thresholds[c, j] }
    table:      code = codes[c, a - low]

The shift form is the multiply form whose multipliers are all powers of two. Where halves round to the even code, as
PyTorch and QONNX have it, a sum that leaves nothing to shift out loses the lowest bit of its code (`even`). What is not
monotone has only the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lutwright.errors import NotExact
from lutwright.numerics.lines import WIDEST, Slopes, demands, slopes
from lutwright.numerics.quantiser import IntArray
from lutwright.numerics.steps import Steps, Table

MOST_SHIFT = 30
_BLOCK = 1 << 18  # words compared at once


@dataclass(frozen=True, eq=False)
class Multiply:
    """clip((a * multiplier[c] + offset[c]) >> shift, code_low, code_high); multiplier, offset: int64 [C].

    even: a code that is odd before the clip is one less where the `shift` lowest bits of its sum are all 0. The offset
    holds half a code, so that this is rounding to the nearest code with ties to even; shift is 1 or more.
    """

    multiplier: IntArray
    offset: IntArray
    shift: int
    code_low: int
    code_high: int
    even: bool = False

    @property
    def form(self) -> str:
        """ "shift" where no multiplier is needed, else "multiply"."""
        powers = (self.multiplier > 0) & ((self.multiplier & (self.multiplier - 1)) == 0)
        return "shift" if bool(powers.all()) else "multiply"

    def apply(self, acc: IntArray) -> IntArray:
        """Codes of accumulators [..., C] (int64)."""
        sums = acc * self.multiplier + self.offset
        codes = sums >> self.shift
        if self.even:
            codes -= codes & ((sums & ((1 << self.shift) - 1)) == 0)
        return np.clip(codes, self.code_low, self.code_high)


@dataclass(frozen=True, eq=False)
class Threshold:
    """The step function itself, as comparisons; one column of `steps.thresholds` a comparator."""

    steps: Steps

    @property
    def form(self) -> str:
        """ "threshold"."""
        return "threshold"

    def apply(self, acc: IntArray) -> IntArray:
        """Codes of accumulators [..., C] (int64)."""
        return self.steps.apply(acc)


@dataclass(frozen=True, eq=False)
class Lookup:
    """The table itself, as a memory that the accumulator addresses."""

    table: Table

    @property
    def form(self) -> str:
        """ "table"."""
        return "table"

    def apply(self, acc: IntArray) -> IntArray:
        """Codes of accumulators [..., C] (int64), each in the table's range."""
        return self.table.apply(acc)


Requantise = Multiply | Threshold | Lookup


@dataclass(frozen=True)
class Proof:
    """That a form equals a step function: for how many words (accumulators times channels), and how it was shown.

    method: "monotone" (equal beside every threshold, monotone between) or "exhaustive" (every word compared).
    """

    words: int
    method: Literal["monotone", "exhaustive"]


def fit(steps: Steps | Table, where: str) -> Requantise:
    """Return the cheapest form that equals `steps` on every reachable accumulator; proved before it is returned."""
    return fit_proved(steps, where)[0]


def fit_proved(steps: Steps | Table, where: str) -> tuple[Requantise, Proof]:
    """As `fit`, with the proof."""
    best: Requantise
    if isinstance(steps, Table):
        best = Lookup(steps)
    else:
        lines = slopes(steps)
        fitted = (*(fit_multiply(steps, lines, powers) for powers in (True, False)), fit_even(steps))
        candidates: list[Requantise] = [form for form in fitted if form is not None]
        best = min([*candidates, Threshold(steps)], key=lambda form: _cost(form, steps))
    return best, prove(best, steps, where)


def _cost(form: Requantise, steps: Steps) -> float:
    """LUTs of one lane that serves four channels; rough, used only to rank the forms of a step function."""
    acc_bits = max(steps.high, -steps.low).bit_length() + 1
    if not isinstance(form, Multiply):
        levels = max(1, (steps.code_high - steps.code_low).bit_length())
        return acc_bits * (levels + 4 * (1 << levels) / 16 + levels / 2)
    if form.form == "shift":
        spread = int(form.multiplier.max()).bit_length() - int(form.multiplier.min()).bit_length()
        return acc_bits * (2 + spread) + int(form.even)
    return acc_bits * (int(np.abs(form.multiplier).max()).bit_length() + 2)


# --- the multiply form ----------------------------------------------------------------------------------------------


def fit_multiply(steps: Steps, lines: Slopes, powers: bool) -> Multiply | None:
    """The multiply form with the smallest shift, and for that shift the smallest multipliers; None if there is none.

    lines: the slopes of `steps`. With `powers` all multipliers are positive powers of two.
    """
    falling = (steps.direction < 0) & (steps.base != steps.ends)
    if not lines.possible.all() or (powers and falling.any()):
        return None
    for shift in range(MOST_SHIFT + 1):
        multiplier = _smallest(lines, shift, powers)
        if multiplier is not None:
            most = max((int(m) for m in multiplier), default=0)
            if not within_bounds(steps, most, shift):
                return None
            m = multiplier.astype(np.int64)
            offset = _offset(steps, lines, m, shift, powers)
            return Multiply(np.where(falling, -m, m), offset, shift, steps.code_low, steps.code_high)
    return None


def within_bounds(steps: Steps, multiplier: int, shift: int) -> bool:
    """Whether a * multiplier, with any offset that is of use, stays within WIDEST for every reachable accumulator."""
    code = max(abs(steps.code_low), abs(steps.code_high)) + 1
    return (max(abs(steps.low), abs(steps.high)) + 1) * multiplier + (code << shift) < WIDEST


def _smallest(lines: Slopes, shift: int, powers: bool) -> np.ndarray | None:
    """The smallest multiplier of each channel, whole Python numbers [C]; None where a channel has none."""
    low_p, low_q, high_p, high_q = (a.astype(object) for a in (lines.low_p, lines.low_q, lines.high_p, lines.high_q))
    m = np.maximum((low_p << shift) // low_q + 1, 0)
    if powers:
        m = np.frompyfunc(lambda n: 1 << max(n - 1, 0).bit_length(), 1, 1)(m)
    good = (m * high_q < (high_p << shift)) | lines.free
    return np.where(lines.free, int(powers), m) if bool(good.all()) else None


def _offset(steps: Steps, lines: Slopes, multiplier: IntArray, shift: int, powers: bool) -> IntArray:
    """For each channel the offset that is nearest to 0, int64 [C]; multiplier int64 [C], not negative."""
    least, most = allowed_offsets(steps, multiplier, shift)
    offset = np.where((least <= 0) & (most >= 0), 0, np.where(least > 0, least, most))
    # A free channel stays at one end of the clip: a constant, or with multiplier 1 a line that lies beyond the clip.
    code = steps.base
    beyond = np.where(code == steps.code_high, (code << shift) - steps.low, ((code + 1) << shift) - 1 - steps.high)
    return np.where(lines.free, beyond if powers else code << shift, offset)


def allowed_offsets(steps: Steps, multiplier: IntArray, shift: int) -> tuple[IntArray, IntArray]:
    """(least, most) int64 [C] of every channel for the mirrored multipliers int64 [C], as Demands.offsets."""
    parts = [block.offsets(multiplier[part], shift) for part, block in demands(steps)]
    least, most = (np.concatenate(column) for column in zip(*parts, strict=True))
    return least, most


# --- the shift form with ties to even ---------------------------------------------------------------------------------


def fit_even(steps: Steps) -> Multiply | None:
    """The shift form that rounds ties to the even code, with the smallest shifts; None if there is none.

    A sum a + offset comes to code k at k << s, and for an odd k, whose tie goes to the code below, one later. So all
    thresholds of a channel tell the same offset if s is its shift.
    """
    inside = (steps.thresholds > steps.low) & (steps.thresholds <= steps.high)
    varied = inside.any(axis=1)
    if not varied.any() or bool(((steps.direction < 0) & varied).any()):
        return None
    codes = steps.base[:, None] + 1 + np.arange(steps.thresholds.shape[1])
    first, last = (steps.base + (steps.thresholds <= end).sum(axis=1) for end in (steps.low, steps.high))
    offsets = np.zeros((MOST_SHIFT + 1, steps.channels), np.int64)
    good = np.zeros((MOST_SHIFT + 1, steps.channels), np.bool_)
    for shift in range(1, MOST_SHIFT + 1):
        told = _start_even(codes, shift) - np.where(inside, steps.thresholds, 0)
        offset, most = np.where(inside, told, WIDEST).min(axis=1), np.where(inside, told, -WIDEST).max(axis=1)
        # A channel of one code has any offset from which the codes around it are not reached.
        offset = np.where(varied, offset, _start_even(first, shift) - steps.low)
        below = (_start_even(first, shift) - offset <= steps.low) | (first == steps.code_low)
        above = (_start_even(last + 1, shift) - offset > steps.high) | (last == steps.code_high)
        offsets[shift], good[shift] = offset, ((offset == most) | ~varied) & below & above
    if not good.any(axis=0).all():
        return None
    alike = good.all(axis=1)
    shifts = np.full(steps.channels, int(alike.argmax())) if alike.any() else good.argmax(axis=0)
    most = int(shifts.max())
    if not within_bounds(steps, 1 << int(most - shifts.min()), most):
        return None
    up = most - shifts
    offset = np.take_along_axis(offsets, shifts[None], axis=0)[0] << up
    form = Multiply(np.int64(1) << up, offset, most, steps.code_low, steps.code_high, True)
    equal = all(np.array_equal(form.apply(acc), steps.apply(acc)) for acc in _threshold_points(steps))
    return form if equal else None


def _start_even(code: IntArray, shift: int) -> IntArray:
    """The least sum of a code in the form with ties to even."""
    return (code << shift) + (code & 1)


# --- proof ----------------------------------------------------------------------------------------------------------


def prove(form: Requantise, steps: Steps | Table, where: str) -> Proof:
    """Show that `form` equals `steps` on every reachable accumulator.

    Where both are monotone in each channel it is enough to compare them at the lowest and the highest accumulator and
    on either side of each threshold t of `steps`, at t - 1 and t. Any other accumulator a lies between two neighbours
    p < a < q of these points without a threshold in (p, q], so steps(p) = steps(a) = steps(q). The form gives that
    code at p and at q too, and since it is monotone it cannot leave it in between. Where one of the two need not be
    monotone, every accumulator is compared.

    Raises NotExact (naming `where`) with an accumulator that differs.
    """
    words = (steps.high - steps.low + 1) * steps.channels
    if isinstance(steps, Table) or isinstance(form, Lookup):
        _compare(form, steps, _all_points(steps), where)
        return Proof(words, "exhaustive")
    _must_be_monotone(form, steps, where)
    _compare(form, steps, _threshold_points(steps), where)
    return Proof(words, "monotone")


def _must_be_monotone(form: Multiply | Threshold, steps: Steps, where: str) -> None:
    """What the proof takes for granted: thresholds that ascend, and arithmetic that does not overflow."""
    functions = [steps, form.steps] if isinstance(form, Threshold) else [steps]
    for function in functions:
        if bool((function.thresholds[:, 1:] < function.thresholds[:, :-1]).any()):
            raise NotExact(where, "thresholds must ascend", "out of order", "This is a defect; report it.")
    if isinstance(form, Multiply):
        reach = max(abs(steps.low), abs(steps.high)) * int(np.abs(form.multiplier).max())
        if reach + int(np.abs(form.offset).max()) >= 2 * WIDEST:
            raise NotExact(where, "products must stay below 62 bits", reach, "Use fewer weight or activation bits.")


def _all_points(steps: Steps | Table) -> Iterator[IntArray]:
    """Every accumulator, as blocks [n, C]."""
    block = max(1, _BLOCK // steps.channels)
    for start in range(steps.low, steps.high + 1, block):
        acc = np.arange(start, min(start + block, steps.high + 1), dtype=np.int64)
        yield np.repeat(acc[:, None], steps.channels, axis=1)


def _threshold_points(steps: Steps) -> Iterator[IntArray]:
    """The lowest and the highest accumulator, then those before and at each threshold, as blocks [n, C]."""
    yield np.repeat(np.array([[steps.low], [steps.high]], np.int64), steps.channels, axis=1)
    block = max(1, _BLOCK // steps.channels)
    for start in range(0, steps.thresholds.shape[1], block):
        at = np.clip(steps.thresholds[:, start : start + block].T, steps.low, steps.high)
        yield at
        yield np.maximum(at - 1, steps.low)


def _compare(form: Requantise, steps: Steps | Table, points: Iterator[IntArray], where: str) -> None:
    for acc in points:
        wrong = np.argwhere(form.apply(acc) != steps.apply(acc))
        if wrong.size:
            index, c = wrong[0]
            raise NotExact(
                where,
                f"the {form.form} form must equal the step function",
                f"different for accumulator {acc[index, c]} of channel {c}",
                "This is a defect; report it.",
            )
