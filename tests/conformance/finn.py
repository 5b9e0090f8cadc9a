"""Graphs as FINN streamlines them: integers in float tensors, thresholds in place of quantisers, channels last."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

DOMAIN = "qonnx.custom_op.general"


def _model(nodes, constants, types, shape, out_shape):
    initialisers = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(
        nodes,
        "finn",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, out_shape)],
        initialisers,
    )
    for tensor, kind in types.items():
        entry = graph.quantization_annotation.add(tensor_name=tensor)
        entry.quant_parameter_tensor_names.add(key="finn_datatype", value=kind)
    opsets = [helper.make_opsetid("", 11), helper.make_opsetid(DOMAIN, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def _thresholds(rng, channels, count, spread):
    return np.sort(np.round(rng.normal(0, spread, (channels, count))), axis=1).astype(np.float32)


def _multi(x, thresholds, out, kind, layout="", bias=0.0, scale=1.0):
    return helper.make_node(
        "MultiThreshold",
        [x, thresholds],
        [out],
        f"multi_{out}",
        domain=DOMAIN,
        out_dtype=kind,
        out_bias=bias,
        out_scale=scale,
        data_layout=layout,
    )


def dense(seed: int = 0) -> onnx.ModelProto:
    """A streamlined TFC: 8-bit input, ternary weights, 2-bit codes; the scores get gain and offset at the end."""
    rng = np.random.default_rng(seed)
    constants = {
        "w0": rng.integers(-1, 2, (16, 8)).astype(np.float32),
        "t0": _thresholds(rng, 8, 3, 300),
        "w1": rng.integers(-1, 2, (8, 6)).astype(np.float32),
        "t1": _thresholds(rng, 1, 3, 3),
        "w2": rng.integers(-2, 2, (6, 4)).astype(np.float32),
        "gain": np.array([0.375], np.float32),
        "offset": rng.normal(size=4).astype(np.float32),
    }
    nodes = [
        helper.make_node("MatMul", ["x", "w0"], ["a"], "fc0"),
        _multi("a", "t0", "b", "INT2", bias=-2.0),
        helper.make_node("MatMul", ["b", "w1"], ["c"], "fc1"),
        _multi("c", "t1", "d", "UINT2"),
        helper.make_node("MatMul", ["d", "w2"], ["e"], "fc2"),
        helper.make_node("Mul", ["e", "gain"], ["f"], "mul"),
        helper.make_node("Add", ["f", "offset"], ["y"], "add"),
    ]
    types = {"x": "UINT8", "w0": "TERNARY", "w1": "TERNARY", "w2": "INT2", "b": "INT2", "d": "UINT2"}
    return _model(nodes, constants, types, (1, 16), (1, 4))


def layers(seed: int = 0) -> onnx.ModelProto:
    """Channels last: 1x1 convolutions as MatMul, thresholds by the last axis, then a 3x3 between two transpositions."""
    rng = np.random.default_rng(seed)
    constants = {
        "w0": rng.integers(-4, 4, (2, 4)).astype(np.float32),
        "t0": _thresholds(rng, 4, 7, 12),
        "w1": rng.integers(-1, 2, (3, 4, 3, 3)).astype(np.float32),
        "t1": _thresholds(rng, 3, 15, 8),
        "w2": rng.integers(-2, 2, (48, 5)).astype(np.float32),
        "shape": np.array([1, -1], np.int64),
    }
    nodes = [
        helper.make_node("MatMul", ["x", "w0"], ["a"], "pointwise"),
        _multi("a", "t0", "b", "UINT3", "NHWC"),
        helper.make_node("Transpose", ["b"], ["c"], "first", perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["c", "w1"], ["d"], "conv", kernel_shape=[3, 3]),
        helper.make_node("Transpose", ["d"], ["e"], "last", perm=[0, 2, 3, 1]),
        _multi("e", "t1", "f", "INT4", "NHWC", bias=-7.0),
        helper.make_node("Reshape", ["f", "shape"], ["g"], "flat"),
        helper.make_node("MatMul", ["g", "w2"], ["y"], "fc"),
    ]
    types = {"x": "INT4", "w0": "INT3", "w1": "TERNARY", "w2": "INT2", "b": "UINT3", "f": "INT4"}
    return _model(nodes, constants, types, (1, 6, 6, 2), (1, 5))
