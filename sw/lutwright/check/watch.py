"""Counting over blocks of frames: what one stage's integers were, and where they differ from the model's floats."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lutwright.numerics.quantiser import IntArray
from lutwright.simulate.compare import locate

MOST_CODES = 4096
_OFF_GRID = 1e-6  # how far a float64 word may lie from its integer; what rounding leaves over is far less
_LARGE = 1 << 20  # above this an accumulator's own rounding grows with it


@dataclass
class Watch:
    """Sums over all blocks for the stage `name`, whose integers lie in [low, high].

    exact: whether the model's floats are exact, so that a word must lie on its integer and not only beside it.
    possible: the integers that can occur, None for the whole range.
    """

    name: str
    low: int
    high: int
    exact: bool
    possible: IntArray | None = None
    words: int = 0
    mismatches: int = 0
    first: str = ""
    float32_differences: int = 0
    seen: int = 0
    observed_low: int = 0
    observed_high: int = 0
    counts: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))

    def observe(self, words: IntArray) -> None:
        """Note the integers [batch, ...] of one block."""
        if not words.size:
            return
        low, high = int(words.min()), int(words.max())
        self.observed_low = min(self.observed_low, low) if self.seen else low
        self.observed_high = max(self.observed_high, high) if self.seen else high
        self.seen += words.size
        if self.high - self.low < MOST_CODES:
            counts = np.bincount((words - self.low).reshape(-1), minlength=self.high - self.low + 1)
            self.counts = counts if not self.counts.size else self.counts + counts

    def compare(self, words: IntArray, truth: NDArray[Any], float32: NDArray[Any], start: int) -> None:
        """Compare integers [batch, ...] with the model's values in units of the scale, of frames `start` and on.

        truth, float32: as float64. Of the float32 forward the nearest integers count.
        """
        nearest = np.rint(truth)
        near = np.abs(truth - nearest) <= self._tolerance
        wrong = ~near | (nearest != words)
        self.words += words.size
        count = int(wrong.sum())
        if count and not self.first:
            self.first = self._located(words, truth, wrong, start)
        self.mismatches += count
        self.float32_differences += int((np.rint(float32) != words).sum())

    @property
    def _tolerance(self) -> float:
        if self.exact:
            return 0.0
        return min(1e-3, _OFF_GRID * max(1.0, max(-self.low, self.high) / _LARGE))

    def _located(self, words: IntArray, truth: NDArray[Any], wrong: NDArray[np.bool_], start: int) -> str:
        index = int(np.argmax(wrong))
        shape = words.shape[1:]
        there = locate(index + start * int(np.prod(shape)), shape)
        value = float(truth.reshape(-1)[index])
        return f"stage '{self.name}', {there}: model {value:.10g}, integer {words.reshape(-1)[index]}"

    @property
    def first_of_all(self) -> str:
        """Where the first mismatch is and how many there are, or ""."""
        return f"{self.first} (first of {self.mismatches})" if self.first else ""

    @property
    def unused(self) -> int | None:
        """Integers that can occur and did not, or None where the range is too long to count them."""
        if self.high - self.low >= MOST_CODES:
            return None
        possible = np.arange(self.low, self.high + 1) if self.possible is None else self.possible
        return int((self.counts[possible - self.low] == 0).sum()) if self.counts.size else possible.size
