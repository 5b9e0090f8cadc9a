"""Integer ranges: the width that holds one, and the range of a weighted sum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lutwright.numerics.quantiser import IntArray


@dataclass(frozen=True)
class IntType:
    """A hardware integer: two's complement if signed."""

    signed: bool
    width: int

    def __str__(self) -> str:
        return f"{'int' if self.signed else 'uint'}{self.width}"


def type_of(low: int, high: int) -> IntType:
    """The narrowest IntType that holds every integer in [low, high]; at least one bit."""
    if low >= 0:
        return IntType(False, max(1, high.bit_length()))
    return IntType(True, max((-low - 1).bit_length(), max(high, 0).bit_length()) + 1)


def weighted_sum(weights: IntArray, low: int, high: int, zero_padded: bool) -> tuple[IntArray, IntArray]:
    """Exact bounds of w . x for each row w of `weights` [rows, terms], every x in [low, high].

    The bounds are reached: each term takes its own extreme. With `zero_padded` a term can also be 0.
    """
    lo, hi = (min(low, 0), max(high, 0)) if zero_padded else (low, high)
    positive = np.where(weights > 0, weights, 0).sum(axis=1)
    negative = np.where(weights < 0, weights, 0).sum(axis=1)
    return positive * lo + negative * hi, positive * hi + negative * lo


def exact_float(bound: int) -> type[np.floating] | None:
    """The narrowest BLAS type in which sums of integers bounded by `bound` in magnitude are exact, or None."""
    if bound < 1 << 24:
        return np.float32
    return np.float64 if bound < 1 << 53 else None
