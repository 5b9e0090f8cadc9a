"""Every refusal of the frontend: the node, the rule and what was found."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from small_models import QONNX, Net

from lutwright.errors import BadModel, NotExact, UnsupportedOp
from lutwright.frontend.load import load_model
from lutwright.frontend.translate import import_with_taps

IMAGE, SIGNAL, VECTOR = (3, 5, 6), (3, 9), (6,)


def conv(net, x=None, w=None, *more, **attrs):
    return net.add("Conv", x or net.start(), w or net.weights(2, 3, 2, 2), *more, **attrs)


def dense(net, *more, w=None, op="Gemm", **attrs):
    return net.add(op, net.start(), w or net.weights(6, 4), *more, **attrs)


def floats(net, x=None, gain=0.3):
    """An activation off every grid: a sigmoid."""
    return net.add("Sigmoid", net.add("Mul", x or net.start(), net.constant(gain)))


def scaled(net, *shape):
    """An activation whose channels have scales without a common divisor."""
    scale = np.float32([1e-4, 0.3000001, 0.7]).reshape(shape or (1, 3, 1, 1))
    return net.quant(net.add("Conv", net.start(), net.weights(3, 3, *[1] * (len(net.shape) - 1))), scale, 4)


def infinite(net):
    """A constant that only folding makes infinite."""
    return net.add("Div", net.constant(1.0), net.constant(0.0))


def twice(net):
    return net.add("Add", net.quant("input", 0.25, 4, name="in"), net.quant("input", 0.5, 4, name="other"))


def first_trunc(net):
    given = [net.constant(v) for v in (0.25, 0.0, 6.0, 3.0)]
    return net.add("Trunc", "input", *given, domain=QONNX, name="trunc")


def trunc(net, zero):
    given = [net.constant(v) for v in (0.25, zero, 6.0, 3.0)]
    return net.add("Trunc", net.start(), *given, domain=QONNX, name="trunc")


def thresholds(net, values, **attrs):
    return net.add("MultiThreshold", conv(net), net.constant(values), domain=QONNX, name="multi", **attrs)


def deep(net):
    return net.add("Reshape", net.start(), net.shape_of(1, 3, 5, 2, 3))


def matrix(net, *shape):
    return net.add("MatMul", net.start(), net.weights(*shape), name="fc")


def wide(net):
    """Sums too many to be tried one by one."""
    x = net.quant("input", 0.0625, 8, signed=1, name="in")
    return net.add("MatMul", x, net.weights(6, 400, bits=8, scale=0.0078125), name="wide")


def bn(net, x, *given, **attrs):
    return net.add("BatchNormalization", x, *(net.constant(v) for v in given), name="bn", **attrs)


def quantise_linear(net, *given, kind=np.uint8, **attrs):
    return net.add("QuantizeLinear", "input", *given, name="q", **attrs)


def softmaxed(net, axis=1):
    return net.add("Softmax", conv(net), axis=axis)


def top(net, x=None, k=2, **attrs):
    return net.add("TopK", x or conv(net), net.shape_of(k), outputs=2, name="top", **attrs)


def pad(net, edges, x=None, value=None, **attrs):
    given = [net.shape_of(*edges)] + (
        [] if value is None else [value if isinstance(value, str) else net.constant(value)]
    )
    return net.add("Pad", x or net.start(), *given, name="pad", **attrs)


def resize(net, scales, **attrs):
    return net.add("Resize", net.start(), "", net.constant(scales), name="resize", **attrs)


def raised(node, operator):
    return f"node '{node}' ({operator})"


# Shape of the input, what makes the model, where, rule, found.
TABLE = {
    # translate
    "two inputs": (
        IMAGE,
        lambda n: [n.start(), "more"],
        "model 'net'",
        "must have one input",
        "2",
    ),
    "values of a TopK as an output": (
        IMAGE,
        lambda n: n.add("TopK", conv(n), n.shape_of(2), outputs=2, name="top")[0],
        "output 'top.y'",
        "must be an output that is made",
        "another",
    ),
    "raw end": (
        IMAGE,
        lambda n: n.add("Relu", "input"),
        "output 'relu.y'",
        "must be computed from the quantised input",
        "something else",
    ),
    "constant end": (
        IMAGE,
        lambda n: n.weights(2),
        "output 'w.y'",
        "must be computed from the quantised input",
        "something else",
    ),
    "values of TopK": (
        IMAGE,
        lambda n: n.add("Relu", top(n)[0], name="relu"),
        raised("relu", "Relu"),
        "its inputs must be outputs that are made",
        "top.y",
    ),
    "operator": (
        IMAGE,
        lambda n: n.add("LSTM", n.start(), hidden_size=2),
        raised("lstm", "LSTM"),
        "the operator must be one that lutwright does",
        "LSTM of (3, 5, 6)",
    ),
    "domain": (
        IMAGE,
        lambda n: n.add("Relu", n.start(), domain="com.example"),
        raised("relu", "Relu"),
        "the operator must be one that lutwright does",
        "com.example.Relu of (3, 5, 6)",
    ),
    "random": (
        IMAGE,
        lambda n: n.add("Add", n.start(), n.add("RandomNormal", shape=[3, 5, 6])),
        raised("randomnormal", "RandomNormal"),
        "the operator must be one that lutwright does",
        "RandomNormal of constants",
    ),
    "no name": (
        IMAGE,
        lambda n: (n.add("TopK", conv(n), n.shape_of(2), outputs=2), n.nodes[-1].output.__setitem__(1, ""))[0][0],
        raised("topk", "TopK"),
        "the output that is made must have a name",
        "['topk.y', '']",
    ),
    "folding": (
        IMAGE,
        lambda n: n.add("Add", n.start(), n.add("Reshape", n.constant(np.ones(6)), n.shape_of(4))),
        raised("reshape", "Reshape"),
        "must be computable from its constants",
        "ValueError",
    ),
    "folding a cast": (
        IMAGE,
        lambda n: n.add("Add", n.start(), n.add("Cast", n.constant(1.0), to=99)),
        raised("cast", "Cast"),
        "must be computable from its constants",
        "KeyError",
    ),
    # translator
    "sums": (
        VECTOR,
        lambda n: n.add("MatMul", n.quant("input", 1.0, 32, name="in"), n.weights(6, 4, bits=24, scale=2.0**-23)),
        raised("matmul", "MatMul"),
        "sums must stay below 2^53",
        None,
    ),
    "absent input": (
        IMAGE,
        lambda n: n.add("Resize", n.start()),
        raised("resize", "Resize"),
        "must have input 2",
        "absent",
    ),
    "bias of an activation": (
        IMAGE,
        lambda n: conv(n, None, None, n.start()),
        raised("conv", "Conv"),
        "input 2 must be a constant",
        "the result of another node",
    ),
    "raw input": (
        IMAGE,
        lambda n: conv(n, "input"),
        raised("conv", "Conv"),
        "input 0 must be quantised",
        "the model's raw input",
    ),
    "constant input": (
        IMAGE,
        lambda n: n.add("Add", n.start(), n.add("MaxPool", n.weights(1, 3, 5, 6), kernel_shape=[1, 1])),
        raised("maxpool", "MaxPool"),
        "input 0 must be an activation",
        "a constant",
    ),
    "behind Softmax": (
        IMAGE,
        lambda n: n.add("Relu", softmaxed(n)),
        raised("relu", "Relu"),
        "Softmax must be the model's last float operation",
        "one before this node",
    ),
    "scale that does not fit": (
        IMAGE,
        lambda n: n.quant(conv(n), np.ones((1, 5, 1, 1)), name="q"),
        raised("q", "Quant"),
        "must fit (2, 4, 5)",
        "(1, 5, 1, 1)",
    ),
    "scale over rows": (
        IMAGE,
        lambda n: n.quant(conv(n), np.arange(1, 5).reshape(1, 1, 4, 1), name="q"),
        raised("q", "Quant"),
        "must be the same over an image",
        "(1, 1, 4, 1) on (2, 4, 5)",
    ),
    "two quantisers": (
        IMAGE,
        twice,
        raised("other", "Quant"),
        "the model's input must have one quantiser",
        "a second one",
    ),
    "truncated input": (
        IMAGE,
        first_trunc,
        raised("trunc", "Trunc"),
        "a truncation cannot be the first quantiser",
        "Trunc",
    ),
    "no image": (
        IMAGE,
        lambda n: n.add("GlobalMaxPool", deep(n)),
        raised("globalmaxpool", "GlobalMaxPool"),
        "the input must be an image (channels, height, width) or a signal (channels, length)",
        "(3, 5, 2, 3)",
    ),
    "float result": (
        IMAGE,
        lambda n: conv(n, floats(n)),
        raised("conv", "Conv"),
        "the input must come out of a quantiser",
        "the float result of 'sigmoid', which is on no grid",
    ),
    "infinite result": (
        IMAGE,
        lambda n: conv(n, n.add("Exp", n.add("Mul", n.start(), n.constant(1e6)))),
        raised("conv", "Conv"),
        "the input must come out of a quantiser",
        "the float result of 'exp', which is on no grid",
    ),
    "wide float result": (
        VECTOR,
        lambda n: n.add("MatMul", n.add("Sigmoid", wide(n)), n.weights(400, 2), name="fc"),
        raised("fc", "MatMul"),
        "the input must come out of a quantiser",
        "the float result of 'sigmoid'",
    ),
    "free scales": (
        IMAGE,
        lambda n: pad(n, [0, 0, 1, 1, 0, 0, 1, 1], scaled(n)),
        raised("pad", "Pad"),
        "the channels' scales must have a common divisor",
        None,
    ),
    # quantisers
    "scale 0": (
        IMAGE,
        lambda n: n.quant(scale=0.0, name="q"),
        raised("q", "Quant"),
        "scales must be positive and finite",
        "[0.0]",
    ),
    "scale infinite": (
        IMAGE,
        lambda n: n.add("BipolarQuant", "input", infinite(n), domain=QONNX, name="q"),
        raised("q", "BipolarQuant"),
        "scales must be positive and finite",
        "[inf]",
    ),
    **{
        f"bits {bits}": (
            IMAGE,
            lambda n, bits=bits: n.quant(bits=bits, name="q"),
            raised("q", "Quant"),
            "the bit width must be one integer from 1 to 32",
            f"[{bits}]",
        )
        for bits in (0.0, 33.0, 2.5)
    },
    "bits of two kinds": (
        IMAGE,
        lambda n: n.quant(bits=[2.0, 3.0], name="q"),
        raised("q", "Quant"),
        "the bit width must be one integer from 1 to 32",
        "[2.0, 3.0]",
    ),
    "rounding": (
        IMAGE,
        lambda n: n.quant(name="q", rounding_mode="SOMEHOW"),
        raised("q", "Quant"),
        "rounding_mode must be one of ROUND, HALF_EVEN, CEIL",
        "SOMEHOW",
    ),
    "infinite zero point": (
        IMAGE,
        lambda n: n.add(
            "Quant", "input", n.constant(1.0), infinite(n), n.constant(4.0), domain=QONNX, name="q", signed=1
        ),
        raised("q", "Quant"),
        "the zero point must be finite",
        "[inf]",
    ),
    "one code": (
        IMAGE,
        lambda n: n.quant(bits=1, narrow=1, name="q"),
        raised("q", "Quant"),
        "the quantiser must have two codes or more",
        "one",
    ),
    "zero point 0.3": (
        IMAGE,
        lambda n: n.quant(zero=0.3, name="q"),
        raised("q", "Quant"),
        "zero points must be multiples of 1/16",
        None,
    ),
    "zero point far out": (
        IMAGE,
        lambda n: n.quant(zero=2.0**41, name="q"),
        raised("q", "Quant"),
        "zero points must be below 2^40",
        str(2.0**41),
    ),
    "truncated zero point": (
        IMAGE,
        lambda n: trunc(n, 0.3),
        raised("trunc", "Trunc"),
        "zero points must be multiples of 1/16 after truncation",
        None,
    ),
    "thresholds of 3 axes": (
        IMAGE,
        lambda n: thresholds(n, np.zeros((1, 2, 3))),
        raised("multi", "MultiThreshold"),
        "thresholds must be (channels, steps)",
        "(1, 2, 3)",
    ),
    "no thresholds": (
        IMAGE,
        lambda n: thresholds(n, np.zeros((2, 0))),
        raised("multi", "MultiThreshold"),
        "thresholds must be (channels, steps)",
        "(2, 0)",
    ),
    "thresholds of other channels": (
        IMAGE,
        lambda n: thresholds(n, np.zeros((3, 2))),
        raised("multi", "MultiThreshold"),
        "must fit (2, 4, 5)",
        None,
    ),
    "out_scale": (
        IMAGE,
        lambda n: thresholds(n, np.zeros((2, 3)), out_scale=0.0),
        raised("multi", "MultiThreshold"),
        "out_scale must be finite and not 0",
        "0.0",
    ),
    "out_bias": (
        IMAGE,
        lambda n: thresholds(n, np.zeros((2, 3)), out_bias=0.3),
        raised("multi", "MultiThreshold"),
        "out_bias must be a multiple of out_scale / 16",
        None,
    ),
    "float zero point": (
        IMAGE,
        lambda n: quantise_linear(n, n.constant(1.0), n.constant(0.0)),
        raised("q", "QuantizeLinear"),
        "the zero point must be an integer type",
        "float32",
    ),
    "blocks": (
        IMAGE,
        lambda n: quantise_linear(n, n.constant(1.0), n.constant(0, "z", np.uint8), block_size=2),
        raised("q", "QuantizeLinear"),
        "block_size must be 0",
        "2",
    ),
    # quantise
    "weight scale that does not fit": (
        IMAGE,
        lambda n: conv(n, None, n.weights(2, 3, 2, 2, scale=np.ones((5, 1, 1, 1)))),
        raised("w", "Quant"),
        "must fit (2, 3, 2, 2)",
        "(5, 1, 1, 1)",
    ),
    "blocks of integers": (
        IMAGE,
        lambda n: n.add("DequantizeLinear", n.start(), n.constant(1.0), block_size=2),
        raised("dequantizelinear", "DequantizeLinear"),
        "block_size must be 0",
        "2",
    ),
    "scale -1 of integers": (
        IMAGE,
        lambda n: n.add("DequantizeLinear", n.start(), n.constant(-1.0)),
        raised("dequantizelinear", "DequantizeLinear"),
        "scales must be positive and finite",
        "[-1.0]",
    ),
    # pointwise
    "constant that does not fit": (
        IMAGE,
        lambda n: n.add("Mul", n.start(), n.constant(np.ones(5))),
        raised("mul", "Mul"),
        "the constant must fit (3, 5, 6)",
        "(5,)",
    ),
    "constant over pixels": (
        IMAGE,
        lambda n: n.add("Mul", n.start(), n.constant(np.arange(6))),
        raised("mul", "Mul"),
        "the constant must be the same over an image",
        "(6,) on (3, 5, 6)",
    ),
    "training": (
        IMAGE,
        lambda n: bn(n, n.start(), *[np.ones(3)] * 4, training_mode=1),
        raised("bn", "BatchNormalization"),
        "training_mode must be 0",
        "1",
    ),
    "statistics of other channels": (
        IMAGE,
        lambda n: bn(n, n.start(), *[np.ones(2)] * 4),
        raised("bn", "BatchNormalization"),
        "the constant must fit (3, 5, 6)",
        "(1, 2, 1, 1)",
    ),
    "variance": (
        IMAGE,
        lambda n: bn(n, n.start(), *[np.ones(3)] * 3, -np.ones(3)),
        raised("bn", "BatchNormalization"),
        "variances must be positive",
        "-1.0",
    ),
    "infinite statistics": (
        IMAGE,
        lambda n: n.add(
            "BatchNormalization",
            n.start(),
            *[n.constant(np.ones(3))] * 3,
            n.add("Div", n.constant(np.ones(3)), n.constant(0.0)),
        ),
        raised("batchnormalization", "BatchNormalization"),
        "its constants must be finite",
        "NaN or infinity",
    ),
    "infinite constant": (
        IMAGE,
        lambda n: n.add("Mul", n.start(), infinite(n)),
        raised("mul", "Mul"),
        "the constant must be finite",
        "NaN or infinity",
    ),
    "divisor": (
        IMAGE,
        lambda n: n.add("Div", n.constant(1.0), n.start()),
        raised("div", "Div"),
        "the divisor must be a constant",
        "an activation",
    ),
    "division by 0": (
        IMAGE,
        lambda n: n.add("Div", n.start(), n.constant(0.0)),
        raised("div", "Div"),
        "the divisor must not be 0",
        "0",
    ),
    "raw operand": (
        IMAGE,
        lambda n: n.add("Add", n.start(), "input"),
        raised("add", "Add"),
        "both inputs must be quantised",
        "the model's raw input",
    ),
    "product": (
        IMAGE,
        lambda n: n.add("Mul", conv(n), conv(n)),
        raised("mul", "Mul"),
        "one factor must be a constant",
        "two activations",
    ),
    # functions
    "clip": (
        IMAGE,
        lambda n: n.add("Clip", n.start(), n.constant(1.0), n.constant(-1.0)),
        raised("clip", "Clip"),
        "min must be at most max",
        "1.0 and -1.0",
    ),
    "minimum": (
        IMAGE,
        lambda n: n.add("Min", conv(n), conv(n)),
        raised("min", "Min"),
        "all inputs but one must be constants",
        "2 activations",
    ),
    "dropout": (
        IMAGE,
        lambda n: n.add("Dropout", n.start(), "", n.constant(True, "t", np.bool_)),
        raised("dropout", "Dropout"),
        "training_mode must be false",
        "true",
    ),
    "cast": (
        IMAGE,
        lambda n: n.add("Cast", n.start(), to=TensorProto.INT8),
        raised("cast", "Cast"),
        "activations may be cast to float32 or float64 only",
        "INT8",
    ),
    "cast to nothing": (
        IMAGE,
        lambda n: n.add("Cast", n.start(), to=99),
        raised("cast", "Cast"),
        "activations may be cast to float32 or float64 only",
        "99",
    ),
    "softmax over the batch": (
        IMAGE,
        lambda n: softmaxed(n, 0),
        raised("softmax", "Softmax"),
        "Softmax must not run over the batch",
        "0",
    ),
    # layers
    "weights of an activation": (
        IMAGE,
        lambda n: conv(n, n.start(), conv(n)),
        raised("conv_", "Conv"),
        "the weights must be constants",
        "the result of another node",
    ),
    "float weights": (
        IMAGE,
        lambda n: conv(n, None, n.constant(n.rng.normal(size=(2, 3, 2, 2)))),
        raised("conv", "Conv"),
        "the weights must be quantised",
        "floats",
    ),
    "scales inside an output": (
        VECTOR,
        lambda n: dense(n, w=n.weights(6, 4, scale=np.float32([[0.1], [0.7], [1e-4], [1], [2], [3]]))),
        raised("gemm", "Gemm"),
        "the scales inside an output must have a common divisor",
        None,
    ),
    "scales of input channels": (
        IMAGE,
        lambda n: n.add("Conv", scaled(n), n.weights(2, 3, 1, 1), name="last"),
        raised("last", "Conv"),
        "the input channels' scales must have a common divisor",
        None,
    ),
    "weights too large": (
        VECTOR,
        lambda n: dense(
            n,
            w=n.add(
                "Mul",
                n.weights(6, 4, bits=24, scale=2.0**-23),
                n.constant(2.0 ** np.array([[0], [30], [1], [2], [3], [4]])),
            ),
        ),
        raised("gemm", "Gemm"),
        "weights must stay below 2^50",
        None,
    ),
    "bias of other channels": (
        IMAGE,
        lambda n: conv(n, None, None, n.constant(np.ones(3))),
        raised("conv", "Conv"),
        "the bias must have 2 values",
        "3",
    ),
    "weights of a signal": (
        IMAGE,
        lambda n: conv(n, None, n.weights(2, 3, 2)),
        raised("conv", "Conv"),
        "the weights must have 4 axes",
        "(2, 3, 2)",
    ),
    "dilations": (
        IMAGE,
        lambda n: conv(n, dilations=[4096, 4096]),
        raised("conv", "Conv"),
        "the dilated kernel must be smaller",
        "[4097, 4097]",
    ),
    "normalised by places": (
        IMAGE,
        lambda n: n.add("BatchNormalization", n.start(), *[n.constant(np.ones(3)) for _ in range(4)], spatial=0),
        raised("batchnormalization", "BatchNormalization"),
        "spatial must be 1",
        "0",
    ),
    "no dilation": (
        IMAGE,
        lambda n: conv(n, dilations=[0, 2]),
        raised("conv", "Conv"),
        "must have 2 positive dilations",
        "[0, 2]",
    ),
    "slice of the batch": (
        IMAGE,
        lambda n: n.add("Slice", n.start(), n.shape_of(1), n.shape_of(2), n.shape_of(0)),
        raised("slice", "Slice"),
        "the batch must stay whole",
        "slice(1, 2, 1)",
    ),
    "slice of nothing": (
        IMAGE,
        lambda n: n.add("Slice", n.start(), n.shape_of(3), n.shape_of(3), n.shape_of(1)),
        raised("slice", "Slice"),
        "must keep an element",
        "none",
    ),
    "slice without an end": (
        IMAGE,
        lambda n: n.add("Slice", n.start(), n.shape_of(1, 1), n.shape_of(3), n.shape_of(1)),
        raised("slice", "Slice"),
        "must have as many starts, ends, axes and steps, none of which 0",
        "[[1, 1], [3], [1], [1, 1]]",
    ),
    "split into too much": (
        IMAGE,
        lambda n: n.add("Split", n.start(), n.shape_of(1, 3), axis=1, outputs=2)[0],
        raised("split", "Split"),
        "must split 3 into 2 parts",
        "[1, 3]",
    ),
    "gather beyond": (
        IMAGE,
        lambda n: n.add("Gather", n.start(), n.shape_of(0, 3), axis=1),
        raised("gather", "Gather"),
        "indices must be one place or a list of places in [0, 2]",
        "[0, 3]",
    ),
    "slice of weights": (
        IMAGE,
        lambda n: conv(n, w=n.add("Slice", n.weights(4, 3, 2, 2), n.shape_of(0), n.shape_of(2), n.shape_of(0))),
        raised("slice", "Slice"),
        "quantised constants must be whole",
        "Slice",
    ),
    "groups": (
        IMAGE,
        lambda n: conv(n, group=2),
        raised("conv", "Conv"),
        "weights must take 3 channels in 2 groups",
        "(2, 3, 2, 2)",
    ),
    "weights first": (
        VECTOR,
        lambda n: n.add("MatMul", n.weights(4, 1), n.start()),
        raised("matmul", "MatMul"),
        "the weights must be the second operand",
        "the first",
    ),
    **{
        f"gemm {key}": (
            VECTOR,
            lambda n, told=told: dense(n, **told),
            raised("gemm", "Gemm"),
            "transA must be 0 and alpha anything else",
            found,
        )
        for key, told, found in (
            ("transA", {"transA": 1}, "transA 1, alpha 1.0"),
            ("alpha", {"alpha": 0.0}, "transA 0, alpha 0.0"),
        )
    },
    "attention": (
        IMAGE,
        lambda n: n.add("MatMul", n.start(), n.start()),
        raised("matmul", "MatMul"),
        "one operand must be constant weights",
        "two activations",
    ),
    "weights of 3 axes": (
        VECTOR,
        lambda n: matrix(n, 1, 6, 4),
        raised("fc", "MatMul"),
        "the weights must be a matrix",
        "(1, 6, 4)",
    ),
    "weights of another size": (
        VECTOR,
        lambda n: matrix(n, 5, 4),
        raised("fc", "MatMul"),
        "the weights must take vectors of (6,)",
        "(5, 4)",
    ),
    "matrix on 4 axes": (
        IMAGE,
        lambda n: n.add("MatMul", deep(n), n.weights(3, 4)),
        raised("matmul", "MatMul"),
        "must work on a vector, a signal or an image",
        "(3, 5, 2, 3)",
    ),
    # windows
    "stride 0": (
        IMAGE,
        lambda n: conv(n, strides=[0, 1]),
        raised("conv", "Conv"),
        "must have 2 positive strides",
        "[0, 1]",
    ),
    "three strides": (
        IMAGE,
        lambda n: conv(n, strides=[1, 1, 1]),
        raised("conv", "Conv"),
        "must have 2 positive strides",
        "[1, 1, 1]",
    ),
    "negative pads": (
        IMAGE,
        lambda n: conv(n, pads=[0, -1, 0, 0]),
        raised("conv", "Conv"),
        "must have 4 pads of 0 or more",
        "[0, -1, 0, 0]",
    ),
    "kernel": (
        IMAGE,
        lambda n: conv(n, None, n.weights(2, 3, 6, 2)),
        raised("conv", "Conv"),
        "the kernel must fit into the padded input",
        "(6, 2) on (5, 6)",
    ),
    # pools
    "kernel of a pool": (
        IMAGE,
        lambda n: n.add("MaxPool", n.start(), kernel_shape=[2]),
        raised("maxpool", "MaxPool"),
        "must have a kernel of 2 axes",
        "[2]",
    ),
    "dilations of a pool": (
        IMAGE,
        lambda n: n.add("MaxPool", n.start(), kernel_shape=[2, 2], dilations=[1, 2]),
        raised("maxpool", "MaxPool"),
        "dilations must be 1",
        "[1, 2]",
    ),
    "pads of a pool": (
        IMAGE,
        lambda n: n.add("MaxPool", n.start(), kernel_shape=[2, 2], pads=[0, 2, 0, 0]),
        raised("maxpool", "MaxPool"),
        "padding must be smaller than the kernel",
        "[0, 2, 0, 0]",
    ),
    "places of a pool": (
        IMAGE,
        lambda n: n.add("MaxPool", n.start(), kernel_shape=[2, 2], outputs=2)[0],
        raised("maxpool", "MaxPool"),
        "must have one output",
        "indices besides",
    ),
    "average of fewer": (
        IMAGE,
        lambda n: n.add("AveragePool", n.start(), kernel_shape=[2, 2], pads=[1, 0, 0, 0]),
        raised("averagepool", "AveragePool"),
        "every window must average the same number of elements",
        "pads [1, 0, 0, 0]",
    ),
    "average of the last": (
        IMAGE,
        lambda n: n.add("AveragePool", n.start(), kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
        raised("averagepool", "AveragePool"),
        "every window must average the same number of elements",
        "pads [0, 0, 1, 0]",
    ),
    **{
        f"reduced axes {axes}": (
            IMAGE,
            lambda n, axes=axes: n.add("ReduceSum", n.start(), n.shape_of(*axes)),
            raised("reducesum", "ReduceSum"),
            "must reduce height and width",
            str(axes),
        )
        for axes in ([1], [3], [0, 2, 3])
    },
    # resample
    "few pads": (IMAGE, lambda n: pad(n, [1, 1]), raised("pad", "Pad"), "must have 8 pads", "[1, 1]"),
    "pads of channels": (
        IMAGE,
        lambda n: pad(n, [0, 1, 0, 0, 0, 0, 0, 0]),
        raised("pad", "Pad"),
        "must pad height and width only",
        "[0, 1, 0, 0, 0, 0, 0, 0]",
    ),
    "padding off the grid": (
        IMAGE,
        lambda n: pad(n, [0, 0, 1, 0, 0, 0, 0, 0], n.quant(scale=0.25), 0.3),
        raised("pad", "Pad"),
        "the padding must be a multiple of the scale 0.25",
        None,
    ),
    "infinite padding": (
        IMAGE,
        lambda n: pad(n, [0, 0, 1, 0, 0, 0, 0, 0], n.quant(scale=0.25), infinite(n)),
        raised("pad", "Pad"),
        "the padding must be a multiple of the scale 0.25",
        "inf",
    ),
    "pad and crop": (
        IMAGE,
        lambda n: pad(n, [0, 0, 1, 0, 0, 0, -1, 0]),
        raised("pad", "Pad"),
        "pads must all be positive, or the mode reflect, edge or wrap",
        "constant [1, 0, -1, 0]",
    ),
    "resized channels": (
        IMAGE,
        lambda n: resize(n, [1, 2, 1, 1]),
        raised("resize", "Resize"),
        "must resize height and width only",
        "axis 1 from 3 to 6",
    ),
    "linear": (
        IMAGE,
        lambda n: resize(n, [1, 1, 2, 2], mode="linear"),
        raised("resize", "Resize"),
        "mode must be nearest",
        "linear",
    ),
    "coordinates": (
        IMAGE,
        lambda n: resize(n, [1, 1, 2, 2], coordinate_transformation_mode="tf_crop_and_resize"),
        raised("resize", "Resize"),
        "coordinate_transformation_mode must be one of half_pixel, pytorch_half_pixel",
        "tf_crop_and_resize",
    ),
    "rounding of places": (
        IMAGE,
        lambda n: resize(n, [1, 1, 2, 2], nearest_mode="any"),
        raised("resize", "Resize"),
        "nearest_mode must be one of round_prefer_floor, round_prefer_ceil",
        "any",
    ),
    **{
        f"resize by {scales}": (
            IMAGE,
            lambda n, scales=scales: resize(n, scales),
            raised("resize", "Resize"),
            "must have 4 positive scales or sizes",
            str(scales),
        )
        for scales in ([1.0, 1.0, 0.0, 1.0], [2.0, 2.0])
    },
    "resize to nothing": (
        IMAGE,
        lambda n: resize(n, [1, 1, 0.1, 1]),
        raised("resize", "Resize"),
        "must have sizes of 1 or more",
        "[1, 3, 0, 6]",
    ),
    # scores
    "argmax of the batch": (
        IMAGE,
        lambda n: n.add("ArgMax", conv(n), axis=0),
        raised("argmax", "ArgMax"),
        "axis must be behind the batch",
        "0",
    ),
    "argmax across a softmax": (
        IMAGE,
        lambda n: n.add("ArgMax", softmaxed(n), axis=2),
        raised("argmax", "ArgMax"),
        "axis must be that of the Softmax before it",
        "2",
    ),
    "last of the largest": (
        IMAGE,
        lambda n: n.add("ArgMax", conv(n), axis=1, select_last_index=1),
        raised("argmax", "ArgMax"),
        "select_last_index must be 0",
        "1",
    ),
    "smallest": (IMAGE, lambda n: top(n, largest=0)[1], raised("top", "TopK"), "largest must be 1", "0"),
    "k": (IMAGE, lambda n: top(n, k=3, axis=1)[1], raised("top", "TopK"), "k must be from 1 to 2", "3"),
    "wide scores": (
        VECTOR,
        lambda n: n.add("ArgMax", n.add("Sigmoid", wide(n)), axis=1),
        raised("argmax", "ArgMax"),
        "scores of different scales need at most 4194304 accumulators times channels to be put in order",
        None,
    ),
    # join
    "shapes of a sum": (
        IMAGE,
        lambda n: n.add("Add", conv(n), n.add("GlobalMaxPool", conv(n))),
        raised("add", "Add"),
        "both branches must have the same shape",
        "(2, 4, 5) and (2, 1, 1)",
    ),
    "scales of a sum": (
        IMAGE,
        lambda n: n.add("Add", scaled(n), n.quant(conv(n, None, n.weights(3, 3, 1, 1)), np.float32(1.234e-7))),
        raised("add", "Add"),
        "the branches' scales must have a common divisor",
        None,
    ),
    "shapes of a concat": (
        IMAGE,
        lambda n: n.add("Concat", n.start(), conv(n), axis=1),
        raised("concat", "Concat"),
        "must join activations of one shape behind the batch",
        "[(3, 5, 6), (2, 4, 5)]",
    ),
    "concat of the batch": (
        IMAGE,
        lambda n: n.add("Concat", n.start(), n.start(), axis=0),
        raised("concat", "Concat"),
        "must join activations of one shape behind the batch",
        "[(3, 5, 6), (3, 5, 6)]",
    ),
    "concat of 4 axes": (
        IMAGE,
        lambda n: n.add("Concat", deep(n), deep(n), axis=1),
        raised("concat", "Concat"),
        "must join vectors, signals or images",
        "(3, 5, 2, 3)",
    ),
    "scales of a concat": (
        IMAGE,
        lambda n: n.add("Concat", n.quant(conv(n), 0.25), n.quant(conv(n), np.float32(1.3e-9)), axis=2),
        raised("concat", "Concat"),
        "the parts' scales must have a common divisor",
        None,
    ),
    # shapes
    "transposed batch": (
        IMAGE,
        lambda n: n.add("Transpose", n.start(), perm=[1, 0, 2, 3]),
        raised("transpose", "Transpose"),
        "the batch must stay the first axis",
        "[1, 0, 2, 3]",
    ),
    **{
        f"reshape to {sizes}": (
            IMAGE,
            lambda n, sizes=sizes: n.add("Reshape", n.start(), n.shape_of(*sizes), allowzero=1),
            raised("reshape", "Reshape"),
            "Reshape of (batch 1, 3, 5, 6) must keep the batch",
            str(sizes),
        )
        for sizes in ([2, 45], [-1, 45], [1, -1, -1], [1, 7, -1], [90], [], [1, -2, -45], [1, 90, 0], [0, -1])
    },
    "flatten": (
        IMAGE,
        lambda n: n.add("Flatten", n.start(), axis=2),
        raised("flatten", "Flatten"),
        "axis must be 1",
        "2",
    ),
    "squeeze": (
        IMAGE,
        lambda n: n.add("Squeeze", n.start(), n.shape_of(2)),
        raised("squeeze", "Squeeze"),
        "axes of size 1 behind the batch can be squeezed",
        "[2]",
    ),
    "unsqueezed batch": (
        IMAGE,
        lambda n: n.add("Unsqueeze", n.start(), n.shape_of(0)),
        raised("unsqueeze", "Unsqueeze"),
        "must name different axes behind the batch",
        "[0]",
    ),
    "unsqueezed twice": (
        IMAGE,
        lambda n: n.add("Unsqueeze", n.start(), n.shape_of(2, 2)),
        raised("unsqueeze", "Unsqueeze"),
        "must name different axes behind the batch",
        "[2, 2]",
    ),
    "moved weights": (
        VECTOR,
        lambda n: dense(n, w=n.add("Reshape", n.weights(6, 4), n.shape_of(5, 5))),
        raised("reshape", "Reshape"),
        "the constant must have another shape",
        "(6, 4)",
    ),
    "turned weights": (
        VECTOR,
        lambda n: dense(n, w=n.add("Transpose", n.weights(6, 4), perm=[0, 2])),
        raised("transpose", "Transpose"),
        "the constant must have another shape",
        "(6, 4)",
    ),
    "blocks of channels": (
        IMAGE,
        lambda n: n.add("DepthToSpace", n.start(), blocksize=2),
        raised("depthtospace", "DepthToSpace"),
        "the channels must be a multiple of blocksize squared",
        "(3, 5, 6), blocksize 2",
    ),
    "blocks of pixels": (
        IMAGE,
        lambda n: n.add("SpaceToDepth", n.start(), blocksize=2),
        raised("spacetodepth", "SpaceToDepth"),
        "the image must be a multiple of blocksize",
        "(3, 5, 6), blocksize 2",
    ),
}


def model_of(net, made):
    """The model; a second input where `made` names one."""
    if isinstance(made, list):
        model = net.model(made[0])
        model.graph.input.append(helper.make_tensor_value_info(made[1], TensorProto.FLOAT, [1]))
        return model
    return net.model(made)


@pytest.mark.parametrize("name", TABLE)
def test_refusals_name_node_rule_and_finding(name):
    shape, build, where, rule, found = TABLE[name]
    net = Net(shape, opset=22 if "blocks" in name else 20)
    with pytest.raises((BadModel, UnsupportedOp, NotExact)) as caught:
        import_with_taps(model_of(net, build(net)), "net")
    error = caught.value
    assert error.where == where
    assert rule in error.rule
    assert found is None or str(error.found) == found
    assert error.found is not None
    assert (
        name == "rounding"
        or error.fix.endswith(".")
        or rule.startswith(("zero points must be multiples of 1/16 after", "the input must be an image"))
    )


@pytest.mark.parametrize(
    ("operator", "remedy"),
    [
        ("ConvTranspose", "Use Resize"),
        ("FloatQuant", "Quantise to integers"),
        ("LayerNormalization", "Use BatchNormalization"),
        ("GRU", "Recurrent layers are not done"),
        ("Tile", "the README lists the operators"),
        ("ConvInteger", "Export with QuantizeLinear"),
        ("DynamicQuantizeLinear", "Use quantisers of constant scales"),
    ],
)
def test_refused_operators_get_a_remedy(operator, remedy):
    net = Net(IMAGE)
    domain = QONNX if operator == "FloatQuant" else ""
    with pytest.raises(UnsupportedOp, match=remedy):
        import_with_taps(net.model(net.add(operator, net.start(), domain=domain)), "net")


@pytest.mark.parametrize(
    ("edit", "error", "message"),
    [
        (
            lambda i: i.type.tensor_type.shape.dim[2].ClearField("dim_value"),
            BadModel,
            r"fixed behind the batch, not \('batch', 3, 0, 6\)",
        ),
        (lambda i: i.type.tensor_type.shape.dim[2].__setattr__("dim_param", "h"), BadModel, "fixed behind the batch"),
        (lambda i: i.type.tensor_type.shape.dim.__delitem__(slice(1, 4)), BadModel, r"not \('batch',\)"),
        (
            lambda i: i.type.tensor_type.shape.dim[1].__setattr__("dim_value", 1 << 40),
            UnsupportedOp,
            r"must have at most 16777216 elements a frame, not \[1099511627776, 5, 6\]",
        ),
        (
            lambda i: i.type.tensor_type.__setattr__("elem_type", TensorProto.INT32),
            UnsupportedOp,
            "must be float32, or integers of 8 or 16 bits, not int32",
        ),
    ],
)
def test_inputs_that_are_refused(edit, error, message):
    net = Net(IMAGE)
    model = net.model(conv(net))
    edit(model.graph.input[0])
    with pytest.raises(error, match=f"input 'input': .*{message}"):
        import_with_taps(model, "net")


@pytest.mark.parametrize(
    "name", [name for name, row in TABLE.items() if name not in ("kernel of a pool",) and row[2].startswith("node")]
)
def test_files_are_refused_as_models_are(name, tmp_path):
    """Through the file, whose structure is checked first, each still ends in a named error."""
    shape, build, *_ = TABLE[name]
    net = Net(shape, opset=22 if "blocks" in name else 20)
    onnx.save(model_of(net, build(net)), tmp_path / "m.onnx")
    with pytest.raises((BadModel, UnsupportedOp, NotExact)):
        import_with_taps(load_model(tmp_path / "m.onnx"), "net")
