"""Every quantising operator against the qonnx package and onnx: words equal on every tap, ties included."""

import numpy as np
import pytest
from small_models import LAST, QONNX, Net, agree

MODES = ("ROUND", "HALF_EVEN", "CEIL", "FLOOR", "UP", "DOWN", "ROUND_TO_ZERO", "HALF_UP", "HALF_DOWN")


def behind_conv(net, bits=3):
    """Accumulators of a small convolution, two channels in, three out."""
    return net.add("Conv", net.start(bits), net.weights(3, 2, 2, 2), pads=[1, 0, 0, 1])


def rounding(mode):
    def build(net):
        return net.act(net.start(signed=1, rounding_mode=mode), near=1.0, signed=1, rounding_mode=mode)

    return build


def narrow(signed):
    def build(net):
        return net.act(net.start(signed=signed, narrow=1), bits=3, signed=signed, narrow=1)

    return build


def zero_point(value):
    """In front of padding, which must stay 0 of the model."""

    def build(net):
        x = net.act(net.start(zero=value), bits=4, zero=value)
        return net.act(net.add("Conv", x, net.weights(3, 2, 3, 3), pads=[1, 1, 1, 1]), near=1.0)

    return build


def one_bit_signed(net):
    x = net.start(bits=1, signed=1)
    return net.act(net.add("Conv", x, net.weights(3, 2, 2, 2, bits=1)), bits=1, signed=1)


def bipolar(net):
    x = net.add("BipolarQuant", net.start(4, signed=1), net.constant(net.scale(0.5)), domain=QONNX)
    floats = net.constant(net.rng.normal(size=(3, 2, 3, 3)))
    w = net.add("BipolarQuant", floats, net.constant(net.scale(0.5)), domain=QONNX)
    y = net.add("Conv", x, w, pads=[1, 1, 1, 1])
    return net.add("BipolarQuant", y, net.constant(net.scale(2.0)), domain=QONNX)


def bipolar_input(net):
    x = net.add("BipolarQuant", "input", net.constant(net.scale(0.5)), domain=QONNX)
    return net.add("Conv", x, net.weights(3, 2, 3, 3))


def trunc(version, bits=4.0, **attrs):
    """Of sums on a grid of 1/8 of the output's."""

    def build(net):
        step = net.scale(0.125)
        x = net.quant("input", step, 6, signed=1, name="in")
        x = net.add("MaxPool", x, kernel_shape=[2, 2], strides=[1, 1])
        given = [net.constant(v) for v in (step, 0.0, 6.0)]
        given += [net.constant(v) for v in ((3.0,) if version == 1 else (step * 8, bits))]
        return net.add("Trunc", x, *given, domain=QONNX, **attrs)

    return build


def trunc_zero(version):
    def build(net):
        step = net.scale(0.125)
        x = net.quant("input", step, 6, zero=5.0, name="in")
        given = [net.constant(v) for v in (step, 5.0, 6.0)]
        given += [net.constant(v) for v in ((4.0,) if version == 1 else (step * 4, 4.0))]
        return net.add("Trunc", x, *given, domain=QONNX, rounding_mode="FLOOR", signed=0)

    return build


def thresholds(layout="", channels=3, shape=None, **attrs):
    """MultiThreshold behind a convolution; thresholds on the accumulators themselves, so that ties occur."""

    def build(net):
        x = behind_conv(net)
        unit = net.nodes[0].input[1], net.nodes[1].input[1]
        scales = [next(c for c in net.constants if c.name == name) for name in unit]
        step = np.prod([np.frombuffer(s.raw_data, np.float32)[0] for s in scales])
        t = np.sort(net.rng.integers(-40, 40, (channels, 5)), axis=1) * step
        if layout == "NHWC":
            x = net.add("Transpose", x, perm=[0, 2, 3, 1])
        return net.add(
            "MultiThreshold", x, net.constant(t), domain=QONNX, data_layout=layout, out_dtype="INT4", **attrs
        )

    return build


def thresholds_of_vectors(net):
    x = net.add("GlobalMaxPool", behind_conv(net))
    x = net.add("Flatten", x)
    return net.add(
        "MultiThreshold", x, net.constant(np.sort(net.rng.normal(0, 3, (3, 4)))), domain=QONNX, out_dtype="UINT4"
    )


