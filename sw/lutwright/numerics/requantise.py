"""The cheapest hardware form of a step function, proved equal to it.

Three forms, all clipped to the codes that occur:

    shift:      code = clip( ((a << up[c]) + offset[c]) >> shift )            up[c] is a constant of the channel
    multiply:   code = clip( (a * multiplier[c] + offset[c]) >> shift )       one shift for all channels
    threshold:  code = base[c] + direction[c] * #{ j : a >= thresholds[c, j] }

The shift form is the multiply form whose multipliers are all powers of two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lutwright.errors import NotExact
from lutwright.numerics.quantiser import IntArray
from lutwright.numerics.steps import Steps

_MOST_SHIFT = 30


@dataclass(frozen=True, eq=False)
class Multiply:
    """clip((a * multiplier[c] + offset[c]) >> shift, code_low, code_high); multiplier, offset: int64 [C]."""

    multiplier: IntArray
    offset: IntArray
    shift: int
    code_low: int
    code_high: int

    @property
    def form(self) -> str:
        """ "shift" where no multiplier is needed, else "multiply"."""
        powers = (self.multiplier > 0) & ((self.multiplier & (self.multiplier - 1)) == 0)
        return "shift" if bool(powers.all()) else "multiply"

    def apply(self, acc: IntArray) -> IntArray:
        """Codes of accumulators [..., C] (int64)."""
        return np.clip((acc * self.multiplier + self.offset) >> self.shift, self.code_low, self.code_high)


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


Requantise = Multiply | Threshold


def fit(steps: Steps, where: str) -> Requantise:
    """Return the cheapest form that equals `steps` on every reachable accumulator; proved before it is returned."""
    fitted = (_first_multiply(steps, powers) for powers in (True, False))
    candidates: list[Requantise] = [form for form in fitted if form is not None]
    candidates.append(Threshold(steps))
    best = min(candidates, key=lambda form: _cost(form, steps))
    prove(best, steps, where)
    return best


def _first_multiply(steps: Steps, powers: bool) -> Multiply | None:
    """The multiply form with the smallest shift; with `powers` all multipliers are positive powers of two."""
    for shift in range(_MOST_SHIFT + 1):
        form = _fit_multiply(steps, shift, powers)
        if form is not None:
            return form
    return None


def _cost(form: Requantise, steps: Steps) -> float:
    """LUTs of one lane that serves four channels; rough, used only to rank the forms."""
    acc_bits = max(steps.high, -steps.low).bit_length() + 1
    if isinstance(form, Threshold):
        levels = max(1, (steps.code_high - steps.code_low).bit_length())
        return acc_bits * (levels + 4 * (1 << levels) / 16 + levels / 2)
    if form.form == "shift":
        spread = int(form.multiplier.max()).bit_length() - int(form.multiplier.min()).bit_length()
        return acc_bits * (2 + spread)
    return acc_bits * (int(np.abs(form.multiplier).max()).bit_length() + 2)


def prove(form: Requantise, steps: Steps, where: str) -> int:
    """Compare `form` with `steps` on every reachable accumulator; return the number of words compared.

    Raises NotExact (naming `where`) with the first accumulator that differs.
    """
    words = 0
    block = max(1, (1 << 20) // steps.channels)
    for start in range(steps.low, steps.high + 1, block):
        acc = np.arange(start, min(start + block, steps.high + 1), dtype=np.int64)[:, None]
        acc = np.broadcast_to(acc, (acc.shape[0], steps.channels))
        wrong = np.argwhere(form.apply(acc) != steps.apply(acc))
        if wrong.size:
            index, c = wrong[0]
            raise NotExact(
                where,
                f"the {form.form} form must equal the step function",
                f"different for accumulator {acc[index, c]} of channel {c}",
                "This is a defect; report it.",
            )
        words += acc.size
    return words


def _fit_multiply(steps: Steps, shift: int, powers: bool) -> Multiply | None:
    """The multiply form with this shift, or None where some channel has none."""
    low, high = steps.code_low, steps.code_high
    pairs: list[tuple[int, int]] = []
    for c in range(steps.channels):
        pair = _fit_channel(steps, c, shift, powers)
        if pair is None:
            return None
        pairs.append(pair)
    multiplier, offset = np.array(pairs, np.int64).T
    return Multiply(multiplier, offset, shift, low, high)


def _bounds(steps: Steps, c: int, code_low: int, code_high: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """What channel c asks of an increasing affine function f(a) = a*m + b, in units of 1 << shift.

    Returns (reach, stay): f(a) >= code for (a, code) in reach, f(a) < code for (a, code) in stay. A falling channel
    is mirrored (a -> -a) first, so that m is never negative here.
    """
    rows = [int(t) for t in steps.thresholds[c] if t <= steps.high]
    start, low, high = int(steps.base[c]), steps.low, steps.high
    if steps.direction[c] < 0:
        rows, low, high = sorted(1 - t for t in rows), -high, -low
        start = int(steps.ends[c])
    reach = [(t, start + j + 1) for j, t in enumerate(rows)]
    stay = [(t - 1, code) for t, code in reach]
    if start > code_low:
        reach.append((low, start))
    if start + len(rows) < code_high:
        stay.append((high, start + len(rows) + 1))
    return reach, stay


def _multipliers(reach: list[tuple[int, int]], stay: list[tuple[int, int]], unit: int, most: int) -> range:
    """The multipliers that every pair of demands allows: f(a) >= code*unit and f(d) < bound*unit."""
    low, high = 0, most
    for a, code in reach:
        for d, bound in stay:
            gap, room = d - a, (bound - code) * unit
            if gap > 0:
                high = min(high, (room - 1) // gap)
            elif gap < 0:
                low = max(low, -room // -gap + 1)
            elif room <= 0:
                return range(0)
    return range(low, high + 1)


def _fit_channel(steps: Steps, c: int, shift: int, powers: bool) -> tuple[int, int] | None:
    """(multiplier, offset) of one channel, the smallest multiplier that does; None where there is none."""
    unit, span = 1 << shift, steps.code_high - steps.code_low + 1
    reach, stay = _bounds(steps, c, steps.code_low, steps.code_high)
    if powers and steps.direction[c] < 0:
        return None
    if not reach or not stay:
        return _fit_constant(steps, c, unit, powers)
    choices = _multipliers(reach, stay, unit, unit * span)
    tried = [1 << e for e in range(shift + span.bit_length() + 1) if 1 << e in choices] if powers else choices[:64]
    for m in tried:
        least = max(code * unit - a * m for a, code in reach)
        most = min(bound * unit - 1 - d * m for d, bound in stay)
        if least <= most:
            offset = 0 if least <= 0 <= most else (least if least > 0 else most)
            return (m if steps.direction[c] > 0 else -m), offset
    return None


def _fit_constant(steps: Steps, c: int, unit: int, powers: bool) -> tuple[int, int]:
    """A channel that stays at one end of the clip: a constant, or for `powers` the multiplier 1 far beyond the clip."""
    code = int(steps.base[c])
    if not powers:
        return 0, code * unit
    return 1, (code * unit - steps.low if code == steps.code_high else (code + 1) * unit - 1 - steps.high)
