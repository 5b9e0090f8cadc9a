"""FIFO depths: how many beats pile up between a bursty producer and a steady consumer."""

from __future__ import annotations

import numpy as np

from lutwright.ir.graph import Tensor
from lutwright.numerics.quantiser import IntArray


def queue_depth(arrivals: IntArray, service: float) -> int:
    """Most beats waiting at any time, if beats arrive at clocks `arrivals` (ascending) and each takes `service` clocks.

    The consumer starts on a beat when it is there and the one before is done; a beat counts until it is started.
    """
    started = np.empty(arrivals.size)
    free = float(arrivals[0])
    for index, arrival in enumerate(arrivals.tolist()):
        started[index] = max(free, arrival)
        free = started[index] + service
    waiting = np.arange(1, arrivals.size + 1) - np.searchsorted(started, arrivals, side="right")
    return int(waiting.max())


def pool_arrivals(x: Tensor, kernel: int, folds: int, clocks_per_beat: float) -> IntArray:
    """Clocks at which a max pool sends its beats, if its own input (`x`, `folds` beats a pixel) comes evenly.

    Two frames, so that a queue which does not empty between frames shows.
    """
    height, width, _ = x.shape
    frame = np.arange(height * width * folds).reshape(height, width, folds)
    ends = frame[kernel - 1 :: kernel, kernel - 1 :: kernel]  # the last beat of each window
    once = ends.reshape(-1)
    return np.floor(np.concatenate([once, once + height * width * folds]) * clocks_per_beat).astype(np.int64)
