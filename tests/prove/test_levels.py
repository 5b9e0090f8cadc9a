"""A small network as its netlist and as its bitstream: equal to the integers and to the model; faults are caught."""

import json
import re
import shutil

import numpy as np
import onnx
import pytest
from tiny_net import codes, tiny_net
from typer.testing import CliRunner

from lutwright.boards import load_board
from lutwright.check.rungs import Float32Rung
from lutwright.cli.build import build_project
from lutwright.cli.main import app
from lutwright.emit.project import open_project
from lutwright.errors import BadProject, CannotSimulate, ToolFailed, ToolMissing
from lutwright.flow import tools
from lutwright.flow.tools import ICEPACK, run_tool
from lutwright.ir.execute import execute_outputs
from lutwright.prove import bitstream as reading
from lutwright.prove.bitstream import bitstream_sources
from lutwright.prove.netlist import NETLIST, netlist_sources
from lutwright.simulate.board import compare_board, frame_bytes
from lutwright.simulate.core import Run, compile_core, play
from lutwright.simulate.virtual_board import board_bench

LONG = pytest.mark.long


def lutwright(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_net(tmp_path_factory.mktemp("model") / "tiny.onnx", 6, 2, 3)


def built(model, board, folder):
    build_project(model, load_board(board), folder)
    return open_project(folder)


# ---- the netlist


@pytest.mark.parametrize(
    "board", ["ulx3s-45f", pytest.param("tangnano9k", marks=LONG), pytest.param("hx8k", marks=LONG)]
)
def test_the_netlist_equals_the_integers(model, board, tmp_path):
    built(model, board, tmp_path / "p")
    told = lutwright("sim", tmp_path / "p", "--level", "netlist", "--frames", 20, "--json")
    assert told.exit_code == 0, told.output
    words = json.loads(told.stdout)
    assert (words["level"], words["mismatches"], words["frames"]) == ("netlist", 0, 70)
    assert len(words["runs"]) == 5 and words["cycles_per_frame"] > 0


@pytest.mark.parametrize("board", ["hx8k", *(pytest.param(name, marks=LONG) for name in ("ulx3s-45f", "tangnano9k"))])
def test_a_flipped_lut_bit_in_the_netlist_is_caught(model, board, tmp_path):
    project = built(model, board, tmp_path / "p")
    sources = netlist_sources(project, tmp_path / "work", "icarus")
    good, frames = (tmp_path / "work" / NETLIST).read_text(), codes(project.graph, 4)
    places = [found.end() for found in re.finditer(r"LUT_INIT\(16'h|\.INIT\(16'h", good)]
    caught = []
    for place in [None, *places[:: len(places) // 4]]:
        text = good if place is None else good[: place + 3] + f"{int(good[place + 3], 16) ^ 1:x}" + good[place + 4 :]
        sources[0].write_text(text)
        bench = compile_core([*sources, project.bench], tmp_path / "work", "icarus", False, netlist=True)
        try:
            result = play(bench, project.graph, project.pipeline, frames, [Run("short", 4)], False, "netlist")[0]
            caught += [next(c.first for c in result.comparisons if c.mismatches)] if result.mismatches else []
        except ToolFailed as error:  # it came to a halt
            caught.append(str(error))
        assert place is not None or not caught
    assert any("integer" in told and "netlist" in told for told in caught), caught


def test_a_netlist_has_no_taps(model, tmp_path):
    built(model, "hx8k", tmp_path / "p")
    told = lutwright("sim", tmp_path / "p", "--level", "netlist", "--taps")
    assert told.exit_code == 2
    assert "BadOption: --taps: goes with --level rtl: what the tools made has other names inside" in told.output
    told = lutwright("sim", tmp_path / "p", "--level", "gates")
    assert "--level: must be one of rtl, netlist, bitstream, not 'gates'" in told.output


# ---- the bitstream


@pytest.fixture(scope="module")
def packed(model, tmp_path_factory):
    """A project with its bitstream."""
    folder = tmp_path_factory.mktemp("packed") / "p"
    told = lutwright("build", model, "--board", "hx8k", "--out", folder, "--bitstream", "--json")
    assert told.exit_code == 0, told.output
    return open_project(folder)


def test_the_bitstream_equals_the_model(model, packed):
    """Through the pins, class for class; the integers' classes are those of the model in float."""
    told = lutwright("sim", packed.folder, "--level", "bitstream", "--frames", 4, "--json")
    assert told.exit_code == 0, told.output
    words = json.loads(told.stdout)
    assert (words["level"], words["mismatches"], words["words"]) == ("bitstream", 0, 4)
    frames = codes(packed.graph, 50)
    floats = frames.transpose(0, 3, 1, 2) * packed.graph.tensors[packed.graph.input].scale
    loaded = onnx.load(model)
    scores = Float32Rung(loaded).run(floats)[loaded.graph.output[0].name]
    classes = execute_outputs(packed.graph, frames)[0][:, 0]
    assert np.array_equal(classes, np.argmax(scores, axis=1)) and np.unique(classes).size > 1


def test_a_flipped_bit_in_the_bitstream_is_caught(packed, tmp_path):
    """The entry for inputs of 0 of the table in front of the pin's flip-flop: a start bit."""
    project, work = packed, tmp_path / "good"
    design = bitstream_sources(project, work)[0].read_text()
    x, y, z = re.search(r"/\* FF +(\d+) +(\d+) +(\d+) \*/[^;]*uart_txd <=", design).groups()
    lines = (work / "board_top.asc").read_text().split("\n")
    row = lines.index(f".logic_tile {x} {y}") + 1 + 2 * int(z)
    lines[row] = lines[row][:40] + str(1 - int(lines[row][40])) + lines[row][41:]
    (tmp_path / "flipped.asc").write_text("\n".join(lines))
    shutil.copytree(project.folder, tmp_path / "p")
    run_tool(ICEPACK, ["flipped.asc", "p/board_top.bin"], tmp_path, tmp_path / "pack.log")
    before, after = (path.read_bytes() for path in (project.folder / "board_top.bin", tmp_path / "p" / "board_top.bin"))
    differ = [a ^ b for a, b in zip(before, after, strict=True)]
    assert [bin(byte).count("1") for byte in differ[:-16] if byte].count(1) >= 1
    told = lutwright("sim", tmp_path / "p", "--level", "bitstream", "--frames", 3, "--simulator", "icarus", "--json")
    assert told.exit_code == 1, told.output
    words = json.loads(told.stdout)
    assert words["mismatches"] >= 1 and words["first_mismatch"].startswith("frame 0: integer")


def test_an_answer_of_another_model_is_a_mismatch(packed, tmp_path, monkeypatch):
    """What a board says is compared answer for answer."""
    frames = codes(packed.graph, 6)
    results = execute_outputs(packed.graph, frames)[0][:, 0]
    bench = board_bench(packed.board_sources, packed.board, tmp_path)

    def answers(*_, **__):
        told = [f"6c7700{i:02x}0100{(int(r) + (i == 4)) % 3:02x}0000" for i, r in enumerate(results)]
        (bench.work / "board_answers.json").write_text(json.dumps(told[:5]))
        raise ToolFailed("bench 'tb_board'", "all tests must pass")

    monkeypatch.setattr(type(bench), "run", answers)
    found = compare_board(bench, packed, frames, "bitstream")
    assert (found.words, found.mismatches) == (6, 2)
    assert found.first.startswith(f"frame 4: integer {int(results[4]):02x}, bitstream 6c770004")
    assert len(frame_bytes(packed, frames)) == 6


# ---- what cannot be read back


@pytest.mark.parametrize(
    ("board", "reason"),
    [
        ("ulx3s-45f", "ecp5: ecpunpack makes a list of settings"),
        ("tangnano9k", "gowin: gowin_unpack tells of block RAM"),
    ],
)
def test_families_that_cannot_be_read_back(model, board, reason, tmp_path):
    built(model, board, tmp_path / "p")
    told = lutwright("sim", tmp_path / "p", "--level", "bitstream")
    assert told.exit_code == 2 and f"CannotSimulate: bitstream of board '{board}'" in told.output
    rule = "must be of a family whose bitstreams can be turned back into Verilog (ice40), not "
    assert rule + reason in told.output and "Use --level netlist." in told.output


def test_a_family_of_vendors_tools(model, tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "_READERS", {})
    with pytest.raises(
        CannotSimulate, match=r"not ice40: only the vendor's tools know its bitstreams\. Use --level net"
    ):
        bitstream_sources(built(model, "hx8k", tmp_path / "p"), tmp_path)


def test_a_project_without_a_bitstream(model, tmp_path):
    project = built(model, "hx8k", tmp_path / "p")
    with pytest.raises(BadProject, match=r"the bitstream 'board_top.bin' must be there, not absent\. Make it with"):
        bitstream_sources(project, tmp_path)


def test_what_no_tool_reads_back_is_refused(model, tmp_path):
    told = lutwright("build", model, "--board", "hx8k", "--clock", 24, "--out", tmp_path / "p")
    assert told.exit_code == 0
    project = open_project(tmp_path / "p")
    project.manifest["estimate"]["dsp"] = 2
    with pytest.raises(CannotSimulate, match="nothing but logic and block RAM, not a PLL and multiplier blocks, which"):
        bitstream_sources(project, tmp_path)


def test_icebox_is_missing(packed, tmp_path, monkeypatch):
    monkeypatch.setattr(tools.shutil, "which", lambda name: None)
    with pytest.raises(ToolMissing) as caught:
        bitstream_sources(packed, tmp_path)
    assert str(caught.value) == (
        "tool 'icebox_vlog': must be on PATH (iCE40 bitstreams back to Verilog), not absent. "
        "apt-get install fpga-icestorm, or your system's package of the same program."
    )


def test_a_tool_that_writes_nothing(packed, tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "run_tool", lambda *_: (tmp_path / "board_top.v").write_text("// nothing"))
    with pytest.raises(ToolFailed, match=r"'icebox_vlog': must write the design, not something else"):
        bitstream_sources(packed, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("lutwright.prove.netlist.run_tool", lambda *_: None)
        with pytest.raises(ToolFailed, match=r"'yosys': must write the netlist, not nothing"):
            netlist_sources(packed, tmp_path / "n")


def test_a_learner_has_no_pins_to_play(packed, monkeypatch, tmp_path):
    from learner_chips import small_project

    project = small_project(tmp_path, "classes=3,subspaces=4,anchors=2")
    told = lutwright("sim", project.folder, "--level", "bitstream")
    assert told.exit_code == 2 and "must end in what the network answers, not in a learner" in told.output


@LONG
@pytest.mark.parametrize("board", ["ulx3s-45f", "tangnano20k"])
def test_the_netlist_of_a_learner(board, tmp_path):
    from learner_chips import small_project

    project = small_project(tmp_path, "classes=3,subspaces=4,anchors=2", board=board)
    told = lutwright("sim", project.folder, "--level", "netlist", "--frames", 12, "--json")
    assert told.exit_code == 0 and json.loads(told.stdout)["mismatches"] == 0, told.output
