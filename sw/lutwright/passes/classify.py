"""End a classifier with ArgMax, so that the hardware answers with a class and not with every score.

Not part of the pipeline: it changes what the graph computes, on request of whoever builds hardware.
"""

from __future__ import annotations

from lutwright.ir.graph import Graph, Node
from lutwright.ir.ops import infer
from lutwright.ir.verify import verify


def classify(graph: Graph) -> Graph:
    """`graph` with an ArgMax behind a vector output of two or more; any other graph unchanged."""
    scores = graph.tensors[graph.output]
    ends_so = any(node.op == "ArgMax" and node.output == graph.output for node in graph.nodes)
    if len(scores.shape) != 1 or scores.shape[0] < 2 or ends_so:
        return graph
    node = Node("argmax", "ArgMax", (graph.output,), "argmax.out", {}, "the class, appended")
    tensors = {**graph.tensors, node.output: infer(node, [scores])}
    return verify(graph.with_nodes((*graph.nodes, node), tensors, node.output))
