"""Several outputs: the graph that has them, the frontend that finds them, and the check that compares each."""

import json
from dataclasses import replace

import numpy as np
import pytest
from onnx import helper
from small_models import Net, agree, half_steps
from typer.testing import CliRunner

from lutwright.check.classes import class_count, class_output
from lutwright.check.compare_model import Options, check_model, check_opened
from lutwright.check.inputs import Frames, load_frames
from lutwright.check.opened import open_proto
from lutwright.check.what_if import Questions
from lutwright.cli.main import app
from lutwright.errors import BadGraph, BadModel, UnsupportedOp
from lutwright.frontend.translate import import_with_taps
from lutwright.ir.execute import execute, execute_outputs
from lutwright.ir.text import to_text
from lutwright.passes import run_pipeline
from lutwright.passes.classify import classify
from lutwright.passes.drop_unread import drop_unread


def two_heads(power=True):
    """Features of 6 that are put out and read on, four scores of them with a bias, and the class of three others."""
    net = Net((2, 5, 5), power)
    image = net.act(net.add("Conv", net.start(), net.weights(3, 2, 3, 3), name="conv"))
    features = net.act(net.add("MatMul", net.add("Flatten", image), net.weights(27, 6)), name="features")
    bias = net.constant(net.rng.normal(0, 0.5, 4), "bias")
    scores = net.add("Add", net.add("MatMul", features, net.weights(6, 4), name="fc"), bias, name="scores")
    others = net.add("MatMul", features, net.weights(6, 3, name="v"), name="others")
    return net.model(features, scores, net.add("ArgMax", others, axis=1, name="best"))


@pytest.fixture(scope="module")
def imported():
    return agree(two_heads(False))


def test_every_output_is_the_models_own(imported):
    graph = imported.graph
    assert [(o.name, o.tensor, o.exit is None) for o in graph.outputs] == [
        ("features_y", "features.out", False),
        ("scores_y", "fc.out", False),
        ("best_y", "best.out", True),
    ]
    assert graph.ends == ("features.out", "fc.out", "best.out")
    assert to_text(graph).endswith(
        "  output features_y: features.out\n  output scores_y: fc.out\n  output best_y: best.out\n"
    )
    agree(two_heads(True), exact=True)


def test_who_needs_one_output_says_so(imported):
    graph = imported.graph
    codes = np.zeros((1, 5, 5, 2), np.int64)
    for ask in (lambda: graph.output, lambda: graph.exit, lambda: graph.only, lambda: execute(graph, codes)):
        with pytest.raises(BadGraph, match="must have one output here, not features_y, scores_y, best_y"):
            ask()
    first = drop_unread(replace(graph, outputs=graph.outputs[:1]))
    assert (first.output, first.exit) == ("features.out", graph.outputs[0].exit)
    assert {node.op for node in first.nodes} == {"Conv", "Flatten", "Dense", "Step"}
    assert np.array_equal(execute(first, codes), execute_outputs(graph, codes)[0])


def test_passes_keep_every_output(imported):
    graph = imported.graph
    codes = np.random.default_rng(0).integers(0, 16, (9, 5, 5, 2))
    fitted = drop_unread(run_pipeline(graph))
    assert [o.name for o in fitted.outputs] == [o.name for o in graph.outputs]
    for want, have in zip(execute_outputs(graph, codes), execute_outputs(fitted, codes), strict=True):
        assert np.array_equal(have, want)
    assert classify(fitted) is fitted


def test_one_tensor_may_be_put_out_in_two_ways():
    net = Net((6,))
    scores = net.add("MatMul", net.start(), net.weights(6, 4), name="fc")
    graph = agree(net.model(scores, net.add("Softmax", scores), net.start())).graph
    assert [o.tensor for o in graph.outputs] == ["fc.out", "fc.out", "input"]
    assert graph.ends == ("fc.out", "input")


def test_names_are_made_fit_and_different():
    net = Net((6,))
    scores = net.add("MatMul", net.start(), net.weights(6, 4), name="fc")
    names = ["a/b", "a.b", "output", "7", "a_b"]
    made = net.model(*names)
    for name in names:
        made.graph.node.append(helper.make_node("Relu", [scores], [name], f"node {name}"))
    assert [o.name for o in import_with_taps(made, "net").graph.outputs] == ["a_b", "a_b_2", "output", "7", "a_b_3"]


def test_too_many_outputs_are_refused():
    net = Net((6,))
    begin = net.start()
    names = [net.add("Relu", begin) for _ in range(257)]
    assert len(import_with_taps(net.model(*names[:256]), "net").graph.outputs) == 256
    with pytest.raises(UnsupportedOp, match=r"model 'net': must have at most 256 outputs, not 257\. Cut the model\."):
        import_with_taps(net.model(*names), "net")


def test_an_output_that_no_integers_make_is_named():
    net = Net((6,))
    scores = net.add("MatMul", net.start(), net.weights(6, 4))
    raw = net.add("Relu", "input", name="raw")
    with pytest.raises(BadModel, match=r"output 'raw\.y': must be computed from the quantised input"):
        import_with_taps(net.model(scores, raw), "net")


