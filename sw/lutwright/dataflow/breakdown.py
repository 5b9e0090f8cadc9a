"""What each layer of a choice takes: its clocks and resources, with what only follows it."""

from __future__ import annotations

from dataclasses import dataclass

from lutwright.dataflow.choice import Choice
from lutwright.dataflow.cost import SHELL, Cost, cost
from lutwright.dataflow.folding import Fold
from lutwright.dataflow.layer_costs import segment
from lutwright.dataflow.options import layers
from lutwright.ir.graph import Graph, Node


@dataclass(frozen=True)
class Row:
    """One layer, another node, or what is no node's. fold: None where nothing is folded.

    clocks: a frame, of its slowest stage. cost: on the board's family.
    """

    name: str
    fold: Fold | None
    clocks: int
    cost: Cost


def breakdown(graph: Graph, choice: Choice, family: str) -> list[Row]:
    """The rows of `choice`, in the order of the graph; the board's shell last. Their costs add up to the estimate."""
    groups: dict[str, tuple[Node, ...]] = {node.name: (node,) for node in graph.nodes}
    for node in layers(graph):
        alone = segment(graph, node)
        for other in alone:
            del groups[other.name]
        groups[node.name] = alone
    rows = []
    for node in graph.nodes:
        if node.name not in groups:
            continue
        names = {other.name for other in groups[node.name]}
        stages = [stage for stage in choice.pipeline.stages if stage.node in names]
        if stages:
            need = sum((cost(stage) for stage in stages), Cost()).on(family)
            rows.append(Row(node.name, choice.folds.get(node.name), max(s.cycles for s in stages), need))
    return [*rows, Row("shell", None, 0, SHELL.on(family))]
