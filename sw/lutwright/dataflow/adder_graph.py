"""The cheapest adder graph that is found for a constant matrix, proved."""

from __future__ import annotations

import numpy as np

from lutwright.dataflow.adder_da4ml import METHODS, available, shared
from lutwright.dataflow.adder_pipeline import Schedule, schedule
from lutwright.dataflow.adder_plain import digits, plain
from lutwright.dataflow.adder_signs import signed_graph
from lutwright.dataflow.adders import AdderGraph
from lutwright.numerics.quantiser import IntArray

DELAY_COST = 0.5
"""LUTs that a flip-flop behind no adder counts for in the choice; those behind one are in its logic cell."""

_EFFORT = ((3_000, 5, True), (8_000, 3, False), (25_000, 1, False))
"""Digits of a matrix; how many methods are tried on as many, and whether thoroughly: 10 s of a processor at most."""


def solve(matrix: IntArray, low: IntArray, high: IntArray, levels: int = 1) -> AdderGraph:
    """The adders of y = W x.

    matrix: int64 [outputs, inputs]. low, high: int64 [inputs], the range of each input.
    levels: adders between two registers, which the choice counts. Where da4ml is not installed, or the matrix is too
    large for it, the plain graph is the answer. Raises NotExact if a graph is not the matrix.
    """
    graphs = candidates(matrix, low, high)
    if len(graphs) == 1:
        return graphs[0]
    return min(graphs, key=lambda graph: score(schedule(graph, levels)))


def candidates(matrix: IntArray, low: IntArray, high: IntArray) -> list[AdderGraph]:
    """Every graph that `solve` chooses from, proved; the plain one last."""
    work = sum(len(digits(w)) for w in matrix.reshape(-1).tolist())
    effort = [(count, thorough) for limit, count, thorough in _EFFORT if work <= limit]
    tried, thorough = effort[0] if effort and work and available() else (0, False)
    built = [*(shared(matrix, low, high, method, thorough) for method in METHODS[:tried]), plain(matrix)]
    return [signed_graph(build, outputs, low, high).prove(matrix) for build, outputs in built]


def score(made: Schedule) -> float:
    """What `solve` makes small: adder bits, and a part of the flip-flops that only delay."""
    return made.graph.cost + DELAY_COST * made.delay_bits


def solve_range(matrix: IntArray, low: int, high: int, levels: int = 1) -> AdderGraph:
    """`solve` for inputs that all have the range [low, high]."""
    ends = np.ones(matrix.shape[1], np.int64)
    return solve(matrix, ends * low, ends * high, levels)
