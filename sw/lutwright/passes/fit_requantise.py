"""Choose for each step function the cheapest hardware form that is proved equal to it."""

from __future__ import annotations

from dataclasses import replace

from lutwright.ir.graph import Graph
from lutwright.numerics.requantise import fit


def fit_requantise(graph: Graph) -> Graph:
    """`graph` with attribute `form` of every Step set."""
    nodes = tuple(
        replace(node, attrs={**node.attrs, "form": fit(node.attrs["steps"], node.source or node.name)})
        if node.op == "Step" and node.attrs["form"] is None
        else node
        for node in graph.nodes
    )
    return graph.with_nodes(nodes, graph.tensors)
