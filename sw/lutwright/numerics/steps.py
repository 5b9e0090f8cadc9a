"""Step functions and tables: what stands between an integer accumulator and the next integer code.

For channel c an increasing step function is  code(a) = base[c] + #{ j : a >= thresholds[c, j] },  a decreasing
one  code(a) = base[c] - #{ j : a >= thresholds[c, j] }.  What is neither is a table of all codes. Both are found by
running the float chain itself, so no scale, rounding mode or batch norm is special.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from lutwright.errors import NotExact
from lutwright.numerics.quantiser import IntArray

ToCodes = Callable[[IntArray], IntArray]

# Points are (accumulator, channel) pairs.
_MOST_TRIED = 1 << 28  # more points are not tried one by one
_MOST_TABLE = 1 << 22  # a table holds no more points than this
_MOST_THRESHOLDS = 1 << 24  # channels times the codes of the widest one
_FEW = 1 << 18  # so few points are tried whole even where bisection would do
_BLOCK = 1 << 18  # points a call of the chain; its arrays are 2 MB each
_SAMPLES = 1 << 13  # points between the thresholds that check a promise of monotony


@dataclass(frozen=True, eq=False)
class Steps:
    """A monotone step function for each of C channels.

    thresholds: int64 [C, n], ascending in each row, above low; a step that no reachable accumulator passes is high + 1.
    base:       int64 [C], the code at the lowest reachable accumulator.
    direction:  int64 [C], +1 (increasing) or -1 (decreasing).
    low, high:  the reachable accumulators.  code_low, code_high: the codes that occur over all channels.
    """

    thresholds: IntArray
    base: IntArray
    direction: IntArray
    low: int
    high: int

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.base.shape[0])

    @property
    def ends(self) -> IntArray:
        """int64 [C]: the code at the highest reachable accumulator."""
        return np.asarray(self.base + self.direction * (self.thresholds <= self.high).sum(axis=1))

    @property
    def code_low(self) -> int:
        """Lowest code that a reachable accumulator gives."""
        return int(np.minimum(self.base, self.ends).min())

    @property
    def code_high(self) -> int:
        """Highest code that a reachable accumulator gives."""
        return int(np.maximum(self.base, self.ends).max())

    def apply(self, acc: IntArray) -> IntArray:
        """Codes of accumulators [..., C] (int64), each in [low, high]."""
        rows = np.ascontiguousarray(acc.reshape(-1, self.channels).T)  # searchsorted is slow on strided memory
        codes = np.empty_like(rows, dtype=np.int64)
        for c in range(self.channels):
            passed = np.searchsorted(self.thresholds[c], rows[c], side="right")
            codes[c] = self.base[c] + self.direction[c] * passed
        return codes.T.reshape(acc.shape)


@dataclass(frozen=True, eq=False)
class Table:
    """Any function of the accumulator for each of C channels, as the list of its codes.

    codes:     int64 [C, high - low + 1]; codes[c, a - low] is the code of accumulator a in channel c.
    low, high: the reachable accumulators.  code_low, code_high: the codes that occur over all channels.
    """

    codes: IntArray
    low: int
    high: int

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.codes.shape[0])

    @property
    def code_low(self) -> int:
        """Lowest code that a reachable accumulator gives."""
        return int(self.codes.min())

    @property
    def code_high(self) -> int:
        """Highest code that a reachable accumulator gives."""
        return int(self.codes.max())

    def apply(self, acc: IntArray) -> IntArray:
        """Codes of accumulators [..., C] (int64), each in [low, high]."""
        return np.asarray(self.codes[np.arange(self.channels), acc - self.low])


def find_steps(
    chain: ToCodes, channels: int, low: int, high: int, where: str, monotone: bool = False, seed: int = 0
) -> Steps | Table:
    """The function that `chain` computes on the accumulators [low, high] of every channel.

    chain: maps int64 accumulators [n, C] (column c is channel c) to int64 codes [n, C], for any n.
    monotone: the caller promises that every channel is weakly monotone, as a composition of monotone IEEE operations
    is. The thresholds are then bisected; the promise is checked at each of them and at points drawn with `seed`.
    Without it every accumulator is tried, and a function that is not monotone becomes a Table.

    Raises NotExact (naming `where`) if the range is too long to be tried whole, a function that is not monotone is too
    long for a table, there are too many thresholds, or the promise is seen to be false.
    """
    points = (high - low + 1) * channels
    if monotone and points > _FEW:
        steps = _bisect(chain, channels, low, high, where)
        _check(chain, steps, where, seed)
        return steps
    if points > _MOST_TRIED:
        raise NotExact(
            where,
            f"the accumulator range times the channels must be at most {_MOST_TRIED}",
            points,
            "Use fewer weight or activation bits.",
        )
    if points > _MOST_TABLE:
        return _stream(chain, channels, low, high, where)
    tried = np.concatenate([codes for _, codes in _try_all(chain, channels, low, high)])
    jumps = np.diff(tried, axis=0)
    if bool(((jumps > 0).any(axis=0) & (jumps < 0).any(axis=0)).any()):
        return Table(np.ascontiguousarray(tried.T), low, high)
    at, channel = np.nonzero(jumps)
    return _assemble(tried[0], at + low + 1, channel, jumps[at, channel], (low, high), where)


# --- every accumulator ----------------------------------------------------------------------------------------------


def _try_all(chain: ToCodes, channels: int, low: int, high: int) -> Iterator[tuple[int, IntArray]]:
    """Blocks of consecutive accumulators: the first of the block, and the codes int64 [n, C] of them."""
    block = max(1, _BLOCK // channels)
    for start in range(low, high + 1, block):
        acc = np.arange(start, min(start + block, high + 1), dtype=np.int64)
        yield start, chain(np.repeat(acc[:, None], channels, axis=1)).astype(np.int64)


def _stream(chain: ToCodes, channels: int, low: int, high: int, where: str) -> Steps:
    """The steps of a range too long for a table; only the jumps are kept."""
    found: list[tuple[IntArray, IntArray, IntArray]] = []
    rises, falls = np.zeros(channels, bool), np.zeros(channels, bool)
    passed = np.zeros(channels, np.int64)
    first = before = np.empty(0, np.int64)
    for start, codes in _try_all(chain, channels, low, high):
        if start == low:
            first = before = codes[0]
        jumps = np.diff(codes, axis=0, prepend=before[None])
        before = codes[-1]
        rises |= (jumps > 0).any(axis=0)
        falls |= (jumps < 0).any(axis=0)
        if bool((rises & falls).any()):
            raise _not_monotone(where, int(np.argmax(rises & falls)), "both rising and falling")
        passed += np.abs(jumps).sum(axis=0)
        _limit(channels, int(passed.max()), where)
        at, channel = np.nonzero(jumps)
        found.append((at + start, channel, jumps[at, channel]))
    at, channel, jump = (np.concatenate(column) for column in zip(*found, strict=True))
    return _assemble(first, at, channel, jump, (low, high), where)


def _assemble(
    first: IntArray, at: IntArray, channel: IntArray, jump: IntArray, ends: tuple[int, int], where: str
) -> Steps:
    """The steps with the codes `first` [C] at the lowest accumulator, that jump by jump[i] at at[i] in channel[i]."""
    low, high = ends
    channels = first.shape[0]
    moved = np.zeros(channels, np.int64)
    np.add.at(moved, channel, jump)
    count = np.abs(moved)
    width = max(1, int(count.max()))
    _limit(channels, width, where)
    order = np.argsort(channel, kind="stable")
    rows = np.repeat(channel[order], np.abs(jump[order]))
    columns = np.arange(rows.size) - np.repeat(np.cumsum(count) - count, count)
    thresholds = np.full((channels, width), high + 1, np.int64)
    thresholds[rows, columns] = np.repeat(at[order], np.abs(jump[order]))
    return Steps(thresholds, first, np.where(moved < 0, -1, 1), low, high)


# --- bisection ------------------------------------------------------------------------------------------------------


def _bisect(chain: ToCodes, channels: int, low: int, high: int, where: str) -> Steps:
    """The steps of channels that are monotone: for each code the lowest accumulator that reaches it, all at once."""
    first, last = chain(np.repeat(np.array([[low], [high]], np.int64), channels, axis=1)).astype(np.int64)
    direction, count = np.where(last < first, -1, 1), np.abs(last - first)
    most = int(count.max())
    _limit(channels, most, where)
    thresholds = np.full((channels, max(1, most)), high + 1, np.int64)
    block = max(1, _BLOCK // channels)
    for start in range(0, most, block):
        level = np.arange(start + 1, min(start + block, most) + 1)[:, None]
        below = np.full((level.size, channels), low, np.int64)  # not yet at the level
        above = np.full((level.size, channels), high, np.int64)  # at the level, in channels that have so many
        while int((above - below).max()) > 1:
            middle = below + (above - below) // 2
            there = direction * (chain(middle) - first) >= level
            below, above = np.where(there, below, middle), np.where(there, middle, above)
        thresholds[:, start : start + level.size] = np.where(level <= count, above, high + 1).T
    return Steps(thresholds, first, direction, low, high)


def _check(chain: ToCodes, steps: Steps, where: str, seed: int) -> None:
    """Compare `chain` with `steps` beside every threshold and at drawn points; NotExact where they differ."""
    for acc in _probes(steps, seed):
        codes = chain(acc)
        wrong = np.argwhere(codes != steps.apply(acc))
        if wrong.size:
            row, c = wrong[0]
            raise _not_monotone(where, int(c), f"code {codes[row, c]} at accumulator {acc[row, c]}, out of its order")


def _probes(steps: Steps, seed: int) -> Iterator[IntArray]:
    """Accumulators [n, C]: those before and at each threshold, then drawn ones."""
    block = max(1, _BLOCK // steps.channels)
    for start in range(0, steps.thresholds.shape[1], block):
        at = np.minimum(steps.thresholds[:, start : start + block].T, steps.high)
        yield at
        yield np.maximum(at - 1, steps.low)
    rows = max(16, _SAMPLES // steps.channels)
    yield np.random.default_rng(seed).integers(steps.low, steps.high + 1, (rows, steps.channels))


# --- errors ---------------------------------------------------------------------------------------------------------


def _limit(channels: int, codes: int, where: str) -> None:
    """Refuse more thresholds than memory is meant for."""
    if channels * codes > _MOST_THRESHOLDS:
        raise NotExact(
            where,
            f"the channels times the codes that each passes must be at most {_MOST_THRESHOLDS}",
            channels * codes,
            "Use fewer activation bits.",
        )


def _not_monotone(where: str, channel: int, found: str) -> NotExact:
    """The error for a channel that is not monotone, where it must be."""
    return NotExact(
        where,
        f"channel {channel} must be monotone between its accumulator and its code",
        found,
        "Use a monotone activation before the quantiser, or fewer bits.",
    )
