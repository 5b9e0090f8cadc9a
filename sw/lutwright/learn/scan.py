"""The search of a prediction, fast: in each subspace the class of the nearest anchor.

It gives what `rule.distances` and an argmin give (a test compares them), without an array of all differences. For l1:

    sum |x - y| = 2 * sum max(x, y) - sum x - sum y        (sum x is the same for all anchors: left out)

and for l2, as a matrix product: sum (x - y)^2 = sum y^2 - 2 * sum x*y + sum x^2. In float64 this is exact for integers
as long as every partial sum stays below 2**53.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lutwright.learn.config import Distance
from lutwright.numerics.quantiser import IntArray

_CACHED = 1 << 15  # partial sums at a time: they stay in the cache while the features go by
_PRODUCTS = 1 << 20  # results of a matrix product at a time
_FEW = 4  # queries that are not worth a copy of the anchors

Array = NDArray[Any]


def nearest(x: Array, y: Array, n: IntArray, distance: Distance, bits: int | None) -> IntArray:
    """Return the class of the nearest anchor that is not empty, int64 [B, P]; ties to the lowest class.

    x: queries [B, P, w]. y: anchors [C, k, P, w] on the same grid. n: their counts [C, k, P]; each subspace has one
    that is not 0. bits: of a distance, for int64 `x` and `y`; None for float64, whose rounding may break near ties.
    """
    classes, anchors, subspaces, width = y.shape
    y = y.transpose(3, 2, 0, 1).reshape(width, subspaces, classes * anchors)
    used = n.transpose(2, 0, 1).reshape(subspaces, classes * anchors) > 0
    kept = np.arange(classes * anchors)
    if len(x) >= _FEW:
        kept = np.flatnonzero(used.any(axis=0))
        y, used = y.take(kept, axis=2), used.take(kept, axis=1)  # the last axis stays the one that runs
        if bits is not None and bits <= 29:  # twice a sum, less another, in 32 bits
            y = y.astype(np.int32)
    if distance == "l2" and (bits is None or bits <= 50):  # sum y^2 - 2 * sum x*y has up to two bits more, and a sign
        found = _products(x.astype(np.float64), y.astype(np.float64), used)
    else:
        found = _sums(np.ascontiguousarray(x.transpose(2, 1, 0), y.dtype), y, used, distance)
    return np.asarray(kept[found] // anchors)


def _sums(x: Array, y: Array, used: NDArray[np.bool_], distance: Distance) -> IntArray:
    """Return the nearest anchors int64 [B, P], feature by feature; x [w, P, B], y [w, P, M], used [P, M]."""
    _, subspaces, count = x.shape
    size = min(count, max(1, _CACHED // used.shape[1]))  # queries at a time
    group = max(1, _CACHED // (used.shape[1] * size))  # subspaces at a time
    found = np.empty((subspaces, count), np.int64)
    for first in range(0, subspaces, group):
        own = slice(first, first + group)
        for start in range(0, count, size):
            part = slice(start, start + size)
            found[own, part] = _least(_keys(x[:, own, part], y[:, own], distance), used[own])
    return found.T


def _keys(x: Array, y: Array, distance: Distance) -> Array:
    """Return numbers [P, b, M] in the order of the distances; x [w, P, b], y [w, P, M]."""
    total = np.zeros((*x.shape[1:], y.shape[2]), y.dtype)
    term = np.empty_like(total)
    if distance == "l2":
        for mine, theirs in zip(x[:, :, :, None], y[:, :, None, :], strict=True):
            np.subtract(mine, theirs, out=term)
            term *= term
            total += term
        return total
    for mine, theirs in zip(x[:, :, :, None], y[:, :, None, :], strict=True):
        total += np.maximum(mine, theirs, out=term)
    total *= 2
    total -= y.sum(axis=0, dtype=y.dtype)[:, None, :]
    return total


def _products(x: NDArray[np.float64], y: NDArray[np.float64], used: NDArray[np.bool_]) -> IntArray:
    """Return the nearest anchors by l2, int64 [B, P], by matrix products; x [B, P, w], y [w, P, M], used [P, M]."""
    x, y = x.transpose(1, 0, 2), np.ascontiguousarray(y.transpose(1, 0, 2))
    squares = (y * y).sum(axis=1)[:, None, :]
    y *= -2
    size = max(1, _PRODUCTS // used.size)
    parts = [_least(x[:, s : s + size] @ y + squares, used).T for s in range(0, x.shape[1], size)]
    return np.concatenate(parts)


def _least(keys: Array, used: NDArray[np.bool_]) -> IntArray:
    """Return the first of the least keys [P, b, M] of the anchors in use, int64 [P, b]; it may change `keys`."""
    if not used.all():
        most = np.inf if keys.dtype.kind == "f" else np.iinfo(keys.dtype).max
        np.copyto(keys, most, where=~used[:, None, :])
    return np.asarray(keys.argmin(axis=2))
