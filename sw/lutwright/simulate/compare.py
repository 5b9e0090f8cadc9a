"""Comparing two executors word by word, and saying where they first differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lutwright.numerics.quantiser import IntArray


@dataclass(frozen=True)
class Comparison:
    """`words` compared at `stage`, `mismatches` of them different; `first` tells where the first one is, or is ""."""

    stage: str
    words: int
    mismatches: int
    first: str


def locate(index: int, shape: tuple[int, ...], first: int = 0) -> str:
    """Word `index` of frames of `shape` in words: frame, channel, row, column. first: the number of the first frame."""
    at = np.unravel_index(index, (index // int(np.prod(shape)) + 1, *shape))
    if len(shape) == 3:
        return f"frame {first + at[0]}, channel {at[3]}, row {at[1]}, column {at[2]}"
    return f"frame {first + at[0]}, element {at[1]}"


def compare(
    stage: str,
    expected: IntArray,
    got: IntArray,
    unknown: NDArray[np.bool_],
    level: str,
    reference: str = "integer",
    first: int = 0,
) -> Comparison:
    """Compare `got` (beats [n, lanes] of `level`, unknown bits marked in [n]) with `expected` [frames, ...shape].

    first: the number of the first frame, for the message.
    Words that are missing at the end, too many, or have unknown bits count as mismatches.
    """
    want = expected.reshape(-1)
    have = got.reshape(-1)
    blurred = np.repeat(unknown, got.shape[1] if got.ndim == 2 else 1)
    common = min(want.size, have.size)
    wrong = (want[:common] != have[:common]) | blurred[:common]
    count = int(wrong.sum()) + abs(want.size - have.size)
    if not count:
        return Comparison(stage, int(want.size), 0, "")
    index = int(np.argmax(wrong)) if wrong.any() else common
    there = locate(index, expected.shape[1:], first)
    word = "nothing" if index >= have.size else "unknown bits" if blurred[index] else str(have[index])
    wanted = "nothing" if index >= want.size else str(want[index])
    return Comparison(
        stage,
        int(want.size),
        count,
        f"stage '{stage}', {there}: {reference} {wanted}, {level} {word} (first of {count})",
    )
