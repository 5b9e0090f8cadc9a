"""Remove the nodes whose results no output needs: in hardware, a stream that nobody takes stops its makers."""

from __future__ import annotations

from lutwright.ir.graph import Graph


def drop_unread(graph: Graph) -> Graph:
    """`graph` with only the nodes that an output depends on."""
    needed = {*graph.ends, graph.input}
    kept = []
    for node in reversed(graph.nodes):
        if node.output in needed:
            kept.append(node)
            needed.update(node.inputs)
    tensors = {name: tensor for name, tensor in graph.tensors.items() if name in needed}
    return graph.with_nodes(tuple(reversed(kept)), tensors)
