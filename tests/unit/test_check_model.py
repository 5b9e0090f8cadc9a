"""The check itself: equal models are equal, planted faults are found, counted and located, refusals are answers."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from check_models import constants_of, images, model, network, quant, save
from onnx import helper, numpy_helper

from lutwright.check import compare_model
from lutwright.check.classes import accuracy, classes
from lutwright.check.compare_model import Options, check_model, check_opened
from lutwright.check.inputs import Frames
from lutwright.check.opened import open_proto, refusal
from lutwright.check.possible import possible_codes, step_codes
from lutwright.check.watch import Watch
from lutwright.errors import BadModel, UnsupportedOp
from lutwright.ir.execute import execute, execute_all
from lutwright.numerics.steps import Steps, Table

ODD = 0.3  # a scale that float32 cannot divide by without rounding


def opened_with(scale=0.25):
    return open_proto(network(scale), "net")


def frames(count=40, labels=None):
    return Frames("drawn", images(count), labels)


@pytest.fixture(scope="module")
def equal():
    return check_opened(opened_with(), frames())


def test_an_exact_model(equal):
    assert equal.mismatches == 0 and equal.float32_differences == 0 and equal.first == ""
    assert equal.arithmetic == "float32" and equal.reason == "" and equal.frames == 40
    stages = {s.name: s for s in equal.stages}
    assert list(stages) == ["input", "conv", "act", "pool", "fc"]
    assert {name: s.words for name, s in stages.items()} == {
        "input": 40 * 72,
        "conv": 40 * 108,
        "act": 40 * 108,
        "pool": 40 * 27,
        "fc": 40 * 4,
    }
    assert equal.words == sum(s.words for s in equal.stages) + equal.outputs[0].words
    (output,) = equal.outputs
    assert (output.name, output.words, output.after_passes, output.floats, output.classes) == (
        "scores",
        160,
        0,
        None,
        True,
    )
    act, conv = stages["act"], stages["conv"]
    assert act.accumulator_bits == conv.bits == conv.accumulator_bits and act.requantise and act.proof["words"] > 0
    assert (act.low, act.high) == (0, 7) and sum(act.histogram) == act.words
    assert act.saturated == pytest.approx((act.histogram[0] + act.histogram[-1]) / act.words)
    assert act.unused_codes == sum(1 for n in act.histogram if n == 0)
    graph = opened_with().graph
    sums = execute_all(graph, graph.edge.codes(graph.edge.arrange(images(40))), {"conv.out"})["conv.out"]
    assert conv.unused_codes == conv.high - conv.low + 1 - np.unique(sums).size
    assert (conv.observed_low, conv.observed_high) == (sums.min(), sums.max())
    for s in equal.stages:
        assert s.low <= s.observed_low <= s.observed_high <= s.high and s.observed_bits <= s.bits
    assert conv.requantise == "" and conv.proof is None and conv.saturated is None and conv.histogram == ()


def test_the_result_is_json(equal):
    words = json.loads(json.dumps(equal.as_dict()))
    assert words["refused"] is None and words["mismatches"] == 0 and words["what_if"] == [] and words["accuracy"] == {}
    wanted = {"name", "op", "words", "mismatches", "float32_differences", "accumulator_bits", "requantise", "proof"}
    wanted |= {"low", "high", "observed_low", "observed_high", "unused_codes", "saturated", "first"}
    assert wanted <= set(words["stages"][0])


def test_blocks_make_no_difference(equal, monkeypatch):
    seen = []
    monkeypatch.setattr(compare_model, "_MOST_FRAMES", 7)
    again = check_opened(opened_with(), frames(), lambda *told: seen.append(told))
    assert again == equal
    assert seen == [("frames", start, 40) for start in range(0, 40, 7)]


def test_float64_is_the_truth_of_an_odd_scale():
    found = check_opened(opened_with(ODD), frames(200))
    assert found.arithmetic == "float64" and "power of two" in found.reason
    assert found.mismatches == 0


def test_float32_differences_are_counted_apart():
    opened = opened_with(ODD)
    tie = np.full((1, 2, 6, 6), 0.0, np.float32)
    # Beside a tie: float32 division gives the half itself, float64 does not.
    near = next(
        v
        for k in range(1, 15)
        for v in (np.float32((k + 0.5) * ODD), np.nextafter(np.float32((k + 0.5) * ODD), np.float32(9)))
        if np.rint(np.float32(v) / np.float32(ODD)) != np.rint(float(v) / float(np.float32(ODD)))
    )
    tie[0, 1, 2, 3] = near
    found = check_opened(opened, Frames("tie", tie))
    assert found.mismatches == 0
    assert found.stages[0].float32_differences == 1 and found.float32_differences >= 1


def test_accuracy_by_rung():
    opened = opened_with()
    first = check_opened(opened, frames())
    assert first.accuracy == {}
    from lutwright.check.rungs import Float32Rung

    labels = np.argmax(Float32Rung(opened.model).run(images(40))["scores"], axis=1)
    labels[:10] = (labels[:10] + 1) % 4
    found = check_opened(opened, frames(40, labels))
    assert found.accuracy == {"float32": 0.75, "float64": 0.75, "integer": 0.75}


# ---- planted faults --------------------------------------------------------------------------------------------------


def planted(opened, name, **attrs):
    """`opened` whose imported graph has node `name` with other attributes."""
    graph = opened.graph
    nodes = tuple(replace(n, attrs={**n.attrs, **attrs}) if n.name == name else n for n in graph.nodes)
    return replace(opened, imported=replace(opened.imported, graph=graph.with_nodes(nodes, graph.tensors)))


@pytest.mark.parametrize("scale", [0.25, ODD])
def test_a_wrong_weight_is_found(scale):
    opened = opened_with(scale)
    weights = opened.graph.node("conv").attrs["weights"].copy()
    at = tuple(np.argwhere((weights > -7) & (weights < 7))[0])
    weights[at] += 1 if weights[at] < 0 else -1
    found = check_opened(planted(opened, "conv", weights=weights), frames())
    stages = {s.name: s for s in found.stages}
    assert stages["input"].mismatches == 0 and stages["conv"].mismatches > 0
    assert found.mismatches >= stages["conv"].mismatches
    assert found.first == stages["conv"].first
    assert found.first.startswith(f"stage 'conv', frame 0, channel {at[0]}, row ")
    assert found.first.endswith(f"(first of {stages['conv'].mismatches})")


def test_a_wrong_threshold_is_found_where_it_is():
    opened = opened_with()
    steps = opened.graph.node("act").attrs["steps"]
    moved = steps.thresholds.copy()
    moved[1, 2] += 1 if moved[1, 2] < moved[1, 3] else -1
    wrong = Steps(moved, steps.base, steps.direction, steps.low, steps.high)
    found = check_opened(planted(opened, "act", steps=wrong), frames(200))
    stages = {s.name: s for s in found.stages}
    assert stages["conv"].mismatches == 0 and stages["act"].mismatches > 0
    assert "stage 'act', frame " in found.first and "channel 1," in found.first


def test_a_pass_that_changes_words_is_found(monkeypatch):
    monkeypatch.setattr(compare_model, "_MOST_FRAMES", 7)
    opened = opened_with()
    graph = opened.fitted
    weights = graph.node("fc").attrs["weights"].copy()
    weights[0, 0] += 1
    nodes = tuple(replace(n, attrs={**n.attrs, "weights": weights}) if n.name == "fc" else n for n in graph.nodes)
    broken = replace(opened, fitted=graph.with_nodes(nodes, graph.tensors))
    found = check_opened(broken, frames())
    codes = graph.edge.codes(graph.edge.arrange(images(40)))
    changed = execute(broken.fitted, codes) != execute(opened.graph, codes)
    assert found.outputs[0].after_passes == found.mismatches == changed.sum() > 0
    assert found.first == f"output 'scores': {found.mismatches} words changed by the passes"


def with_bias():
    """network(), its scores with a bias that is on no grid."""
    made = network()
    made.graph.node[-1].output[0] = "sums"
    made.graph.node.append(helper.make_node("Add", ["sums", "bias"], ["scores"], "bias"))
    made.graph.initializer.append(numpy_helper.from_array(np.float32([0.1, -0.2, 0.3, 0]), "bias"))
    return made


def test_floats_behind_the_last_integers():
    opened = open_proto(with_bias(), "net")
    found = check_opened(opened, frames())
    assert found.mismatches == 0 and found.outputs[0].floats.values == 160
    graph = opened.graph
    leave = replace(graph.exit, chain=graph.exit.chain.then(graph.exit.chain.ops[-1]))
    twice = replace(graph, outputs=(replace(graph.only, exit=leave),))
    wrong = replace(opened, imported=replace(opened.imported, graph=twice))
    found = check_opened(wrong, frames())
    assert found.outputs[0].floats.mismatches == found.mismatches == 120  # the bias of 0 makes no difference twice
    assert found.first == "output 'scores': 120 floats differ, by up to 0.3"


def test_infinite_outputs_are_equal_where_both_are():
    made = with_bias()
    for node in made.graph.node[-1:]:
        node.op_type = "Mul"
    made.graph.initializer[-1].CopyFrom(numpy_helper.from_array(np.float64([1e300, -1e300, 1e300, 1]), "bias"))
    made.graph.node.append(helper.make_node("Mul", ["scores", "bias"], ["far"], "again"))
    made.graph.output[0].name = "far"
    found = check_opened(open_proto(made, "net"), frames())
    assert found.mismatches == 0 and found.outputs[0].floats.largest == 0


# ---- refusals --------------------------------------------------------------------------------------------------------


def test_a_refused_model(tmp_path):
    nodes = [quant("q", "x", "a"), helper.make_node("LSTM", ["a", "w", "w"], ["y"], "memory", hidden_size=1)]
    made = model(nodes, {**constants_of("q", 0.5, 4), "w": np.zeros((1, 4, 3), np.float32)}, (3, 3))
    found = check_model(save(made, tmp_path / "lstm.onnx"), Options())
    assert found.refused.node == "memory" and found.refused.op == "LSTM" and found.refused.error == "UnsupportedOp"
    assert "LSTM" in found.refused.reason and found.refused.message.startswith("node 'memory' (LSTM): ")
    assert found.words == 0 and found.frames == 0 and found.as_dict()["refused"]["node"] == "memory"


def test_a_refusal_without_a_node():
    found = refusal(UnsupportedOp("output 'y'", "must be quantised", "a float", "Quantise it."))
    assert (found.node, found.op) == ("", "")
    assert found.reason == "must be quantised, not a float. Quantise it."
    found = refusal(UnsupportedOp("node 'a (b)' (Conv)", "must be so"))
    assert (found.node, found.op, found.reason) == ("a (b)", "Conv", "must be so.")


def test_no_model(tmp_path):
    with pytest.raises(BadModel, match="must be a file, not missing"):
        check_model(tmp_path / "none.onnx", Options())


def test_random_frames_are_the_default(tmp_path):
    found = check_model(save(network(), tmp_path / "net.onnx"), Options(frames=6, seed=3))
    assert (found.frames, found.source, found.name, found.mismatches) == (6, "random, seed 3", "net", 0)
    assert found.stages[0].unused_codes == 0


# ---- parts -----------------------------------------------------------------------------------------------------------


def test_watch_counts():
    watch = Watch("s", -1, 3, True)
    watch.observe(np.array([[0, 3]]))
    watch.observe(np.array([[1, 1]]))
    watch.observe(np.zeros((0, 2), np.int64))
    assert (watch.observed_low, watch.observed_high, watch.unused) == (0, 3, 2)
    assert watch.counts.tolist() == [0, 1, 2, 0, 1]
    assert Watch("s", 0, 4095, True).unused == 4096 and Watch("s", 0, 4096, True).unused is None
    assert Watch("s", -1, 1, True, np.array([-1, 1])).unused == 2


@pytest.mark.parametrize(("exact", "wrong"), [(True, 3), (False, 2)])
def test_a_word_must_lie_on_its_integer(exact, wrong):
    watch = Watch("s", 0, 9, exact)
    truth = np.array([[1.0, 2.0000005, 3.4, np.nan]])
    watch.compare(np.array([[1, 2, 3, 4]]), truth, np.array([[1.4, 2.6, 3, 4]]), 8)
    assert (watch.words, watch.mismatches, watch.float32_differences) == (4, wrong, 1)
    place = "element 1: model 2.0000005" if exact else "element 2: model 3.4"
    assert watch.first_of_all == f"stage 's', frame 8, {place}, integer {2 if exact else 3} (first of {wrong})"


def test_large_accumulators_may_round_more():
    watch = Watch("s", 0, 1 << 40, False)
    large = np.array([[1 << 30]])
    watch.compare(large, large + 1e-5, large, 0)
    assert watch.mismatches == 0
    watch.compare(large, large + 0.1, large, 0)
    assert watch.mismatches == 1


def test_step_codes_leave_out_what_is_jumped_over():
    steps = Steps(np.array([[5, 5], [7, 11]]), np.array([-1, 4]), np.array([1, -1]), 0, 10)
    assert step_codes(steps).tolist() == [-1, 1, 3, 4]
    assert step_codes(Table(np.array([[3, 1, 3]]), 0, 2)).tolist() == [1, 3]


def test_possible_codes_of_signs():
    nodes = [
        helper.make_node("BipolarQuant", ["x", "s"], ["a"], "sign", domain="qonnx.custom_op.general"),
        helper.make_node("MaxPool", ["a"], ["b"], "pool", kernel_shape=[2, 2]),
        quant("wq", "w", "v"),
        helper.make_node("Conv", ["b", "v"], ["y"], "conv"),
    ]
    given = {"s": np.float32(1), "w": np.ones((1, 1, 2, 2), np.float32), **constants_of("wq", 1.0, 4)}
    found = possible_codes(open_proto(model(nodes, given, (1, 4, 4)), "signs"))
    assert {name: codes.tolist() for name, codes in found.items()} == {"input": [-1, 1], "pool.out": [-1, 1]}


def test_classes():
    scores = np.array([[0.5, 2, 2], [1, 0, -1]])
    assert classes(scores).tolist() == [1, 0]
    assert classes(scores[:, :, None, None]).tolist() == [1, 0]
    assert classes(np.array([[7], [3]])).tolist() == [7, 3]
    assert classes(np.array([7, 3])).tolist() == [7, 3]
    assert classes(np.array([[7, 1], [3, 2]])).tolist() == [7, 3]  # TopK: the first one counts
    assert classes(np.zeros((2, 3, 4, 4))) is None and classes(np.zeros((2, 1))) is None
    assert classes(np.zeros((0, 3))) is None
    assert accuracy(scores, np.array([1, 1])) == 0.5 and accuracy(np.zeros((2, 2, 2)), np.array([0, 0])) is None


def test_a_model_that_ends_in_an_index():
    made = network()
    made.graph.node.append(helper.make_node("ArgMax", ["scores"], ["class"], "best", axis=1))
    made.graph.output[0].name = "class"
    opened = open_proto(made, "net")
    labels = check_opened(opened, frames()) and np.zeros(40, np.int64)
    found = check_opened(opened, frames(40, labels))
    assert found.mismatches == 0 and found.stages[-1].op == "ArgMax" and found.outputs[0].floats is None
    assert len(set(found.accuracy.values())) == 1 and set(found.accuracy) == {"float32", "float64", "integer"}


def test_one_tap_twice_is_one():
    tap = SimpleNamespace(model_tensor="a", tensor="b")
    assert len(compare_model._distinct((tap, tap, SimpleNamespace(model_tensor="c", tensor="b")))) == 2


def test_a_stage_that_nothing_is_compared_with():
    made = network()
    conv = next(n for n in made.graph.node if n.name == "conv")
    conv.input.append("conv.bias")
    made.graph.initializer.append(numpy_helper.from_array(np.float32([0.1, 0.2, 0.3]), "conv.bias"))
    found = check_opened(open_proto(made, "net"), frames())
    stages = {s.name: s for s in found.stages}
    assert found.mismatches == 0
    assert stages["conv"].words == 0 and stages["conv"].observed_high > 0 and stages["act"].words > 0
