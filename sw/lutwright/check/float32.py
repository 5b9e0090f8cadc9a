"""Standard ONNX operators in float32, by onnxruntime: one session a node, nothing fused or reordered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx

from lutwright.check.float64 import numpy_kernel
from lutwright.check.qonnx_ops import Array, Kernel, place
from lutwright.errors import BadModel, ToolMissing

_WIDE_TYPES = 21  # the opset from which on QuantizeLinear and DequantizeLinear do 16 bits
_NEWEST_IR = 10  # a file format that every onnxruntime in use reads


def demote(x: Array) -> Array:
    """Float64 as float32; anything else as it is."""
    with np.errstate(over="ignore"):
        return x.astype(np.float32) if x.dtype == np.float64 else x


def runtime_kernel(node: onnx.NodeProto, fixed: Mapping[str, Array], opset: int) -> Kernel:
    """The kernel of a standard node.

    fixed: the inputs that are the same for every run, by name; they become part of the session, which lets the runtime
    pack weights once. The session is made at the first run, when the types of the other inputs are known.
    Raises ToolMissing without onnxruntime; the kernel raises BadModel where the runtime refuses the node.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ToolMissing(
            "check", "the package onnxruntime must be installed", "absent", "pip install 'lutwright[train]'."
        ) from error
    if node.op_type == "QuantizeLinear" and len(node.input) > 2 and _is_nibble(fixed.get(node.input[2])):
        return numpy_kernel(node, fixed, opset)  # the runtime has no 4-bit tensors outside of its sessions
    if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
        opset = max(opset, _WIDE_TYPES)
    node, fixed = _to_float32(node), {name: _widened(value) for name, value in fixed.items()}
    outputs = [name for name in node.output if name]
    moving = list(dict.fromkeys(name for name in node.input if name and name not in fixed))
    sessions: list[Any] = []

    def session(feeds: Mapping[str, Array]) -> Any:
        settings = onnxruntime.SessionOptions()
        settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        settings.intra_op_num_threads = settings.inter_op_num_threads = 1  # a pool for each node would only wait
        settings.log_severity_level = 4
        model = _alone(node, feeds, fixed, outputs, opset)
        return onnxruntime.InferenceSession(model, settings, providers=["CPUExecutionProvider"])

    def run(inputs: list[Array]) -> list[Array]:
        given = dict(zip(node.input, inputs, strict=True))
        feeds = {name: np.asarray(_widened(given[name]), order="C") for name in moving}
        try:
            if not sessions:
                sessions.append(session(feeds))
            made = dict(zip(outputs, sessions[0].run(outputs, feeds), strict=True))
        except Exception as error:  # the runtime's errors share no base class but Exception
            lines = str(error).splitlines() or [type(error).__name__]
            raise BadModel(
                place(node), f"onnxruntime must run it ({lines[0]})", fix="Check the model there."
            ) from error
        return [made[name] if name else np.empty(0) for name in node.output]

    return run


def _is_nibble(value: Array | None) -> bool:
    return value is not None and value.dtype.name in ("int4", "uint4")


def _widened(value: Array) -> Array:
    """Integers of 4 bits as those of 8, which are worth the same; anything else as it is."""
    return value.astype(np.int8) if _is_nibble(value) else value


def _to_float32(node: onnx.NodeProto) -> onnx.NodeProto:
    """`node`; a Cast to float64 as one to float32, because nothing is in float64 here."""
    if node.op_type != "Cast" or all(a.i != onnx.TensorProto.DOUBLE for a in node.attribute if a.name == "to"):
        return node
    made = onnx.NodeProto()
    made.CopyFrom(node)
    for attribute in made.attribute:
        if attribute.name == "to":
            attribute.i = onnx.TensorProto.FLOAT
    return made


def _alone(
    node: onnx.NodeProto, feeds: Mapping[str, Array], fixed: Mapping[str, Array], outputs: list[str], opset: int
) -> bytes:
    """A model of this one node, any size of the moving inputs; a vector of integers keeps its length, it is a shape."""
    values = [
        onnx.helper.make_tensor_value_info(
            name,
            onnx.helper.np_dtype_to_tensor_dtype(x.dtype),
            x.shape if x.dtype.kind == "i" and x.ndim == 1 else [None] * x.ndim,
        )
        for name, x in feeds.items()
    ]
    constants = [onnx.numpy_helper.from_array(fixed[name], name) for name in dict.fromkeys(node.input) if name in fixed]
    results = [onnx.ValueInfoProto(name=name) for name in outputs]
    graph = onnx.helper.make_graph([node], "node", values, results, constants)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)], ir_version=_NEWEST_IR)
    return bytes(model.SerializeToString())
