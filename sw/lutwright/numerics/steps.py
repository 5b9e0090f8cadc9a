"""Step functions: what stands between an integer accumulator and the next integer code.

For channel c an increasing step function is  code(a) = base[c] + #{ j : a >= thresholds[c, j] },  a decreasing
one  code(a) = base[c] - #{ j : a >= thresholds[c, j] }.  The thresholds are found by running the float chain on every
reachable accumulator, so no scale, rounding mode or batch norm is special.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lutwright.errors import NotExact
from lutwright.numerics.quantiser import IntArray

# More than this many (accumulator, channel) points are not tried one by one.
_MOST_POINTS = 1 << 28
_BLOCK = 1 << 20


@dataclass(frozen=True, eq=False)
class Steps:
    """A monotone step function for each of C channels.

    thresholds: int64 [C, n], ascending in each row; a step that no reachable accumulator passes is high + 1.
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
        """Codes of accumulators [..., C] (int64)."""
        out = np.empty(acc.shape, np.int64)
        for c in range(self.channels):
            steps = np.searchsorted(self.thresholds[c], acc[..., c], side="right")
            out[..., c] = self.base[c] + self.direction[c] * steps
        return out


def find_steps(chain: Callable[[IntArray], IntArray], channels: int, low: int, high: int, where: str) -> Steps:
    """Run `chain` on every accumulator in [low, high] and every channel, and store where its code changes.

    chain: maps int64 accumulators [n, C] (each row one accumulator for all channels) to int64 codes [n, C].
    Raises NotExact (naming `where`) if a channel is not monotone or the range is too long to be tried whole.
    """
    count = high - low + 1
    if count * channels > _MOST_POINTS:
        raise NotExact(
            where,
            f"the accumulator range times the channels must be at most {_MOST_POINTS}",
            count * channels,
            "Use fewer weight or activation bits.",
        )
    first: IntArray | None = None
    before: IntArray | None = None
    rows: list[list[int]] = [[] for _ in range(channels)]
    signs = np.zeros(channels, np.int64)
    for start in range(low, high + 1, max(1, _BLOCK // channels)):
        acc = np.arange(start, min(start + max(1, _BLOCK // channels), high + 1), dtype=np.int64)
        codes = chain(np.repeat(acc[:, None], channels, axis=1))
        if first is None or before is None:
            first = before = codes[0]
        jumps = np.diff(np.vstack([before[None], codes]), axis=0)
        _collect(jumps, acc, rows, signs, where)
        before = codes[-1]
    assert first is not None
    width = max(1, max(len(row) for row in rows))
    thresholds = np.full((channels, width), high + 1, np.int64)
    for c, row in enumerate(rows):
        thresholds[c, : len(row)] = row
    return Steps(thresholds, first.astype(np.int64), np.where(signs < 0, -1, 1), low, high)


def _collect(jumps: IntArray, acc: IntArray, rows: list[list[int]], signs: IntArray, where: str) -> None:
    """Add the code changes `jumps` [n, C] at accumulators `acc` [n] to `rows`; check that each channel is monotone."""
    for index, c in np.argwhere(jumps):
        jump = int(jumps[index, c])
        sign = 1 if jump > 0 else -1
        if signs[c] and signs[c] != sign:
            raise NotExact(
                where,
                f"channel {c} must be monotone between its accumulator and its code",
                f"both rising and falling (at accumulator {acc[index]})",
                "Use a monotone activation before the quantiser.",
            )
        signs[c] = sign
        rows[c].extend([int(acc[index])] * abs(jump))
