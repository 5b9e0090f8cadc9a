"""What each fold of a layer costs by itself: the layer and what only follows it, lowered alone."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lutwright.dataflow.cost import Cost, cost
from lutwright.dataflow.folding import Fold, signed_digits
from lutwright.dataflow.lower import Target, lower_bare
from lutwright.dataflow.stage import Pipeline, Stage
from lutwright.ir.graph import Graph, Node
from lutwright.numerics.quantiser import FloatArray, IntArray

KINDS = ("lut", "ff", "bram", "dsp")
"""The resources, in the order of every vector of them."""


@dataclass(frozen=True, eq=False)
class Options:
    """The folds of one layer. clocks: int64 [n], a frame. costs: float64 [n, 4], the resources of KINDS."""

    node: str
    folds: tuple[Fold, ...]
    clocks: IntArray
    costs: FloatArray


def segment(graph: Graph, node: Node) -> tuple[Node, ...]:
    """`node`, a Conv or Dense, and what is behind it and nothing else up to the next fork, join or such layer."""
    nodes = [node]
    while nodes[-1].output != graph.output:
        readers = graph.consumers(nodes[-1].output)
        if len(readers) != 1 or readers[0].op in ("Conv", "Dense") or len(readers[0].inputs) != 1:
            break
        nodes.append(readers[0])
    return tuple(nodes)


def layer_options(graph: Graph, node: Node, folds: Sequence[Fold], target: Target, family: str) -> Options:
    """Those of `folds` of `node` that no other beats in all, with clocks and cost of the segment of `node` on `family`.

    To find the adders of an unrolled layer takes seconds: what they cost is estimated here, see exact_cost.
    """
    part = _part(graph, node)
    known: dict[Hashable, Cost] = {}
    made = [_alone(part, node, fold, target, known) for fold in folds]
    clocks = np.array([pipeline.interval for pipeline, _ in made])
    costs = np.array([vector(need, family) for _, need in made], np.float64)
    kept = _undominated(np.column_stack([clocks, costs]))
    return Options(node.name, tuple(folds[i] for i in kept), clocks[kept], costs[kept])


def exact_cost(graph: Graph, node: Node, fold: Fold, target: Target, family: str) -> list[float]:
    """The cost of the segment of `node` with `fold`, nothing estimated, in the order of KINDS."""
    made = lower_bare(_part(graph, node), {node.name: fold}, target)
    return vector(sum((cost(stage) for stage in made.stages if not _converts_source(stage)), Cost()), family)


def layer_clocks(graph: Graph, folds: Mapping[str, Fold], target: Target) -> dict[str, int]:
    """Clocks a frame of the segment of each layer with its fold."""
    nodes = [node for node in graph.nodes if node.name in folds]
    return {node.name: _alone(_part(graph, node), node, folds[node.name], target, {})[0].interval for node in nodes}


def _part(graph: Graph, node: Node) -> Graph:
    alone = segment(graph, node)
    return replace(graph, nodes=alone, input=node.inputs[0], output=alone[-1].output)


def vector(need: Cost, family: str) -> list[float]:
    """`need` on `family` in the order of KINDS."""
    there = need.on(family)
    return [there.lut, there.ff, there.bram, there.dsp]


def _alone(part: Graph, node: Node, fold: Fold, target: Target, known: dict[Hashable, Cost]) -> tuple[Pipeline, Cost]:
    """The pipeline of a segment and its cost; an unrolled layer has the clocks of a folded one that does as much.

    known: costs of stages behind `node`. What such a stage is follows from the stream that comes to it.
    """
    unrolled = fold.engine == "unrolled"
    pipeline = lower_bare(part, {node.name: replace(fold, engine="folded") if unrolled else fold}, target)
    total = Cost()
    for stage in pipeline.stages:
        if unrolled and stage.name == node.name:
            total += _adders(node, stage, target.adder_levels)
        elif stage.node == node.name:
            total += Cost() if _converts_source(stage) else cost(stage)
        else:
            key = stage.name, stage.takes
            known[key] = known[key] if key in known else cost(stage)
            total += known[key]
    return pipeline, total


def _converts_source(stage: Stage) -> bool:
    """Whether a stage only fits the beats that come in to the layer: what it costs depends on the layer before."""
    return stage.cell in ("width_up", "width_down") and stage.inputs[0].stage == ""


def _adders(node: Node, stage: Stage, levels: int) -> Cost:
    """About what the unrolled engine takes; read off seventeen layers, whose LUTs were 0.9 to 1.15 of this."""
    weights, bits = node.attrs["weights"], stage.parameters["X_BITS"]
    assert isinstance(bits, int)
    lut = (0.6 * bits + 1.6) * max(0, signed_digits(weights) - weights.shape[0])
    return Cost(lut=lut, ff=lut / levels, loose=0.22 * lut)


def _undominated(rows: FloatArray) -> list[int]:
    """The rows that no other is at or below in every column; of equal rows the first."""
    kept: list[int] = []
    for i in np.lexsort(rows.T[::-1]).tolist():
        if not (rows[kept] <= rows[i]).all(axis=1).any():
            kept.append(i)
    return sorted(kept)


def candidate_clocks(table: Sequence[Options]) -> list[int]:
    """Every number of clocks a frame that some fold takes, from where every layer keeps up, ascending."""
    least = max((int(options.clocks.min()) for options in table), default=1)
    return sorted({least, *(int(c) for options in table for c in options.clocks if c >= least)})
