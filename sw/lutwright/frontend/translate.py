"""QONNX to the integer graph: the whole of a model, in the arithmetic in which its floats are exact."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from lutwright.errors import BadModel, UnsupportedOp
from lutwright.frontend import functions, join, layers, pointwise, pools, quantise, resample, scores, shapes
from lutwright.frontend.load import constant_node, constants, in_order, load_model
from lutwright.frontend.quantisers import attributes, place
from lutwright.frontend.translator import NotFixedPoint, Tap, Translator, identifier
from lutwright.frontend.values import Constant, InputType, Raw, Symbol, Value
from lutwright.ir.graph import Graph
from lutwright.ir.verify import verify
from lutwright.numerics.chain import Chain
from lutwright.numerics.edge import Exit
from lutwright.numerics.order import ordered_in
from lutwright.numerics.view import plain

__all__ = ["HANDLERS", "Import", "InputType", "Tap", "identifier", "import_model", "import_with_taps"]


@dataclass(frozen=True, eq=False)
class Import:
    """A translated model.

    arithmetic: np.float32 where the model's own float32 forward is exact, otherwise np.float64; reason: why.
    taps: the tensors of the model that are integers times a scale.
    """

    graph: Graph
    arithmetic: type[np.floating[Any]]
    reason: str
    taps: tuple[Tap, ...]


Handler = Callable[[Translator, onnx.NodeProto], Value]

HANDLERS: Mapping[str, Handler] = {
    **dict.fromkeys(
        ("Quant", "IntQuant", "BipolarQuant", "Trunc", "MultiThreshold", "QuantizeLinear"), quantise.quantise
    ),
    **dict.fromkeys(functions.UNARY, functions.unary),
    **dict.fromkeys(("Add", "Sub", "Mul", "Div"), pointwise.arithmetic),
    **dict.fromkeys(("Min", "Max"), functions.limit),
    **dict.fromkeys(("Identity", "Dropout"), functions.identity),
    **dict.fromkeys(("Softmax", "LogSoftmax"), functions.softmax),
    "BatchNormalization": pointwise.batch_norm,
    "Cast": functions.cast,
    "DequantizeLinear": quantise.dequantise,
    "PRelu": functions.prelu,
    "Conv": layers.conv,
    **dict.fromkeys(("MatMul", "Gemm"), layers.matmul),
    **dict.fromkeys(("MaxPool", "AveragePool", "MaxPoolNHWC"), pools.pool),
    **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool"), pools.global_pool),
    **dict.fromkeys(("ReduceMean", "ReduceSum", "ReduceMax"), pools.reduce),
    "Pad": resample.pad,
    **dict.fromkeys(("Resize", "Upsample"), resample.resize),
    "ArgMax": scores.arg_max,
    "TopK": scores.top_k,
    "Concat": join.concat,
    "Sum": join.total,
    "Transpose": shapes.transpose,
    "Reshape": shapes.reshape,
    "Flatten": shapes.flatten,
    "Squeeze": shapes.squeeze,
    "Unsqueeze": shapes.unsqueeze,
    "Shape": shapes.shape_of,
    "DepthToSpace": shapes.depth_to_space,
    "SpaceToDepth": shapes.space_to_depth,
}

_QONNX = ("qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general", "qonnx.custom_op.channels_last")
# Not folded where all inputs are constants: quantisers make weights, random numbers are none.
_KEPT = {"Quant", "IntQuant", "BipolarQuant", "Trunc", "MultiThreshold", "MaxPoolNHWC"}
_KEPT |= {"QuantizeLinear", "DequantizeLinear", "RandomNormal", "RandomUniform", "RandomNormalLike"}
_KEPT |= {"RandomUniformLike", "Bernoulli", "Multinomial"}
_REMEDY = {
    "ConvTranspose": "Use Resize (nearest) and a Conv, or a Conv and DepthToSpace.",
    "FloatQuant": "Quantise to integers; float8 and minifloat are not done.",
    "LSTM": "Recurrent layers are not done.",
    "GRU": "Recurrent layers are not done.",
    "LayerNormalization": "Use BatchNormalization.",
    "InstanceNormalization": "Use BatchNormalization.",
}


def import_model(path: Path, declared: InputType | None = None) -> Graph:
    """The integer graph of the ONNX file `path`, named after the file.

    declared: what integers an unquantised input holds. Raises BadModel (the file), UnsupportedOp (a node that is not
    done) or NotExact (no exact integer form).
    """
    return import_with_taps(load_model(path), identifier(path.stem), declared).graph


def import_with_taps(model: onnx.ModelProto, name: str, declared: InputType | None = None) -> Import:
    """Translate `model` into a graph called `name`; errors as import_model.

    Float32 is tried as the arithmetic first. It holds where every scale is a power of two and every sum is exact, which
    makes the model's own float32 forward the truth. Otherwise the truth is the model in float64.
    """
    try:
        return _translate(model, name, declared, np.float32, "")
    except NotFixedPoint as why:
        return _translate(model, name, declared, np.float64, str(why))


def _translate(
    model: onnx.ModelProto, name: str, declared: InputType | None, kind: type[np.floating[Any]], reason: str
) -> Import:
    graph = model.graph
    fixed = constants(graph)
    inputs = [i for i in graph.input if i.name not in fixed]
    if len(inputs) != 1 or len(graph.output) != 1:
        raise BadModel(
            f"model '{name}'",
            "must have one input and one output",
            f"{len(inputs)} and {len(graph.output)}",
            "Cut the model.",
        )
    batch, shape = _input_shape(inputs[0])
    view = plain(shape, _channels_last(graph, inputs[0].name))
    t = Translator(name, kind, batch, declared or _annotated(graph, inputs[0].name), view)
    t.versions = {"" if e.domain == "ai.onnx" else e.domain: e.version for e in model.opset_import}
    t.values = {key: Constant(value) for key, value in fixed.items()}
    t.values[inputs[0].name] = Raw(view, Chain(np.ones(1)))
    for node in _read_for(graph.output[0].name, in_order(graph, set(t.values))):
        _handle(t, node)
    return _finish(t, model, reason)


def _read_for(output: str, nodes: list[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """Those of `nodes`, in their order, that `output` needs."""
    needed, kept = {output}, []
    for node in reversed(nodes):
        if not needed.isdisjoint(node.output):
            needed.update(name for name in node.input if name)
            kept.append(node)
    return kept[::-1]


def _handle(t: Translator, node: onnx.NodeProto) -> None:
    missing = [n for n in node.input if n and n not in t.values]
    if missing:
        raise t.refuse(
            node,
            "its inputs must be outputs that are made",
            missing[0],
            "Leave out the second output of the node before.",
        )
    stored = constant_node(node)
    if stored is not None:
        t.values[node.output[0]] = Constant(stored)
        return
    handler = HANDLERS.get(node.op_type)
    known = node.domain in ("", "ai.onnx", *_QONNX)
    if node.op_type not in _KEPT and known and all(isinstance(t.values[n], Constant) for n in node.input if n):
        for output, folded in zip(node.output, _folded(t, node), strict=False):
            t.values[output] = Constant(folded)
        return
    if handler is None or not known:
        raise t.refuse(
            node, "the operator must be one that lutwright does", _called(t, node), _REMEDY.get(node.op_type, _FIX)
        )
    try:
        value = handler(t, node)
    except (ValueError, IndexError, KeyError, OverflowError) as error:  # what numpy says of shapes that do not fit
        rule = "its operands must fit each other"
        raise BadModel(place(node), rule, type(error).__name__, "Export the model again.") from error
    output = [*node.output, ""][_MADE.get(node.op_type, 0)]
    if not output:
        raise t.refuse(node, "the output that is made must have a name", list(node.output), "Export the model again.")
    t.values[output] = value
    if isinstance(value, Symbol):
        t.tap(output, value)


_MADE = {"TopK": 1}  # which output a handler makes, where it is not the first
_FIX = "Replace it, or export the model without it; the README lists the operators."


def _called(t: Translator, node: onnx.NodeProto) -> str:
    """Operator and input shapes, for messages."""
    domain = f"{node.domain}." if node.domain else ""
    sizes = []
    for name in node.input:
        value = t.values.get(name)
        if isinstance(value, Symbol | Raw):
            sizes.append(value.view.model_shape)
    return f"{domain}{node.op_type} of {', '.join(map(str, sizes)) or 'constants'}"


def _folded(t: Translator, node: onnx.NodeProto) -> list[np.ndarray[Any, Any]]:
    """The outputs of a node on constants, by onnx's reference evaluator."""
    feeds = {}
    for name in node.input:
        value = t.values.get(name)
        if isinstance(value, Constant):
            feeds[name] = value.value.astype(t.kind) if value.value.dtype.kind == "f" else value.value
    try:
        if node.op_type == "Cast":
            return [feeds[node.input[0]].astype(onnx.helper.tensor_dtype_to_np_dtype(int(attributes(node)["to"])))]
        values = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.UNDEFINED, None) for n in feeds]
        outputs = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.UNDEFINED, None) for n in node.output if n]
        alone = onnx.NodeProto()
        alone.CopyFrom(node)
        alone.domain = "" if node.domain == "ai.onnx" else node.domain
        small = onnx.helper.make_graph([alone], "constants", values, outputs)
        opsets = [onnx.helper.make_opsetid(d, v) for d, v in t.versions.items()]
        with np.errstate(all="ignore"):
            found = ReferenceEvaluator(onnx.helper.make_model(small, opset_imports=opsets)).run(None, feeds)
    except Exception as error:  # the evaluator raises whatever numpy does
        raise UnsupportedOp(place(node), "must be computable from its constants", type(error).__name__, _FIX) from error
    return [np.asarray(v) for v in found]


