"""Operators that only move elements: what stands behind them must see each element where the model has it."""

import numpy as np
import pytest
from small_models import Net, agree

SHAPE = (4, 3, 6)


def image(net, channels=4, floats=False):
    """A quantised image of `channels`, or the accumulators in front of it."""
    x = net.add("Conv", net.start(signed=1), net.weights(channels, net.shape[0], 1, 1))
    return x if floats else net.act(x, signed=1)


def dense(net, x, features):
    """A dense layer, which mixes every element, and the quantiser behind it."""
    return net.act(net.add("MatMul", x, net.weights(features, 5)), 2.0, bits=6, signed=1)


def conv(net, x, channels):
    return net.act(net.add("Conv", x, net.weights(3, channels, 2, 2)), 1.0, signed=1)


def flat(make):
    """Whatever `make` does to an image, flattened into a dense layer."""

    def build(net):
        x = make(net, image(net))
        return dense(net, net.add("Reshape", x, net.shape_of(0, -1)), 72)

    return build


def reshaped(*shape, then=None):
    def build(net):
        x = net.add("Reshape", image(net), net.shape_of(*shape))
        return then(net, x)

    return build


def transposed(*perm, then):
    def build(net):
        return then(net, net.add("Transpose", image(net), perm=perm))

    return build


def shape_chain(net):
    """What PyTorch exports for view(x.size(0), -1)."""
    x = image(net)
    first = net.add("Gather", net.add("Shape", x), net.constant(0, "zero", np.int64), axis=0)
    batch = net.add("Unsqueeze", first, net.shape_of(0))
    return dense(net, net.add("Reshape", x, net.add("Concat", batch, net.shape_of(-1), axis=0)), 72)


def shape_of_constant(net):
    """The shape of a constant, and a slice of the shape of an activation."""
    net.opset = 15
    x = image(net)
    rest = net.add("Shape", x, start=1, end=3)
    target = net.add("Concat", net.shape_of(-1), rest, net.shape_of(6), axis=0)
    ones = net.add("Shape", net.weights(4, 72))
    return dense(net, net.add("Reshape", net.add("Reshape", x, target), net.add("Mul", ones, net.shape_of(0, 1))), 72)


