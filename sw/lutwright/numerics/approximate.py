"""The nearest requantiser of a form that was asked for, whether or not it is exact: for what-if questions.

Nothing that is built uses it; `requantise.fit` is what makes hardware.
"""

from __future__ import annotations

import numpy as np

from lutwright.errors import BadOption, NotExact
from lutwright.numerics.lines import WIDEST, Demands, Rising, demands, rising, slopes
from lutwright.numerics.quantiser import FloatArray, IntArray
from lutwright.numerics.requantise import MOST_SHIFT, Lookup, Multiply, Requantise, Threshold, fit_multiply, prove
from lutwright.numerics.steps import Steps, Table

FORMS = ("shift", "multiply", "threshold")
_MOST_BITS = 31


def approximate(
    steps: Steps | Table, form: str, multiplier_bits: int = 8, where: str = "step"
) -> tuple[Requantise, int]:
    """The requantiser of `form` that is nearest to `steps`, and for how many words its code differs.

    A word is one accumulator of one channel. Where an exact requantiser of that form exists it is returned, however
    wide its multipliers are; only where there is none are they held to `multiplier_bits` bits, sign apart. A falling
    channel of an inexact "shift" has minus a power of two. "threshold" is always exact, by a Lookup for a Table.

    Raises BadOption for another form or for bits outside 1 to 31, NotExact (naming `where`) for a Table that should
    become a line.
    """
    if form not in FORMS:
        raise BadOption(where, f"the form must be one of {', '.join(FORMS)}", repr(form))
    if not 1 <= multiplier_bits <= _MOST_BITS:
        raise BadOption(where, f"the multiplier bits must be 1 to {_MOST_BITS}", multiplier_bits)
    if form == "threshold":
        return (Lookup(steps) if isinstance(steps, Table) else Threshold(steps)), 0
    if isinstance(steps, Table):
        raise NotExact(where, f"a {form} needs a monotone function", "a table", "Ask for the threshold form.")
    powers = form == "shift"
    exact = fit_multiply(steps, slopes(steps), powers)
    if exact is not None:
        prove(exact, steps, where)
        return exact, 0
    multipliers, shift = _powers(steps) if powers else _products(steps, multiplier_bits)
    return _best(steps, multipliers, shift)


# --- multipliers ----------------------------------------------------------------------------------------------------


def _powers(steps: Steps) -> tuple[list[IntArray], int]:
    """Powers of two to try, int64 [C] each, the one nearest to the slope (on a log scale) first; and their shift."""
    slope = _all_slopes(steps)
    exponent = np.where(slope > 0, np.rint(np.log2(np.where(slope > 0, slope, 1))), -MOST_SHIFT).astype(np.int64)
    exponent = np.maximum(exponent, -MOST_SHIFT)
    steep = exponent[slope > 0]
    shift = int(np.clip(1 - steep.min(), 0, MOST_SHIFT)) if steep.size else 0
    while shift and _widest(steps, shift) < 1:
        shift -= 1
    # A steep channel that is held back is wrong for few accumulators, a flat one with too short a shift for many.
    most = _widest(steps, shift).bit_length() - 1
    return [1 << np.clip(exponent + shift + more, 0, most) for more in (0, -1, 1)], shift


def _products(steps: Steps, bits: int) -> tuple[list[IntArray], int]:
    """Multipliers of `bits` bits to try, int64 [C] each, the one nearest to the slope first; and their shift."""
    slope = _all_slopes(steps)
    shift = MOST_SHIFT
    while shift and round(float(slope.max()) * (1 << shift)) > min((1 << bits) - 1, _widest(steps, shift)):
        shift -= 1
    most = min((1 << bits) - 1, _widest(steps, shift))
    nearest = np.rint(slope * (1 << shift)).astype(np.int64)
    return [np.clip(nearest + more, 0, most) for more in (0, -1, 1)], shift


def _widest(steps: Steps, shift: int) -> int:
    """The largest multiplier whose products stay below WIDEST (requantise.within_bounds)."""
    code = max(abs(steps.code_low), abs(steps.code_high)) + 1
    return (WIDEST - 1 - (code << shift)) // (max(abs(steps.low), abs(steps.high)) + 1)


