"""What each layer of a choice takes: its clocks and resources, with what only follows it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lutwright.dataflow.choice import Choice
from lutwright.dataflow.cost import Cost, cost
from lutwright.dataflow.folding import Fold
from lutwright.dataflow.layer_costs import segment
from lutwright.dataflow.memories import block_names
from lutwright.dataflow.options import layers
from lutwright.dataflow.packet import shell_cost
from lutwright.dataflow.parts import NOTHING
from lutwright.ir.graph import Graph, Node


@dataclass(frozen=True)
class Row:
    """One layer, another node, or what is no node's. fold: None where nothing is folded.

    clocks: a frame, of its slowest stage. cost: on the board's family. blocks: its memories in block RAM.
    """

    name: str
    fold: Fold | None
    clocks: int
    cost: Cost
    blocks: tuple[str, ...] = ()


def breakdown(graph: Graph, choice: Choice, family: str) -> list[Row]:
    """The rows of `choice`, in the order of the graph; then what is beside the network, the board's shell last.

    Their costs add up to the estimate.
    """
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
            part = replace(choice.pipeline, stages=tuple(stages))
            clocks = max(stage.cycles for stage in stages)
            rows.append(Row(node.name, choice.folds.get(node.name), clocks, need, block_names(part)))
    if choice.beside != NOTHING:
        rows.append(Row("learner", None, 0, choice.beside.on(family)))
    return [*rows, Row("shell", None, 0, shell_cost(choice.pipeline, choice.link).on(family))]
