"""What-if questions: each answer against the same thing computed another way."""

import numpy as np
import pytest
from check_models import constants_of, images, model, network, quant
from onnx import helper, numpy_helper

from lutwright.check.altered import Altered, _widened
from lutwright.check.inputs import Frames
from lutwright.check.opened import open_proto
from lutwright.check.rungs import Float32Rung
from lutwright.check.weight_bits import with_weight_bits
from lutwright.check.what_if import Questions, answer_all
from lutwright.errors import BadOption, UnsupportedOp
from lutwright.ir.execute import execute, execute_all
from lutwright.ir.graph import Tensor
from lutwright.numerics.approximate import approximate

COUNT = 300


@pytest.fixture(scope="module")
def opened():
    return open_proto(network(), "net")


def codes_of(opened, count=COUNT):
    return opened.graph.edge.codes(opened.graph.edge.arrange(images(count)))


def frames(opened):
    scores = Float32Rung(opened.model).run(images(COUNT))["scores"]
    return Frames("drawn", images(COUNT), np.argmax(scores, axis=1))


def ask(opened, **questions):
    return answer_all(opened, frames(opened), Questions(**questions))


def wrapped(acc, bits):
    """Two's complement, one word at a time and by its definition."""
    return np.array([(int(a) + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1) for a in acc.reshape(-1)]).reshape(
        acc.shape
    )


# ---- accumulators ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [3, 5, 6, 8])
def test_accumulators_that_wrap(opened, bits):
    graph = opened.graph
    codes = codes_of(opened)
    exact = execute_all(graph, codes, plain=True)
    steps = graph.node("act").attrs["steps"]
    conv = wrapped(exact["conv.out"], bits)
    act = steps.apply(np.clip(conv, steps.low, steps.high))
    pool = act.reshape(COUNT, 3, 2, 3, 2, 3).max(axis=(2, 4))
    sums = pool.reshape(COUNT, -1) @ graph.node("fc").attrs["weights"].T
    expected = wrapped(sums, bits)
    altered = Altered(graph, {"conv": bits, "fc": bits})
    assert np.array_equal(altered.run(codes)[0], expected)
    assert altered.wrapped == {"conv": (conv != exact["conv.out"]).sum(), "fc": (expected != sums).sum()}
    (answer,) = ask(opened, accumulator_bits=(bits,))
    before = exact[graph.output]
    assert answer.words_different == (expected != before).sum()
    assert answer.classes_changed == (expected.argmax(axis=1) != before.argmax(axis=1)).sum()
    assert answer.accuracy == (COUNT - answer.classes_changed) / COUNT  # the labels are the exact classes
    assert [layer["name"] for layer in answer.layers] == ["conv", "fc"]
    assert [layer["wrapped"] for layer in answer.layers] == [altered.wrapped["conv"], altered.wrapped["fc"]]


def test_accumulators_as_wide_as_derived_change_nothing(opened):
    widest = max(t.type.width for t in opened.graph.tensors.values())
    (answer,) = ask(opened, accumulator_bits=(widest,))
    assert (answer.accuracy, answer.classes_changed, answer.words_different) == (1.0, 0, 0)
    assert all(layer["wrapped"] == 0 for layer in answer.layers)


def test_nothing_altered_is_the_graph(opened):
    codes = codes_of(opened)
    assert np.array_equal(Altered(opened.graph).run(codes)[0], execute(opened.graph, codes))


def negative_sums(*after):
    """Codes 0..15, sums of three times -7 and of three times -1, and nodes `after` from tensor b to tensor y."""
    nodes = [quant("q", "x", "a", signed=0), quant("wq", "w", "v"), helper.make_node("Conv", ["a", "v"], ["b"], "conv")]
    given = {**constants_of("q", 1.0, 4), **constants_of("wq", 1.0, 4), **constants_of("r", 8.0, 4)}
    given["gain"] = np.array([1, 0.125], np.float32).reshape(2, 1, 1)
    given["w"] = np.array([-7, -1], np.float32).reshape(2, 1, 1, 1).repeat(3, axis=1)
    opened = open_proto(model([*nodes, *after], given, (3, 2, 2)), "sums")
    codes = np.random.default_rng(1).integers(0, 16, (50, 2, 2, 3))
    acc = codes.sum(axis=3, keepdims=True) * np.array([-7, -1])
    return opened.graph, codes, acc


def test_a_wrapped_sum_beyond_the_steps_takes_the_code_of_the_end():
    less = helper.make_node("Mul", ["b", "gain"], ["c"], "less")
    graph, codes, acc = negative_sums(less, quant("r", "c", "y"))
    steps = next(n for n in graph.nodes if n.op == "Step").attrs["steps"]
    wrong = wrapped(acc, 6)
    assert steps.high == 0 < wrong.max(), "the wrap must leave the range, or this shows nothing"
    # The second channel has fewer steps in the range; what the table of thresholds is filled up with must not count.
    expected = np.clip(np.rint(np.minimum(wrong, 0) * np.array([1, 0.125]) / 8), -8, 7)
    assert np.array_equal(Altered(graph, {"conv": 6}).run(codes)[0], expected)


