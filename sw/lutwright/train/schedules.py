"""How much of a dense kernel is pruned when: one-shot, AGP and one-cycle."""

from __future__ import annotations

import math

from lutwright.train.names import Pruning

_STEEPNESS, _DELAY = 14.0, 5.0  # a and b of the one-cycle curve


def sparsity(schedule: Pruning, done: float, final: float, initial: float = 0.0) -> float:
    """Return the fraction of the weights pruned after the fraction `done` (0..1) of the batches.

    one-shot:  `initial` to the very end, then `final` at once.
    agp:       automated gradual pruning (Zhu and Gupta, arXiv 1710.01878): final + (initial - final) * (1 - done)^3.
    one-cycle: One-Cycle Pruning (Hubens et al., arXiv 2107.02086): a logistic curve, a = 14, b = 5.
    """
    done = min(max(done, 0.0), 1.0)
    if schedule == "one-shot":
        return final if done >= 1.0 else initial
    if schedule == "agp":
        return final + (initial - final) * (1.0 - done) ** 3
    return initial + (final - initial) * _logistic(1.0) / _logistic(done)


def _logistic(done: float) -> float:
    return 1.0 + math.exp(-_STEEPNESS * done + _DELAY)


def kept_of(schedule: Pruning, done: float, window: int, kept: int) -> int:
    """Return how many of the `window` weights of a kernel still stand after `done`; `kept` at the end, never fewer."""
    left = window * (1.0 - sparsity(schedule, done, 1.0 - kept / window))
    return min(window, max(kept, math.ceil(left - 1e-9)))
