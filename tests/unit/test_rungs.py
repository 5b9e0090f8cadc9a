"""The two rungs: equal to each other where float32 is exact, to qonnx and to Brevitas; any batch; named errors."""

import sys

import numpy as np
import onnx
import pytest
from check_models import QONNX, constants_of, images, model, network, one, quant
from onnx import helper

from lutwright.check.rungs import Float32Rung, Float64Rung
from lutwright.errors import BadData, BadModel, ToolMissing, UnsupportedOp

DRAW = np.random.default_rng(7)


def whole(*shape):
    """Small whole numbers, so that no float32 sum rounds."""
    return DRAW.integers(-8, 9, shape).astype(np.float32)


def both(made, x):
    rungs = Float32Rung(made), Float64Rung(made)
    low, high = (rung.run(x)[rung.outputs[0]] for rung in rungs)
    assert low.shape == high.shape
    assert high.dtype == (np.float64 if low.dtype == np.float32 else low.dtype)
    return low, high


I64 = lambda *values: np.array(values, np.int64)  # noqa: E731
F32 = lambda *values: np.array(values, np.float32)  # noqa: E731
W = whole(6, 4, 3, 3)

# Operators whose float32 results are exact on whole numbers.
EXACT = {
    "conv": one("Conv", ["x", "w"], {"w": W}, (4, 7, 9), pads=[1, 0, 2, 1], strides=[2, 1]),
    "conv bias": one("Conv", ["x", "w", "b"], {"w": W, "b": whole(6)}, (4, 7, 9), dilations=[2, 2]),
    "conv grouped": one("Conv", ["x", "w"], {"w": whole(6, 2, 3, 3)}, (4, 7, 9), group=2),
    "conv depthwise": one("Conv", ["x", "w"], {"w": whole(4, 1, 3, 3)}, (4, 7, 9), group=4, pads=[1, 1, 1, 1]),
    "conv depthwise, two a channel": one("Conv", ["x", "w"], {"w": whole(8, 1, 3, 3)}, (4, 7, 9), group=4),
    "conv same upper": one("Conv", ["x", "w"], {"w": W}, (4, 7, 8), auto_pad="SAME_UPPER", strides=[2, 2]),
    "conv same lower": one("Conv", ["x", "w"], {"w": W}, (4, 7, 8), auto_pad="SAME_LOWER", strides=[2, 2]),
    "conv valid": one("Conv", ["x", "w"], {"w": W}, (4, 7, 8), auto_pad="VALID"),
    "conv 1-d": one("Conv", ["x", "w"], {"w": whole(6, 4, 3)}, (4, 11), pads=[1, 2], strides=[2]),
    "max pool": one("MaxPool", ["x"], {}, (4, 7, 9), kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
    "max pool ceil": one("MaxPool", ["x"], {}, (4, 7, 9), kernel_shape=[2, 3], strides=[2, 2], ceil_mode=1),
    "max pool ceil, padded": one(
        "MaxPool", ["x"], {}, (4, 4, 4), kernel_shape=[2, 2], strides=[3, 3], pads=[1, 1, 1, 1], ceil_mode=1
    ),
    "max pool dilated": one("MaxPool", ["x"], {}, (4, 7, 9), kernel_shape=[2, 2], dilations=[2, 3]),
    "max pool 1-d": one("MaxPool", ["x"], {}, (4, 9), kernel_shape=[3], strides=[2]),
    "average pool": one("AveragePool", ["x"], {}, (4, 8, 8), kernel_shape=[2, 4], strides=[2, 2]),
    "average pool, ceil": one(
        "AveragePool", ["x"], {}, (4, 7, 7), opset=19, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1
    ),
    "gemm": one("Gemm", ["x", "w", "b"], {"w": whole(5, 9), "b": whole(5)}, (9,), transB=1, alpha=0.5, beta=2.0),
    "matmul": one("MatMul", ["x", "w"], {"w": whole(9, 5)}, (3, 9)),
    "relu": one("Relu", ["x"], {}, (9,)),
    "clip": one("Clip", ["x", "a", "b"], {"a": np.float32(-2), "b": np.float32(3)}, (9,)),
    "clip 6": one("Clip", ["x"], {}, (9,), opset=6, min=-2.0, max=3.0),
    "leaky relu": one("LeakyRelu", ["x"], {}, (9,), alpha=0.25),
    "add": one("Add", ["x", "b"], {"b": whole(4, 1)}, (4, 5)),
    "sub": one("Sub", ["b", "x"], {"b": whole(4, 1)}, (4, 5)),
    "mul": one("Mul", ["x", "x"], {}, (4, 5)),
    "concat": one("Concat", ["x", "x"], {}, (4, 5), axis=1),
    "transpose": one("Transpose", ["x"], {}, (4, 5, 6), perm=[0, 2, 3, 1]),
    "flatten": one("Flatten", ["x"], {}, (4, 5)),
    "squeeze": one("Squeeze", ["x", "a"], {"a": I64(2)}, (4, 1, 5)),
    "pad": one("Pad", ["x", "p", "v"], {"p": I64(0, 0, 1, 0, 0, 0, 2, 1), "v": np.float32(3)}, (4, 5, 6)),
    "resize scales": one("Resize", ["x", "", "s"], {"s": F32(1, 1, 2, 3)}, (4, 5, 6), mode="nearest"),
    "resize floor": one(
        "Resize",
        ["x", "", "s"],
        {"s": F32(1, 1, 2, 2)},
        (4, 5, 6),
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    ),
    "resize, empty region": one(
        "Resize", ["x", "roi", "s"], {"roi": F32(), "s": F32(1, 1, 2, 3)}, (4, 5, 6), mode="nearest"
    ),
    "resize sizes": one("Resize", ["x", "", "", "z"], {"z": I64(1, 4, 3, 9)}, (4, 5, 6), mode="nearest"),
    "depth to space": one("DepthToSpace", ["x"], {}, (8, 3, 2), blocksize=2, mode="CRD"),
    "space to depth": one("SpaceToDepth", ["x"], {}, (2, 4, 6), blocksize=2),
    "reduce max": one("ReduceMax", ["x"], {}, (4, 5, 6), axes=[2, 3]),
    "reduce sum": one("ReduceSum", ["x", "a"], {"a": I64(2)}, (4, 5), keepdims=0),
    "global max": one("GlobalMaxPool", ["x"], {}, (4, 5, 6)),
    "global average": one("GlobalAveragePool", ["x"], {}, (4, 4, 8)),
    "arg max": one("ArgMax", ["x"], {}, (9,), axis=1),
    "identity": one("Identity", ["x"], {}, (9,)),
    "dropout": one("Dropout", ["x"], {}, (9,)),
    "cast": one("Cast", ["x"], {}, (9,), to=onnx.TensorProto.INT32),
    "cast to float": one("Cast", ["x"], {}, (9,), to=onnx.TensorProto.FLOAT),
    "shape": one("Shape", ["x"], {}, (9, 2)),
    "quantize": one("QuantizeLinear", ["x", "s", "z"], {"s": np.float32(0.5), "z": np.int8(3)}, (9,)),
    "quantize by channel": one(
        "QuantizeLinear",
        ["x", "s", "z"],
        {"s": F32(0.5, 2, 0.25, 4), "z": np.array([0, 9, 255, 3], np.uint8)},
        (4, 9),
        axis=1,
    ),
    "quantize, no zero point": one("QuantizeLinear", ["x", "s"], {"s": np.float32(0.25)}, (9,)),
    "bipolar": one("BipolarQuant", ["x", "s"], {"s": np.float32(0.5)}, (9,), domain=QONNX),
    "brevitas domain": one("BipolarQuant", ["x", "s"], {"s": np.float32(0.5)}, (9,), domain="onnx.brevitas"),
    "threshold": one(
        "MultiThreshold",
        ["x", "t"],
        {"t": np.sort(whole(4, 5))},
        (4, 3, 3),
        domain=QONNX,
        out_dtype="UINT4",
        out_scale=0.5,
    ),
    "threshold, channels last": one(
        "MultiThreshold",
        ["x", "t"],
        {"t": np.sort(whole(4, 5))},
        (3, 3, 4),
        domain="finn.custom_op.general",
        out_dtype="INT4",
        out_bias=-2.0,
        data_layout="NHWC",
    ),
    "threshold of a vector": one(
        "MultiThreshold", ["x", "t"], {"t": np.sort(whole(1, 5))}, (4,), domain=QONNX, out_dtype="UINT4"
    ),
    "pool, channels last": one("MaxPoolNHWC", ["x"], {}, (6, 6, 2), domain=QONNX, kernel_shape=[2, 2], strides=[2, 2]),
    "conv, channels last": one(
        "Conv",
        ["x", "w"],
        {"w": whole(6, 3, 3, 4)},
        (7, 9, 4),
        domain="qonnx.custom_op.channels_last",
        kernel_shape=[3, 3],
        strides=[1, 1],
        pads=[1, 1, 1, 1],
        group=1,
        dilations=[1, 1],
    ),
}
# Operators that round in float32.
ROUNDED = {
    "sigmoid": one("Sigmoid", ["x"], {}, (9,)),
    "tanh": one("Tanh", ["x"], {}, (9,)),
    "softmax": one("Softmax", ["x"], {}, (9,), axis=1),
    "batch norm": one(
        "BatchNormalization",
        ["x", "w", "b", "m", "v"],
        {"w": F32(1, -2, 3), "b": F32(0.1, 0.2, 0.3), "m": F32(3, 2, 1), "v": F32(0.3, 0.2, 7)},
        (3, 2, 2),
        epsilon=1e-3,
    ),
    "div": one("Div", ["x", "b"], {"b": np.float32(3)}, (9,)),
    "average pool, padded": one("AveragePool", ["x"], {}, (4, 7, 7), kernel_shape=[3, 3], pads=[1, 1, 0, 0]),
    "average pool, padding counts": one(
        "AveragePool", ["x"], {}, (4, 7, 7), kernel_shape=[3, 3], pads=[1, 1, 0, 0], count_include_pad=1
    ),
    "reduce mean": one("ReduceMean", ["x"], {}, (4, 5, 7), axes=[2, 3]),
}


@pytest.mark.parametrize("name", EXACT)
def test_rungs_are_equal_where_float32_is_exact(name):
    made = EXACT[name]
    shape = [d.dim_value for d in made.graph.input[0].type.tensor_type.shape.dim][1:]
    low, high = both(made, whole(3, *shape))
    assert np.array_equal(low, high)


@pytest.mark.parametrize("name", ROUNDED)
def test_rungs_are_close_elsewhere(name):
    made = ROUNDED[name]
    shape = [d.dim_value for d in made.graph.input[0].type.tensor_type.shape.dim][1:]
    low, high = both(made, whole(3, *shape))
    assert np.allclose(low, high, rtol=1e-5, atol=1e-6)
    assert (low != high).any(), "float64 must not be float32 in disguise"


@pytest.mark.parametrize(
    "rounding", ["ROUND", "HALF_EVEN", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN", "ROUND_TO_ZERO"]
)
@pytest.mark.parametrize(
    ("signed", "narrow", "bits", "zero"), [(1, 0, 4, 0), (1, 1, 3, 1), (0, 0, 3, 2), (0, 1, 2, 0), (1, 0, 1, 0)]
)
def test_quant(rounding, signed, narrow, bits, zero):
    made = model([quant("q", "x", "y", signed, narrow, rounding)], constants_of("q", 0.5, bits, zero), (64,))
    x = np.arange(-64, 64).reshape(2, 64).astype(np.float32) / 8  # ties, steps and both ends
    low, high = both(made, x)
    assert np.array_equal(low, high)
    code = high / 0.5 + zero
    if bits == 1 and signed:
        assert set(np.unique(code)) == {-1.0, 1.0}
        return
    ends = (-(2 ** (bits - 1)) + narrow, 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1 - narrow)
    assert (code.min(), code.max()) == ends and np.array_equal(code, np.rint(code))
    inside = (x / 0.5 + zero >= ends[0]) & (x / 0.5 + zero <= ends[1])
    assert (np.abs(code - (x / 0.5 + zero))[inside] <= (0.5 if "HALF" in rounding or rounding == "ROUND" else 1)).all()


def test_trunc_of_both_versions():
    given = {**constants_of("t", 0.25, 8), "out.scale": np.float32(1.0), "out.bits": np.float32(6)}
    inputs = ["x", "t.scale", "t.zero", "t.bits"]
    x = np.arange(-40, 40).reshape(2, 40).astype(np.float32) / 4
    first = one("Trunc", [*inputs, "out.bits"], given, (40,), domain=QONNX, rounding_mode="FLOOR")
    low, high = both(first, x)
    assert np.array_equal(low, high) and np.array_equal(high, np.floor(x) * 0.25)
    second = one(
        "Trunc",
        [*inputs, "out.scale", "out.bits"],
        given,
        (40,),
        domain=QONNX,
        version=2,
        rounding_mode="FLOOR",
        signed=1,
    )
    low, high = both(second, x)
    assert np.array_equal(low, high) and np.array_equal(high, np.floor(x))


def test_float64_promotes_every_constant():
    made = model(
        [
            helper.make_node("Constant", [], ["c"], "c", value_float=0.1),
            helper.make_node("Constant", [], ["d"], "d", value=onnx.numpy_helper.from_array(np.float32(0.2))),
            helper.make_node("Add", ["c", "d"], ["e"], "e"),
            helper.make_node("Mul", ["x", "e"], ["y"], "m"),
        ],
        {},
        (3,),
    )
    rung = Float64Rung(made)
    total = float(np.float32(0.1)) + float(np.float32(0.2))
    assert rung.constants["e"] == total
    assert np.array_equal(rung.run(np.ones((1, 3), np.float32))["y"], np.full((1, 3), total))
    assert Float32Rung(made).constants["e"] == np.float32(0.1) + np.float32(0.2)


def test_every_tensor_or_those_asked_for():
    rung = Float32Rung(network())
    everything = rung.run(images(3))
    assert {"x", "input.out", "conv.out", "bn.out", "relu.out", "act.out", "pool.out", "flat.out", "scores"} == set(
        everything
    )
    some = rung.run(images(3), {"act.out", "scores"})
    assert set(some) == {"act.out", "scores"} and np.array_equal(some["act.out"], everything["act.out"])


@pytest.mark.parametrize("batch", [1, 4, "N"])
@pytest.mark.parametrize("kind", [Float32Rung, Float64Rung])
def test_any_batch(batch, kind):
    rung = kind(network(batch=batch))
    x = images(5)
    whole_run = rung.run(x)
    single = kind(network(batch=1))
    for i in range(5):
        for name, value in single.run(x[i : i + 1]).items():
            assert np.array_equal(whole_run[name][i : i + 1], value), name


def test_shapes_that_begin_with_the_batch():
    nodes = [
        helper.make_node("Resize", ["x", "", "", "sizes"], ["r"], "r", mode="nearest"),
        helper.make_node("Reshape", ["r", "rows"], ["s"], "s"),
        helper.make_node("Expand", ["s", "wide"], ["y"], "e"),
    ]
    given = {"sizes": I64(1, 2, 2, 4), "rows": I64(1, 1, 16), "wide": I64(1, 3, 16)}
    low, high = both(model(nodes, given, (2, 2, 2)), whole(4, 2, 2, 2))
    assert low.shape == (4, 3, 16) and np.array_equal(low, high)


def test_a_shape_that_does_not_begin_with_the_batch():
    nodes = [
        helper.make_node("Reshape", ["x", "rows"], ["r"], "r"),
        helper.make_node("Reshape", ["r", "flat"], ["y"], "f"),
    ]
    low, high = both(model(nodes, {"rows": I64(-1, 4), "flat": I64(1, 24)}, (2, 3, 4)), whole(5, 2, 3, 4))
    assert low.shape == (5, 24) and np.array_equal(low, high)


def test_a_shape_that_is_no_list():
    """Only the runtime knows whether it takes one; it does not."""
    made = model([helper.make_node("Reshape", ["x", "rows"], ["y"], "r")], {"rows": np.int64([[1, 24]])}, (2, 3, 4))
    with pytest.raises(BadModel, match=r"node 'r' \(Reshape\): onnxruntime must run it"):
        Float32Rung(made).run(whole(5, 2, 3, 4))


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int64])
def test_bit_widths_of_an_integer_type(kind):
    """The package computes 2^bits in that type."""
    x = whole(5, 3) / 4
    quantised = model([quant("q", "x", "y")], {**constants_of("q", 0.25, 8), "q.bits": kind(8)}, (3,))
    given = [f"t.{name}" for name in ("scale", "zero", "in", "out")]
    node = helper.make_node("Trunc", ["x", *given], ["y"], "t", domain=QONNX)
    fixed = {"t.scale": np.float32(0.25), "t.zero": np.float32(0), "t.in": kind(8), "t.out": kind(6)}
    for rung in (Float32Rung, Float64Rung):
        assert np.array_equal(rung(quantised).run(x)["y"], np.clip(x, -32, 31.75))
        assert np.array_equal(rung(model([node], fixed, (3,))).run(x)["y"], np.floor(x) * 0.25)