def test_a_range_grows_with_what_is_in_it():
    tensor = Tensor("t", (2,), -3, 5, np.ones(1))
    grown = [_widened(tensor, np.array(x, np.int64)) for x in ([[0, 1]], [[-9, 1]], [[0, 7]], np.zeros((0, 2)))]
    assert [(t.low, t.high) for t in grown] == [(-3, 5), (-9, 5), (-3, 7), (-3, 5)]


def test_wrapped_sums_are_added_exactly():
    """Their sum lies outside of its derived range; nothing may overflow or be refused."""
    graph, codes, acc = negative_sums(helper.make_node("Add", ["b", "b"], ["y"], "twice"))
    assert np.array_equal(Altered(graph, {"conv": 6}).run(codes)[0], 2 * wrapped(acc, 6))


def test_a_wrapped_sum_goes_through_a_pool():
    graph, codes, acc = negative_sums(helper.make_node("MaxPool", ["b"], ["y"], "pool", kernel_shape=[2, 2]))
    expected = wrapped(acc, 6).max(axis=(1, 2), keepdims=True)
    assert expected.max() > graph.tensors[graph.output].high
    assert np.array_equal(Altered(graph, {"conv": 6}).run(codes)[0], expected)


# ---- forms -----------------------------------------------------------------------------------------------------------


def test_forced_forms(opened):
    graph = opened.graph
    steps = graph.node("act").attrs["steps"]
    acc = execute_all(graph, codes_of(opened), {"conv.out"})["conv.out"]
    for answer in ask(opened, requantise=("shift", "multiply", "threshold")):
        form, wrong = approximate(steps, answer.setting)
        (layer,) = answer.layers
        assert layer["form"] == answer.setting and layer["wrong_codes"] == wrong
        assert layer["codes"] == (steps.high - steps.low + 1) * steps.channels
        assert layer["words_different"] == (form.apply(acc) != steps.apply(acc)).sum()
        if wrong == 0:
            assert answer.words_different == 0 and answer.classes_changed == 0 and answer.accuracy == 1.0
    shift, multiply, threshold = (a.layers[0] for a in ask(opened, requantise=("shift", "multiply", "threshold")))
    assert shift["wrong_codes"] > 0 and shift["words_different"] > 0 and shift["bits"] == 0
    assert multiply["bits"] > 0 and threshold["wrong_codes"] == 0
    assert threshold["bits"] == graph.tensors["conv.out"].type.width


def test_a_table_is_no_line():
    nodes = [
        quant("q", "x", "a"),
        helper.make_node("Abs", ["a"], ["b"], "abs"),
        quant("r", "b", "y", signed=0),
    ]
    opened = open_proto(model(nodes, {**constants_of("q", 0.5, 4), **constants_of("r", 0.5, 3)}, (3,)), "abs")
    shift, threshold = answer_all(
        opened, Frames("drawn", images(5, shape=(3,))), Questions(requantise=("shift", "threshold"))
    )
    assert "needs a monotone function" in shift.refused and shift.words_different is None
    assert threshold.refused == "" and threshold.words_different == 0 and threshold.accuracy is None


# ---- weights ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("widths", [{"fc": 3}, {"conv": 2}, {"all": 3}, {"all": 3, "conv": 2}])
def test_fewer_weight_bits(opened, widths):
    edited = Float32Rung(with_weight_bits(opened, widths))
    original = Float32Rung(opened.model)
    for layer, scale in (("conv", 0.125), ("fc", 0.25)):
        bits = widths.get(layer, widths.get("all"))
        now, before = edited.constants[f"{layer}.q"], original.constants[f"{layer}.q"]
        if bits is None:
            assert np.array_equal(now, before)
            continue
        step = scale * 2 ** (4 - bits)
        most = 2 ** (bits - 1) - 1
        kept = np.clip(original.constants[f"{layer}.weight"], -7 * scale, 7 * scale)  # as the 4 bits of the file clip
        nearest = np.clip(np.rint(kept / step), -most, most)
        assert np.array_equal(now, nearest * np.float32(step)) and not np.array_equal(now, before)
    (answer,) = ask(opened, weight_bits=(widths,))
    scores = edited.run(images(COUNT))["scores"]
    truth = original.run(images(COUNT))["scores"]
    assert answer.words_different == (scores != truth).sum()
    assert answer.classes_changed == (scores.argmax(axis=1) != truth.argmax(axis=1)).sum()
    assert answer.accuracy == (COUNT - answer.classes_changed) / COUNT
    assert answer.setting == ",".join(f"{k}={v}" for k, v in widths.items())
    for layer in answer.layers:
        assert layer["bits"] <= widths.get(layer["name"], widths.get("all", 4))


def test_the_same_bits_change_nothing(opened):
    (answer,) = ask(opened, weight_bits=({"all": 4},))
    assert answer.words_different == 0 and answer.accuracy == 1.0


