"""The committed network becomes a real bitstream that fits and meets the board's clock."""

import json

import pytest
from typer.testing import CliRunner

from lutwright.boards import load_board
from lutwright.cli.main import app
from lutwright.emit.project import open_project
from lutwright.resources import room
from lutwright.runtime.frames import load_frames
from lutwright.simulate.board import result_bytes

MNIST = room("examples") / "models" / "mnist-mux.onnx"


# Of a byte of the image the network reads four bits; without them two of the frame buffer's blocks of 4 kbit go.
_UNREAD = {"ice40": 2, "ecp5": 0, "gowin": 0}
_LONG = ("tangnano9k", "tangnano20k", "orangecrab", "colorlight-i5", "hx8k")


@pytest.mark.parametrize(
    "name", ["ulx3s-45f", "icebreaker", *(pytest.param(name, marks=pytest.mark.long) for name in _LONG)]
)
def test_bitstream(name, tmp_path):
    result = CliRunner().invoke(
        app, ["build", str(MNIST), "--board", name, "--out", str(tmp_path / "p"), "--bitstream", "--json"]
    )
    assert result.exit_code == 0, result.output
    words = json.loads(result.stdout)
    board, measured = load_board(name), words["measured"]
    assert measured["clock_mhz"] == board.clock.mhz < measured["fmax_mhz"]
    for kind in ("lut", "ff", "bram", "dsp"):
        assert measured[kind] <= getattr(board.resources, kind)
    assert measured["bram"] == words["estimate"]["bram"] - _UNREAD[board.family]
    assert measured["lut"] == pytest.approx(words["estimate"]["lut"], rel=0.25)
    assert (tmp_path / "p" / words["bitstream"].split("/")[-1]).stat().st_size > 50_000
    assert (words["seed"], list(words["fmax_by_seed"])) == (1, ["1"])


@pytest.mark.long
def test_the_bitstream_against_torch(tmp_path):
    """On hx8k, read back and played through its pins, class for class what PyTorch says."""
    import torch

    from lutwright.data import load, presented
    from lutwright.train.reference import load_model

    folder, count = tmp_path / "p", 3
    arguments = ["build", str(MNIST), "--board", "hx8k", "--out", str(folder), "--bitstream"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    told = CliRunner().invoke(
        app, ["sim", str(folder), "--level", "bitstream", "--frames", str(count), "--data", "mnist5k", "--json"]
    )
    assert told.exit_code == 0 and json.loads(told.stdout)["mismatches"] == 0, told.output
    # What the board answered is what the integers say; PyTorch says the same.
    project, images = open_project(folder), load("mnist5k").test_images[:count]
    network = load_model("mnist-mux", MNIST.with_suffix(".pt")).eval()
    with torch.no_grad():
        classes = network(torch.from_numpy(presented(images))).argmax(dim=1).numpy()
    answers = result_bytes(project, load_frames(project.graph, "mnist5k", count).codes)
    assert [int(answer[0]) for answer in answers] == classes.tolist()
