"""Several outputs in RTL: each exact whatever stalls, faults named by output, and the packet through a board's pins."""

import shutil
import subprocess
from dataclasses import replace

import numpy as np
import onnx
import pytest
from graphs import Maker, frames
from models import build
from streams import simulator

from lutwright.boards import load_board
from lutwright.cli.build import build_project
from lutwright.cli.sim import simulate_project
from lutwright.dataflow.folding import fold_graph
from lutwright.dataflow.lower import Target, lower
from lutwright.emit.project import for_hardware, open_project
from lutwright.emit.rtl import bench_files, core_files
from lutwright.ir.graph import Output
from lutwright.runtime.frames import load_frames
from lutwright.simulate.board import compile_board, play_board
from lutwright.simulate.core import Run, compile_core, play, standard_runs
from lutwright.simulate.runner import simulator_environment


def early_exit():
    """The scores of a second convolution, those of the first one, and the image between the two."""
    m = Maker(np.random.default_rng(1), (8, 8, 2), 4)
    m.conv(4, (3, 3), (1, 1), (1, 1, 1, 1))
    m.step(3, False)
    image = m.here
    m.add("SumPool", kernel=(8, 8), stride=(8, 8), pads=(0, 0, 0, 0))
    m.add("Flatten")
    m.dense(3, 4)
    early, m.here = m.here, image
    m.conv(4, (3, 3), (2, 2), (1, 1, 1, 1))
    m.step(3, False)
    m.add("Flatten")
    m.dense(5, 4)
    outputs = (Output(m.here.name, "late"), Output(early.name, "early"), Output(image.name, "image"))
    return for_hardware(replace(m.graph("early_exit"), outputs=outputs))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    graph = early_exit()
    pipeline = lower(graph, fold_graph(graph, 128), Target(128, 2))
    folder = tmp_path_factory.mktemp("early_exit")
    for name, data in (core_files(graph, pipeline) | bench_files(pipeline)).items():
        (folder / name).write_bytes(data)
    return graph, pipeline, folder


def run(made, folder, runs):
    graph, pipeline, _ = made
    bench = compile_core(sorted(folder.glob("*.sv")), folder / "work", simulator(), taps=True)
    return play(bench, graph, pipeline, frames(graph, 8), runs, True, "rtl")


def test_each_output_is_exact_whatever_stalls(made):
    _, pipeline, folder = made
    results = run(made, folder, standard_runs(8, pipeline.interval, 3))
    assert [r.run.name for r in results][5:] == ["only output 0 slow", "only output 1 slow", "only output 2 slow"]
    for result in results:
        assert not result.mismatches, [c.first for c in result.comparisons if c.mismatches]
        words = {c.stage: c.words for c in result.comparisons if "output '" in c.stage}
        each = result.run.frames
        assert words == {
            "dense8, output 'late'": 5 * each,
            "dense4, output 'early'": 3 * each,
            "step1, output 'image'": 256 * each,
        }
    assert results[0].cycles_per_frame <= 1.02 * pipeline.interval


def test_a_slow_output_makes_all_of_them_wait(made, tmp_path):
    """The late scores are taken now and then only: so the core is slow, and nothing is lost at the others."""
    folder = shutil.copytree(made[2], tmp_path / "slow")
    plain, slow = run(made, folder, [Run("plain", 8), Run("slow", 8, stall_out=255, slow=0)])
    assert not slow.mismatches
    assert slow.cycles_per_frame > 4 * plain.cycles_per_frame


def test_a_silent_output_is_named(made, tmp_path):
    folder = shutil.copytree(made[2], tmp_path / "silent")
    text = (folder / "early_exit.sv").read_text()
    assert "assign m_axis_early_tvalid = dense4" in text
    begin = text.index("assign m_axis_early_tvalid")
    end = text.index(";", begin)
    (folder / "early_exit.sv").write_text(text[:begin] + "assign m_axis_early_tvalid = 1'b0" + text[end:])
    (result,) = run(made, folder, [Run("plain", 3)])
    wrong = [c for c in result.comparisons if c.mismatches]
    assert [c.stage for c in wrong] == ["dense4, output 'early'"]
    assert "frame 0, element 0" in wrong[0].first and "rtl nothing (first of 9)" in wrong[0].first


# ---- a project, its packet and its board -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("backbone")
    onnx.save(build("backbone-clean").model, folder / "backbone.onnx")
    build_project(folder / "backbone.onnx", load_board("ulx3s-45f"), folder / "p")
    return open_project(folder / "p")


def test_core_and_packet_lint_and_elaborate(project, tmp_path):
    for top in ("backbone", "backbone_packet", "board_top"):
        files = [str(path) for path in project.board_sources]
        environment = simulator_environment("verilator")
        call = ["verilator", "--lint-only", "-Wall", "-Wno-DECLFILENAME", "--top-module", top, *files]
        lint = subprocess.run(call, env=environment, capture_output=True, text=True, check=False)
        assert lint.returncode == 0 and "%Warning" not in lint.stderr, lint.stderr
        call = ["iverilog", "-g2012", "-s", top, "-o", str(tmp_path / top), *files]
        icarus = subprocess.run(call, capture_output=True, text=True, check=False)
        assert icarus.returncode == 0, icarus.stderr


def test_a_project_is_simulated_on_every_output(project, tmp_path):
    result = simulate_project(project, 4, "random", simulator(), False, tmp_path)
    assert result.mismatches == 0 and len(result.runs) == 8
    assert {c.stage for c in result.runs[0].comparisons} == {
        "MaxPool_0, output 'global_out'",
        "ArgMax_0, output 'global_out_1'",
        "Quant_4, output 'global_out_2'",
        "tlast of 'global_out'",
        "tlast of 'global_out_1'",
        "tlast of 'global_out_2'",
    }


def test_the_packet_through_the_pins_of_a_board(project, tmp_path):
    """Frames one by one and without a gap, with a damaged one between: every byte of every output is right."""
    codes = load_frames(project.graph, "random", 4).codes
    bench = compile_board(project, tmp_path)
    assert play_board(bench, project, codes) == 4