# ---- which output tells the class ------------------------------------------------------------------------------------


def test_classes_are_told_by_an_index_else_by_scores_that_nothing_reads(imported):
    graph = imported.graph
    assert (class_output(graph), class_count(graph)) == (2, 3)
    floats = replace(graph, outputs=graph.outputs[:2])
    assert (class_output(floats), class_count(floats)) == (1, 4)
    features = replace(graph, outputs=graph.outputs[:1])
    assert (class_output(features), class_count(features)) == (0, 6)
    net = Net((2, 5, 5))
    image = net.act(net.add("Conv", net.start(), net.weights(3, 2, 3, 3)))
    none = import_with_taps(net.model(image), "net").graph
    assert (class_output(none), class_count(none)) == (0, None)


# ---- the check -------------------------------------------------------------------------------------------------------


def opened_and_frames(count=40):
    opened = open_proto(two_heads(), "net")
    frames = half_steps(opened.graph, (2, 5, 5), count).astype(np.float32)
    return opened, Frames("drawn", frames, np.zeros(count, np.int64))


def test_the_check_compares_each_output():
    found = check_opened(*opened_and_frames())
    assert found.mismatches == 0 and found.first == ""
    assert [(o.name, o.words, o.after_passes, o.classes) for o in found.outputs] == [
        ("features_y", 240, 0, False),
        ("scores_y", 160, 0, False),
        ("best_y", 40, 0, True),
    ]
    features, scores, index = (o.floats for o in found.outputs)
    assert features is None and index is None and (scores.values, scores.mismatches) == (160, 0)
    assert found.words == sum(s.words for s in found.stages) + 440
    assert set(found.accuracy) == {"float32", "float64", "integer"} and 0 < found.accuracy["integer"] < 1


def test_a_fault_in_one_output_is_found_there():
    opened, frames = opened_and_frames()
    graph = opened.graph
    leave = graph.outputs[1].exit
    twice = replace(graph.outputs[1], exit=replace(leave, chain=leave.chain.then(leave.chain.ops[-1])))
    outputs = (graph.outputs[0], twice, graph.outputs[2])
    wrong = replace(opened, imported=replace(opened.imported, graph=replace(graph, outputs=outputs)))
    found = check_opened(wrong, frames)
    assert found.mismatches == found.outputs[1].floats.mismatches == 160
    assert found.first.startswith("output 'scores_y': 160 floats differ, by up to ")
    weights = opened.fitted.node("fc").attrs["weights"].copy()
    weights[0] += 1
    nodes = tuple(
        replace(n, attrs={**n.attrs, "weights": weights}) if n.name == "fc" else n for n in opened.fitted.nodes
    )
    changed = replace(opened, fitted=opened.fitted.with_nodes(nodes, opened.fitted.tensors))
    found = check_opened(changed, frames)
    assert [o.after_passes > 0 for o in found.outputs] == [False, True, False]
    assert found.first == f"output 'scores_y': {found.mismatches} words changed by the passes"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "heads.onnx"
    path.write_bytes(two_heads().SerializeToString())
    return path


def test_what_if_counts_every_output_and_the_told_classes(file):
    exact, narrow = check_model(file, Options(frames=30, questions=Questions((40, 3)))).what_if
    assert (exact.words_different, exact.classes_changed) == (0, 0)
    assert narrow.words_different > 120 and 0 < narrow.classes_changed <= 30
    (coarse,) = check_model(file, Options(frames=30, questions=Questions(weight_bits=({"all": 2},)))).what_if
    assert coarse.words_different > 120 and coarse.refused == ""


def test_the_verb_reports_each_output(file, tmp_path):
    page = tmp_path / "page.html"
    result = CliRunner().invoke(app, ["check", str(file), "--frames", "20", "--json", "--report", str(page)])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert [(o["name"], o["words"], o["after_passes"], o["classes"]) for o in told["outputs"]] == [
        ("features_y", 120, 0, False),
        ("scores_y", 80, 0, False),
        ("best_y", 20, 0, True),
    ]
    assert told["outputs"][0]["floats"] is None and told["outputs"][1]["floats"]["values"] == 80
    text = page.read_text()
    assert text.index(">features_y<") < text.index(">scores_y<") < text.index(">best_y, the classes<")
    shown = CliRunner().invoke(app, ["check", str(file), "--frames", "20"])
    assert "outputs" in shown.stderr and "best_y" in shown.stderr


def test_the_frames_that_are_drawn_count_the_largest_output():
    net = Net((1, 2, 2))
    far = net.add("Resize", net.start(), "", net.constant([1, 1, 2048, 2048]), name="far", mode="nearest")
    opened = open_proto(net.model(net.add("Flatten", net.start()), far), "net")
    assert len(load_frames(opened, "", None, 1).x) == 4
