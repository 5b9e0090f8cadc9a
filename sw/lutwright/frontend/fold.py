"""Nodes whose inputs are all constants, computed while the model is read."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator

from lutwright.errors import LutwrightError, UnsupportedOp
from lutwright.frontend.quantisers import attributes, place
from lutwright.frontend.translator import Translator
from lutwright.frontend.values import Constant

_FIX = "Fold it before the export, or replace it."
_SMALL = 1 << 10  # constants up to this may be sizes, which the size of a result depends on


def fold(t: Translator, node: onnx.NodeProto) -> dict[str, NDArray[Any]]:
    """The outputs of `node`, whose inputs are constants, by name; floats are computed in the arithmetic of `t`.

    Raises UnsupportedOp where onnx's reference evaluator cannot run the node, or its result would be too large.
    """
    feeds = {name: _in_arithmetic(t, t.values[name]) for name in node.input if name}
    if node.op_type == "Identity":
        return {node.output[0]: feeds[node.input[0]]}
    try:
        if node.op_type == "Cast":
            kind = onnx.helper.tensor_dtype_to_np_dtype(int(attributes(node)["to"]))
            t.room(node, feeds[node.input[0]].size)
            return {node.output[0]: feeds[node.input[0]].astype(kind)}
        model = _alone(t, node, feeds)
        t.room(node, _elements(node, model, feeds))
        with np.errstate(all="ignore"):
            found = ReferenceEvaluator(model).run(None, feeds)
    except LutwrightError:
        raise
    except Exception as error:  # the evaluator raises whatever numpy does, the inference an error of its own
        raise UnsupportedOp(place(node), "must be computable from its constants", type(error).__name__, _FIX) from error
    names = [name for name in node.output if name]
    return {name: np.asarray(value) for name, value in zip(names, found, strict=True)}


def _in_arithmetic(t: Translator, value: Any) -> NDArray[Any]:
    assert isinstance(value, Constant)
    return value.value.astype(t.kind) if value.value.dtype.kind == "f" else value.value


def _alone(t: Translator, node: onnx.NodeProto, feeds: dict[str, NDArray[Any]]) -> onnx.ModelProto:
    """A model of this node, which takes `feeds`; those that may be sizes are also in it, for the shape inference."""
    alone = onnx.NodeProto()
    alone.CopyFrom(node)
    alone.domain = "" if node.domain == "ai.onnx" else node.domain
    inputs = [
        onnx.helper.make_tensor_value_info(n, onnx.helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
        for n, x in feeds.items()
    ]
    outputs = [onnx.ValueInfoProto(name=name) for name in node.output if name]
    sizes = [onnx.numpy_helper.from_array(x, n) for n, x in feeds.items() if x.size <= _SMALL]
    graph = onnx.helper.make_graph([alone], "constants", inputs, outputs, sizes)
    opsets = [onnx.helper.make_opsetid(d, v) for d, v in t.versions.items()]
    return onnx.helper.make_model(graph, opset_imports=opsets)


def _elements(node: onnx.NodeProto, model: onnx.ModelProto, feeds: dict[str, NDArray[Any]]) -> int:
    """Elements of the outputs, known before they are made; UnsupportedOp where nobody can tell."""
    if node.op_type in ("NonZero", "Compress", "Unique"):  # as many as there are of a kind, at most so many
        return sum(x.size * max(1, x.ndim) for x in feeds.values())
    graph = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True).graph
    types = [value.type.tensor_type for value in graph.output]
    if not all(kind.HasField("shape") and all(d.HasField("dim_value") for d in kind.shape.dim) for kind in types):
        raise UnsupportedOp(place(node), "the size of what it makes must be known", node.op_type, _FIX)
    return sum(math.prod(d.dim_value for d in kind.shape.dim) for kind in types)
