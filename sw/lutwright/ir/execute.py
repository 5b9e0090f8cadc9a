"""The integer executor: numpy only, exact, any batch size, every intermediate tensor on request."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from lutwright.errors import BadData
from lutwright.ir.graph import Graph
from lutwright.ir.ops import OPS
from lutwright.ir.plan import Plan
from lutwright.numerics.quantiser import IntArray

_BATCH = 256  # frames at a time, so that windows of a big layer stay in memory

_PLANS: WeakKeyDictionary[Graph, Plan] = WeakKeyDictionary()


def _check_input(graph: Graph, codes: IntArray) -> None:
    tensor = graph.tensors[graph.input]
    if codes.shape[1:] != tensor.shape:
        raise BadData(f"input of '{graph.name}'", f"frames must have shape {tensor.shape}", codes.shape[1:])
    if codes.size and (codes.min() < tensor.low or codes.max() > tensor.high):
        raise BadData(
            f"input of '{graph.name}'",
            f"codes must be in [{tensor.low}, {tensor.high}]",
            f"[{codes.min()}, {codes.max()}]",
            "Quantise floats with graph.edge.codes first.",
        )


def execute_all(
    graph: Graph, codes: IntArray, keep: set[str] | None = None, plain: bool = False
) -> dict[str, IntArray]:
    """Run verified `graph` on int64 codes [batch, ...shape]; return tensor name -> int64 [batch, ...shape].

    keep: the tensors to return; None is all of them. plain: by the definitions of ir/ops.py, node by node, and not by
    the compiled plan that equals them. Raises BadData where the input does not fit the graph.
    """
    _check_input(graph, codes)
    wanted = {graph.input} | {node.output for node in graph.nodes} if keep is None else keep
    if plain:
        return _by_definition(graph, codes, wanted)
    plan = _PLANS.get(graph)
    if plan is None:
        plan = _PLANS[graph] = Plan(graph)
    return plan.run(codes, wanted)


def _by_definition(graph: Graph, codes: IntArray, wanted: set[str]) -> dict[str, IntArray]:
    blocks: dict[str, list[IntArray]] = {name: [] for name in wanted}
    for start in range(0, max(1, codes.shape[0]), _BATCH):
        values = {graph.input: codes[start : start + _BATCH].astype(np.int64)}
        for node in graph.nodes:
            inputs = [values[name] for name in node.inputs]
            values[node.output] = OPS[node.op].execute(node, inputs, [graph.tensors[name] for name in node.inputs])
        for name in wanted:
            blocks[name].append(values[name])
    return {name: np.concatenate(parts) for name, parts in blocks.items()}


def execute(graph: Graph, codes: IntArray) -> IntArray:
    """Run `graph`, which has one output, on input codes [batch, ...shape] and return that output [batch, ...shape]."""
    return execute_all(graph, codes, {graph.output})[graph.output]


def execute_outputs(graph: Graph, codes: IntArray) -> tuple[IntArray, ...]:
    """Run `graph` on input codes [batch, ...shape] and return each of its outputs [batch, ...shape], in order."""
    words = execute_all(graph, codes, set(graph.ends))
    return tuple(words[output.tensor] for output in graph.outputs)
