"""The part of a network that makes the features of a learner."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from lutwright.errors import BadFeatures, BadOption
from lutwright.ir.graph import Graph, Node, Output
from lutwright.ir.text import to_text
from lutwright.ir.verify import verify
from lutwright.learn.versions import Views
from lutwright.passes.drop_unread import drop_unread

OUTPUT = "features"
"""The name of the output of a feature graph."""
_MOST_BITS = 16
_INDICES = ("ArgMax", "TopK")


def feature_graph(graph: Graph, node: str = "") -> Graph:
    """The part of `graph`, as it was imported, that makes the features; they are its only output.

    node: whose output is the features; "" for what goes into the last dense layer (a Dense, or a 1x1 convolution of an
    image of one pixel), and without one for what the network puts out.
    Raises BadOption where there is no such node, BadFeatures where the features are none that a learner can take.
    """
    if len(graph.outputs) != 1:
        names = ", ".join(output.name for output in graph.outputs)
        raise BadFeatures(f"model '{graph.name}'", "must have one output to learn from its features", names)
    tensor = _named(graph, node) if node else _before_head(graph)
    made = next((each for each in graph.nodes if each.output == tensor), None)
    where = f"features of '{graph.name}'"
    if made is None:
        raise BadFeatures(where, "must come out of a layer", "the input of the network", _fix(graph))
    if made.op in _INDICES:
        raise BadFeatures(where, "must be integer codes", f"the indices of node '{made.name}'", _fix(graph))
    bits = graph.tensors[tensor].type.width
    if bits > _MOST_BITS:
        found = f"the {bits} of node '{made.name}'"
        raise BadFeatures(where, f"must have {_MOST_BITS} bits or less", found, _fix(graph))
    return verify(drop_unread(replace(graph, outputs=(Output(tensor, OUTPUT),))))


def feature_node(graph: Graph) -> str:
    """The node of the feature graph `graph` that puts out the features."""
    return next(node.name for node in graph.nodes if node.output == graph.output)


def feature_source(graph: Graph, views: Views | None) -> bytes:
    """SHA-256 (32 bytes) of what makes the features: the feature graph as it was cut, its numbers, and the views.

    It is in a learner's state file, so that a state meets the same features again.
    """
    total = hashlib.sha256(to_text(replace(graph, name=OUTPUT)).encode())  # whatever the file is called
    for each in graph.nodes:
        _feed(total, each.attrs)
    _feed(total, graph.tensors[graph.input].scale)
    _feed(total, views)
    return total.digest()


def _named(graph: Graph, name: str) -> str:
    names = [node.name for node in graph.nodes]
    if name not in names:
        fix = f"There are {', '.join(names)}."
        raise BadOption("--learner", "'features' must be a node of the model", repr(name), fix)
    return graph.node(name).output


def _before_head(graph: Graph) -> str:
    """The tensor that the last dense layer reads, or the output where there is none."""
    heads = [node for node in graph.nodes if _is_dense(graph, node)]
    return heads[-1].inputs[0] if heads else graph.output


def _is_dense(graph: Graph, node: Node) -> bool:
    if node.op == "Conv":
        return graph.tensors[node.inputs[0]].shape[:2] == (1, 1) and node.attrs["weights"].shape[1:3] == (1, 1)
    return node.op == "Dense"


def _fix(graph: Graph) -> str:
    usable = [n.name for n in graph.nodes if n.op not in _INDICES and graph.tensors[n.output].type.width <= _MOST_BITS]
    return f"Say features=NODE with one of {', '.join(usable)}." if usable else "Take another model."


def _feed(total: Any, value: object) -> None:
    """Add `value` to a digest: its kind, its size and its contents."""
    if isinstance(value, np.ndarray):
        flat = np.ascontiguousarray(value)
        flat = flat.astype(np.int64) if flat.dtype.kind in "iub" else flat.astype(np.float64)
        total.update(f"array {value.shape} {flat.dtype.str};".encode() + flat.tobytes())
    elif is_dataclass(value) and not isinstance(value, type):
        _feed(total, {field.name: getattr(value, field.name) for field in fields(value)})
    elif isinstance(value, Mapping):
        total.update(f"table {len(value)};".encode())
        for key in sorted(value):
            total.update(f"{key}:".encode())
            _feed(total, value[key])
    elif isinstance(value, list | tuple):
        total.update(f"list {len(value)};".encode())
        for each in value:
            _feed(total, each)
    elif isinstance(value, np.generic):
        _feed(total, value.item())
    else:
        total.update(f"{type(value).__name__} {value!r};".encode())
