"""Give the zeros of a Pad to the convolution behind it, which pads without storing anything."""

from __future__ import annotations

from dataclasses import replace

from lutwright.ir.graph import Graph
from lutwright.ir.refresh import refresh


def fold_pads(graph: Graph) -> Graph:
    """`graph` without each Pad of zeros that only convolutions read."""
    pads = {
        node.output: node
        for node in graph.nodes
        if node.op == "Pad" and node.attrs["value"] == 0 and node.output not in graph.ends
        if all(user.op == "Conv" for user in graph.consumers(node.output))
    }
    if not pads:
        return graph
    nodes = []
    for node in graph.nodes:
        if node.op == "Conv" and node.inputs[0] in pads:
            pad = pads[node.inputs[0]]
            total = tuple(a + b for a, b in zip(node.attrs["pads"], pad.attrs["pads"], strict=True))
            node = replace(node, inputs=pad.inputs, attrs={**node.attrs, "pads": total})
        if node.output not in pads:
            nodes.append(node)
    tensors = {name: tensor for name, tensor in graph.tensors.items() if name not in pads}
    return fold_pads(refresh(graph.with_nodes(tuple(nodes), tensors)))  # a Pad before a Pad is next
