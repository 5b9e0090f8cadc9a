"""What each fold of a layer costs by itself: the layer and what only follows it, lowered alone."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lutwright.dataflow.binary import sign_tensors
from lutwright.dataflow.cost import Cost, cost
from lutwright.dataflow.folding import Fold, signed_digits
from lutwright.dataflow.lower import Target, lower_bare
from lutwright.dataflow.memories import Memory, best_first, memories, with_blocks
from lutwright.dataflow.resource_kinds import vector
from lutwright.dataflow.stage import Pipeline, Stage
from lutwright.ir.graph import Graph, Node, Output
from lutwright.numerics.quantiser import FloatArray, IntArray

Rows = Sequence[frozenset[str]]


@dataclass(frozen=True, eq=False)
class Options:
    """The folds of one layer, each with more and with fewer of its memories in block RAM.

    clocks: int64 [n], a frame. costs: float64 [n, 4], the resources of KINDS. blocks: the memories in block RAM.
    """

    node: str
    folds: tuple[Fold, ...]
    clocks: IntArray
    costs: FloatArray
    blocks: tuple[frozenset[str], ...]


def segment(graph: Graph, node: Node) -> tuple[Node, ...]:
    """`node`, a Conv or Dense, and what is behind it and nothing else up to the next fork, join or such layer."""
    nodes = [node]
    while nodes[-1].output not in graph.ends:
        readers = graph.consumers(nodes[-1].output)
        if len(readers) != 1 or readers[0].op in ("Conv", "Dense") or len(readers[0].inputs) != 1:
            break
        nodes.append(readers[0])
    return tuple(nodes)


def layer_options(graph: Graph, node: Node, folds: Sequence[Fold], target: Target, family: str) -> Options:
    """Those of `folds` of `node` that no other beats in all, with clocks and cost of the segment of `node` on `family`.

    To find the adders of an unrolled layer takes seconds: what they cost is estimated here, see exact_costs.
    """
    part, known = _part_of(graph, node), dict[Hashable, Cost]()
    found: list[tuple[Fold, frozenset[str]]] = []
    rows: list[list[float]] = []
    for fold in folds:
        pipeline, need = _alone(part, node, fold, target, known)
        own = replace(pipeline, stages=tuple(_own(pipeline, node, fold)))
        for names, costs in _by_blocks(vector(need, family), best_first(memories(own, family))):
            found.append((fold, names))
            rows.append([pipeline.interval, *costs])
    kept = _undominated(np.array(rows))
    made = np.array(rows)[kept]
    some = [found[i] for i in kept]
    clocks = made[:, 0].astype(np.int64)
    return Options(node.name, tuple(f for f, _ in some), clocks, made[:, 1:], tuple(names for _, names in some))


def _own(pipeline: Pipeline, node: Node, fold: Fold) -> list[Stage]:
    """The stages of a segment whose memories are its own: an unrolled layer has no weights, only its stand-in has."""
    return [stage for stage in pipeline.stages if fold.engine != "unrolled" or stage.name != node.name]


def _by_blocks(need: list[float], found: list[Memory]) -> Iterator[tuple[frozenset[str], list[float]]]:
    """`need` with none of the memories `found` in block RAM, with the first, with the first two, ..."""
    names: list[str] = []
    lut, ff, bram, dsp = need
    yield frozenset(), need
    for memory in found:
        names.append(memory.name)
        lut, ff, bram = lut - memory.saved, ff - memory.saved_ff, bram + memory.blocks
        yield frozenset(names), [lut, ff, bram, dsp]


def exact_costs(graph: Graph, node: Node, fold: Fold, target: Target, family: str, blocks: Rows) -> list[list[float]]:
    """The cost of the segment of `node` with `fold`, nothing estimated, in the order of KINDS.

    blocks: the memories in block RAM; a cost for each.
    """
    made = _part_of(graph, node).lowered(fold, target)
    moved = [with_blocks(made, names).stages for names in blocks]
    return [vector(sum((cost(s) for s in stages if not _converts_source(s)), Cost()), family) for stages in moved]


def layer_clocks(graph: Graph, folds: Mapping[str, Fold], target: Target) -> dict[str, int]:
    """Clocks a frame of the segment of each layer with its fold."""
    nodes = [node for node in graph.nodes if node.name in folds]
    return {n.name: _alone(_part_of(graph, n), n, folds[n.name], target, {})[0].interval for n in nodes}


@dataclass(frozen=True, eq=False)
class _Part:
    """The segment of the layer `node` as a graph, and the `signs` of the whole, which it cannot tell by itself."""

    graph: Graph
    node: str
    signs: frozenset[str]

    def lowered(self, fold: Fold, target: Target) -> Pipeline:
        """Its pipeline with `fold`."""
        return lower_bare(self.graph, {self.node: fold}, target, self.signs)


def _part_of(graph: Graph, node: Node) -> _Part:
    alone = segment(graph, node)
    part = replace(graph, nodes=alone, input=node.inputs[0], outputs=(Output(alone[-1].output),))
    return _Part(part, node.name, sign_tensors(graph))


def _alone(part: _Part, node: Node, fold: Fold, target: Target, known: dict[Hashable, Cost]) -> tuple[Pipeline, Cost]:
    """The pipeline of a segment, without block RAM where that can be, and its cost.

    An unrolled layer has the clocks of a folded one that does as much.
    known: costs of stages behind `node`. What such a stage is follows from the stream that comes to it.
    """
    unrolled = fold.engine == "unrolled"
    if unrolled:  # whose adders take signs as they are
        part, fold = replace(part, signs=frozenset()), replace(fold, engine="folded")
    pipeline = with_blocks(part.lowered(fold, target), ())
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
    return Cost(lut=lut, ff=lut / levels, loose=0.22 * lut, chains=lut / (bits + 4))


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
