"""QONNX to the integer graph: the whole of a model, in the arithmetic in which its floats are exact."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto

from lutwright.errors import BadModel, UnsupportedOp
from lutwright.frontend import choice, functions, join, layers, pointwise, pools, quantise, resample, scores, shapes
from lutwright.frontend.fold import fold
from lutwright.frontend.load import constant_node, constants, in_order, load_model, read_for
from lutwright.frontend.names import identifier, model_stem
from lutwright.frontend.quantisers import attributes, place
from lutwright.frontend.translator import MOST_WORDS, NotFixedPoint, Tap, Translator
from lutwright.frontend.values import Constant, InputType, Raw, Symbol, Value
from lutwright.ir.graph import Graph, Output
from lutwright.ir.verify import verify
from lutwright.numerics.chain import Chain
from lutwright.numerics.edge import Exit
from lutwright.numerics.order import ordered_in
from lutwright.numerics.view import plain

__all__ = ["HANDLERS", "Import", "InputType", "Tap", "import_model", "import_with_taps"]


@dataclass(frozen=True, eq=False)
class Import:
    """A translated model.

    arithmetic: np.float32 where the model's own float32 forward is exact, otherwise np.float64; reason: why.
    taps: the tensors of the model that are integers times a scale. declared: the integers that the model's input holds
    where no quantiser of its own makes them, as the user, the file or the element type says.
    """

    graph: Graph
    arithmetic: type[np.floating[Any]]
    reason: str
    taps: tuple[Tap, ...]
    declared: InputType | None = None


# One value, or one for each output of the node.
Handler = Callable[[Translator, onnx.NodeProto], Value | tuple[Value, ...]]

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
    "Slice": choice.slice_of,
    "Split": choice.split,
    "Gather": choice.gather,
}

_MOST_OUTPUTS = 256
_QONNX = ("qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general", "qonnx.custom_op.channels_last")
# Not folded where all inputs are constants: quantisers make weights, random numbers are none.
_KEPT = {"Quant", "IntQuant", "BipolarQuant", "Trunc", "MultiThreshold", "MaxPoolNHWC"}
_KEPT |= {"QuantizeLinear", "DequantizeLinear", "RandomNormal", "RandomUniform", "RandomNormalLike"}
_KEPT |= {"RandomUniformLike", "Bernoulli", "Multinomial"}
_REMEDY = {
    "ConvTranspose": "Use Resize (nearest) and a Conv, or a Conv and DepthToSpace.",
    "FloatQuant": "Quantise to integers; float8 and minifloat are not done.",
    **dict.fromkeys(
        ("QLinearConv", "QLinearMatMul", "QLinearAdd", "QGemm", "ConvInteger", "MatMulInteger"),
        "Export with QuantizeLinear and DequantizeLinear around float operators (QDQ).",
    ),
    "DynamicQuantizeLinear": "Use quantisers of constant scales (static quantisation).",
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
    return import_with_taps(load_model(path), identifier(model_stem(path)), declared).graph


def import_with_taps(model: onnx.ModelProto, name: str, declared: InputType | None = None) -> Import:
    """Translate `model` into a graph called `name`; errors as import_model.

    Float32 is tried as the arithmetic first. It holds where every scale is a power of two and every sum is exact, which
    makes the model's own float32 forward the truth. Otherwise the truth is the model in float64.
    """
    try:
        return _translate(model, name, declared, np.float32, "")
    except NotFixedPoint as why:
        reason = str(why)
    return _translate(model, name, declared, np.float64, reason)  # not above, where the first attempt is still held


def _translate(
    model: onnx.ModelProto, name: str, declared: InputType | None, kind: type[np.floating[Any]], reason: str
) -> Import:
    graph = model.graph
    fixed = constants(graph)
    inputs = [i for i in graph.input if i.name not in fixed]
    if len(inputs) != 1:
        raise UnsupportedOp(f"model '{name}'", "must have one input", len(inputs), "Cut the model.")
    if len(graph.output) > _MOST_OUTPUTS:
        rule = f"must have at most {_MOST_OUTPUTS} outputs"
        raise UnsupportedOp(f"model '{name}'", rule, len(graph.output), "Cut the model.")
    batch, shape = _input_shape(inputs[0])
    view = plain(shape, _channels_last(graph, inputs[0].name))
    integers = _integer_input(inputs[0], declared)
    t = Translator(name, kind, batch, integers or declared or _annotated(graph, inputs[0].name), view)
    if any(value.dtype == np.float64 for value in fixed.values()) or _element_type(inputs[0]) == TensorProto.DOUBLE:
        t.inexact("the model itself is in float64")
    if integers is not None:
        t.whole_numbers.add(inputs[0].name)
    t.versions = {"" if e.domain == "ai.onnx" else e.domain: e.version for e in model.opset_import}
    t.values = {key: Constant(value) for key, value in fixed.items()}
    t.values[inputs[0].name] = Raw(view, Chain(np.ones(1)))
    for node in read_for((output.name for output in graph.output), in_order(graph, set(t.values))):
        _handle(t, node)
    return _finish(t, model, reason)


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
        t.values |= {output: Constant(folded) for output, folded in fold(t, node).items()}
        return
    if handler is None or not known:
        raise t.refuse(
            node, "the operator must be one that lutwright does", _called(t, node), _REMEDY.get(node.op_type, _FIX)
        )
    _check_integers(t, node)
    try:
        made = handler(t, node)
    except (ValueError, IndexError, KeyError, OverflowError) as error:  # what numpy says of shapes that do not fit
        rule = "its operands must fit each other"
        raise BadModel(place(node), rule, type(error).__name__, "Export the model again.") from error
    except MemoryError as error:
        raise BadModel(
            place(node), "what it makes must fit into memory", "too large", "Use a smaller model."
        ) from error
    values = made if isinstance(made, tuple) else (made,)
    outputs = list(node.output[_MADE.get(node.op_type, 0) :][: len(values)])
    if not any(outputs):
        raise t.refuse(node, "the output that is made must have a name", list(node.output), "Export the model again.")
    for output, value in zip(outputs, values, strict=False):
        t.values[output] = value
        if isinstance(value, Symbol) and output:
            t.tap(output, value)


# What may be done to integers of 8 or 16 bits that are not floats yet: nothing that could wrap.
_ON_INTEGERS = {"Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Slice", "Split", "Gather"}
_ON_INTEGERS |= {"Concat", "MaxPool", "Pad", "Resize", "DepthToSpace", "SpaceToDepth", "Clip", "Min", "Max", "Relu"}


def _check_integers(t: Translator, node: onnx.NodeProto) -> None:
    """Refuse arithmetic on a tensor of integer type in front of its Cast or DequantizeLinear: there it would wrap."""
    if t.whole_numbers.isdisjoint(node.input) or node.op_type in ("Cast", "DequantizeLinear", "Shape", *_KEPT):
        return
    if node.op_type not in _ON_INTEGERS:
        raise t.refuse(
            node,
            "must work on floats",
            f"{node.op_type} of a tensor of integers",
            "Put a Cast to float or a DequantizeLinear in front of it.",
        )
    t.whole_numbers.update(name for name in node.output if name)


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


def _finish(t: Translator, model: onnx.ModelProto, reason: str) -> Import:
    names: set[str] = set()
    outputs = tuple(_output(t, value.name, names) for value in model.graph.output)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert t.edge is not None  # `_output` has refused what is not computed from it
    made = _needed(Graph(t.name, tuple(t.nodes), t.tensors, "input", outputs, t.edge, metadata))
    taps = tuple(tap for tap in t.taps if tap.tensor in made.tensors)
    return Import(verify(made), t.kind, reason, taps, t.declared)


def _output(t: Translator, output: str, names: set[str]) -> Output:
    """The model's `output` as one of the graph, under a name that is not among `names`, which it joins."""
    result = t.values.get(output)
    if result is None:
        fix = "Leave the second output of its node out of the model's."
        raise UnsupportedOp(f"output '{output}'", "must be an output that is made", "another", fix)
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
    base = name = identifier(f"m_axis_{output}").removeprefix("m_axis_")  # it always stands behind a prefix
    count = 1
    while name in names:
        count += 1
        name = f"{base}_{count}"
    names.add(name)
    return Output(result.tensor, name, leave)


