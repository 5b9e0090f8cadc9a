"""Make one step function of two nodes that stand behind each other.

Step behind Step, Step behind Affine, and an Affine that only adds (or negates) behind a Step. Such pairs come from
files that quantise in two nodes (QuantizeLinear and DequantizeLinear with zero points) or twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from lutwright.ir.graph import Graph, Node
from lutwright.ir.refresh import refresh
from lutwright.numerics.quantiser import IntArray
from lutwright.numerics.steps import Table, find_steps

Function = Callable[[IntArray], IntArray]


def fuse_steps(graph: Graph) -> Graph:
    """`graph` with every such pair fused; the fused node keeps the name and output of the later one."""
    makers = {node.output: node for node in graph.nodes}
    users = Counter(name for node in graph.nodes for name in node.inputs)
    for later in graph.nodes:
        first = _producer(graph, makers, users, later)
        fused = _fused(graph, first, later) if first is not None else None
        if first is not None and fused is not None:
            makers[later.output] = fused
            del makers[first.output]
    if len(makers) == len(graph.nodes):
        return graph
    nodes = tuple(makers[node.output] for node in graph.nodes if node.output in makers)
    alive = {graph.input, *makers}
    return refresh(graph.with_nodes(nodes, {n: t for n, t in graph.tensors.items() if n in alive}))


def _producer(graph: Graph, makers: dict[str, Node], users: Counter[str], later: Node) -> Node | None:
    """The node in front of `later`, where nothing else reads its output."""
    if later.op not in ("Step", "Affine") or later.inputs[0] in graph.ends or users[later.inputs[0]] != 1:
        return None
    return makers.get(later.inputs[0])


def _fused(graph: Graph, first: Node, later: Node) -> Node | None:
    if (first.op, later.op) not in (("Step", "Step"), ("Affine", "Step"), ("Step", "Affine")):
        return None
    if later.op == "Affine" and not bool((np.abs(later.attrs["gain"]) == 1).all()):
        return None
    x = graph.tensors[first.inputs[0]]
    inner, outer = _function(first), _function(later)
    tables = [node.attrs["steps"] for node in (first, later) if isinstance(node.attrs.get("steps"), Table)]
    monotone = not tables
    if tables and x.high - x.low >= max(table.codes.shape[1] for table in tables):
        return None  # a short table behind a step must not become a table of every accumulator
    steps = find_steps(
        lambda a: outer(inner(a)), x.channels, x.low, x.high, later.source or later.name, monotone=monotone
    )
    return replace(later, op="Step", inputs=first.inputs, attrs={"steps": steps, "form": None})


def _function(node: Node) -> Function:
    if node.op == "Step":
        return lambda a: np.asarray(node.attrs["steps"].apply(a))
    return lambda a: np.asarray(a * node.attrs["gain"] + node.attrs["offset"])