def shuffle(groups):
    """The channel shuffle of ShuffleNet into a depthwise convolution."""

    def build(net):
        x = net.add("Reshape", image(net, 8), net.shape_of(0, groups, 8 // groups, 3, 6))
        x = net.add("Reshape", net.add("Transpose", x, perm=[0, 2, 1, 3, 4]), net.shape_of(0, 8, 3, 6))
        return net.act(net.add("Conv", x, net.weights(8, 1, 2, 2), group=8), signed=1)

    return build


def to_pixels(mode, block=2, scaled=False):
    def build(net):
        channels = 3 * block * block
        x = image(net, channels)
        if scaled:
            steps = 2.0 ** net.rng.integers(0, 3, channels)
            scale = steps.reshape(1, -1, 1, 1) * (0.25 if net.power else np.float32(0.3))
            x = net.quant(image(net, channels, True), scale, 4, signed=1)
        return conv(net, net.add("DepthToSpace", x, blocksize=block, mode=mode), 3)

    return build


def to_pixels_by_hand(net):
    """A pixel shuffle as a reshape, a transpose and a reshape."""
    x = net.add("Reshape", image(net, 8), net.shape_of(-1, 2, 2, 2, 3, 6))
    x = net.add("Transpose", x, perm=[0, 1, 4, 2, 5, 3])
    return conv(net, net.add("Reshape", x, net.shape_of(0, 2, 6, 12)), 2)


def to_channels(net):
    x = net.add("SpaceToDepth", net.add("Pad", image(net), net.shape_of(0, 0, 1, 0, 0, 0, 0, 0)), blocksize=2)
    return conv(net, x, 16)


def floats_through(make):
    """Per-channel float operations, moved before the quantiser."""

    def build(net):
        x = net.add("Add", image(net, floats=True), net.constant(np.linspace(-1, 1, 4).reshape(4, 1, 1)))
        return net.act(make(net, x), 0.5, signed=1)

    return build


def floats_flattened(net):
    x = net.add(
        "Flatten",
        net.add("Mul", image(net, floats=True), net.constant(np.array([0.3, -0.7, 1.0, 2.0]).reshape(4, 1, 1))),
    )
    return dense(net, net.act(net.add("Add", x, net.constant(net.rng.normal(size=72))), signed=1), 72)


def input_moved(net):
    """The model's input is channels last; the first layer wants channels first."""
    x = net.add("Transpose", "input", perm=[0, 3, 1, 2])
    return conv(net, net.quant(x, net.scale(0.25), 4, signed=1, name="in"), 6)


def input_flattened(net):
    x = net.quant(net.add("Flatten", "input"), net.scale(0.25), 4, signed=1, name="in")
    return dense(net, x, 72)


def input_through(make):
    """A layer straight on the input's codes, which were moved."""

    def build(net):
        return make(net, net.start(signed=1))

    return build


def squeezed(net, x):
    x = net.add("Unsqueeze", x, net.shape_of(2, -1))
    return net.add("Squeeze", net.add("Squeeze", x, net.shape_of(2)), net.shape_of(-1))


def squeezed_all(net):
    x = net.add("Squeeze", net.add("GlobalMaxPool", image(net)))
    return dense(net, x, 4)


def squeezed_opset_11(net):
    net.opset = 11
    x = net.add("Squeeze", net.add("Unsqueeze", image(net), axes=[1]), axes=[1])
    return conv(net, x, 4)


def joined(axis, parts=2, **scales):
    """Concat of branches with scales of their own."""

    def build(net):
        x, made = net.start(signed=1), []
        for i in range(parts):
            shared = net.scale(0.5) * np.float32(scales.get("factor", 1) ** i)
            y = net.add("Conv", x, net.weights(4, 4, 1, 1))
            made.append(net.quant(y, shared, 4, signed=1))
        return conv(net, net.add("Concat", *made, axis=axis), 4 * parts if axis in (1, -3) else 4)

    return build


def joined_free_scales(net):
    """Channels whose scales have no common divisor, quantised again with one."""
    x = net.start(signed=1)
    parts = [net.quant(net.add("Conv", x, net.weights(4, 4, 1, 1)), net.scale(0.5), 4, signed=1) for _ in "ab"]
    y = net.quant(net.add("Concat", *parts, axis=1), net.scale(0.7), 4, signed=1)
    return conv(net, y, 8)


def joined_vectors(net):
    """A flattened image and a dense layer's vector."""
    x = net.act(image(net), signed=1)
    a = net.add("Flatten", x)
    b = net.quant(
        net.add("MatMul", net.add("Flatten", net.add("GlobalMaxPool", x)), net.weights(4, 6)), 0.5, 4, signed=1
    )
    y = net.quant(net.add("Concat", a, b, axis=-1), 0.5, 4, signed=1)
    return dense(net, y, 78)


def joined_last(axis):
    """Images that are channels last."""

    def build(net):
        x = net.add("Transpose", image(net), perm=[0, 2, 3, 1])
        y = net.add("MatMul", x, net.weights(4, 4))
        z = net.quant(y, net.scale(0.5), 4, signed=1)
        w = net.quant(net.add("MatMul", x, net.weights(4, 4)), net.scale(0.5), 4, signed=1) if axis == 3 else z
        y = net.quant(net.add("Concat", z, w, axis=axis), net.scale(0.5), 4, signed=1)
        return net.act(net.add("MatMul", y, net.weights(8 if axis == 3 else 4, 3)), signed=1)

    return build


def joined_orders(net):
    """One part is channels last, the other first."""
    x = net.act(net.add("MatMul", net.add("Transpose", image(net), perm=[0, 2, 3, 1]), net.weights(4, 4)), signed=1)
    y = net.add("Concat", net.add("Transpose", x, perm=[0, 3, 1, 2]), image(net), axis=1)
    return conv(net, net.quant(y, 0.5, 4, signed=1), 8)


def joined_with_one(net):
    return conv(net, net.add("Concat", image(net), axis=1), 4)


def signals(axis):
    def build(net):
        x = net.start(signed=1)
        parts = [net.quant(net.add("Conv", x, net.weights(4, 4, 1)), 0.5, 4, signed=1) for _ in "ab"]
        y = net.add("Concat", *parts, axis=axis)
        return net.act(net.add("Conv", y, net.weights(3, 8 if axis == 1 else 4, 2)), signed=1)

    return build


def signal_to_image(net):
    """A signal made an image, and back."""
    x = net.add("Unsqueeze", net.start(signed=1), net.shape_of(2))
    x = net.act(net.add("Conv", x, net.weights(4, 4, 1, 2)), signed=1)
    return net.act(net.add("Conv", net.add("Squeeze", x, net.shape_of(2)), net.weights(3, 4, 2)), signed=1)


CASES = {
    "flatten": lambda net: dense(net, net.add("Flatten", image(net)), 72),
    "reshape": reshaped(-1, 72, then=lambda net, x: dense(net, x, 72)),
    "reshape batch": reshaped(1, 72, then=lambda net, x: dense(net, x, 72)),
    "reshape rows": reshaped(0, 2, 6, 6, then=lambda net, x: conv(net, x, 2)),
    "reshape copies": reshaped(0, 0, -1, then=lambda net, x: net.add("Conv", x, net.weights(2, 4, 3))),
    "transpose": transposed(0, 3, 1, 2, then=lambda net, x: conv(net, x, 6)),
    "transpose last": transposed(0, 2, 3, 1, then=lambda net, x: net.add("MatMul", x, net.weights(4, 5))),
    "transpose swap": flat(lambda net, x: net.add("Transpose", x, perm=[0, 3, 2, 1])),
    "squeeze": flat(squeezed),
    "squeeze all": squeezed_all,
    "squeeze opset 11": squeezed_opset_11,
    "shape chain": shape_chain,
    "shape of constant": shape_of_constant,
    **{f"channel shuffle {g}": shuffle(g) for g in (2, 4)},
    **{f"depth to space {m}": to_pixels(m) for m in ("DCR", "CRD")},
    "depth to space 3": to_pixels("CRD", 3),
    **{f"depth to space {m} scaled": to_pixels(m, scaled=True) for m in ("DCR", "CRD")},
    "depth to space by hand": to_pixels_by_hand,
    "space to depth": to_channels,
    "floats transposed": floats_through(lambda net, x: net.add("Transpose", x, perm=[0, 2, 3, 1])),
    "floats flattened": floats_flattened,
    "input flattened": input_flattened,
    "input transposed": input_through(lambda net, x: conv(net, net.add("Transpose", x, perm=[0, 2, 1, 3]), 3)),
    "input shuffled": input_through(lambda net, x: conv(net, net.add("DepthToSpace", x, blocksize=2), 1)),
    **{f"concat {a}": joined(a) for a in (1, 2, 3, -1)},
    **{f"concat {a} scales": joined(a, 3, factor=2) for a in (1, 2, 3)},
    "concat free scales": joined_free_scales,
    "concat vectors": joined_vectors,
    **{f"concat last {a}": joined_last(a) for a in (1, 2, 3)},
    "concat of orders": joined_orders,
    "concat of one": joined_with_one,
}
OTHERS = {
    "input channels last": (input_moved, (3, 5, 6)),
    **{f"signals {a}": (signals(a), (4, 9)) for a in (1, 2)},
    "signal to image": (signal_to_image, (4, 9)),
}


def model(name, power):
    """The model of case `name`."""
    build, shape = OTHERS[name] if name in OTHERS else (CASES[name], SHAPE)
    net = Net(shape, power)
    return net.model(build(net)), net.ops


@pytest.mark.parametrize("power", [True, False], ids=["float32", "float64"])
@pytest.mark.parametrize("name", [*CASES, *OTHERS])
def test_words_are_those_of_the_model(name, power):
    agree(model(name, power)[0])


def nodes(name):
    return [node.op for node in agree(model(name, True)[0]).graph.nodes]


def test_moving_elements_costs_a_node_only_where_the_next_layer_needs_another_order():
    assert nodes("flatten") == ["Conv", "Step", "Flatten", "Dense", "Step"]
    assert nodes("squeeze") == ["Conv", "Step", "Flatten", "Dense", "Step"]
    assert nodes("input channels last") == ["Conv", "Step"]
    assert nodes("transpose last") == ["Conv", "Step", "Conv"]
    assert "DepthToSpace" in nodes("depth to space by hand")
    assert "Reorder" in nodes("channel shuffle 2")
