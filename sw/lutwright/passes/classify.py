"""End a classifier with ArgMax, so that the hardware answers with a class and not with every score.

Not part of the pipeline: it changes what the graph computes, on request of whoever builds hardware.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from lutwright.ir.graph import Graph, Node, Tensor
from lutwright.ir.ops import infer
from lutwright.ir.verify import verify
from lutwright.numerics.order import ranks


def classify(graph: Graph) -> Graph:
    """`graph` with an ArgMax behind a vector output of two or more; any other graph unchanged.

    A vector that the model puts out as a matrix is no list of classes. Of several outputs nobody knows which are
    scores, and which are features or boxes: such a model has an ArgMax where it wants a class.

    Where the model has float operations behind its last integers (a bias, a scale for each class), integers in the
    order of its scores come first. Raises NotExact where there are none.
    """
    if len(graph.outputs) > 1:
        return graph
    scores = graph.tensors[graph.output]
    ends_so = any(node.op in ("ArgMax", "TopK") and node.output == graph.output for node in graph.nodes)
    several = graph.exit is not None and max(graph.exit.view.model_shape, default=1) < scores.words
    if len(scores.shape) != 1 or scores.shape[0] < 2 or ends_so or several:
        return graph
    return verify(_Appended(graph).argmax())


class _Appended:
    """Collects the nodes behind the output of a graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes: list[Node] = []
        self.tensors: dict[str, Tensor] = dict(graph.tensors)
        self.last = graph.output

    def add(self, name: str, op: str, **attrs: Any) -> None:
        """Append one node."""
        node = Node(name, op, (self.last,), f"{name}.out", attrs, "the class, appended")
        self.tensors[node.output] = infer(node, [self.tensors[self.last]], np.ones(1))
        self.nodes.append(node)
        self.last = node.output

    def argmax(self) -> Graph:
        """The scores in the model's order, as integers that compare as its floats do, and the first of the largest."""
        leave, scores = self.graph.exit, self.tensors[self.graph.output]
        if leave is not None:
            made = ranks(leave.chain, scores.channels, scores.low, scores.high, leave.kind, "the scores of the output")
            if made.table is not None:
                self.add("scores", "Step", steps=made.table, form=None)
            elif not made.plain:
                self.add("scores", "Affine", gain=made.gain, offset=made.offset)
            order = leave.view.index.reshape(-1)
            if not bool((order == np.arange(order.size)).all()):
                self.add("class_order", "Reorder", shape=scores.shape, index=order)
        self.add("argmax", "ArgMax")
        nodes = (*self.graph.nodes, *self.nodes)
        index = replace(self.graph.only, tensor=self.last, exit=None)  # which needs no floats behind it
        return replace(self.graph, nodes=nodes, tensors=self.tensors, outputs=(index,))
