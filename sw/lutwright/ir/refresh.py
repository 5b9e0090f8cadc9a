"""Derive every tensor of a graph anew, after a pass has changed what a node reads."""

from __future__ import annotations

from lutwright.ir.graph import Graph
from lutwright.ir.ops import infer


def refresh(graph: Graph) -> Graph:
    """`graph` with the shape and range of each tensor as its node makes it; scales stay."""
    tensors = {graph.input: graph.tensors[graph.input]}
    for node in graph.nodes:
        made = infer(node, [tensors[name] for name in node.inputs], graph.tensors[node.output].scale)
        tensors[node.output] = made
    return graph.with_nodes(graph.nodes, tensors)
