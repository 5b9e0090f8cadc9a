"""Whole networks for 32x32 images, built for a board and simulated: every word of every stage, at the rate promised.

`pytest -s` prints the figures.
"""

import time

import onnx
import pytest
from typer.testing import CliRunner

from lutwright.cli.main import app
from lutwright.cli.sim import simulate_project
from lutwright.dataflow.kinds import is_mux
from lutwright.emit.project import open_project

FRAMES = 10
MINUTES = 10


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A function from a model's name to (its project for the board, when its building began); built once."""
    projects = {}

    def make(name):
        if name not in projects:
            from models import build  # torch and Brevitas take seconds, so only where these tests run

            folder, begin = tmp_path_factory.mktemp(name), time.monotonic()
            onnx.save(build(name).model, folder / "model.onnx")
            arguments = ["build", str(folder / "model.onnx"), "--board", "ulx3s-85f", "--out", str(folder / "p")]
            result = CliRunner().invoke(app, arguments)
            assert result.exit_code == 0, result.output
            projects[name] = open_project(folder / "p"), begin
        return projects[name]

    return make


@pytest.mark.long
@pytest.mark.parametrize("name", ["cnv_2w2a-clean", "resnet20_mux-clean"])
def test_ten_frames_and_every_stage(name, built, tmp_path):
    project, begin = built(name)
    result = simulate_project(project, FRAMES, "random", "verilator", True, tmp_path / "work")
    assert time.monotonic() - begin < 60 * MINUTES
    assert not result.mismatches, result.first
    assert [one.run.frames for one in result.runs[:2]] == [FRAMES, FRAMES]
    computed = [node for node in project.graph.nodes if node.op != "Flatten"]
    whole, tensors = result.runs[0], project.graph.tensors
    assert {node.name for node in computed} <= {one.stage for one in whole.comparisons}
    assert whole.words >= FRAMES * sum(tensors[node.output].words for node in computed)
    told, board = project.pipeline.interval, project.board
    assert whole.cycles_per_frame <= 1.02 * told
    rate = board.clock.mhz * 1e6 / told
    print(f"\n{name} on {board.title}: {told:,} clocks a frame told, {whole.cycles_per_frame:,} measured;", end=" ")
    print(f"{rate:,.0f} frames/s at {board.clock.mhz:g} MHz; {whole.words:,} words, {whole.mismatches} different")


@pytest.mark.long
def test_one_weight_a_kernel(built):
    """Every 3x3 convolution of the residual network but the first is a multiplexer layer and is built as one."""
    project, _ = built("resnet20_mux-clean")
    convolutions = [node for node in project.graph.nodes if node.op == "Conv"]
    kernels = [node for node in convolutions if node.attrs["weights"].shape[1:3] == (3, 3)]
    engines = project.manifest["folds"]
    assert len(kernels) == 19 and len(convolutions) == 21
    assert all(is_mux(node) and engines[node.name][0] == "mux" for node in kernels[1:])
    assert sum(node.op == "Add" for node in project.graph.nodes) == 9
