"""The vote: from the nearest class in each subspace to a class."""

from __future__ import annotations

import numpy as np

from lutwright.learn.result import Answers, Status
from lutwright.numerics.quantiser import IntArray


def tally(nearest: IntArray, classes: int) -> IntArray:
    """Return the votes int64 [n, C] of `nearest` int64 [n, voters]: the class that each voter is for."""
    count = len(nearest)
    places = nearest + np.arange(count)[:, None] * classes
    return np.bincount(places.ravel(), minlength=count * classes).reshape(count, classes)


def decide(votes: IntArray) -> Answers:
    """Return for each row of `votes` [n, C] the class with most votes, the lowest where several have."""
    label = votes.argmax(axis=1)
    rows = np.arange(len(votes))
    top = votes[rows, label]
    others = votes.copy()
    others[rows, label] = 0
    return Answers(label, top, top - others.max(axis=1), Status(0))


def undecided(count: int) -> Answers:
    """Return `count` answers of a learner that knows no class."""
    nothing = np.zeros(count, np.int64)
    return Answers(nothing, nothing, nothing, Status.EMPTY)
