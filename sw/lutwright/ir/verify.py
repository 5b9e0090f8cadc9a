"""The verifier: the rules that every integer graph keeps, checked after each pass."""

from __future__ import annotations

from lutwright.errors import BadGraph
from lutwright.ir.graph import Graph
from lutwright.ir.ops import infer


def verify(graph: Graph) -> Graph:
    """Return `graph` unchanged if it keeps every rule, else raise BadGraph naming the node.

    Rules: names are unique; nodes read only what is there; every attribute is there and right; shape and range of
    every tensor are those that its node makes; there are outputs, each of a tensor that is there, of different names.
    """
    where = f"graph '{graph.name}'"
    if graph.input not in graph.tensors:
        raise BadGraph(where, "the input must be a tensor", graph.input)
    known = {graph.input}
    names: set[str] = set()
    for node in graph.nodes:
        place = f"node '{node.name}' ({node.op})"
        if node.name in names or node.output in known:
            raise BadGraph(place, "node and output names must be unique", node.output)
        missing = [name for name in node.inputs if name not in known]
        if missing:
            raise BadGraph(place, "inputs must be made before they are read", missing)
        made = infer(node, [graph.tensors[name] for name in node.inputs])
        told = graph.tensors.get(node.output)
        if told is None or (told.shape, told.low, told.high) != (made.shape, made.low, made.high):
            raise BadGraph(place, f"the output must be {made.shape} in [{made.low}, {made.high}]", told)
        names.add(node.name)
        known.add(node.output)
    _verify_outputs(graph, known, where)
    return graph


def _verify_outputs(graph: Graph, known: set[str], where: str) -> None:
    called = [output.name for output in graph.outputs]
    if not called or len(set(called)) < len(called):
        raise BadGraph(where, "outputs must be one or more of different names", called)
    for output in graph.outputs:
        if output.tensor not in known:
            raise BadGraph(where, "the output must be made by a node", output.tensor)
