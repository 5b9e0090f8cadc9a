"""The benchmark of the hls4ml backend: what it judges, what it says where hls4ml dies, what it prints."""

import json
import subprocess
import sys
from dataclasses import asdict

import numpy as np
import onnx
import pytest

from lutwright.resources import room

sys.path.insert(0, str(room("hw").parent / "benchmarks"))

import hls_models
import hls_page
import hls_plain
from hls_ours import Ours, ours
from hls_verdict import Verdict, verdict

import hls
from lutwright.hls.options import HlsOptions
from lutwright.ir.execute import execute


@pytest.fixture(scope="module")
def jet():
    """The opened MLP, 6 frames and the model's float outputs."""
    opened = hls_models.opened_model("jet", 1)
    x = hls_models.frames_of("jet", opened, 6, 1)
    graph = opened.graph
    return opened, x, graph.exit.values(execute(graph, graph.edge.codes(graph.edge.arrange(x))))


def test_outputs_are_exact_or_of_the_right_class_or_wrong(jet):
    opened, x, y = jet
    assert verdict(opened, x, y) == Verdict("exact", 6, 6, 6)
    assert verdict(opened, x, y * 0.99) == Verdict("right class only", 6, 0, 6)
    assert verdict(opened, x, -y) == Verdict("silently wrong", 6, 0, 0)
    one = y.copy()
    one[2] = np.roll(one[2], 1)
    assert verdict(opened, x, one).kind == "silently wrong" and verdict(opened, x, one).exact == 5


def test_half_a_step_of_the_last_scale_is_the_limit(jet):
    opened, x, y = jet
    graph = opened.graph
    words = execute(graph, graph.edge.codes(graph.edge.arrange(x)))
    step = graph.exit.values(words + 1) - y
    assert verdict(opened, x, y + 0.49 * step).exact == 6
    assert verdict(opened, x, y + 0.51 * step).exact == 0


def test_what_is_refused_has_its_reason(jet, monkeypatch):
    import hls_ours

    from lutwright.errors import UnsupportedOp

    def refuse(*rest):
        raise UnsupportedOp("node 'x'", "must be small", "large")

    monkeypatch.setattr(hls_ours, "lower", refuse)
    assert ours(jet[0], jet[1], HlsOptions()).refused == "UnsupportedOp: node 'x': must be small, not large."


def test_networks_are_those_that_the_page_promises():
    assert list(hls_models.NETWORKS) == [
        *("tfc_1w1a", "tfc_1w2a", "tfc_2w2a"),
        *("mnist-mux", "digits", "jet"),
        *("cnv_1w1a", "cnv_1w2a", "cnv_2w2a"),
    ]
    opened = hls_models.opened_model("mnist-mux", 1)
    assert hls_models.frames_of("mnist-mux", opened, 3, 1).shape == (3, 1, 28, 28)


class Died:
    """subprocess.run that ends as it is told to."""

    def __init__(self, returncode=0, stderr="", stdout=""):
        self.done = subprocess.CompletedProcess([], returncode, stdout, stderr)

    def __call__(self, line, **options):
        return self.done


@pytest.mark.parametrize(
    ("died", "said"),
    [
        (Died(1, "Traceback\n  x\nValueError: no axis\n"), "ValueError: no axis"),
        (Died(1), "it said nothing"),
        (Died(-11), "killed by signal 11"),
    ],
)
def test_how_hls4ml_died_is_told(died, said, monkeypatch):
    monkeypatch.setattr(hls_plain.subprocess, "run", died)
    found = hls_plain.plain(onnx.ModelProto(), np.zeros((1, 2), np.float32), "io_stream", "fixed<16,6>", 1)
    assert (found.outputs, found.said) == (None, said)


def test_hls4ml_may_not_take_for_ever(monkeypatch):
    def forever(line, **options):
        raise subprocess.TimeoutExpired(line, options["timeout"])

    monkeypatch.setattr(hls_plain.subprocess, "run", forever)
    found = hls_plain.plain(onnx.ModelProto(), np.zeros((1, 2), np.float32), "io_stream", "fixed<16,6>", 7)
    assert found.said == "not done after 7 s"


def row(title, mine, kind="", said="", rate=0.0, precision="fixed<9,8>"):
    judged = {"kind": kind, "frames": 5, "exact": 4, "classes": 5} if kind else None
    wide = {"precision": precision, "said": said, "compile_seconds": 3.4, "rate": rate, "verdict": judged}
    good = {"kind": "exact", "exact": 5, "classes": 5}
    default = {"precision": "fixed<16,6>", "said": "", "compile_seconds": 1, "rate": 1, "verdict": good}
    return {"title": title, "frames": 5, "ours": asdict(mine), "plain": [default, wide]}


def test_the_page():
    exact = Ours(words=1234, layers=3, extensions=4, compile_seconds=5.4, rate=0.256)
    wrong = Ours(words=10, mismatches=2, first="stage 'a', frame 0", rate=3000.0)
    rows = [
        row("A", exact, "right class only", rate=99.6),
        row("B", wrong, said="KeyError: 'x'"),
        row("C", Ours(refused="UnsupportedOp: y"), said="killed by signal 11"),
        row("D", Ours(), precision=""),
    ]
    text = hls_page.page("python benchmarks/hls.py", 0.5, rows)
    good = "fixed<16,6>: exact (5 exact, 5 classes)"
    last = "fixed<9,8>: right class only (4 exact, 5 classes) | 3 | 100"
    assert f"| A | 5 | exact | 1,234 | 7, 4 | 5 | 0.26 | {good} | {last} |" in text
    assert f"| B | 5 | 2 wrong | 10 | 0, 0 | 0 | 3,000 | {good} | fixed<9,8>: crash | - | - |" in text
    assert f"| C | 5 | refused | 0 | 0, 0 | - | - | {good} | fixed<9,8>: crash | - | - |" in text
    assert f"| D | 5 | exact | 0 | 0, 0 | - | - | {good} | not run | - | - |" in text and "- D" not in text
    assert "| hls4ml, its default | hls4ml, wider | compile s | frames/s |\n|---|--:|---|" in text
    assert (
        "- B, fixed<9,8>: KeyError: 'x'" in text
        and "- C: UnsupportedOp: y" in text
        and "- B: stage 'a', frame 0" in text
    )


def test_rows_that_are_there_are_kept(tmp_path, monkeypatch, capsys):
    kept = tmp_path / "all.json"
    kept.write_text(json.dumps({"jet": row("jet", Ours(words=7), "exact")}))
    monkeypatch.setattr(hls, "_row", lambda name, options: row(name, Ours(words=8), "exact"))
    arguments = ["--models", "digits", "jet", "--frames", "5", "--json", str(kept), "--out", str(tmp_path / "page.md")]
    assert hls.main(arguments) == 0
    page = (tmp_path / "page.md").read_text()
    assert capsys.readouterr().out == page + "\n"
    assert "    python benchmarks/hls.py --models digits jet --frames 5 --seed 1\n" in page
    assert "| jet | 5 | exact | 7 |" in page and "| digits | 5 | exact | 8 |" in page
    assert list(json.loads(kept.read_text())) == ["jet", "digits"]
    assert hls.main(["--frames", "0"]) == 2
