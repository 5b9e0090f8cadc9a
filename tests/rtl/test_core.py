"""The whole core of the committed network, simulated: equal on every word; and what a fault looks like."""

import json
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from lutwright.cli.main import app
from lutwright.emit.project import open_project
from lutwright.errors import Deadlock, ToolFailed
from lutwright.resources import room
from lutwright.runtime.frames import load_frames
from lutwright.simulate.board import compile_board, play_board
from lutwright.simulate.compare import compare
from lutwright.simulate.core import Run, compile_core, play, standard_runs
from lutwright.simulate.records import read_record

MNIST = room("examples") / "models" / "mnist-mux.onnx"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mnist") / "p"
    result = CliRunner().invoke(app, ["build", str(MNIST), "--board", "tangnano9k", "--out", str(folder)])
    assert result.exit_code == 0, result.output
    return open_project(folder)


@pytest.fixture(scope="module")
def bench(project, tmp_path_factory):
    return compile_core(
        [*project.core_sources, project.bench], tmp_path_factory.mktemp("verilated"), "verilator", taps=True
    )


def test_every_word_of_every_stage(project, bench):
    frames = load_frames(project.graph, "mnist5k", 60)
    results = play(
        bench, project.graph, project.pipeline, frames.codes, standard_runs(60, project.pipeline.interval), True, "rtl"
    )
    assert [r.run.name for r in results] == [
        "no stalls",
        "stalls on both sides",
        "slow input",
        "slow output",
        "reset in mid-frame",
    ]
    for result in results:
        assert result.mismatches == 0, [c.first for c in result.comparisons if c.mismatches]
    stages = {c.stage for c in results[0].comparisons}
    assert stages == {
        "conv1",
        "act1",
        "pool1",
        "conv2",
        "act2",
        "pool2",
        "conv3",
        "act3",
        "pool3",
        "fc",
        "argmax",
        "tlast",
    }
    computed = [node.output for node in project.graph.nodes if node.op != "Flatten"]
    assert results[0].words == 60 * sum(project.graph.tensors[name].words for name in computed) + 60


def test_the_interval_is_that_of_the_slowest_stage(project, bench):
    frames = load_frames(project.graph, "mnist5k", 60)
    (result,) = play(bench, project.graph, project.pipeline, frames.codes, [Run("plain", 60)], False, "rtl")
    assert result.cycles_per_frame == pytest.approx(project.pipeline.interval, abs=2)


def test_a_wrong_weight_is_found_and_placed(project, tmp_path):
    """Change one hexadecimal digit of conv2's weights in the RTL: the first wrong stage is conv2, and not before."""
    rtl = tmp_path / "rtl"
    shutil.copytree(project.folder / "rtl", rtl)
    top = (rtl / f"{project.graph.name}.sv").read_text()
    start = top.index(".WEIGHTS(", top.index("mux_mac #(")) + len(".WEIGHTS(")
    digit = top.index("'h", start) + 3
    changed = top[:digit] + format(int(top[digit], 16) ^ 1, "x") + top[digit + 1 :]
    (rtl / f"{project.graph.name}.sv").write_text(changed)
    sources = [rtl / path.name for path in project.core_sources]
    bench = compile_core([*sources, project.bench], tmp_path / "work", "verilator", taps=True)
    frames = load_frames(project.graph, "mnist5k", 5)
    (result,) = play(bench, project.graph, project.pipeline, frames.codes, [Run("plain", 5)], True, "rtl")
    wrong = [c for c in result.comparisons if c.mismatches]
    assert wrong[0].stage == "conv2"
    assert wrong[0].first.startswith("stage 'conv2', frame 0, channel")


def test_a_core_that_hangs_is_reported(project, tmp_path):
    """A core that never answers: every word of the output is missing."""
    rtl = tmp_path / "rtl"
    shutil.copytree(project.folder / "rtl", rtl)
    name = f"{project.graph.name}.sv"
    text = (rtl / name).read_text().replace("assign m_axis_tvalid = argmax_valid;", "assign m_axis_tvalid = 1'b0;")
    (rtl / name).write_text(text)
    sources = [rtl / path.name for path in project.core_sources]
    bench = compile_core([*sources, project.bench], tmp_path / "work", "verilator", taps=False)
    frames = load_frames(project.graph, "mnist5k", 3)
    (result,) = play(bench, project.graph, project.pipeline, frames.codes, [Run("plain", 3)], False, "rtl")
    (missing,) = [c for c in result.comparisons if c.mismatches]
    assert "frame 0, element 0" in missing.first and "rtl nothing (first of 3)" in missing.first


@pytest.mark.parametrize(("side", "stall"), [("input", 256), ("output", 256), ("output", -1)])
def test_stalls_without_end_are_refused(side, stall):
    with pytest.raises(Deadlock) as error:
        Run("stuck", 3, **{"stall_in" if side == "input" else "stall_out": stall})
    assert str(error.value) == (
        f"run 'stuck': the {side} must stall 0 to 255 of 256 clocks, so that beats move, not {stall}. Stall less."
    )


def test_the_whole_board_through_its_pins(project, tmp_path):
    frames = load_frames(project.graph, "mnist5k", 3)
    bench = compile_board(project, tmp_path)
    assert play_board(bench, project, frames.codes) == 3


def test_icarus_agrees(project):
    assert shutil.which("iverilog"), "the second opinion needs iverilog; `make test` installs it"
    result = CliRunner().invoke(
        app, ["sim", str(project.folder), "--frames", "3", "--simulator", "icarus", "--taps", "--json"]
    )
    words = json.loads(result.stdout)
    assert (result.exit_code, words["mismatches"], words["simulator"]) == (0, 0, "icarus")
    assert words["frames"] >= 3 and words["words"] > 3 * 10_000


def test_unknown_bits_and_missing_words_count():
    expected = np.arange(8).reshape(2, 4)
    whole = compare("fc", expected, np.arange(8).reshape(8, 1), np.zeros(8, bool), "rtl")
    assert (whole.words, whole.mismatches, whole.first) == (8, 0, "")
    unknown = np.zeros(8, bool)
    unknown[5] = True
    assert (
        "element 1: integer 5, rtl unknown bits"
        in compare("fc", expected, np.arange(8).reshape(8, 1), unknown, "rtl").first
    )
    short = compare("fc", expected, np.arange(6).reshape(6, 1), np.zeros(6, bool), "rtl")
    assert (short.mismatches, short.first) == (2, "stage 'fc', frame 1, element 2: integer 6, rtl nothing (first of 2)")
    long = compare("fc", expected, np.arange(9).reshape(9, 1), np.zeros(9, bool), "rtl")
    assert long.mismatches == 1 and "integer nothing, rtl 8" in long.first


def test_a_record_cut_off_is_named(tmp_path, project):
    (tmp_path / "r.hex").write_text("0f\n1x\n2")
    with pytest.raises(ToolFailed, match="every line must be as long as the first"):
        read_record(tmp_path / "r.hex", project.pipeline.source)