def test_a_rounding_mode_that_is_no_text():
    made = model([quant("q", "x", "y", rounding=b"\xff")], constants_of("q", 0.5, 4), (3,))
    with pytest.raises(BadModel, match=r"node 'q' \(Quant\): must run on its inputs"):
        Float32Rung(made).run(whole(5, 3))


def test_a_shape_that_is_computed():
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"], "shape"),
        helper.make_node("Gather", ["shape", "zero"], ["n"], "gather", axis=0),
        helper.make_node("Unsqueeze", ["n", "axes"], ["n1"], "unsqueeze"),
        helper.make_node("Concat", ["n1", "rest"], ["to"], "concat", axis=0),
        helper.make_node("Reshape", ["x", "to"], ["y"], "reshape"),
    ]
    low, high = both(model(nodes, {"zero": np.int64(0), "axes": I64(0), "rest": I64(-1)}, (2, 3)), whole(4, 2, 3))
    assert low.shape == (4, 6) and np.array_equal(low, high)


def test_nodes_in_any_order():
    made = network()
    shuffled = onnx.ModelProto()
    shuffled.CopyFrom(made)
    del shuffled.graph.node[:]
    shuffled.graph.node.extend(reversed(made.graph.node))
    assert np.array_equal(Float32Rung(shuffled).run(images(2))["scores"], Float32Rung(made).run(images(2))["scores"])


