"""The committed network becomes a real bitstream that fits and meets the board's clock."""

import json

import pytest
from typer.testing import CliRunner

from lutwright.boards import load_board
from lutwright.cli.main import app
from lutwright.resources import room

MNIST = room("examples") / "models" / "mnist-mux.onnx"


@pytest.mark.parametrize("name", ["ulx3s-45f", pytest.param("tangnano9k", marks=pytest.mark.long)])
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
    assert measured["bram"] == words["estimate"]["bram"]
    assert measured["lut"] == pytest.approx(words["estimate"]["lut"], rel=0.25)
    assert (tmp_path / "p" / words["bitstream"].split("/")[-1]).stat().st_size > 50_000