def _finish(t: Translator, model: onnx.ModelProto, reason: str) -> Import:
    output = model.graph.output[0].name
    result = t.values.get(output)
    if not isinstance(result, Symbol) or t.edge is None:
        raise BadModel(
            f"output '{output}'", "must be computed from the quantised input", "something else", "Quantise the input."
        )
    tensor = t.tensors[result.tensor]
    if len(tensor.shape) == 1 and not ordered_in(result.chain, tensor.channels, tensor.low, tensor.high, t.kind):
        t.inexact(f"output '{output}' holds scores that float32 rounds")
    t.tap(output, result, last=True)
    run = result.last.run if result.last is not None else None
    leave = None if t.is_index(result) and not result.chain.ops else Exit(result.chain, t.kind, result.view, run)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    made = _needed(Graph(t.name, tuple(t.nodes), t.tensors, "input", result.tensor, t.edge, metadata, leave))
    return Import(verify(made), t.kind, reason, tuple(tap for tap in t.taps if tap.tensor in made.tensors))


def _needed(graph: Graph) -> Graph:
    """`graph` without nodes that the output does not need."""
    alive = {graph.output}
    for node in reversed(graph.nodes):
        if node.output in alive:
            alive.update(node.inputs)
    nodes = tuple(n for n in graph.nodes if n.output in alive)
    tensors = {name: tensor for name, tensor in graph.tensors.items() if name in alive or name == graph.input}
    return graph.with_nodes(nodes, tensors)


