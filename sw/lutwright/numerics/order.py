"""Integers that stand in the same order as the float scores of several channels, so that ArgMax needs no floats."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from lutwright.errors import NotExact
from lutwright.numerics.chain import Chain, powers_of_two
from lutwright.numerics.quantiser import FloatArray, IntArray
from lutwright.numerics.steps import Steps, Table

_MOST_SCORES = 1 << 22  # scores (accumulators x channels) that are compared one by one
_MOST_SHIFT = 40
_MARGIN = 1e-9  # of a code step: far above the rounding of float64, far below any fraction that occurs


@dataclass(frozen=True, eq=False)
class Ranks:
    """Integers in the order of the scores: gain * a + offset (int64 [1] or [C]), or where `table` is set, its codes."""

    gain: IntArray
    offset: IntArray
    table: Steps | Table | None = None

    @property
    def plain(self) -> bool:
        """Whether the accumulators themselves stand in the order of the scores."""
        return self.table is None and bool((self.gain == 1).all() and (self.offset == 0).all())


def ranks(chain: Chain, channels: int, low: int, high: int, kind: type[np.floating[Any]], where: str) -> Ranks:
    """Return integers that compare as the floats of `chain` do, ties included, for accumulators in [low, high].

    Proved by sorting every score where there are at most 2^22 of them; above that only for one scale and a bias, in
    real arithmetic. Raises NotExact (naming `where`) where there is no such form.
    """
    if not chain.ops and _uniform(chain.scale) and (chain.scale > 0).all():
        return Ranks(np.ones(1, np.int64), np.zeros(1, np.int64))
    if (high - low + 1) * channels <= _MOST_SCORES:
        return _tried(chain, channels, low, high, kind)
    if not ordered_in(chain, channels, low, high, kind):
        raise NotExact(where, "scores must be exact in float32 to be put in order", "rounded", "Use float64.")
    found = _one_scale(chain, channels)
    if found is None:
        raise NotExact(
            where,
            f"scores of different scales need at most {_MOST_SCORES} accumulators times channels to be put in order",
            (high - low + 1) * channels,
            "Use one weight scale for the last layer, or quantise its output.",
        )
    return found


def ordered_in(chain: Chain, channels: int, low: int, high: int, kind: type[np.floating[Any]]) -> bool:
    """Whether `ranks` can trust arithmetic `kind`: the scores are tried, or float32 rounds none of them.

    Float64 rounds far below what tells two scores apart.
    """
    if kind is not np.float32 or not chain.ops or (high - low + 1) * channels <= _MOST_SCORES:
        return True
    zero, one = (chain.run(np.full((1, channels), a, np.int64), np.float64)[0] for a in (0, 1))
    if not powers_of_two(one - zero):
        return False
    offset = zero / (one - zero)
    bound = max(abs(low), abs(high)) + float(np.abs(offset).max())
    return any(bool((offset * u == np.rint(offset * u)).all()) and u * bound < 1 << 24 for u in (1, 256))


def _uniform(scale: FloatArray) -> bool:
    return bool((scale == scale.reshape(-1)[0]).all())


def _tried(chain: Chain, channels: int, low: int, high: int, kind: type[np.floating[Any]]) -> Ranks:
    acc = np.repeat(np.arange(low, high + 1, dtype=np.int64)[:, None], channels, axis=1)
    scores = chain.run(acc, kind)
    order = np.argsort(scores, axis=None, kind="stable")
    rises = np.concatenate([[0], np.diff(scores.reshape(-1)[order]) > 0]).astype(np.int64)
    gains, offsets = _slopes(scores, low)
    for shift in range(_MOST_SHIFT + 1):
        gain = np.rint(gains * 2.0**shift / np.abs(gains).max()).astype(np.int64)
        offset = np.rint(offsets * 2.0**shift / np.abs(gains).max()).astype(np.int64)
        steps = np.diff((acc * gain + offset).reshape(-1)[order])
        if bool((np.sign(steps) == rises[1:]).all()):
            return _short(gain, offset)
        if np.abs(offset).max() > 1 << 50:
            break
    codes = np.empty(scores.size, np.int64)
    codes[order] = np.cumsum(rises)
    return Ranks(gain, offset, Table(codes.reshape(scores.shape).T.copy(), low, high))


def _short(gain: IntArray, offset: IntArray) -> Ranks:
    """Offsets start at 0 where all channels have the same gain, so that plain accumulators are seen as such."""
    if (gain == gain[0]).all() and (offset == offset[0]).all() and gain[0] > 0:
        return Ranks(np.ones(1, np.int64), np.zeros(1, np.int64))
    return Ranks(gain, offset)


def _slopes(scores: FloatArray, low: int) -> tuple[FloatArray, FloatArray]:
    """Gain and offset [C] of the line through the ends of each channel, in float64; the offset at accumulator 0."""
    ends = scores.astype(np.float64)
    count = max(1, ends.shape[0] - 1)
    gains = (ends[-1] - ends[0]) / count
    gains = np.where(gains == 0, np.abs(gains).max() or 1.0, gains)
    return gains, ends[0] - gains * low


def _one_scale(chain: Chain, channels: int) -> Ranks | None:
    """acc * scale + bias with one scale: offsets precise enough for every pair of channels, in real arithmetic."""
    if not _uniform(chain.scale):
        return None
    zero, one = (chain.run(np.full((1, channels), a, np.int64), np.float64)[0] for a in (0, 1))
    slope = float(np.median(one - zero))
    line = chain.run(np.arange(-64, 65, dtype=np.int64)[:, None] * np.ones((1, channels), np.int64), np.float64)
    expected = zero + np.arange(-64, 65)[:, None] * slope
    if slope <= 0 or not np.allclose(line, expected, rtol=1e-12, atol=slope * 1e-9):
        return None
    bias = [Fraction(float(b)) / Fraction(slope) for b in zero]
    for shift in range(_MOST_SHIFT + 1):
        offset = [round(b * (1 << shift)) for b in bias]
        different = set(zip(bias, offset, strict=True))  # often one: a thousand classes without a bias
        if all(_agree(b - c, Fraction(o - p, 1 << shift)) for b, o in different for c, p in different):
            return Ranks(np.full(1, 1 << shift, np.int64), np.array(offset, np.int64))
    return None


def _agree(exact: Fraction, near: Fraction) -> bool:
    """Whether comparing an integer with `near` gives what comparing it with `exact` gives."""
    if exact.denominator == 1 or abs(exact - round(exact)) < _MARGIN:
        return near == round(exact)
    return near.denominator != 1 and near // 1 == exact // 1
