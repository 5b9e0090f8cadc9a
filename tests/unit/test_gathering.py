"""Rearrangements as blocks of beats: the smallest block, the most lanes, the right words."""

import numpy as np
import pytest
from graphs import Maker, frames

from lutwright.dataflow.gathering import gathering, most_lanes, word_index
from lutwright.ir.execute import execute

RNG = np.random.default_rng(0)
CASES = {
    "twice as large": ((3, 4, 4), "Resize", {"rows": np.arange(6) // 2, "columns": np.arange(8) // 2}, 4, 3),
    "every other": ((6, 4, 2), "Resize", {"rows": np.arange(3) * 2, "columns": np.arange(2) * 2}, 2, 3),
    "upside down": ((3, 4, 2), "Resize", {"rows": np.arange(3)[::-1].copy(), "columns": np.arange(4)}, 2, 1),
    "cropped": ((5, 5, 1), "Resize", {"rows": np.arange(1, 4), "columns": np.arange(1, 4)}, 1, 1),
    "depth first": ((3, 2, 8), "DepthToSpace", {"block": 2, "mode": "DCR"}, 2, 3),
    "columns first": ((3, 2, 8), "DepthToSpace", {"block": 2, "mode": "CRD"}, 1, 3),
    "any": ((2, 3, 2), "Reorder", {"shape": (12,), "index": RNG.permutation(12)}, 1, 1),
    "pairs": ((2, 2, 2), "Reorder", {"shape": (8,), "index": np.array([2, 3, 0, 1, 6, 7, 4, 5])}, 2, 2),
}


@pytest.mark.parametrize("case", CASES)
def test_blocks_of_beats(case):
    shape, op, attrs, lanes, blocks = CASES[case]
    m = Maker(np.random.default_rng(1), shape, 6)
    m.add(op, **attrs)
    graph = m.graph()
    node, x = graph.nodes[0], graph.tensors["input"]
    assert most_lanes(word_index(node, x), np.gcd(shape[-1], m.here.shape[-1])) == lanes
    found = gathering(node, x, lanes)
    assert found.blocks == blocks
    codes = frames(graph, 4)
    beats = codes.reshape(4 * blocks, found.taken, lanes)[:, found.index]
    assert np.array_equal(beats.reshape(4, -1), execute(graph, codes).reshape(4, -1))
