"""The benchmark: what it measures is proved first, and nothing wrong gets a figure."""

import json
import sys
from dataclasses import replace

import numpy as np
import onnx
import pytest

from lutwright.check.opened import open_proto
from lutwright.errors import Mismatch
from lutwright.ir import execute as executor
from lutwright.resources import room

sys.path.insert(0, str(room("hw").parent / "benchmarks"))

import conversion
import engines
import networks
import tables
import timing
import verification
from executor import main

SMALL = ["--models", "digits", "--batches", "1", "--seconds", "0.001"]


@pytest.fixture(scope="module")
def digits():
    """Module, opened model, 8 frames and their exact output."""
    module, model = networks.build("digits", 1)
    opened = open_proto(model, "digits")
    x = networks.images((1, 8, 8), 8).numpy()
    return module, opened, x, verification.verified_words(opened, x)[0]


# ---- the whole run ---------------------------------------------------------------------------------------------------


def test_the_table_says_what_was_measured_and_proved(tmp_path, capsys):
    assert main([*SMALL, "--out", str(tmp_path / "page.md"), "--json", str(tmp_path / "all.json")]) == 0
    page = (tmp_path / "page.md").read_text()
    assert capsys.readouterr().out == page + "\n"
    assert "    python benchmarks/executor.py --models digits --batches 1 --seconds 0.001 --seed 1\n" in page
    assert str(tmp_path) not in page
    (line,) = [line for line in page.splitlines() if line.startswith("| digits CNN")]
    found = json.loads((tmp_path / "all.json").read_text())
    (row,) = found["speed"]
    assert (row["batch"], row["agree"]) == (1, dict.fromkeys(row["rate"], 1))
    assert list(row["rate"]) == ["integers", "floats", "Brevitas", "Brevitas, inference mode", "qonnx"]
    assert line.split(" | ")[2] == tables.number(row["rate"]["integers"])
    assert line.endswith("| 1, 1 of 1 |")
    assert f"Words compared, 0 different: digits CNN, 1x8x8: {row['words']:,}." in page
    assert found["conversion"] == [] and "## Conversion" not in page


@pytest.mark.parametrize("module", ["lutwright.ir.execute.execute", "lutwright.check.compare_model.execute_all"])
def test_wrong_integers_get_no_figures(module, monkeypatch, capsys):
    def execute(*rest):
        return executor.execute_all(rest[0], rest[1], {rest[0].output})[rest[0].output] + 1

    def execute_all(*rest):
        return {name: words + 1 for name, words in executor.execute_all(*rest).items()}

    monkeypatch.setattr(module, execute if module.endswith("execute") else execute_all)
    assert main(SMALL) == Mismatch.exit_code
    out, err = capsys.readouterr()
    assert out == "" and "Mismatch: digits" in err


@pytest.mark.parametrize(("option", "rule"), [("--batches", "must be 1 or more"), ("--seconds", "must be more than 0")])
def test_options_that_measure_nothing_are_refused(option, rule, capsys):
    assert main([option, "0"]) == 2
    assert f"BadOption: {option}: {rule}, not 0" in capsys.readouterr().err


# ---- verification ----------------------------------------------------------------------------------------------------


def test_every_engine_agrees(digits):
    module, opened, x, words = digits
    with engines.engines(module, opened, x, cached=True) as calls:
        for name, ways in calls.items():
            assert ways
            for call in ways:
                assert verification.check_output(name, opened, words, call()) == len(x)
    with engines.engines(module, opened, x, cached=False) as calls:
        assert engines.CACHED not in calls


def test_lutwrights_floats_must_be_the_exact_ones(digits):
    _, opened, _, words = digits
    scores = opened.graph.exit.values(words)
    near = np.nextafter(scores, np.float32(np.inf))
    with pytest.raises(Mismatch, match="digits by floats, batch 8: the output must equal the exact one"):
        verification.check_output(engines.FLOATS, opened, words, near)
    assert verification.check_output(engines.QONNX, opened, words, near) == 8


def test_classes_must_agree_but_for_what_float32_rounds(digits):
    _, opened, _, words = digits
    scores = opened.graph.exit.values(words)

    def off(count):
        return np.concatenate([-scores[:count], scores[count:]])

    with pytest.raises(Mismatch, match="digits by qonnx, batch 8: 8 frames must have the exact class, not 7"):
        verification.check_output(engines.QONNX, opened, words, off(1))
    inexact = replace(opened, imported=replace(opened.imported, arithmetic=np.float64))
    assert verification.check_output(engines.QONNX, inexact, words, off(2)) == 6
    with pytest.raises(Mismatch, match="6 frames must have the exact class, not 5"):
        verification.check_output(engines.QONNX, inexact, words, off(3))


# ---- the parts -------------------------------------------------------------------------------------------------------


def test_networks_come_from_their_seed():
    models = [networks.build("digits", seed)[1] for seed in (1, 1, 2)]
    weights = [[onnx.numpy_helper.to_array(t) for t in model.graph.initializer] for model in models]
    same = [
        [a.shape == b.shape and bool((a == b).all()) for a, b in zip(weights[0], other, strict=True)]
        for other in weights[1:]
    ]
    assert all(same[0]) and not all(same[1])


def test_calls_take_turns_and_the_shortest_counts(monkeypatch):
    clock, called = [0.0], []
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])

    def call(name, takes):
        def run():
            called.append(name)
            clock[0] += takes.pop(0)

        return run

    calls = [call("a", [3.0, 2.0, 5.0]), call("b", [8.0]), call("c", [])]
    assert timing.best_seconds(calls, [4.0, 7.0, 11.0], 8.0) == [2.0, 7.0, 11.0]
    assert called == ["a", "b", "a", "a"]


def test_a_conversion_is_measured_in_a_process_of_its_own(digits, tmp_path):
    _, opened, _, _ = digits
    onnx.save(opened.model, tmp_path / "model.onnx")
    found = conversion.measure(tmp_path / "model.onnx")
    assert found.nodes == len(opened.fitted.nodes)
    assert 0 < found.imports_mib <= found.graph_mib <= found.peak_mib
    assert found.imports_mib < conversion.convert(tmp_path / "model.onnx").imports_mib  # torch is in this process
    assert found.seconds == found.graph_seconds + found.passes_seconds > 0


def test_ratios_and_gaps_of_the_page():
    rate = {"integers": 3000.0, "floats": 2000.0, "Brevitas": 100.0, "qonnx": 2.5}
    speed = {"title": "N", "batch": 4, "words": 1234, "rate": rate, "agree": {"Brevitas": 4, "qonnx": 3}}
    memory = {"imports_mib": 50.0, "graph_mib": 60.0, "peak_mib": 75.0}
    made = {"title": "N", "nodes": 9, "graph_seconds": 1.25, "passes_seconds": 0.5, **memory}
    page = tables.page("make bench", 0.0, [speed], [made])
    assert "| N | 4 | 3,000 | 2,000 | 100 | - | 2.5 | 20.0 / 30.0 | - | 800.0 / 1200.0 | 4, 3 of 4 |" in page
    assert "| N | 9 | 1.25 | 0.50 | 1.75 | 50 | 10 | 15 |" in page
