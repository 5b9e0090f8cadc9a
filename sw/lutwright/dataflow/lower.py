"""Lowering: the integer graph and a fold for each layer become a pipeline of cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lutwright.dataflow import lower_macs, lower_moves, lower_points
from lutwright.dataflow.buffers import edge_depths
from lutwright.dataflow.folding import Fold
from lutwright.dataflow.free_run import free_run
from lutwright.dataflow.lowering import Lowering, Target
from lutwright.dataflow.stage import Outlet, Pipeline
from lutwright.dataflow.supported import require_cells
from lutwright.ir.graph import Graph, Node

__all__ = ["LOWER", "Target", "lower", "lower_bare"]


def lower(graph: Graph, folds: dict[str, Fold], target: Target) -> Pipeline:
    """The pipeline of `graph` with `folds` for `target`, with a FIFO on each edge where beats wait.

    UnsupportedOp names what no cell does.
    """
    require_cells(graph)
    bare = free_run(lower_bare(graph, folds, target), target.block_bits)
    return free_run(_lower(graph, folds, target, edge_depths(graph, bare)), target.block_bits)


def lower_bare(
    graph: Graph, folds: Mapping[str, Fold], target: Target, signs: frozenset[str] | None = None
) -> Pipeline:
    """The pipeline of `graph` without the FIFOs that its rates need: what an estimate may begin with.

    signs: of a part of a graph, the tensors of the whole that hold only -1 and 1 (dataflow/binary.py).
    """
    return _lower(graph, dict(folds), target, {}, signs)


def _lower(
    graph: Graph,
    folds: dict[str, Fold],
    target: Target,
    depths: dict[tuple[str, str], int],
    signs: frozenset[str] | None = None,
) -> Pipeline:
    work = Lowering(graph, folds, target, depths, signs)
    for node in graph.nodes:
        LOWER[node.op](work, node)
    ends = [(output, work.ends[output.tensor].pop(0)) for output in graph.outputs]
    outlets = tuple(Outlet(output.name, output.tensor, end.link, end.stream) for output, end in ends)
    return Pipeline(graph.name, work.source, tuple(work.stages), outlets)


LOWER: Mapping[str, Callable[[Lowering, Node], None]] = {
    "Add": lower_points.add,
    "Affine": lower_points.affine,
    "ArgMax": lower_moves.arg_max,
    "Concat": lower_moves.concat,
    "Conv": lower_macs.conv,
    "Dense": lower_macs.dense,
    "DepthToSpace": lower_moves.gather,
    "Flatten": lower_moves.flatten,
    "MaxPool": lower_moves.pool,
    "Pad": lower_moves.pad,
    "Reorder": lower_moves.gather,
    "Resize": lower_moves.gather,
    "Step": lower_points.step,
    "SumPool": lower_moves.pool,
    "TopK": lower_moves.top_k,
}