def _all_slopes(steps: Steps) -> FloatArray:
    """The slope of each channel in codes an accumulator, float64 [C]; 0 where the flattest line will do."""
    return np.concatenate([_slopes(rising(steps, part), block) for part, block in demands(steps)])


def _slopes(rows: Rising, block: Demands) -> FloatArray:
    """Least squares through the thresholds of each channel; 0 where two codes or fewer have the clip at either end."""
    passed = np.arange(rows.thresholds.shape[1]) < rows.count[:, None]
    count = np.maximum(rows.count, 1)
    x = np.where(passed, rows.thresholds, 0).astype(np.float64)
    x = np.where(passed, x - (x.sum(axis=1) / count)[:, None], 0)
    y = np.where(passed, np.arange(passed.shape[1]) - ((count - 1) / 2)[:, None], 0)
    spread = (x * x).sum(axis=1)
    # Where all thresholds coincide, all codes are passed in one accumulator.
    fitted = np.where(spread > 0, (x * y).sum(axis=1) / np.where(spread > 0, spread, 1), count)
    flat = 1.0 / (rows.high - rows.low + 1)
    clipped = ~block.reach[:, 0] & ~block.stay[:, -1]
    return np.where(rows.count > 1, fitted, np.where(clipped, 0.0, flat))


# --- offsets, and the choice ----------------------------------------------------------------------------------------


def _best(steps: Steps, multipliers: list[IntArray], shift: int) -> tuple[Multiply, int]:
    """For each channel the multiplier and offset with the fewest wrong words; the first among equals."""
    ends = (steps.code_low, steps.code_high)
    chosen: list[tuple[IntArray, IntArray, IntArray]] = []
    for part, block in demands(steps):
        rows = rising(steps, part)
        tries = [(m[part], _middle(rows, block, m[part], shift)) for m in multipliers]
        right = np.array([_right_words(rows, m, offset, shift, ends) for m, offset in tries])
        best, column = right.argmax(axis=0), np.arange(right.shape[1])
        m, offset = (np.array(values)[best, column] for values in zip(*tries, strict=True))
        chosen.append((m, offset, right[best, column]))
    m, offset, right = (np.concatenate(column) for column in zip(*chosen, strict=True))
    falling = (steps.direction < 0) & (steps.base != steps.ends)
    words = (steps.high - steps.low + 1) * steps.channels
    return Multiply(np.where(falling, -m, m), offset, shift, *ends), words - sum(int(n) for n in right)


def _middle(rows: Rising, block: Demands, multiplier: IntArray, shift: int) -> IntArray:
    """The offsets in the middle of what the two sides allow, int64 [C]; the end of a side that is alone."""
    least, most = block.offsets(multiplier, shift)
    below, above = block.reach.any(axis=1), block.stay.any(axis=1)
    alone = np.where(below, least, np.where(above, most, rows.start << shift))
    return np.where(below & above, least + (most - least) // 2, alone)


def _right_words(rows: Rising, m: IntArray, offset: IntArray, shift: int, ends: tuple[int, int]) -> IntArray:
    """For how many accumulators of each channel the line gives the code of the step function, int64 [C].

    Between two thresholds the step function has one code, and the line has that code between two of its own: what the
    two intervals share is right.
    """
    high = rows.high[:, None] + 1
    begin = np.column_stack([rows.low, np.minimum(rows.thresholds, high)])
    begin = np.where(np.arange(begin.shape[1]) <= rows.count[:, None], begin, high)
    end = np.column_stack([begin[:, 1:], high])
    code = rows.start[:, None] + np.arange(begin.shape[1])
    enter, leave = (_passes(rows, at, m[:, None], offset[:, None], shift, ends) for at in (code, code + 1))
    return np.maximum(0, np.minimum(end, leave) - np.maximum(begin, enter)).sum(axis=1)


def _passes(rows: Rising, code: IntArray, m: IntArray, offset: IntArray, shift: int, ends: tuple[int, int]) -> IntArray:
    """The lowest accumulator at which the clipped line reaches `code`, int64 [C, n]; high + 1 where it never does."""
    low, high = rows.low[:, None], rows.high[:, None] + 1
    level = np.where(offset >> shift >= code, low, high)
    at = np.where(m > 0, -((offset - (code << shift)) // np.maximum(m, 1)), level)
    return np.where(code <= ends[0], low, np.where(code > ends[1], high, at))
