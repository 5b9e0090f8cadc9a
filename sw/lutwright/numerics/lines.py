"""The straight lines whose floor is a step function: f(a) = a * multiplier + offset, in units of 1 << shift a code.

A falling channel is mirrored (a -> -a), so that every channel rises here. Where the step function goes from below
code J to J or more between the accumulators t - 1 and t, the line must pass J there:

    reach:  f(t) >= J << shift            stay:  f(t - 1) < J << shift

and likewise at the lowest and the highest accumulator, unless the clip keeps the code there. The slopes
multiplier / 2**shift of the lines that meet every demand are an open interval with rational ends, whatever the shift.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lutwright.numerics.quantiser import IntArray
from lutwright.numerics.steps import Steps

BoolArray = NDArray[np.bool_]

WIDEST = 1 << 61  # no product or sum here comes to more; sums of two such still fit into int64
_BLOCK = 1 << 20  # demands at once; each array of them is 8 MB


@dataclass(frozen=True, eq=False)
class Rising:
    """Some channels of a step function, the falling ones mirrored.

    thresholds int64 [C, n] ascending, of which the first count [C] are reached; start: the code at the lowest
    accumulator `low`; high: the highest accumulator; start, low, high, count: int64 [C].
    """

    thresholds: IntArray
    start: IntArray
    low: IntArray
    high: IntArray
    count: IntArray


def rising(steps: Steps, part: slice) -> Rising:
    """The channels `part` of `steps` as rising functions. a < t of the channel is -a >= 1 - t of its mirror."""
    thresholds = steps.thresholds[part]
    reached = thresholds <= steps.high
    count = reached.sum(axis=1)
    falling = (steps.direction[part] < 0) & (count > 0)
    mirrored = np.sort(np.where(reached, 1 - thresholds, WIDEST), axis=1)
    return Rising(
        np.where(falling[:, None], mirrored, thresholds),
        np.where(falling, steps.base[part] - count, steps.base[part]),
        np.where(falling, -steps.high, steps.low),
        np.where(falling, -steps.low, steps.high),
        count,
    )


@dataclass(frozen=True, eq=False)
class Demands:
    """What rising channels ask of a line. All arrays are [C, n + 1]; places and codes int64, ascending in each row.

    reach: whether f(reach_at) >= reach_code is asked.  stay: whether f(stay_at) < stay_code is asked.
    """

    reach_at: IntArray
    reach_code: IntArray
    reach: BoolArray
    stay_at: IntArray
    stay_code: IntArray
    stay: BoolArray

    def offsets(self, multiplier: IntArray, shift: int) -> tuple[IntArray, IntArray]:
        """(least, most) int64 [C]: the offsets that the two sides allow; none where least > most.

        multiplier: int64 [C]. A side that asks nothing of a channel allows -WIDEST or WIDEST.
        """
        m = multiplier[:, None]
        least = np.where(self.reach, (self.reach_code << shift) - self.reach_at * m, -WIDEST)
        most = np.where(self.stay, (self.stay_code << shift) - 1 - self.stay_at * m, WIDEST)
        return least.max(axis=1), most.min(axis=1)

    def tightest(self, p: IntArray, q: IntArray) -> tuple[IntArray, IntArray, IntArray]:
        """The two demands that leave a line of slope p/q the least room: (room * q, gap, rise), int64 [C] each.

        gap and rise are the distance in accumulators and in codes from the reach to the stay: lines of slope mu meet
        both where room(mu) = rise - mu * gap > 0.
        """
        least = np.where(self.reach, self.reach_code * q[:, None] - self.reach_at * p[:, None], -WIDEST)
        most = np.where(self.stay, self.stay_code * q[:, None] - self.stay_at * p[:, None], WIDEST)
        i, j, rows = least.argmax(axis=1), most.argmin(axis=1), np.arange(p.size)
        gap = self.stay_at[rows, j] - self.reach_at[rows, i]
        rise = self.stay_code[rows, j] - self.reach_code[rows, i]
        return most[rows, j] - least[rows, i], gap, rise


def demands(steps: Steps) -> Iterator[tuple[slice, Demands]]:
    """(channels, their demands), in blocks that bound the memory."""
    ends = (steps.code_low, steps.code_high)
    block = max(1, _BLOCK // (steps.thresholds.shape[1] + 1))
    for start in range(0, steps.channels, block):
        part = slice(start, min(start + block, steps.channels))
        yield part, _demands(rising(steps, part), *ends)


def _demands(rows: Rising, code_low: int, code_high: int) -> Demands:
    width = rows.thresholds.shape[1]
    passed = np.arange(width) < rows.count[:, None]
    at = np.where(passed, rows.thresholds, rows.high[:, None])
    codes = rows.start[:, None] + np.arange(1, width + 1)
    top = rows.start + rows.count
    return Demands(
        np.column_stack([rows.low, at]),
        np.column_stack([rows.start, codes]),
        np.column_stack([rows.start > code_low, passed]),
        np.column_stack([at - 1, rows.high]),
        np.column_stack([codes, top + 1]),
        np.column_stack([passed, top < code_high]),
    )


@dataclass(frozen=True, eq=False)
class Slopes:
    """The slopes of the lines for each channel: those above low and below high, fractions of int64 [C] arrays.

    low = low_p / low_q; below 0 where slope 0 will do. high = high_p / high_q; high_q is 0 where there is no limit.
    possible: bool [C], whether there is any. free: bool [C], whether any slope will do.
    """

    low_p: IntArray
    low_q: IntArray
    high_p: IntArray
    high_q: IntArray
    possible: BoolArray
    free: BoolArray


def slopes(steps: Steps) -> Slopes:
    """The slopes of `steps`, exactly. Where products would not fit into 61 bits no slope is possible."""
    if not _fits(steps):
        none = np.zeros(steps.channels, np.int64)
        return Slopes(none, none, none, none, none > 0, none > 0)
    parts = [_slopes(block) for _, block in demands(steps)]
    columns = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Slopes(*columns)


def _fits(steps: Steps) -> bool:
    """Whether code * gap + accumulator * rise stays within WIDEST for every pair of demands."""
    span, code = steps.code_high - steps.code_low + 2, max(abs(steps.code_low), abs(steps.code_high)) + 1
    reach = max(abs(steps.low), abs(steps.high)) + 1
    return code * (steps.high - steps.low + 1) + reach * span < WIDEST


def _slopes(block: Demands) -> tuple[IntArray, IntArray, IntArray, IntArray, BoolArray, BoolArray]:
    free = np.asarray(~(block.reach.any(axis=1) & block.stay.any(axis=1)))
    low_p, low_q, some = _edge(block, free, upwards=True)
    high_p, high_q, more = _edge(block, free | ~some, upwards=False)
    return low_p, low_q, high_p, high_q, free | (some & more), free


def _edge(block: Demands, skip: BoolArray, upwards: bool) -> tuple[IntArray, IntArray, BoolArray]:
    """One end p/q of the slopes of each channel, int64 [C], and whether it has one; `skip` [C] are left out.

    The room that the tightest pair leaves, room(mu) = min over pairs of (rise - mu * gap), is concave. Newton's method
    from outside, from slope 0 or from an unlimited one, therefore goes from root to root of single pairs without ever
    passing the end sought, and stops on it after finitely many pairs. All numbers are integers, so it stops exactly.
    Where there is room at no slope, a search ends at a pair that leaves no more further on. That is so even where the
    searches from the two sides meet: the pair there, the same for both, leaves more room on one side only.
    """
    channels = block.reach.shape[0]
    p = np.full(channels, 0 if upwards else 1, np.int64)
    q = np.full(channels, 1 if upwards else 0, np.int64)
    sign = 1 if upwards else -1
    some, going = np.ones(channels, np.bool_), ~skip
    while bool(going.any()):
        room, gap, rise = block.tightest(p, q)
        # Room at the very first slope; the unlimited one has room where no gap is positive.
        inside = going & ((room > 0) | ((q == 0) & (gap <= 0)))
        # No room, and less or as much further on: there is no slope at all.
        some &= ~(going & ~inside & (sign * gap >= 0))
        if upwards:
            p = np.where(inside, -1, p)
        going &= ~inside & some & (room < 0)
        p, q = np.where(going, -sign * rise, p), np.where(going, -sign * gap, q)
    return p, q, some
