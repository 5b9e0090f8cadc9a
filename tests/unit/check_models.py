"""Small ONNX models made by hand, for the tests of the check."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

QONNX = "qonnx.custom_op.general"


def model(nodes, constants, shape, opset=13, version=1, batch=1, output="y"):
    """A model of input x [batch, *shape] and output `output`; `constants` are its initialisers by name."""
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, *shape])
    result = helper.make_tensor_value_info(output, TensorProto.UNDEFINED, None)
    stored = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "test", [value], [result], stored)
    domains = ("onnx.brevitas", "finn.custom_op.general", "qonnx.custom_op.channels_last")
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid(QONNX, version)]
    opsets += [helper.make_opsetid(domain, 1) for domain in domains]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def one(op, inputs, constants, shape, opset=13, domain="", version=1, **attributes):
    """A model of one node."""
    return model(
        [helper.make_node(op, inputs, ["y"], "n", domain=domain, **attributes)], constants, shape, opset, version
    )


def quant(name, source, target, signed=1, narrow=0, rounding="ROUND"):
    """A Quant node with constants name.scale, name.zero and name.bits."""
    inputs = [source, f"{name}.scale", f"{name}.zero", f"{name}.bits"]
    told = {"signed": signed, "narrow": narrow, "rounding_mode": rounding}
    return helper.make_node("Quant", inputs, [target], name, domain=QONNX, **told)


def constants_of(name, scale, bits, zero=0.0):
    """The constants of quant(name, ..)."""
    return {
        f"{name}.scale": np.float32(scale),
        f"{name}.zero": np.float32(zero),
        f"{name}.bits": np.float32(bits),
    }


def network(scale=0.25, batch=1, weights="Quant", seed=5):
    """Quant, Conv, BatchNormalization, Relu, Quant, MaxPool, Reshape, MatMul: x [batch, 2, 6, 6] to scores."""
    draw = np.random.default_rng(seed)
    fixed = {
        "conv.weight": draw.normal(0, 0.5, (3, 2, 3, 3)).astype(np.float32),
        "fc.weight": draw.normal(0, 0.5, (27, 4)).astype(np.float32),
        "bn.weight": draw.normal(1, 0.3, 3).astype(np.float32),
        "bn.bias": draw.normal(0, 0.3, 3).astype(np.float32),
        "bn.mean": draw.normal(0, 0.3, 3).astype(np.float32),
        "bn.var": draw.uniform(0.5, 2, 3).astype(np.float32),
        "flat": np.array([batch if isinstance(batch, int) else -1, 27], np.int64),
        **constants_of("input", scale, 5),
        **constants_of("conv.quant", 0.125, 4),
        **constants_of("act", 0.5, 3),
        **constants_of("fc.quant", 0.25, 4),
    }
    if weights == "BipolarQuant":
        turn = helper.make_node(
            "BipolarQuant", ["conv.weight", "conv.quant.scale"], ["conv.q"], "conv.quant", domain=QONNX
        )
    else:
        turn = quant("conv.quant", "conv.weight", "conv.q", narrow=1)
    nodes = [
        quant("input", "x", "input.out"),
        turn,
        helper.make_node("Conv", ["input.out", "conv.q"], ["conv.out"], "conv", pads=[1, 1, 1, 1]),
        helper.make_node(
            "BatchNormalization", ["conv.out", "bn.weight", "bn.bias", "bn.mean", "bn.var"], ["bn.out"], "bn"
        ),
        helper.make_node("Relu", ["bn.out"], ["relu.out"], "relu"),
        quant("act", "relu.out", "act.out", signed=0),
        helper.make_node("MaxPool", ["act.out"], ["pool.out"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Reshape", ["pool.out", "flat"], ["flat.out"], "flatten"),
        quant("fc.quant", "fc.weight", "fc.q", narrow=1),
        helper.make_node("MatMul", ["flat.out", "fc.q"], ["scores"], "fc"),
    ]
    return model(nodes, fixed, (2, 6, 6), batch=batch, output="scores")


def save(made, path):
    """Write model `made` to `path`; return the path."""
    onnx.save(made, path)
    return path


def images(count, seed=0, shape=(2, 6, 6), spread=2.0):
    """Frames float32 [count, *shape]."""
    return np.random.default_rng(seed).normal(0, spread, (count, *shape)).astype(np.float32)
