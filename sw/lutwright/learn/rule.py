"""The rule of the learner: distances, the anchor that learns, its update.

An anchor of n examples holds Y = floor(mean * 2**f), element by element, and the remainder r, 0 <= r < n, that makes
it exact: the sum of the examples times 2**f is n * Y + r. Everything here is the same for floats, apart from `update`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lutwright.learn.config import Distance, Policy
from lutwright.numerics.quantiser import IntArray

Number = TypeVar("Number", np.int64, np.float64)

_TAPS = 0xB400  # x^16 + x^14 + x^13 + x^11 + 1: all 65,535 states but 0 in one cycle


def distances(x: NDArray[Number], y: NDArray[Number], distance: Distance) -> NDArray[Number]:
    """Return the distance of `x` and `y` [..., w], features and anchors on one grid, over the last axis.

    l1: the sum of the magnitudes of the differences. l2: the sum of their squares.
    """
    difference = x - y
    terms = np.abs(difference) if distance == "l1" else difference * difference
    return np.asarray(terms.sum(axis=-1))


def update(y: IntArray, r: IntArray, n: IntArray, x: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Return (y, r, n) of anchors that have learnt one example more; y, r, x int64 [..., w], n int64 [...].

    x: the feature codes times 2**f. With t = r + x - y the sum n*y + r + x is (n + 1)*y + t; so y grows by the floor of
    t / (n + 1) and what the division leaves is the new remainder.
    """
    more = n + 1
    t = r + x - y
    step = t // more[..., None]
    return y + step, t - step * more[..., None], more


def cheapest(counts: IntArray, cost: NDArray[Number]) -> IntArray:
    """Return for each subspace the anchor that learns, int64 [P]: the first empty one, else the first of least `cost`.

    counts, cost: [k, P]; a cost is at least 0.
    """
    return np.asarray(np.where(counts == 0, -1, cost).argmin(axis=0))


def draw(lfsr: int, anchors: int, subspaces: int) -> tuple[IntArray, int]:
    """Return an anchor for each subspace, int64 [P], and the state of the generator behind them.

    A 16-bit Galois LFSR steps once before each draw; the anchor is its state times k, divided by 65,536.
    """
    drawn = []
    for _ in range(subspaces):
        lfsr = lfsr >> 1 ^ (_TAPS if lfsr & 1 else 0)
        drawn.append(lfsr * anchors >> 16)
    return np.array(drawn, np.int64), lfsr


def choose(
    policy: Policy, counts: IntArray, pointer: int, lfsr: int, measure: Callable[[], NDArray[Number]]
) -> tuple[IntArray, int, int]:
    """Return the anchors of a class that learn, int64 [P], and the pointer and generator behind the choice.

    counts: of examples in the class's anchors, int64 [k, P]. measure: gives their distances [k, P] from the example.
    """
    anchors, subspaces = counts.shape
    if policy == "round-robin":
        return np.full(subspaces, pointer, np.int64), (pointer + 1) % anchors, lfsr
    if policy == "random":
        drawn, lfsr = draw(lfsr, anchors, subspaces)
        return drawn, pointer, lfsr
    found = measure()
    return cheapest(counts, counts * found if policy == "weighted" else found), pointer, lfsr
