"""Operations that only move words, as one block of beats picked out of another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lutwright.dataflow.folding import divisors
from lutwright.ir.graph import Node, Tensor
from lutwright.ir.spatial import depth_axes
from lutwright.numerics.quantiser import IntArray


@dataclass(frozen=True, eq=False)
class Gathering:
    """Of each block of `taken` beats the beats `index` (int64 [sent]) are sent; `blocks` of them make a frame."""

    taken: int
    index: IntArray
    blocks: int

    @property
    def sent(self) -> int:
        """Beats sent a block."""
        return int(self.index.size)


def word_index(node: Node, x: Tensor) -> IntArray:
    """int64 [words out]: which word of `x` each word of the output of a Resize, DepthToSpace or Reorder is."""
    words = np.arange(x.words).reshape(x.shape)
    if node.op == "Resize":
        return np.asarray(words[node.attrs["rows"]][:, node.attrs["columns"]].reshape(-1))
    if node.op == "DepthToSpace":
        split, order = depth_axes(node, x)
        return np.asarray(words.reshape(split).transpose(order).reshape(-1))
    return np.asarray(node.attrs["index"])


def most_lanes(index: IntArray, lanes: int) -> int:
    """The most words a beat, a divisor of `lanes`, with which `index` moves whole beats only."""
    for count in reversed(divisors(lanes)):
        if index.size % count == 0:
            rows = index.reshape(-1, count)
            if bool((rows[:, 0] % count == 0).all() and (rows == rows[:, :1] + np.arange(count)).all()):
                return count
    return 1


def gathering(node: Node, x: Tensor, lanes: int) -> Gathering:
    """The smallest blocks, of beats of `lanes` words, in which the words of `x` can be picked; lanes as most_lanes."""
    beats = word_index(node, x).reshape(-1, lanes)[:, 0] // lanes
    whole = x.words // lanes
    for blocks in reversed(divisors(int(np.gcd(whole, beats.size)))):
        taken = whole // blocks
        rows = beats.reshape(blocks, -1) - taken * np.arange(blocks)[:, None]
        if bool((rows == rows[0]).all() and rows.min() >= 0 and rows.max() < taken):
            return Gathering(taken, rows[0], blocks)
    return Gathering(whole, beats, 1)