def test_equal_to_qonnx():
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    made = network()
    made.graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    wrapped = ModelWrapper(made).transform(InferShapes())
    x = images(1)
    theirs = execute_onnx(wrapped, {"x": x}, return_full_exec_context=True)
    for name, value in Float32Rung(made).run(x).items():
        assert np.array_equal(value, theirs[name]), name


@pytest.fixture(scope="module")
def brevitas_net():
    import torch
    from brevitas.core.restrict_val import RestrictValueType
    from brevitas.nn import QuantConv2d, QuantIdentity, QuantLinear, QuantReLU
    from torch import nn

    torch.manual_seed(11)
    power = {"restrict_scaling_type": RestrictValueType.POWER_OF_TWO}
    act = {"scaling_impl_type": "const", **power}
    net = nn.Sequential(
        QuantIdentity(bit_width=6, min_val=-2.0, max_val=2.0, **act),
        QuantConv2d(2, 4, 3, padding=1, bias=False, weight_bit_width=4, **{f"weight_{k}": v for k, v in power.items()}),
        nn.BatchNorm2d(4),
        QuantReLU(bit_width=4, max_val=4.0, **act),
        nn.MaxPool2d(2),
        nn.Flatten(),
        QuantLinear(36, 5, bias=False, weight_bit_width=4, **{f"weight_{k}": v for k, v in power.items()}),
    )
    net[2].running_mean.uniform_(-0.5, 0.5)
    net[2].running_var.uniform_(0.5, 2)
    return net.eval()


