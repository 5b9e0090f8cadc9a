"""The command line: bad input ends in one named line and exit 2; --json is one object."""

import json
import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from lutwright.cli import build as build_verb
from lutwright.cli.main import app
from lutwright.emit.project import open_project
from lutwright.resources import room

MNIST = str(room("examples") / "models" / "mnist-mux.onnx")


def call(*words):
    return CliRunner().invoke(app, list(words))


@pytest.fixture
def built(tmp_path):
    result = call("build", MNIST, "--board", "ulx3s-45f", "--out", str(tmp_path / "p"), "--json")
    assert result.exit_code == 0, result.output
    return tmp_path / "p", json.loads(result.stdout)


def test_build_says_what_other_programs_rely_on(built):
    folder, words = built
    assert words["project"] == str(folder)
    assert set(words["estimate"]) == {"lut", "ff", "bram", "dsp"}
    assert words["interval"] == 784
    assert words["core_frames_per_second"] == round(25e6 / 784)
    assert words["link_frames_per_second"] == round(1e6 / 10 / (784 + 8), 1)


def tree(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_layers_explain_the_estimate(built):
    _, words = built
    assert [row["layer"] for row in words["layers"]] == ["conv1", "conv2", "conv3", "fc", "shell"]
    assert words["layers"][1]["engine"] == "mux"
    assert max(row["clocks"] for row in words["layers"]) == words["interval"]
    for kind in ("lut", "ff", "bram", "dsp"):
        assert abs(sum(row[kind] for row in words["layers"]) - words["estimate"][kind]) <= len(words["layers"]) / 2
    memories = [row["block_rams"] for row in words["layers"]]
    assert {"fc", "fc_replay"} <= set(memories[3]) and memories[4] == []
    assert words["limit"] == "Layer 'conv1' cannot take fewer clocks a frame."


def test_a_rate_makes_a_smaller_project(built, tmp_path):
    words = ["build", MNIST, "--board", "ulx3s-45f", "--out", str(tmp_path / "q"), "--fps", "1000", "--clock", "25"]
    told = json.loads(call(*words, "--json").stdout)
    assert told["core_frames_per_second"] >= 1000
    assert told["estimate"]["lut"] < built[1]["estimate"]["lut"]


def test_a_clock_by_a_pll(tmp_path):
    """The rate, the folding, the serial line and the project's own files follow the clock that was obtained."""
    words = ["build", MNIST, "--board", "tangnano9k", "--fps", "60000", "--json"]
    result = call(*words, "--out", str(tmp_path / "a"))
    assert result.exit_code == 2 and "reaches at most" in result.output
    told = json.loads(call(*words, "--out", str(tmp_path / "a"), "--clock", "55").stdout)
    assert told["clock"] == {"asked_mhz": 55.0, "obtained_mhz": 54.0, "oscillator_mhz": 27.0}
    assert 60_000 <= told["core_frames_per_second"] == round(54e6 / told["interval"])
    project = open_project(tmp_path / "a")
    assert (project.board.clock.mhz, project.board.clocks_per_bit) == (54.0, 54)
    assert {"pll_gowin.sv", "rPLL.sv", "pll_model.sv"} <= {path.name for path in project.board_sources}
    people = call(*words[:-1], "--out", str(tmp_path / "a"), "--clock", "55").output
    assert "Clock: 55 MHz asked, 54 MHz out of 27 MHz by a PLL (-1.82%)." in people


def test_a_folding_file_gives_the_project_again(tmp_path):
    file = tmp_path / "deep" / "f.toml"
    words = ["build", MNIST, "--board", "ulx3s-45f", "--folding", str(file)]
    first = call(*words, "--fps", "3000", "--out", str(tmp_path / "a"))
    assert first.exit_code == 0, first.output
    text = file.read_text()
    assert call(*words, "--out", str(tmp_path / "b")).exit_code == 0
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    assert file.read_text() == text
    assert "1 x " in first.output
    assert re.search(r"In block RAM: .*fc \(.*replay,\s+weights\)\.", first.output)
    result = call(*words, "--fps", "30000", "--out", str(tmp_path / "c"))
    assert result.exit_code == 2
    assert "DoesNotFit: stage '" in result.output
    file.write_text(text.replace("pe = ", "pe = 7"))
    result = call(*words, "--out", str(tmp_path / "c"))
    assert result.exit_code == 2
    assert (
        "BadFolding: folding file 'f.toml', layer 'conv1': pe must be one of 1, 2, 4, 8 for the engine" in result.output
    )
    assert not (tmp_path / "c").exists()


def test_a_board_of_ones_own_by_its_path(tmp_path, monkeypatch):
    """Wherever a board is named; the project's name is that of the board, not of the file."""
    text = (room("boards") / "icebreaker.toml").read_text()
    own = tmp_path / "some file.toml"
    own.write_text(text.replace('name = "icebreaker"', 'name = "mine"').replace("lut = 5280", "lut = 20000"))
    monkeypatch.chdir(tmp_path)
    assert json.loads(call("boards", str(own), "--json").stdout)["boards"][0]["resources"]["lut"] == 20000
    built = json.loads(call("build", MNIST, "--board", str(own), "--json").stdout)
    assert (built["project"], built["board"], built["interval"]) == ("mnist-mux-mine", "mine", 784)
    assert open_project(tmp_path / "mnist-mux-mine").board.resources.lut == 20000
    explored = json.loads(call("explore", MNIST, "--board", own.name, "--points", "2", "--json").stdout)
    assert (explored["board"], explored["out"]) == ("mine", "mnist-mux-mine-explore")
    own.write_text(text.replace('tx = "9"', 'tx = "6"'))
    for verb in ("build", "explore", "demo", "demo-learner"):
        model = [MNIST] if verb in ("build", "explore") else []
        result = call(verb, *model, "--boards" if verb == "demo" else "--board", str(own), "--out", "none")
        assert result.exit_code == 2
        assert "BadBoard: board file 'some file.toml': a pin must have one use: pin '6' is" in result.output
    assert not (tmp_path / "none").exists()


def test_building_again_replaces_the_project(built):
    folder, _ = built
    (folder / "logs").mkdir()
    assert call("build", MNIST, "--board", "ulx3s-85f", "--out", str(folder)).exit_code == 0
    assert not (folder / "logs").exists()
    assert json.loads((folder / "project.json").read_text())["board"] == "ulx3s-85f"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["build", "none.onnx", "--board", "tangnano9k"], "BadModel: model 'none.onnx': must be a file, not missing."),
        (["build", MNIST, "--board", "nano"], "UnknownBoard: board 'nano'"),
        (["build", MNIST, "--board", "tangnano9k", "--backend", "magic"], "BadOption: --backend: must be rtl or"),
        (["build", MNIST, "--board", "tangnano9k", "--fps", "0"], "BadOption: --fps: must be a rate above 0, not 0."),
        (
            ["build", MNIST, "--board", "tangnano9k", "--clock", "700"],
            "BadOption: --clock: must lie within 5 % of what the PLL makes of 27 MHz (3.125 to 600 MHz), not 700.",
        ),
        (
            ["build", MNIST, "--board", "hx8k", "--seeds", "0"],
            "BadOption: --seeds: must be 1 to 1000, with --bitstream",
        ),
        (
            ["build", MNIST, "--board", "hx8k", "--seeds", "4"],
            "BadOption: --seeds: must be 1 to 1000, with --bi",
        ),
        (["build", MNIST, "--board", "tangnano9k", "--folding", "."], "OutputError: output '.': must be a file"),
        (
            ["build", MNIST, "--board", "tangnano9k", "--fps", "99999"],
            "DoesNotFit: board 'tangnano9k': reaches at most",
        ),
        (["sim", "nothing"], "BadProject: project 'nothing': must be a folder with project.json, not missing."),
        (["run", "nothing", "--virtual"], "BadProject: project 'nothing'"),
        (
            ["run", "x", "--port", "y", "--virtual"],
            "BadOption: --port: or --virtual may be given, one of them, not both.",
        ),
        (["train", "no-such-recipe"], "BadRecipe"),
    ],
)
def test_bad_input_is_one_named_line(words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = call(*words)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []
    told = json.loads(call(*words, "--json").stdout)["error"]
    assert told["name"] == message.split(":")[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--level", "gates"], "must be one of rtl, netlist, bitstream"),
        (["--simulator", "modelsim"], "must be one of verilator, icarus"),
        (["--data", "imagenet"], "BadData"),
    ],
)
def test_sim_options(built, words, message):
    result = call("sim", str(built[0]), *words)
    assert result.exit_code == 2
    assert message in result.output


def test_ctrl_c_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(build_verb, "write_tree", interrupted)
    result = call("build", MNIST, "--board", "ulx3s-45f", "--out", str(tmp_path / "p"))
    assert result.exit_code == 2
    assert "Interrupted: build: stopped by Ctrl-C" in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(build_verb, "write_tree", full)
    result = call("build", MNIST, "--board", "ulx3s-45f", "--out", str(tmp_path / "p"))
    assert result.exit_code == 2
    assert "OutputError" in result.output and "No space left on device" in result.output
    assert list(tmp_path.iterdir()) == []


def test_the_command_itself():
    done = subprocess.run(
        [sys.executable, "-m", "lutwright", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "0.1.0"
