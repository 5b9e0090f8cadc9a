"""The rules that an ONNX graph must keep before it is translated, and the order of its nodes.

They are those of the ONNX specification that a translator relies on, no more: what can be understood is accepted.
"""

from __future__ import annotations

import functools
import heapq
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import onnx
from onnx import AttributeProto

from lutwright.errors import BadModel, UnsupportedOp
from lutwright.frontend.tensors import check_type

MOST_NODES = 10_000
_MOST_EDGES = 1_000_000
_STANDARD = ("", "ai.onnx")
_AGAIN = "Export the model again."

_ONE = {AttributeProto.FLOAT: "f", AttributeProto.INT: "i", AttributeProto.STRING: "s", AttributeProto.TENSOR: "t"}
_LISTS = {AttributeProto.FLOATS: "floats", AttributeProto.INTS: "ints", AttributeProto.STRINGS: "strings"}
_GRAPHS = (AttributeProto.GRAPH, AttributeProto.GRAPHS)


@dataclass(frozen=True)
class Signature:
    """What an operator takes: at least `needed`, at most `most` inputs; the AttributeProto type of each attribute."""

    needed: int
    most: int
    types: Mapping[str, int]
    required: frozenset[str] = frozenset()


_ROUNDING = {"rounding_mode": AttributeProto.STRING}
_RANGE = {"signed": AttributeProto.INT, "narrow": AttributeProto.INT}
_LEVELS = {
    "out_scale": AttributeProto.FLOAT,
    "out_bias": AttributeProto.FLOAT,
    "out_dtype": AttributeProto.STRING,
    "data_layout": AttributeProto.STRING,
}
_QONNX = {
    "Quant": Signature(4, 4, _ROUNDING | _RANGE),
    "IntQuant": Signature(4, 4, _ROUNDING | _RANGE),
    "BipolarQuant": Signature(2, 2, {}),
    "Trunc": Signature(5, 6, _ROUNDING | _RANGE),
    "MultiThreshold": Signature(2, 2, _LEVELS),
}


def place(node: onnx.NodeProto) -> str:
    """How messages call `node`."""
    return f"node '{node.name or (node.output[0] if node.output else '')}' ({node.op_type})"


def check_structure(model: onnx.ModelProto, where: str) -> None:
    """Check everything of `model` but the values of its tensors; `where` is how messages call it.

    Versions, sizes, text, names (each tensor is made once and called something), graph outputs, and each node's
    inputs and attributes against the operator's own definition. Raises BadModel, or UnsupportedOp where functions,
    subgraphs, sparse tensors or element types are not done.
    """
    graph = model.graph
    if not graph.node or not graph.input or not graph.output:
        rule = "must hold an ONNX graph with nodes, inputs and outputs"
        raise BadModel(where, rule, "one without", "Check that this is an ONNX file.")
    if len(graph.node) > MOST_NODES:
        raise BadModel(where, f"must have at most {MOST_NODES} nodes", len(graph.node), "Use a smaller model.")
    if sum(len(n.input) + len(n.output) + len(n.attribute) for n in graph.node) > _MOST_EDGES:
        raise BadModel(where, f"nodes must have at most {_MOST_EDGES} inputs and outputs", "more")
    _check_left_out(model, where)
    _check_text(model, where)
    version = _check_versions(model, where)
    _check_inputs(graph)
    _check_names(graph)
    for node in graph.node:
        _check_node(node, version)


def _check_left_out(model: onnx.ModelProto, where: str) -> None:
    """Refuse what is not translated anywhere, by name."""
    if model.functions:
        raise UnsupportedOp(where, "must have no functions", repr(model.functions[0].name), "Inline its functions.")
    for sparse in model.graph.sparse_initializer:
        name = f"sparse initialiser '{sparse.values.name}'"
        raise UnsupportedOp(name, "constants must be dense", "sparse", "Store it as a dense tensor.")
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g") or attribute.graphs or attribute.type in _GRAPHS:
                rule = "nodes must hold no graphs of their own"
                found = f"one in {attribute.name!r}"
                raise UnsupportedOp(place(node), rule, found, "Export the model without control flow.")