@pytest.mark.parametrize("kind", [Float32Rung, Float64Rung])
def test_equal_to_brevitas(kind, brevitas_net):
    import torch

    from lutwright.frontend.export import qonnx_bytes

    rung = kind(onnx.load_from_string(qonnx_bytes(brevitas_net, (1, 2, 6, 6))))
    x = images(20, spread=1.0)
    given = torch.from_numpy(x)
    with torch.no_grad():
        brevitas_net.double() if kind is Float64Rung else brevitas_net.float()
        expected = brevitas_net(given.double() if kind is Float64Rung else given).numpy()
        brevitas_net.float()
    assert expected.dtype == (np.float64 if kind is Float64Rung else np.float32)
    assert np.array_equal(rung.run(x)[rung.outputs[0]], expected)
    assert len(np.unique(expected)) > 20


# ---- errors ----------------------------------------------------------------------------------------------------------


def test_frames_of_another_shape():
    with pytest.raises(BadData, match=r"input 'x': frames must have shape \(2, 6, 6\), not \(3, 6, 6\)"):
        Float32Rung(network()).run(np.zeros((1, 3, 6, 6), np.float32))


def test_two_inputs():
    made = network()
    made.graph.input.append(helper.make_tensor_value_info("z", onnx.TensorProto.FLOAT, [1]))
    with pytest.raises(BadModel, match="must have one input, not 2"):
        Float32Rung(made)