def thresholds_unsorted(net):
    return net.add(
        "MultiThreshold", behind_conv(net), net.constant([[2.0, -1.0, 0.5]]), domain=QONNX, out_dtype="UINT2"
    )


def per_channel(net):
    """Per-channel scales and zero points of an activation, into a dense convolution."""
    scale = net.scale(0.5, (1, 3, 1, 1)) if net.power else np.array([0.3, 0.6, 0.9]).reshape(1, 3, 1, 1) * np.float32(1)
    x = net.quant(behind_conv(net), scale, 4, zero=np.array([0, 3, 8]).reshape(1, 3, 1, 1))
    return net.act(
        net.add("Conv", x, net.weights(2, 3, 2, 2, scale=net.scale(0.2, (2, 1, 1, 1))), pads=[1, 1, 1, 1]), 1.0
    )


def per_channel_input(net):
    scale = net.scale(0.25, (1, 2, 1, 1)) if net.power else np.array([0.25, 0.75]).reshape(1, 2, 1, 1)
    return net.act(net.add("Conv", net.quant("input", scale, 4, name="in"), net.weights(3, 2, 2, 2)), 1.0)


def weights_with_zero_points(net):
    w = net.weights(3, 2, 2, 2, signed=0, narrow=0, zero=net.rng.integers(4, 9, (3, 1, 1, 1)).astype(float))
    return net.act(net.add("Conv", net.start(), w), 1.0)


def requantised_weights(net):
    w = net.quant(net.weights(3, 2, 2, 2, bits=6), net.scale(0.25), 3, signed=1, name="again")
    return net.add("Conv", net.start(), w)


def int_quant(net):
    x = net.quant("input", net.scale(0.25), 4, op="IntQuant", signed=1, narrow=0)
    return net.quant(x, net.scale(0.5), 3, op="IntQuant", name="b", signed=1, narrow=1)


def wide_quantiser(net):
    """32 bits on the very grid of the sums change nothing: no node is made of it."""
    a, w = net.scale(0.25), net.scale(0.125)
    y = net.add("Conv", net.quant("input", a, 3, name="in"), net.weights(3, 2, 2, 2, scale=w))
    return net.quant(y, a * w, 32, signed=1)


def qdq(net, x, scale, zero, kind=np.uint8, name="q", **attrs):
    given = [net.constant(scale, f"{name}.s"), net.constant(zero, f"{name}.z", kind)]
    q = net.add("QuantizeLinear", x, *given, **attrs)
    return net.add("DequantizeLinear", q, *given, **attrs)


def qdq_net(zero, kind):
    def build(net):
        x = qdq(net, "input", net.scale(0.25), zero, kind)
        floats = net.constant(net.rng.normal(0, 0.5, (3, 2, 3, 3)))
        w = qdq(net, floats, net.scale(0.01, 3), np.zeros(3), np.int8, "w", axis=0)
        bias = net.add("DequantizeLinear", net.constant([5, -9, 200], "b", np.int32), net.constant(net.scale(0.01)))
        y = net.add("Conv", x, w, bias, pads=[1, 1, 1, 1])
        return qdq(net, y, net.scale(0.1), zero, kind, "out")

    return build


def qdq_clipped(net):
    """4 bits as Brevitas exports them: a Clip between the two."""
    scale, zero = net.constant(net.scale(0.25)), net.constant(0, "z", np.uint8)
    q = net.add("QuantizeLinear", "input", scale, zero)
    q = net.add("Clip", q, net.constant(0, "low", np.uint8), net.constant(15, "high", np.uint8))
    x = net.add("DequantizeLinear", q, scale, zero)
    w = net.add("DequantizeLinear", net.constant(net.rng.integers(-7, 8, (3, 2, 2, 2)), "w", np.int8), scale)
    return net.act(net.add("Conv", x, w), 1.0)


def qdq_axis(net):
    """Per-channel scales and zero points of an activation."""
    x = behind_conv(net)
    scale = net.scale(0.1, 3) if net.power else np.array([0.125, 0.25, 0.375]) * np.float32(0.3)
    x = qdq(net, x, scale, [120, 128, 3], axis=1)
    return net.act(net.add("Conv", x, net.weights(2, 3, 2, 2), pads=[1, 1, 1, 1]), 2.0)


