"""Timing calls against each other on a machine that others use as well."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

Made = TypeVar("Made")

_ROUNDS = 10  # other work can stall the threads of a library for seconds
_MOST = 10.0  # seconds; what takes longer is not called again


def timed(call: Callable[[], Made]) -> tuple[Made, float]:
    """What `call` returns, and the seconds that it took."""
    start = time.perf_counter()
    made = call()
    return made, time.perf_counter() - start


def best_seconds(calls: Sequence[Callable[[], object]], before: Sequence[float], seconds: float) -> list[float]:
    """The seconds of the shortest call of each of `calls`, which take turns so that a slow moment hits all of them.

    before: what an earlier call of each took, which counts too. seconds: to spend on each, more than 0; it is called at
    least once more, unless the earlier call took very long.
    """
    best = list(before)
    left = [seconds if took < _MOST else 0.0 for took in before]
    for turn in range(_ROUNDS):
        stop = seconds * (_ROUNDS - 1 - turn) / _ROUNDS
        for i, call in enumerate(calls):
            while left[i] > stop:
                _, took = timed(call)
                best[i] = min(best[i], took)
                left[i] -= took
    return best
