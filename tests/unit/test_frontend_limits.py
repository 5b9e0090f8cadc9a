"""Models that ask for more memory or time than there is: each is refused by name before any of it is taken."""

import numpy as np
import pytest
from small_models import Net, agree

from lutwright.errors import BadModel, UnsupportedOp
from lutwright.frontend import translate, translator
from lutwright.frontend.translate import import_with_taps

IMAGE = (3, 8, 8)
HUGE = 1 << 62


def pads(*edges):
    return lambda n: n.add("Pad", n.start(), n.shape_of(*edges), name="it")


def on_constant(op, *values, **attrs):
    """`op` on constants, its result added to the input."""

    def build(net):
        given = [net.constant(v, kind=np.asarray(v).dtype) for v in values]
        return net.add("Add", net.start(), net.add(op, *given, name="it", **attrs))

    return build


def conv(**attrs):
    return lambda n: n.add("Conv", n.start(), n.weights(2, 3, 3, 3), name="it", **attrs)


def pool(op="AveragePool", **attrs):
    return lambda n: n.add(op, n.start(), name="it", **attrs)


def resize(**given):
    def build(net):
        scales = net.constant(given["scales"]) if "scales" in given else ""
        sizes = [net.shape_of(*given["sizes"])] if "sizes" in given else []
        attrs = {k: v for k, v in given.items() if k not in ("scales", "sizes")}
        return net.add("Resize", net.start(), "", scales, *sizes, name="it", mode="nearest", **attrs)

    return build


def doubled(net, x, count, axis):
    for index in range(count):
        x = net.add("Concat", x, x, axis=axis, name=f"twice{index}")
    return x


