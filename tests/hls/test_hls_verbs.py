"""The verbs on an hls4ml project of a small model: build, check and sim, all equal; a changed file is refused."""

import json

import pytest
from check_models import network, save
from typer.testing import CliRunner

from lutwright.cli.main import app


def call(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("verbs") / "net.onnx"
    save(network(), path)
    return path


@pytest.fixture(scope="module")
def project(model):
    place = model.parent / "p"
    options = ["--board", "ulx3s-45f", "--backend", "hls4ml", "--part", "xc7a35tcpg236-1", "--out", place]
    done = call("build", model, *options, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["hls4ml"], told["not_run"], told["options"]["tool"]) == ("1.3.0", ["synthesis"], "Vitis")
    assert "Synthesis was not run" in done.stderr
    return place


def test_sim_plays_the_c_model_and_compares_every_layer(project):
    done = call("sim", project, "--frames", "8", "--taps", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["level"], told["mismatches"], told["cycles_per_frame"]) == ("cmodel", 0, None)
    names = [run["name"] for run in told["runs"]]
    assert names[-2:] == ["reset in mid-frame", "every layer"] and len(names) == 6
    assert told["runs"][-1]["words"] > told["runs"][0]["words"] > 0


def test_check_tells_the_c_model_beside_the_model(model):
    done = call("check", model, "--backend", "hls4ml", "--frames", "20", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["mismatches"] == 0 and told["hls4ml"]["mismatches"] == 0
    assert told["hls4ml"]["frames"] == 20 and told["hls4ml"]["words"] > 20
    assert "hls4ml equal" in done.stderr


def test_a_changed_file_is_refused(project):
    path = next((project / "hls" / "firmware" / "weights").glob("w*.txt"))
    good = path.read_bytes()
    path.write_bytes(good.replace(b"1", b"2", 1))
    done = call("sim", project)
    path.write_bytes(good)
    assert done.exit_code == 2 and "the files must be those that were built" in done.output