def _check_text(message: Any, where: str) -> None:
    """Every text in `message` must be UTF-8; protobuf hands out bytes where it is not."""
    singles, texts, messages = _fields(message.DESCRIPTOR)
    values = [getattr(message, name) for name in singles]
    for name in texts:
        values.extend(getattr(message, name))
    if any(isinstance(value, bytes) for value in values):
        raise BadModel(where, "names must be UTF-8 text", "other bytes", _AGAIN)
    for name, repeated in messages:
        if repeated:
            for part in getattr(message, name):
                _check_text(part, where)
        elif message.HasField(name):
            _check_text(getattr(message, name), where)


@functools.cache
def _fields(descriptor: Any) -> tuple[list[str], list[str], list[tuple[str, bool]]]:
    """Names of the text, repeated text and message fields of a protobuf type; of the last, whether repeated."""
    texts = [f for f in descriptor.fields if f.type == f.TYPE_STRING]
    messages = [(f.name, f.is_repeated) for f in descriptor.fields if f.type == f.TYPE_MESSAGE]
    return [f.name for f in texts if not f.is_repeated], [f.name for f in texts if f.is_repeated], messages


def _check_versions(model: onnx.ModelProto, where: str) -> int:
    """The version of the standard operators."""
    if not 1 <= model.ir_version <= onnx.IR_VERSION:
        fix = "Export for an older ONNX, or update onnx."
        raise BadModel(where, f"the IR version must be 1 to {onnx.IR_VERSION}", model.ir_version or "missing", fix)
    found: dict[str, int] = {}
    for entry in model.opset_import:
        domain = "" if entry.domain in _STANDARD else entry.domain
        if found.setdefault(domain, entry.version) != entry.version:
            raise BadModel(where, f"must have one opset of '{domain}'", f"{found[domain]} and {entry.version}", _AGAIN)
    newest = onnx.defs.onnx_opset_version()
    if not 1 <= found.get("", 0) <= newest:
        fix = "Export for an older opset, or update onnx."
        raise BadModel(where, f"the ONNX opset must be 1 to {newest}", found.get("", "missing"), fix)
    return found[""]


def _check_inputs(graph: onnx.GraphProto) -> None:
    """The graph's inputs must be tensors of an element type that is done."""
    for value in graph.input:
        where = f"input '{value.name}'"
        if not value.type.HasField("tensor_type"):
            raise BadModel(where, "must be a tensor", value.type.WhichOneof("value") or "without a type", _AGAIN)
        check_type(value.type.tensor_type.elem_type, where)


def _check_names(graph: onnx.GraphProto) -> None:
    """Every tensor must have a name and be made once; the graph's outputs must be made."""
    stored = _once((t.name for t in graph.initializer), "initialiser")
    inputs = _once((v.name for v in graph.input), "input")
    outputs = _once((v.name for v in graph.output), "output")
    makers: dict[str, str] = {name: f"initialiser '{name}'" for name in stored}
    makers |= {name: f"input '{name}'" for name in inputs}
    for node in graph.node:
        if not any(node.output):
            raise BadModel(place(node), "must have an output", "none", _AGAIN)
        for name in filter(None, node.output):
            if name in makers:
                raise BadModel(place(node), f"tensor '{name}' must be made once", f"also by {makers[name]}", _AGAIN)
            makers[name] = place(node)
    for name in outputs - makers.keys():
        raise BadModel(f"output '{name}'", "must be made by a node", "by none", _AGAIN)


def _once(names: Iterable[str], kind: str) -> set[str]:
    counts = Counter(names)
    if "" in counts:
        raise BadModel(f"{kind} ''", "must have a name", "an empty one", _AGAIN)
    for name, count in counts.items():
        if count > 1:
            raise BadModel(f"{kind} '{name}'", "must be there once", f"{count} times", _AGAIN)
    return set(counts)


