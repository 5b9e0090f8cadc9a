"""Which tensors hold only -1 and 1, so that one bit says what they are."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from lutwright.ir.graph import Graph, Node
from lutwright.numerics.steps import Steps, Table

# Operations that only move, choose or repeat what they read. A Pad adds its value.
_KEEP = ("Concat", "DepthToSpace", "Flatten", "MaxPool", "Pad", "Reorder", "Resize")


def sign_tensors(graph: Graph) -> frozenset[str]:
    """The tensors of `graph` whose integers are all -1 or 1, whatever comes in.

    Nothing is known of the input of a graph. A range of -1 to 1 is not enough: 0 lies in it. Where 1 is all there is,
    the stream has no sign that could be taken.
    """
    found: set[str] = set()
    for node in graph.nodes:
        if node.op == "Step":
            signs = _only_signs(node.attrs["steps"])
        else:
            kept = node.op in _KEEP and all(name in found for name in node.inputs)
            signs = kept and not (node.op == "Pad" and abs(node.attrs["value"]) != 1)
        if signs and graph.tensors[node.output].low < 0:
            found.add(node.output)
    return frozenset(found)


@lru_cache(maxsize=64)  # asked for every fold of a layer
def has_signs(node: Node) -> bool:
    """Whether all weights of a Conv or Dense are -1 or 1, and a Conv has no padding, whose zeros are neither."""
    padded = node.op == "Conv" and any(node.attrs["pads"])
    return bool((np.abs(node.attrs["weights"]) == 1).all()) and not padded


@lru_cache(maxsize=64)  # and this for every layer that is costed alone
def _only_signs(steps: Steps | Table) -> bool:
    """Whether every code that `steps` gives for an accumulator in its range is -1 or 1."""
    if isinstance(steps, Table):
        return bool((np.abs(steps.codes) == 1).all())
    ends = np.column_stack([np.full(steps.channels, steps.low), np.minimum(steps.thresholds, steps.high)])
    # The codes change at the thresholds and nowhere else.
    codes = steps.apply(np.clip(ends, steps.low, steps.high).T)
    return bool((np.abs(codes) == 1).all())
