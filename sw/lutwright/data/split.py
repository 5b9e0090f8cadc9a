"""The constant split of a set that comes in one piece."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SEED = 20190614  # any constant; changing it changes every published accuracy


def split(labels: NDArray[np.int64], test_share: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (train, test) row numbers int64 of `labels` int64 [N]: `test_share` of each class, by a constant draw.

    A class of n gives round(n * test_share) rows to the test, but at least one and never its last. Test rows take
    turns by class (0, 1, .. 9, 0, ..), so that any first few of them are a fair sample.
    """
    draw = np.random.Generator(np.random.PCG64(_SEED))
    rows, turns = [], []
    for label in np.unique(labels):
        own = draw.permutation(np.flatnonzero(labels == label))
        own = own[: min(max(1, round(own.size * test_share)), own.size - 1)]
        rows.append(own)
        turns.append(np.arange(own.size))
    test = np.concatenate(rows)[np.argsort(np.concatenate(turns), kind="stable")]
    return np.setdiff1d(np.arange(labels.size), test), test
