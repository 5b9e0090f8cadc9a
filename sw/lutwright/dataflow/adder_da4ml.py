"""Adder graphs by da4ml, which finds sums that rows have in common. It is optional, and only its answer is used."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np

from lutwright.dataflow.adder_build import Builder
from lutwright.dataflow.adders import Term
from lutwright.numerics.quantiser import IntArray

METHODS = ("mc-pdc", "wmc", "wmc-pdc", "mc-dc", "mc")
"""Its ways to choose the next sum to share; -dc and -pdc are the shallower. Which is best depends on the matrix."""


def available() -> bool:
    """Whether da4ml is installed."""
    return importlib.util.find_spec("da4ml") is not None


def shared(
    matrix: IntArray, low: IntArray, high: IntArray, method: str, thorough: bool
) -> tuple[Builder, list[Term | None]]:
    """Sums and outputs of `matrix` [outputs, inputs] for inputs in [low, high], int64 [inputs] each.

    method: one of METHODS. thorough: try every depth of its first step, which takes some ten times as long and seldom
    finds a graph that is 1 % smaller. Its cost counts bits of adders, as ours does.
    """
    from da4ml.cmvm import solve as cmvm

    # An input that cannot change would be left out, and with it its coefficients.
    steps = [(float(min(a, 0)), float(max(b, 1)), 1.0) for a, b in zip(low, high, strict=True)]
    kernel = np.ascontiguousarray(matrix.T, np.float32)
    options = {"method0": method, "search_all_decompose_dc": thorough}
    solution = cmvm(kernel, qintervals=steps, adder_size=1, carry_size=-1, **options)
    build = Builder(matrix.shape[1])
    terms: list[Term | None] = [Term(value) for value in range(build.inputs)]
    for part in solution.solutions:
        terms = _replay(build, part, terms)
    return build, terms


def _replay(build: Builder, part: Any, given: list[Term | None]) -> list[Term | None]:
    """The operations of one part of a solution (CombLogic) on the terms `given`; what comes out of it."""
    buffer: list[Term | None] = []
    for operation in part.ops:
        if operation.opcode == -1:
            buffer.append(_scaled(given[operation.id0], part.inp_shifts[operation.id0], False))
        else:  # 0: addition, 1: subtraction; a matrix needs no other
            b = _scaled(buffer[operation.id1], operation.data, operation.opcode == 1)
            buffer.append(build.add(buffer[operation.id0], b))
    outputs = zip(part.out_idxs, part.out_shifts, part.out_negs, strict=True)
    return [None if index < 0 else _scaled(buffer[index], shift, minus) for index, shift, minus in outputs]


def _scaled(term: Term | None, shift: int, minus: bool) -> Term | None:
    return None if term is None else Term(term.value, term.shift + int(shift), term.negative != bool(minus))