def test_a_foreign_domain():
    with pytest.raises(BadModel, match="its domain must be"):
        Float64Rung(one("Relu", ["x"], {}, (3,), domain="com.example"))


def test_an_operator_that_qonnx_lacks_here():
    with pytest.raises(UnsupportedOp, match=r"node 'n' \(FloatQuant\): QONNX operators must be one of"):
        Float32Rung(one("FloatQuant", ["x"], {}, (3,), domain=QONNX))


def test_an_operator_that_nobody_knows():
    made = one("NoSuchOp", ["x"], {}, (3,))
    with pytest.raises(UnsupportedOp, match=r"node 'n' \(NoSuchOp\): onnx must know how to run it"):
        Float64Rung(made)
    with pytest.raises(BadModel, match=r"node 'n' \(NoSuchOp\): onnxruntime must run it"):
        Float32Rung(made).run(np.zeros((1, 3), np.float32))


@pytest.mark.parametrize("op", ["MatMul", "Concat"])
def test_a_node_that_does_not_fit_its_inputs(op):
    made = one(op, ["x", "w"], {"w": whole(2, 2, 7)}, (3,), **({"axis": 1} if op == "Concat" else {}))
    for kind in (Float32Rung, Float64Rung):
        with pytest.raises(BadModel, match=rf"node 'n' \({op}\): .*must run"):
            kind(made).run(np.zeros((1, 3), np.float32))


def test_a_tensor_that_nothing_makes():
    with pytest.raises(BadModel, match="every input must be made before it is read"):
        Float32Rung(one("Add", ["x", "lost"], {}, (3,)))


@pytest.mark.parametrize("package", ["qonnx.custom_op.general", "onnxruntime"])
def test_missing_packages(package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ToolMissing, match=f"the package {package.split('.')[0]} must be installed"):
        Float32Rung(network())