I64 = np.int64
MOST = "must make at most 16777216 elements a frame"
REFUSED = {
    "huge pads": (pads(0, 0, HUGE, 0, 0, 0, HUGE, 0), "pads must be at most 16777216", HUGE),
    "large pads": (pads(0, 0, 3000, 3000, 0, 0, 3000, 3000), MOST, 3 * 6008 * 6008),
    "padded convolution": (
        conv(pads=[1 << 31] * 4),
        "the padded input must have at most 16777216 places",
        [(1 << 32) + 8] * 2,
    ),
    "huge window": (pool(kernel_shape=[1 << 31] * 2, pads=[1 << 30] * 4), "windows must have at most 65536", None),
    "long window": (pool(kernel_shape=[501] * 2, auto_pad="SAME_UPPER"), "windows must have at most 65536", [501, 501]),
    "huge sizes": (resize(sizes=(1, 3, HUGE, 8)), "sizes must be at most 16777216", [1, 3, HUGE, 8]),
    "huge scales": (resize(scales=(1, 1, 1e9, 1)), "sizes must be at most 16777216", None),
    "large sizes": (resize(sizes=(1, 3, 5000, 5000)), MOST, 75_000_000),
    "shifted channels": (
        resize(scales=(1, 1.25, 2, 2), coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
        "must resize height and width only",
        "axis 1 from 3 to 3, by 1.25",
    ),
    "large value of a padding": (
        lambda n: n.add("Pad", n.start(), n.shape_of(0, 0, 1, 1, 0, 0, 1, 1), n.constant(1e30)),
        "the padding must be below 1099511627776 times the scale",
        None,
    ),
    "joined activations": (lambda n: doubled(n, n.start(), 18, 2), MOST, 192 << 17),
    "gathered": (
        lambda n: n.add("Gather", n.start(), n.constant(np.zeros(1 << 20), kind=I64), axis=2),
        MOST,
        24 << 20,
    ),
    "joined constants": (
        lambda n: n.add("Add", n.start(), doubled(n, n.weights(8, 1, 8, 8), 20, 0)),
        MOST,
        512 << 16,
    ),
    "outer sum of weights": (
        lambda n: n.add("Mul", n.weights(1 << 13, 1), n.weights(1, 1 << 13), name="it"),
        MOST,
        1 << 26,
    ),
    "outer product of weights": (
        lambda n: n.add("MatMul", n.weights(1 << 13, 1), n.weights(1, 1 << 13), name="it"),
        MOST,
        1 << 26,
    ),
    "terabytes of constants": (on_constant("ConstantOfShape", I64([1 << 40])), MOST, 1 << 40),
    "expanded": (on_constant("Expand", np.float32(1), I64([1 << 20, 1 << 20])), MOST, 1 << 40),
    "tiled": (on_constant("Tile", np.float32([1, 2]), I64([1 << 40])), MOST, 1 << 41),
    "counted": (on_constant("Range", I64(0), I64(1 << 40), I64(1)), MOST, 1 << 40),
    "picked": (on_constant("Gather", np.ones((1, 9000), np.float32), np.zeros(9000, I64)), MOST, 81_000_000),
    "outer": (on_constant("Add", np.ones((9000, 1), np.float32), np.ones((1, 9000), np.float32)), MOST, 81_000_000),
    "of unknown size": (
        lambda n: n.add("Add", n.start(), n.add("FancyBrick", n.constant(1.0), domain="qonnx.custom_op.general")),
        "the size of what it makes must be known",
        "FancyBrick",
    ),
}


def refusal(build, shape=IMAGE, error=UnsupportedOp):
    net = Net(shape)
    output = build(net)
    with pytest.raises(error) as raised:
        import_with_taps(net.model(output), "net")
    assert raised.value.fix
    return raised.value


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_too_large_is_refused(name):
    build, rule, found = REFUSED[name]
    made = refusal(build)
    assert made.where.startswith("node '") and made.rule.startswith(rule)
    assert found is None or made.found == found


@pytest.mark.parametrize(
    ("build", "rule"),
    [
        (conv(kernel_shape=[5, 5]), "kernel_shape must be that of the weights"),
        (conv(auto_pad="ROUND"), "auto_pad must be NOTSET, VALID, SAME_UPPER or SAME_LOWER"),
        (lambda n: n.add("Conv", n.start(), n.weights(0, 3, 3, 3)), "the weights must not be empty"),
        (lambda n: n.add("Conv", n.start(), n.constant(np.zeros((2, 3, 0, 3)))), "the weights must not be empty"),
        (pads(0, 0, -8, 0, 0, 0, 0, 0), "must leave something of the image"),
        (pads(0, 0, -20, 0, 0, 0, 3, 0), "must leave something of the image"),
        (
            lambda n: n.add("Pad", n.start(), n.shape_of(1, 1, 1, 1), "", n.shape_of(2, 2)),
            "must have two pads for each axis that it names once",
        ),
        (
            lambda n: n.add("Pad", n.start(), n.shape_of(1), "", n.shape_of(2, 3)),
            "must have two pads for each axis that it names once",
        ),
    ],
)
def test_what_does_not_fit_is_a_bad_model(build, rule):
    assert refusal(build, error=BadModel).rule == rule


def test_all_activations_have_a_limit_together(monkeypatch):
    monkeypatch.setattr(translator, "_MOST_IN_ALL", 300)
    made = refusal(lambda n: n.add("MaxPool", n.add("MaxPool", n.start(), kernel_shape=[1, 1]), kernel_shape=[1, 1]))
    assert (made.rule, made.found) == (
        "the model must make at most 300 elements a frame, over all nodes",
        "384 up to here",
    )


def test_quantised_constants_have_a_limit_together(monkeypatch):
    monkeypatch.setattr(translator, "_MOST_WEIGHTS", 100)
    made = refusal(lambda n: n.add("Conv", n.start(), n.weights(2, 3, 5, 5)))
    assert (made.rule, made.found) == ("the model must have at most 100 quantised constants", "150 up to here")
    made = refusal(lambda n: n.add("Conv", n.start(), n.add("Transpose", n.weights(3, 2, 3, 3), perm=[1, 0, 2, 3])))
    assert made.found == "108 up to here"


def test_no_memory_is_a_bad_model(monkeypatch):
    def full(t, node):
        raise MemoryError

    monkeypatch.setattr(translate, "HANDLERS", {**translate.HANDLERS, "Relu": full})
    made = refusal(lambda n: n.add("Relu", n.start()), error=BadModel)
    assert made.rule == "what it makes must fit into memory"


def test_the_first_attempt_is_not_held_during_the_second(monkeypatch):
    """Both at once would take twice the memory."""
    import gc
    import weakref

    alive, seen = [], []
    made = translator.Translator.__init__

    def watched(self, *given):
        gc.collect()
        seen.append(sum(one() is not None for one in alive))
        alive.append(weakref.ref(self))
        made(self, *given)

    monkeypatch.setattr(translator.Translator, "__init__", watched)
    net = Net(IMAGE, power=False)
    import_with_taps(net.model(net.start()), "net")
    assert seen == [0, 0]


def test_a_stride_longer_than_the_image_makes_one_window():
    net = Net(IMAGE)
    model = net.model(net.add("Conv", net.start(), net.weights(2, 3, 3, 3), strides=[1 << 40] * 2))
    assert agree(model).graph.tensors["conv.out"].shape == (1, 1, 2)


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER"])
def test_windows_with_pixels_between_them(auto_pad):
    net = Net(IMAGE)
    agree(net.model(net.add("Conv", net.start(), net.weights(2, 3, 1, 1), strides=[2, 2], auto_pad=auto_pad)))
    made = refusal(conv(strides=[20, 20], auto_pad=auto_pad))
    assert (made.rule, made.found) == (f"{auto_pad} must not leave out pixels between windows", [-5, -5])


@pytest.mark.parametrize("zero", [1e9, -131072.0])
def test_codes_that_float32_rounds_make_float64_the_arithmetic(zero):
    net = Net(IMAGE)
    model = net.model(net.quant("input", 0.25, 12, zero=zero, signed=1, name="in"))
    found = agree(
        model, frames=np.random.default_rng(1).normal(0, 300, (4, *IMAGE)), exact=abs(zero) < 1 << 24, varied=False
    )
    assert "codes up to" in found.reason or abs(zero) < 1 << 24


def test_a_quantiser_of_32_bits_saturates_where_it_says():
    net = Net((6,))
    frames = np.array([[-1e12, -1.0, 0.0, 1.0, 1e9, 1e12]])
    found = agree(net.model(net.quant("input", 0.25, 32, signed=1, name="in")), frames=frames, exact=False)
    codes = found.graph.edge.codes(frames)
    assert codes.tolist() == [[-(1 << 31), -4, 0, 4, (1 << 31) - 1, (1 << 31) - 1]]


def test_large_codes_of_a_constant():
    net = Net((6,))
    weights = net.weights(6, 2, bits=32, scale=np.float32(2.0**-27), narrow=0)
    found = import_with_taps(net.model(net.add("Gemm", net.start(), weights)), "net")
    assert found.arithmetic is np.float64 and "codes up to" in found.reason


@pytest.mark.filterwarnings("error")
def test_tiny_scales_warn_of_nothing():
    net = Net((6,))
    x = net.quant("input", np.float32(1e-38), 4, name="in")
    agree(net.model(net.quant(net.add("Mul", x, net.constant(3e38)), 1e-3, 4)), frames=np.float64([[0, 1, 2, 3, 4, 5]]))


def test_constants_fold_whatever_they_are_made_of():
    """The shape arithmetic of an export."""
    net = Net(IMAGE)
    none, count = net.add("NonZero", net.constant([0, 1, 0, 2])), net.shape_of(2)
    values = net.add("Cast", net.add("ReduceMax", none, keepdims=0), to=7)
    ends = net.add("Concat", net.add("Unsqueeze", values, net.shape_of(0)), count, axis=0)
    floats = net.add("Expand", net.add("Identity", net.constant(0.5)), ends)
    mean = net.add("ReduceMean", floats, keepdims=0)
    found = agree(net.model(net.add("Add", net.start(), mean)))
    assert found.graph.exit is not None


@pytest.mark.parametrize("op", ["DequantizeLinear", "Quant"])
def test_scales_of_nothing(op):
    def build(net):
        none, weights = net.constant(np.zeros(0)), net.constant(np.ones((6, 2)))
        if op == "Quant":
            w = net.quant(weights, np.zeros(0), name="it")
        else:
            w = net.add(op, net.constant(np.ones((6, 2)), kind=np.int8), none, axis=0, name="it")
        return net.add("Gemm", net.start(), w)

    made = refusal(build, (6,), BadModel)
    assert made.where == f"node 'it' ({op})" and made.rule == "scales must be positive and finite"


def test_a_flag_that_is_no_flag():
    """Runtimes do not agree on what a `largest` of 2 is."""
    made = refusal(lambda n: n.add("TopK", n.start(), n.shape_of(1), outputs=2, largest=2)[1], (6,))
    assert (made.rule, made.found) == ("largest must be 1", 2)


@pytest.mark.parametrize("factor", [1e300, 1e-300])
def test_scales_that_leave_float64(factor):
    def build(net):
        x = net.add("MaxPool", net.start(), kernel_shape=[1, 1])
        for _ in range(2):
            x = net.add("Mul", x, net.constant(factor, kind=np.float64))
        return net.add("Conv", x, net.weights(2, 3, 1, 1), name="it")

    made = refusal(build)
    assert made.where == "node 'it' (Conv)" and made.rule == "scales must lie inside of float64"


@pytest.mark.parametrize(
    ("build", "found"),
    [
        (lambda n: n.add("Reshape", n.start(), n.shape_of(*[1] * 99, 192), name="it"), "ValueError"),
        (lambda n: n.add("TopK", n.start(), n.shape_of(), outputs=2, name="it")[1], "IndexError"),
    ],
)
def test_what_numpy_says_of_shapes(build, found):
    made = refusal(build, error=BadModel)
    assert (made.where.split("'")[1], made.rule, made.found) == ("it", "its operands must fit each other", found)
