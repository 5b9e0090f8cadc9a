"""Common grids: scales that several numbers are exact integer multiples of."""

from __future__ import annotations

from fractions import Fraction
from math import gcd, lcm

import numpy as np

from lutwright.numerics.quantiser import FloatArray, IntArray


def common_scale(scales: FloatArray, most: int) -> tuple[float, IntArray] | None:
    """The largest g with every entry of `scales` (float64, not 0) = g * integer, and those integers (same shape).

    None where an integer would pass `most` in magnitude, or g is not a float64.
    """
    unique, where = np.unique(scales, return_inverse=True)
    parts = [Fraction(float(s)) for s in unique]
    step = Fraction(gcd(*(p.numerator for p in parts)), lcm(*(p.denominator for p in parts)))
    multiples = [int(p / step) for p in parts]
    if max(abs(m) for m in multiples) > most or Fraction(float(step)) != step:
        return None
    return float(step), np.array(multiples, np.int64)[where].reshape(scales.shape)


def integers_of(values: FloatArray, candidates: tuple[float, ...], most: int) -> tuple[float, IntArray] | None:
    """A scale g with every entry of `values` (float64) = g * integer, |integer| <= most, and the integers.

    Tried are `candidates`, then the greatest common divisor of the values as fractions. A candidate is taken where
    every value is within 2^-40 of a multiple, relative to the largest: float64 rounding and nothing else.
    """
    if not values.any():
        return 1.0, np.zeros(values.shape, np.int64)
    largest = float(np.abs(values).max())
    for g in candidates:
        near = np.rint(values / g)
        if np.abs(near).max() <= most and bool((np.abs(values - near * g) <= largest * 2.0**-40).all()):
            return g, near.astype(np.int64)
    unique = np.unique(values[values != 0])
    if unique.size > 1 << 16:
        return None
    found = common_scale(unique, most)
    if found is None:
        return None
    return found[0], np.rint(values / found[0]).astype(np.int64)
