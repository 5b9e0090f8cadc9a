"""The verb check: exit codes, the JSON object, the page, and options that cannot be."""

import json
import os
import re
import sys

import numpy as np
import pytest
from check_models import constants_of, images, model, network, quant, save
from onnx import helper
from typer.testing import CliRunner

from lutwright.check import compare_model
from lutwright.cli import check as verb
from lutwright.cli.main import app


def call(*words):
    return CliRunner().invoke(app, ["check", *map(str, words)])


@pytest.fixture
def net(tmp_path):
    return save(network(), tmp_path / "net.onnx")


def plain(text):
    return " ".join(text.split())


def test_equal_is_exit_0(net):
    result = call(net, "--frames", 5)
    assert result.exit_code == 0, result.output
    assert "equal: " in result.stderr and " 0 different." in plain(result.stderr) and result.stdout == ""
    assert re.search(r"conv +540 +yes +0", result.stderr)


def test_the_json_object(net, tmp_path):
    np.savez(tmp_path / "d.npz", x=images(8), y=np.zeros(8, np.int64))
    result = call(
        net, "--data", tmp_path / "d.npz", "--json", "--accumulator-bits", "6,20", "--accumulator-bits", 7,
        "--requantise", "threshold", "--weight-bits", "all=3,2", "--weight-bits", "fc=4",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (
        told["frames"] == 8 and told["mismatches"] == 0 and told["arithmetic"] == "float32" and told["refused"] is None
    )
    assert set(told["accuracy"]) == {"float32", "float64", "integer"}
    assert [row["setting"] for row in told["what_if"]] == ["6", "20", "7", "threshold", "all=3,fc=4", "all=2,fc=4"]
    assert told["what_if"][1]["classes_changed"] == 0
    assert "what if" in result.stderr and "no sum can wrap" in plain(result.stderr)


def test_a_mismatch_is_exit_1(net, monkeypatch):
    real = compare_model.execute_all

    def wrong(graph, codes, keep):
        made = real(graph, codes, keep)
        if "conv.out" in made:
            made["conv.out"][2, 1, 3, 0] += 1
        return made

    monkeypatch.setattr(compare_model, "execute_all", wrong)
    result = call(net, "--frames", 5, "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["mismatches"] == 1 and told["first"].startswith(
        "stage 'conv', frame 2, channel 0, row 1, column 3: model "
    )
    assert "Mismatch: stage 'conv', frame 2" in plain(result.stderr) and "1 not" in result.stderr


def test_a_refusal_is_exit_2(tmp_path):
    nodes = [quant("q", "x", "a"), helper.make_node("LSTM", ["a", "w", "w"], ["y"], "memory", hidden_size=1)]
    made = model(nodes, {**constants_of("q", 0.5, 4), "w": np.zeros((1, 4, 3), np.float32)}, (3, 3))
    path = save(made, tmp_path / "lstm.onnx")
    result = call(path, "--json", "--report", tmp_path / "r.html")
    assert result.exit_code == 2
    told = json.loads(result.stdout)
    assert told["refused"]["node"] == "memory" and told["refused"]["op"] == "LSTM" and told["words"] == 0
    assert "UnsupportedOp: node 'memory' (LSTM): " in result.stderr
    page = (tmp_path / "r.html").read_text()
    assert "Not converted." in page and "<dd>memory</dd>" in page and str(tmp_path) not in page


def test_a_name_cannot_write_to_the_terminal(tmp_path):
    name = "\x1b[31m[bold]evil[/bold]\n\r\x07" + "n" * 9000
    made = model([helper.make_node("Frobnicate", ["x"], ["y"], name)], {}, (3,))
    result = call(save(made, tmp_path / "evil.onnx"))
    told = result.stderr.strip()
    assert result.exit_code == 2 and told.startswith("UnsupportedOp: node '\\x1b[31m[bold]evil[/bold]\\n\\r\\x07nnn")
    assert "\n" not in told and told.endswith("lists the operators.") and len(told) < 4100


def test_a_report_into_a_new_folder(net, tmp_path):
    result = call(net, "--frames", 2, "--report", tmp_path / "a" / "b" / "r.html")
    assert result.exit_code == 0 and (tmp_path / "a" / "b" / "r.html").is_file()


def test_a_folder_that_is_read_only(net, tmp_path, monkeypatch):
    monkeypatch.setattr("lutwright.files.os.access", lambda path, mode, **more: mode != os.W_OK)
    result = call(net, "--report", tmp_path / "r.html")
    assert result.exit_code == 2 and "must be a folder to write to, not read-only" in plain(result.stderr)


def test_a_wrong_weight_is_on_the_page(net, tmp_path, monkeypatch):
    """One weight of the integer graph is another: the page says which stage is the first that is wrong."""
    real = compare_model.open_model

    def altered(path, declared):
        made = real(path, declared)
        weights = next(node for node in made.graph.nodes if node.name == "conv").attrs["weights"]
        weights[0, 0, 0, 0] += 1
        return made

    monkeypatch.setattr(compare_model, "open_model", altered)
    result = call(net, "--frames", 20, "--report", tmp_path / "r.html")
    assert result.exit_code == 1 and "Mismatch: stage 'conv', frame" in plain(result.stderr)
    page = (tmp_path / "r.html").read_text()
    places = re.findall(r"<li><b>(.*?)</b>: ([\d,]+) of [\d,]+ words different; first at (.*?)\.</li>", page)
    assert places[0][0] == "conv" and re.fullmatch(r"frame 0, channel 0, .*: model .*, integer .*", places[0][2])
    assert "Not equal: " in page and "First: stage &#39;conv&#39;, frame 0, channel 0" in page


def test_the_page(net, tmp_path):
    words = (net, "--frames", 20, "--accumulator-bits", "6,20", "--weight-bits", "all=3")
    for name in ("a", "b"):
        assert call(*words, "--report", tmp_path / f"{name}.html").exit_code == 0
    page = (tmp_path / "a.html").read_text()
    assert page == (tmp_path / "b.html").read_text()
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page) and str(tmp_path) not in page
    assert "Equal: " in page and page.count("<svg") == 3 and "accumulators of 6 bits" in page


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.onnx"], "BadModel: model 'none.onnx': must be a file, not missing."),
        (["NET", "--data", "none.npz"], "BadData: data file 'none.npz': must be a file, not missing."),
        (["NET", "--data", "imagenet"], "BadData: data set 'imagenet'"),
        (["NET", "--input", "float8"], "BadOption: input type 'float8'"),
        (["NET", "--accumulator-bits", "12,x"], "BadOption: --accumulator-bits: must be integers"),
        (["NET", "--accumulator-bits", "1"], "BadOption: --accumulator-bits: must be 2 to 62, not 1."),
        (["NET", "--requantise", "magic"], "BadOption: --requantise: must be one of"),
        (["NET", "--report", "."], "OutputError: output '.': must be a file, not a folder. Name a file in it."),
        (["NET", "--report", ""], "OutputError: output '.': must be a file, not a folder."),
        (["NET", "--report", "net.onnx/r.html"], "net.onnx' must be a folder to write to, not a file."),
        (["NET", "--frames", "1000000000"], "BadOption: --frames: at most"),
        (["NET", "--weight-bits", "4"], "BadOption: --weight-bits: must be LAYER=N, not '4'."),
        (["NET", "--weight-bits", "=4"], "BadOption: --weight-bits: must be LAYER=N, not '=4'."),
        (["NET", "--weight-bits", "fc=a"], "BadOption: --weight-bits: must be integers"),
        (["NET", "--weight-bits", "fc=4,3", "--weight-bits", "conv=4,3,2"], "fc must have 1 or 3 widths, not 2."),
        (
            ["NET", "--frames", "3", "--weight-bits", "fc9=4"],
            "BadOption: --weight-bits: the layer must be",
        ),
    ],
)
def test_bad_input_is_one_named_line(net, words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = ["net.onnx" if word == "NET" else word for word in words]
    result = call(*given)
    assert result.exit_code == 2 and message in result.stderr and "Traceback" not in result.output
    assert json.loads(call(*given, "--json").stdout)["error"]["message"]


def test_a_report_needs_matplotlib(net, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = call(net, "--frames", 3, "--report", tmp_path / "r.html")
    assert result.exit_code == 2 and "the package matplotlib must be installed" in plain(result.stderr)


def test_wide_terminals_see_more(net, monkeypatch):
    monkeypatch.setattr(verb.terminal, "_width", 140)
    wide = call(net, "--frames", 3).stderr
    assert "6x6x3" in wide and "derived" in wide
    monkeypatch.setattr(verb.terminal, "_width", 80)
    narrow = call(net, "--frames", 3).stderr
    assert "derived" not in narrow and max(map(len, narrow.splitlines())) <= 80
