"""The verbs and the hls4ml backend: what is refused, and which verb takes a project of which backend."""

import json

import pytest
from typer.testing import CliRunner

import lutwright
from lutwright.cli.build_hls import HlsWish, build_hls
from lutwright.cli.main import app
from lutwright.emit.project import BuildPlan, backend_of, read_manifest
from lutwright.errors import BadOption, BadProject
from lutwright.resources import room

MNIST = str(room("examples") / "models" / "mnist-mux.onnx")


def said(*arguments):
    """Exit code and words, on one line."""
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    return result.exit_code, " ".join(result.output.split())


@pytest.fixture
def hls_project(tmp_path):
    """The manifest of an hls4ml project without any layer."""
    folder = tmp_path / "p"
    folder.mkdir()
    manifest = {"lutwright": lutwright.__version__, "backend": "hls4ml", "digest": BuildPlan({}).digest, "data": ""}
    (folder / "project.json").write_text(json.dumps(manifest))
    return folder


@pytest.mark.parametrize("clock", [0.0, -1.0, float("inf"), float("nan")])
def test_a_clock_that_is_none(clock, tmp_path):
    with pytest.raises(BadOption, match="--clock: must be a frequency above 0"):
        build_hls(MNIST, "ulx3s-45f", tmp_path / "p", None, HlsWish({}, "xc7a35tcpg236-1", clock))
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build", MNIST, "--board", "ulx3s-45f", "--backend", "hls"], "--backend: must be rtl or hls4ml, not 'hls'"),
        (["build", MNIST, "--board", "ulx3s-45f", "--synthesis"], "--synthesis: belongs to --backend hls4ml, not rtl"),
        (["build", MNIST, "--board", "ulx3s-45f", "--part", "xc7"], "--part: belongs to --backend hls4ml, not rtl"),
        (["build", MNIST, "--board", "ulx3s-45f", "--reuse", "0"], "--reuse: belongs to --backend hls4ml, not rtl"),
        (["build", MNIST, "--board", "ulx3s-45f", "--io", "io_stream"], "--io: belongs to --backend hls4ml, not rtl"),
        (
            ["build", MNIST, "--board", "ulx3s-45f", "--any-hls4ml-version"],
            "--any-hls4ml-version: belongs to --backend hls4ml, not rtl",
        ),
        (
            ["build", MNIST, "--board", "ulx3s-45f", "--backend", "hls4ml", "--fps", "0"],
            "--fps: belongs to --backend rtl, not hls4ml",
        ),
        (
            ["build", MNIST, "--board", "ulx3s-45f", "--backend", "hls4ml", "--seeds", "2"],
            "--seeds: belongs to --backend rtl, not hls4ml",
        ),
        (["check", MNIST, "--backend", "rtl"], "--backend: must be hls4ml, or left out, not 'rtl'"),
    ],
)
def test_another_backend(arguments, message):
    code, text = said(*arguments)
    assert code == 2 and message in text, text


@pytest.mark.parametrize("verb", ["run", "learn"])
def test_verbs_that_need_rtl(verb, hls_project):
    more = {"run": ["--port", "none"], "learn": ["--data", "mnist5k"]}[verb]
    code, text = said(verb, hls_project, *more)
    assert code == 2 and "must be a project of the backend rtl" in text, text


def test_the_manifest_says_the_backend(hls_project):
    assert backend_of(hls_project) == "hls4ml"
    assert read_manifest(hls_project, "hls4ml")["digest"] == BuildPlan({}).digest
    with pytest.raises(BadProject, match=r"must be a project of the backend rtl, not hls4ml\. Build it with"):
        read_manifest(hls_project)
    for text in ("[1]", "{}", "{", '{"digest": "x"}'):
        (hls_project / "project.json").write_text(text)
        with pytest.raises(BadProject, match=r"project.json must be whole"):
            backend_of(hls_project)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--level", "rtl"], "--level: must be one of cmodel, verilog, not 'rtl'"),
        (
            ["--simulator", "icarus"],
            "--simulator: must be verilator for the C model of an hls4ml project, not 'icarus'",
        ),
    ],
)
def test_what_a_c_model_has_not(options, message, hls_project):
    code, text = said("sim", hls_project, *options)
    assert code == 2 and message in text, text
