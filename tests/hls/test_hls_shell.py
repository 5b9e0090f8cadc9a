"""The C model of an hls4ml project in the bench of the RTL: equal through every stall and a reset; a fault is seen."""

import subprocess

import pytest
from graphs import frames
from shell_net import project
from typer.testing import CliRunner

from lutwright.cli.main import app
from lutwright.resources import room
from lutwright.simulate.core import play, standard_runs
from lutwright.simulate.hls_shell import compile_shell
from lutwright.simulate.runner import simulator_environment

MNIST = room("examples") / "models" / "mnist-mux.onnx"


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    return project(tmp_path_factory.mktemp("shell") / "p")


@pytest.fixture(scope="module")
def bench(opened, tmp_path_factory):
    return compile_shell(opened, tmp_path_factory.mktemp("bench"), level="-O0")


def played(opened, bench, count):
    pipeline = opened.pipeline
    runs = standard_runs(count, pipeline.interval, len(pipeline.outlets))
    return play(bench, opened.graph, pipeline, frames(opened.graph, count), runs, False, "hls4ml")


def test_every_stall_and_a_reset_on_two_outputs(opened, bench):
    results = played(opened, bench, 12)
    assert [r.run.name for r in results] == [
        "no stalls",
        "stalls on both sides",
        "slow input",
        "slow output",
        "reset in mid-frame",
        "only output 0 slow",
        "only output 1 slow",
    ]
    for result in results:
        assert result.mismatches == 0, [c.first for c in result.comparisons if c.mismatches]
        found = {c.stage: c.words for c in result.comparisons}
        assert found["step1, output 'image'"] == result.run.frames * 60
        assert found["dense3, output 'scores'"] == result.run.frames * 4


def test_a_wrong_bias_is_seen_in_the_bench(opened, bench):
    weights = opened.sources / "firmware" / "weights"
    (bias,) = (path for path in weights.glob("b*.txt") if path.read_text().count(",") == 3)  # the dense layer's
    good = bias.read_text()
    bias.write_text("0, 0, 1, 0")  # the C model reads its weights when it starts
    results = played(opened, bench, 3)
    bias.write_text(good)
    first = next(c.first for c in results[0].comparisons if c.mismatches)
    assert first.startswith("stage 'dense3, output 'scores'', frame 0, element 2: integer")
    assert sum(result.mismatches for result in results) == sum(result.run.frames for result in results)


def test_the_shell_is_clean(opened):
    lint = subprocess.run(
        ["verilator", "--lint-only", "-Wall", "--top-module", "shellnet", str(opened.shell_sources[0])],
        env=simulator_environment("verilator"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert lint.returncode == 0 and "%Warning" not in lint.stderr, lint.stderr


@pytest.mark.long
def test_the_mnist_demo(tmp_path):
    place = str(tmp_path / "p")
    options = ["--board", "ulx3s-45f", "--backend", "hls4ml", "--part", "xc7a35tcpg236-1", "--out", place]
    assert CliRunner().invoke(app, ["build", str(MNIST), *options]).exit_code == 0
    done = CliRunner().invoke(app, ["sim", place, "--frames", "100", "--taps"])
    assert done.exit_code == 0, done.output
    assert "mnist_mux: cmodel against integer" in done.output and "every layer" in done.output