def qdq_without_zero_point(net):
    scale = net.constant(net.scale(0.25))
    x = net.add("DequantizeLinear", net.add("QuantizeLinear", "input", scale), scale)
    return net.add("Conv", x, net.weights(3, 2, 2, 2))


def last_domain(net):
    """qonnx's channels-last layers, whose convolution has its weights channels last as well."""
    x = net.add("Transpose", net.start(), perm=[0, 2, 3, 1])
    geometry = {"kernel_shape": [2, 3], "strides": [1, 1], "dilations": [1, 1], "pads": [1, 0, 0, 1], "group": 1}
    x = net.add("Conv", x, net.weights(5, 2, 3, 2), domain=LAST, **geometry)
    x = net.add("MaxPool", net.act(x), domain=LAST, kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 0, 0])
    given = [
        net.constant(v) for v in (net.rng.normal(size=5), net.rng.normal(size=5), net.rng.normal(size=5), np.ones(5))
    ]
    return net.act(net.add("BatchNormalization", x, *given, domain=LAST), signed=1)


def last_pool(net):
    x = net.add("Transpose", net.start(), perm=[0, 2, 3, 1])
    return net.add("MaxPoolNHWC", x, domain=QONNX, kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 0, 0])


CASES = {
    **{f"rounding {mode}": rounding(mode) for mode in MODES},
    **{f"narrow signed {s}": narrow(s) for s in (0, 1)},
    **{f"zero point {z}": zero_point(z) for z in (3.0, 7.5, 0.25, -2.0)},
    "one bit signed": one_bit_signed,
    "bipolar": bipolar,
    "bipolar input": bipolar_input,
    **{f"trunc 1 {m}": trunc(1, rounding_mode=m) for m in ("FLOOR", "ROUND", "CEIL", "ROUND_TO_ZERO")},
    **{f"trunc 2 {m}": trunc(2, rounding_mode=m, signed=1) for m in ("FLOOR", "ROUND", "DOWN")},
    "trunc 2 unsigned": trunc(2, signed=0),
    "trunc 2, one signed bit is -1 and 0": trunc(2, bits=1.0, signed=1),
    "trunc 2 narrow": trunc(2, narrow=1),
    **{f"trunc {v} zero point": trunc_zero(v) for v in (1, 2)},
    "thresholds": thresholds(),
    "thresholds shared": thresholds(channels=1),
    "thresholds NCHW": thresholds("NCHW", out_scale=0.5, out_bias=-1.0),
    "thresholds NHWC": thresholds("NHWC", out_scale=2.0, out_bias=-3.0),
    "thresholds half bias": thresholds(out_scale=2.0, out_bias=-1.0),
    "thresholds falling": thresholds(out_scale=-1.0, out_bias=4.0),
    "thresholds of vectors": thresholds_of_vectors,
    "thresholds unsorted": thresholds_unsorted,
    "per channel": per_channel,
    "per channel input": per_channel_input,
    "weights with zero points": weights_with_zero_points,
    "requantised weights": requantised_weights,
    "IntQuant": int_quant,
    "wide quantiser": wide_quantiser,
    "QDQ uint8": qdq_net(128, np.uint8),
    "QDQ int8": qdq_net(0, np.int8),
    "QDQ uint8 zero point": qdq_net(7, np.uint8),
    "QDQ int16": qdq_net(-300, np.int16),
    "QDQ clipped": qdq_clipped,
    "QDQ axis": qdq_axis,
    "QDQ without zero point": qdq_without_zero_point,
    "channels last": last_domain,
    "MaxPoolNHWC": last_pool,
}


def model(name, power):
    """The model of case `name`."""
    net = Net((2, 5, 6), power, opset=21 if "int16" in name else 20)
    return net.model(CASES[name](net)), net.ops


@pytest.mark.parametrize("power", [True, False], ids=["float32", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_words_are_those_of_the_model(name, power):
    agree(model(name, power)[0], exact=power and "int16" not in name)


def test_a_wide_quantiser_is_no_node():
    imported = agree(model("wide quantiser", True)[0])
    assert [node.op for node in imported.graph.nodes] == ["Conv"]
