"""Which integers a tensor can hold, where that is less than its whole range: binary codes lack the 0."""

from __future__ import annotations

import numpy as np

from lutwright.check.inputs import input_ends
from lutwright.check.opened import Opened
from lutwright.numerics.quantiser import IntArray
from lutwright.numerics.steps import Steps, Table

_FEW = 16  # input codes that are worth trying one by one
_PROBES = 257
_KEEP = ("MaxPool", "Flatten", "Reorder", "DepthToSpace", "Resize")


def possible_codes(opened: Opened) -> dict[str, IntArray]:
    """Tensor -> the integers it can hold, ascending, for what step functions make and what passes it on."""
    graph = opened.graph
    tensor = graph.tensors[graph.input]
    found: dict[str, IntArray] = {}
    if not opened.input_is_integer and tensor.high - tensor.low < _FEW:
        low, high = input_ends(opened)
        x = np.repeat(np.linspace(low, high, _PROBES, dtype=np.float32)[:, None], tensor.channels, axis=1)
        found[graph.input] = np.unique(graph.edge.codes(x))
    for node in graph.nodes:
        if node.op == "Step":
            found[node.output] = step_codes(node.attrs["steps"])
        elif node.op in _KEEP and node.inputs[0] in found:
            found[node.output] = found[node.inputs[0]]
    return found


def step_codes(steps: Steps | Table) -> IntArray:
    """The codes that a step function gives on its range, ascending."""
    if isinstance(steps, Table):
        return np.unique(steps.codes)
    first = np.full((1, steps.channels), steps.low, np.int64)
    return np.unique(steps.apply(np.concatenate([first, np.minimum(steps.thresholds.T, steps.high)])))