def test_more_bits_than_the_model_has_change_no_weight():
    """Weights that the model clips stay clipped: otherwise more bits would be another network."""
    wild = network()
    stored = next(tensor for tensor in wild.graph.initializer if tensor.name == "fc.weight")
    stored.CopyFrom(numpy_helper.from_array(4 * numpy_helper.to_array(stored), "fc.weight"))
    opened = open_proto(wild, "net")
    before = Float32Rung(wild).constants["fc.q"]
    assert np.abs(Float32Rung(wild).constants["fc.weight"]).max() > 8 * 0.25
    after = Float32Rung(with_weight_bits(opened, {"fc": 16})).constants["fc.q"]
    assert np.abs(after - before).max() <= 0.125 and np.abs(after).max() == np.abs(before).max() == 7 * 0.25


def test_a_quant_that_shares_its_scale_stays(opened):
    made = network()
    conv, fc = (next(n for n in made.graph.node if n.name == name) for name in ("conv.quant", "fc.quant"))
    conv.input[1:] = fc.input[1:]
    shared = open_proto(made, "net")
    edited = Float32Rung(with_weight_bits(shared, {"fc": 2})).constants
    assert np.array_equal(edited["conv.q"], Float32Rung(made).constants["conv.q"])
    assert not np.array_equal(edited["fc.q"], Float32Rung(made).constants["fc.q"])


def test_weights_behind_a_transpose():
    made = network()
    fc = made.graph.node.pop()
    fc.input[1] = "fc.qtt"
    made.graph.node.append(helper.make_node("Transpose", ["fc.q"], ["fc.qt"], "once"))
    made.graph.node.append(helper.make_node("Transpose", ["fc.qt"], ["fc.qtt"], "twice"))
    made.graph.node.append(fc)
    edited = Float32Rung(with_weight_bits(open_proto(made, "net"), {"fc": 2})).constants
    assert set(np.unique(edited["fc.qtt"])) <= {-1.0, 0.0, 1.0}


def test_binary_weights_cannot_be_given_bits():
    opened = open_proto(network(weights="BipolarQuant"), "net")
    with pytest.raises(
        UnsupportedOp, match=r"node 'conv' \(Conv\): its weights must come out of a Quant .*, not BipolarQuant"
    ):
        with_weight_bits(opened, {"conv": 2})
    (answer,) = ask(opened, weight_bits=({"all": 2},))
    assert "not BipolarQuant" in answer.refused and answer.accuracy is None


def test_weights_without_a_quant():
    made = network()
    fc = next(n for n in made.graph.node if n.name == "fc")
    fc.input[1] = "fc.plain"
    made.graph.initializer.append(numpy_helper.from_array(np.full((27, 4), 0.5, np.float32), "fc.plain"))
    with pytest.raises(UnsupportedOp, match="not a constant"):
        with_weight_bits(open_proto(made, "net"), {"fc": 2})


def test_weights_with_a_zero_point():
    made = network()
    for tensor in made.graph.initializer:
        if tensor.name == "fc.quant.zero":
            tensor.CopyFrom(numpy_helper.from_array(np.float32(1), tensor.name))
    with pytest.raises(UnsupportedOp, match=r"node 'fc.quant' \(Quant\): the zero point must be 0"):
        with_weight_bits(open_proto(made, "net"), {"fc": 2})


@pytest.mark.parametrize(
    ("widths", "message"),
    [
        ({"conv9": 2}, "the layer must be all or one of conv, fc, not 'conv9'"),
        ({"fc": 0}, "the bits must be 1 to 16, not 0"),
        ({"fc": 17}, "the bits must be 1 to 16, not 17"),
        ({"fc": 1}, "signed weights need 2 bits or more, not 1"),
    ],
)
def test_bad_widths(opened, widths, message):
    with pytest.raises(BadOption, match=f"--weight-bits: {message}"):
        with_weight_bits(opened, widths)


# ---- questions -------------------------------------------------------------------------------------------------------


def test_questions_are_answered_in_order(opened):
    told = []
    questions = Questions((8, 9), ("threshold",), ({"fc": 3},))
    answers = answer_all(opened, frames(opened), questions, lambda *what: told.append(what))
    assert [(a.kind, a.setting) for a in answers] == [
        ("accumulator-bits", "8"),
        ("accumulator-bits", "9"),
        ("requantise", "threshold"),
        ("weight-bits", "fc=3"),
    ]
    assert [done for _, done in told] == [0, 1, 2, 3] and questions.count == 4
    assert answer_all(opened, frames(opened), Questions()) == ()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"accumulator_bits": (1,)}, "--accumulator-bits: must be 2 to 62, not 1"),
        ({"accumulator_bits": (63,)}, "--accumulator-bits: must be 2 to 62, not 63"),
        ({"requantise": ("magic",)}, "--requantise: must be one of shift, multiply, threshold, not 'magic'"),
    ],
)
def test_bad_questions(asked, message):
    with pytest.raises(BadOption, match=message):
        Questions(**asked)