def _input_shape(value: onnx.ValueInfoProto) -> tuple[int, tuple[int, ...]]:
    """(batch, shape without it) of the model's input; BadModel where the shape is not fixed. A free batch is 1."""
    dims = value.type.tensor_type.shape.dim
    sizes = [int(d.dim_value) if d.HasField("dim_value") else 0 for d in dims]
    kind = value.type.tensor_type.elem_type
    if kind not in (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.UNDEFINED):
        raise UnsupportedOp(
            f"input '{value.name}'",
            "must be float32",
            onnx.TensorProto.DataType.Name(kind).lower(),
            "Export the model in float32.",
        )
    if len(sizes) < 2 or any(n < 1 for n in sizes[1:]) or np.prod([float(n) for n in sizes[1:]]) > 1 << 28:
        raise BadModel(
            f"input '{value.name}'",
            "must be (batch, ...) with sizes that are fixed behind the batch",
            ("batch", *sizes[1:]),
            "Export the model with a fixed input size.",
        )
    return max(1, sizes[0]), tuple(sizes[1:])


def _channels_last(graph: onnx.GraphProto, name: str) -> bool:
    """Whether the model's input is (batch, height, width, channels): its first change of layout says so."""
    for _ in range(16):
        users = [n for n in graph.node if name in n.input]
        if not users:
            return False
        for node in users:
            perm = list(attributes(node).get("perm", []))
            if node.op_type == "Transpose" and perm in ([0, 3, 1, 2], [0, 2, 1]):
                return True
            last_domain = node.domain.endswith("channels_last") or node.op_type.endswith("NHWC")
            if last_domain or (node.op_type == "MatMul" and node.input[0] == name):
                return True
        if users[0].op_type in ("Conv", "Gemm", "Reshape", "Flatten", "MaxPool", "AveragePool", "Concat", "Transpose"):
            return False
        name = users[0].output[0]
    return False


def _annotated(graph: onnx.GraphProto, name: str) -> InputType | None:
    """The integer type that a QONNX annotation gives the model's input, or None."""
    for entry in graph.quantization_annotation:
        if entry.tensor_name == name:
            for pair in entry.quant_parameter_tensor_names:
                told = {"BIPOLAR": "INT2", "TERNARY": "INT2", "BINARY": "UINT1"}.get(pair.value, pair.value)
                found = re.fullmatch(r"(U?)INT(\d+)", told)
                if pair.key == "finn_datatype" and found and 1 <= int(found[2]) <= 16:
                    return InputType(not found[1], int(found[2]))
    return None