def _needed(graph: Graph) -> Graph:
    """`graph` without nodes that no output needs."""
    alive = set(graph.ends)
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
    kind = _element_type(value)
    if kind not in (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.UNDEFINED, *_INTEGERS):
        raise UnsupportedOp(
            f"input '{value.name}'",
            "must be float32, or integers of 8 or 16 bits",
            TensorProto.DataType.Name(kind).lower(),
            "Export the model in float32.",
        )
    if len(sizes) < 2 or any(n < 1 for n in sizes[1:]):
        raise BadModel(
            f"input '{value.name}'",
            "must be (batch, ...) with sizes that are fixed behind the batch",
            ("batch", *sizes[1:]),
            "Export the model with a fixed input size.",
        )
    if math.prod(sizes[1:]) > MOST_WORDS:
        rule = f"must have at most {MOST_WORDS} elements a frame"
        raise UnsupportedOp(f"input '{value.name}'", rule, sizes[1:], "Use a smaller image.")
    return max(1, sizes[0]), tuple(sizes[1:])


def _element_type(value: onnx.ValueInfoProto) -> int:
    return int(value.type.tensor_type.elem_type)


_INTEGERS: dict[int, InputType] = {
    TensorProto.INT8: InputType(True, 8),
    TensorProto.UINT8: InputType(False, 8),
    TensorProto.INT16: InputType(True, 16),
    TensorProto.UINT16: InputType(False, 16),
}


def _integer_input(value: onnx.ValueInfoProto, declared: InputType | None) -> InputType | None:
    """What an input of integer type holds: all of its type, or fewer where the user says so; None for floats."""
    own = _INTEGERS.get(_element_type(value))
    if own is None or declared is None:
        return own
    low, high = declared.ends
    if declared.scale != 1 or low < own.ends[0] or high > own.ends[1]:
        name = TensorProto.DataType.Name(_element_type(value)).lower()
        fix = f"Leave --input out, or give a part of {name}."
        raise UnsupportedOp(f"input '{value.name}'", f"holds {name} as it is", declared.text, fix)
    return declared


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