def _check_node(node: onnx.NodeProto, version: int) -> None:
    """Check inputs and attributes of `node`; an operator that nobody knows is left to the translator."""
    if not node.op_type:
        raise BadModel(place(node), "must have an operator", "an empty one", _AGAIN)
    for attribute in node.attribute:
        _check_attribute(node, attribute)
    names = {attribute.name for attribute in node.attribute}
    if len(names) != len(node.attribute):
        raise BadModel(place(node), "must have each attribute once", "one twice", _AGAIN)
    standard = _standard(node.op_type, version) if node.domain in _STANDARD else None
    signature = standard or _QONNX.get(node.op_type)
    if signature is None:
        return
    given = len(node.input)
    if not signature.needed <= given <= signature.most or not all(node.input[: signature.needed]):
        rule = f"must have {signature.needed} to {signature.most} inputs"
        raise BadModel(place(node), rule, len(list(filter(None, node.input))), _AGAIN)
    for name in sorted(signature.required - names):
        raise BadModel(place(node), f"must have attribute '{name}'", "without it", _AGAIN)
    for attribute in node.attribute:
        kind = signature.types.get(attribute.name, attribute.type)
        if attribute.type != kind:
            rule = f"attribute '{attribute.name}' must be {_kind(kind)}"
            raise BadModel(place(node), rule, _kind(attribute.type), _AGAIN)


def _check_attribute(node: onnx.NodeProto, attribute: AttributeProto) -> None:
    """The value must be where the type says, and finite."""
    where = place(node)
    one = _ONE.get(attribute.type)
    if one is None and attribute.type not in _LISTS:
        rule = f"attribute '{attribute.name}' must be a number, text, tensor or a list of numbers or texts"
        raise BadModel(where, rule, _kind(attribute.type), _AGAIN)
    if (one is not None and not attribute.HasField(one)) or attribute.ref_attr_name:
        raise BadModel(where, f"attribute '{attribute.name}' must have a value", "none", _AGAIN)
    if not all(map(math.isfinite, (attribute.f, *attribute.floats))):
        raise BadModel(where, f"attribute '{attribute.name}' must be finite", "NaN or infinity", "Train again.")


def _kind(number: int) -> str:
    """Name of an attribute type."""
    names = {value: name for name, value in AttributeProto.AttributeType.items()}
    return names.get(number, f"number {number}").lower()


@functools.cache
def _standard(operator: str, version: int) -> Signature | None:
    """The signature of a standard operator at opset `version`; None where there is no such operator."""
    try:
        schema: Any = onnx.defs.get_schema(operator, version, "")
    except onnx.defs.SchemaError:
        return None
    types = {name: int(attribute.type) for name, attribute in schema.attributes.items()}
    required = frozenset(name for name, attribute in schema.attributes.items() if attribute.required)
    return Signature(schema.min_input, schema.max_input, types, required)


def in_order(graph: onnx.GraphProto, known: set[str]) -> list[onnx.NodeProto]:
    """The nodes of `graph` sorted so that each comes after what it reads; `known` are the tensors there at the start.

    Of the nodes that can come next the first of the file does. Raises BadModel where a node reads a tensor that
    nothing makes, or the graph is cyclic.
    """
    nodes = list(graph.node)
    maker = {name: index for index, node in enumerate(nodes) for name in node.output if name}
    readers: list[list[int]] = [[] for _ in nodes]
    missing = [0] * len(nodes)
    for index, node in enumerate(nodes):
        needs = {name for name in node.input if name and name not in known}
        lost = sorted(name for name in needs if name not in maker)
        if lost:
            rule = "every input must be made before it is read"
            raise BadModel(place(node), rule, f"nothing that makes {lost[0]!r}", _AGAIN)
        before = {maker[name] for name in needs}
        missing[index] = len(before)
        for other in before:
            readers[other].append(index)
    order: list[int] = []
    ready = [index for index, count in enumerate(missing) if not count]
    while ready:
        index = heapq.heappop(ready)
        order.append(index)
        for reader in readers[index]:
            missing[reader] -= 1
            if not missing[reader]:
                heapq.heappush(ready, reader)
    if len(order) < len(nodes):
        stuck = next(index for index, count in enumerate(missing) if count)
        seen: set[int] = set()
        while stuck not in seen:  # backwards from a node that waits: what it waits for must lie on a cycle at last
            seen.add(stuck)
            stuck = next(maker[n] for n in nodes[stuck].input if n not in known and n and missing[maker[n]])
        raise BadModel(place(nodes[stuck]), "every input must be made before it is read", "a cycle", _AGAIN)
    return [nodes[index] for index in order]


def read_for(outputs: Iterable[str], nodes: list[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """Those of `nodes`, which are in order, that the tensors `outputs` need."""
    needed, kept = set(outputs), []
    for node in reversed(nodes):
        if not needed.isdisjoint(node.output):
            needed.update(name for name in node.input if name)
            kept.append(node)
    return kept[::-1]
