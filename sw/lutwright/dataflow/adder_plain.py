"""The plain adder graph: each row a balanced tree over multiples of the inputs, which rows share."""

from __future__ import annotations

import heapq

from lutwright.dataflow.adder_build import Builder
from lutwright.dataflow.adders import Term
from lutwright.numerics.quantiser import IntArray


def plain(matrix: IntArray) -> tuple[Builder, list[Term | None]]:
    """Sums and outputs of `matrix` [outputs, inputs]: no more than ceil(log2(digits of a row)) adders deep."""
    build = Builder(matrix.shape[1])
    outputs = []
    for row in matrix.tolist():
        terms = [(0, Term(column, shift, minus)) for column, w in enumerate(row) for shift, minus in digits(w)]
        outputs.append(_tree(build, terms))
    return build, outputs


def digits(weight: int) -> list[tuple[int, bool]]:
    """The canonical signed digits of `weight`, lowest first: shift, and whether it is subtracted."""
    found: list[tuple[int, bool]] = []
    shift = 0
    while weight:
        if weight & 1:
            minus = weight & 3 == 3
            found.append((shift, minus))
            weight += 1 if minus else -1
        weight >>= 1
        shift += 1
    return found


def _tree(build: Builder, terms: list[tuple[int, Term]]) -> Term | None:
    """The sum of `terms` (level, term): always the two lowest levels, neighbours first."""
    queue = [(level, place, term) for place, (level, term) in enumerate(terms)]
    heapq.heapify(queue)
    while len(queue) > 1:
        level_a, place, a = heapq.heappop(queue)
        level_b, _, b = heapq.heappop(queue)
        total = build.add(a, b)
        if total is not None:
            heapq.heappush(queue, (max(level_a, level_b) + 1, place, total))
    return queue[0][2] if queue else None
