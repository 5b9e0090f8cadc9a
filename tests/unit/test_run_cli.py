"""lutwright run against a board in Python: the right one is found; what can be wrong on the line has its own words."""

import json
import os
import struct
from types import SimpleNamespace

import pytest
from test_link import fake_board, reply
from tiny_net import tiny_net
from typer.testing import CliRunner

from lutwright.boards import load_board
from lutwright.cli.build import build_project
from lutwright.cli.main import app
from lutwright.emit.project import open_project
from lutwright.runtime import find
from lutwright.runtime.frames import load_frames
from lutwright.simulate.board import result_bytes


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    build_project(tiny_net(folder / "tiny.onnx", 6, 2, 3), load_board("ulx3s-45f"), folder / "p")
    return open_project(folder / "p")


def run(*arguments):
    return CliRunner().invoke(app, ["run", *map(str, arguments)])


def as_board(board, project, frames=10, project_id=None):
    """Let the fake board answer as one that holds `project`; it knows the first random frames."""
    core = project.manifest["core"]
    sizes = [core[key] for key in ("in_bytes", "in_beats", "out_bytes", "out_beats")]
    identity = struct.pack("<IBHHHHBB", project_id or project.manifest["project_id"], 2, *sizes, 0, 0)
    results = iter(result_bytes(project, load_frames(project.graph, "random", frames).codes))

    def answer(command, sequence, payload):
        return reply(0, sequence, identity if command == ord("I") else next(results))

    board.answer = answer


def test_every_frame_is_answered(project):
    with fake_board() as (board, link):
        link.close()
        as_board(board, project)
        told = run(project.folder, "--port", link.port, "--frames", 10, "--data", "random", "--json")
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["frames"] == 10 and json.loads(told.stdout)["compared"] is True


def test_another_bitstream_is_named(project):
    with fake_board() as (board, link):
        link.close()
        as_board(board, project, project_id=0x12345678)
        told = run(project.folder, "--port", link.port, "--frames", 3, "--data", "random")
    assert told.exit_code == 2
    wanted = (
        f"must hold project {project.manifest['project_id']:08x}, not project 12345678. Load this project's bitstream"
    )
    assert wanted in told.output


def test_noise_on_the_line(project):
    """Garbage before, between and behind the answers changes nothing; one answer is damaged, and asked for again."""
    with fake_board() as (board, link):
        link.close()
        as_board(board, project)
        honest, seen = board.answer, []

        def noisy(command, sequence, payload):
            seen.append(sequence)
            if len(seen) == 4:
                board.saved = honest(command, sequence, payload)
                return b"\x6c\x77\xff" + board.saved[:-1] + b"?"
            return b"\x00\xff\x6c" + honest(command, sequence, payload) + b"\x55"

        board.answer = noisy
        told = run(project.folder, "--port", link.port, "--frames", 2, "--data", "random", "--timeout", "0.3")
    assert told.exit_code == 0, told.output


def test_a_line_of_nothing_but_noise(project):
    with fake_board() as (board, link):
        link.close()
        board.answer = lambda command, sequence, payload: bytes(range(256))
        told = run(project.folder, "--port", link.port, "--frames", 2, "--data", "random", "--timeout", "0.1")
    assert told.exit_code == 2
    assert "the board must answer well within 4 tries, not no answer. Check the cable, the baud rate" in told.output


def test_a_board_that_falls_silent(project):
    with fake_board() as (board, link):
        link.close()
        as_board(board, project)
        honest, seen = board.answer, []

        def silent(command, sequence, payload):
            seen.append(sequence)
            return honest(command, sequence, payload) if len(seen) < 4 else b""

        board.answer = silent
        told = run(project.folder, "--port", link.port, "--frames", 9, "--data", "random", "--timeout", "0.1")
    assert told.exit_code == 2 and "LinkError" in told.output
    assert "the board must answer well within 4 tries, not no answer" in told.output


def test_a_cable_that_is_cut(project):
    with fake_board() as (board, link):
        link.close()
        as_board(board, project)
        honest, seen = board.answer, []

        def cut(command, sequence, payload):
            seen.append(sequence)
            if len(seen) < 4:
                return honest(command, sequence, payload)
            os.close(board.terminal)
            board.terminal, board.wanted = os.open(os.devnull, os.O_RDWR), False
            return b""

        board.answer = cut
        told = run(project.folder, "--port", link.port, "--frames", 9, "--data", "random")
    assert told.exit_code == 2
    assert "must stay connected, not lost (" in told.output and "Check the cable and connect the board" in told.output


# ---- finding the board


def ports(monkeypatch, *names, vid=0x0403):
    found = [SimpleNamespace(device=name, vid=vid) for name in names]
    monkeypatch.setattr(find.list_ports, "comports", lambda: found)


def test_the_board_is_found_among_others(project, monkeypatch):
    with fake_board() as (other, other_link), fake_board() as (board, link):
        link.close()
        other_link.close()
        as_board(other, project, project_id=7)
        as_board(board, project)
        ports(monkeypatch, "/dev/no-such-port", other_link.port, link.port)
        told = run(project.folder, "--frames", 5, "--data", "random", "--json")
    assert told.exit_code == 0, told.output


def test_no_board_is_the_one(project, monkeypatch):
    with fake_board() as (board, link):
        link.close()
        as_board(board, project, project_id=7)
        ports(monkeypatch, link.port)
        told = run(project.folder, "--frames", 5)
    wanted = f"{project.manifest['project_id']:08x}"
    assert told.exit_code == 2
    assert (
        f"USB serial ports: a board must be there that holds project {wanted}, not {link.port}: project 00000007. "
        "Connect it, load its bitstream (lutwright program PROJECT), or name its port with --port." in told.output
    )
    ports(monkeypatch, link.port, vid=None)
    assert f"holds project {wanted}, not any port. Connect it" in run(project.folder, "--frames", 5).output


def test_a_port_or_a_simulated_board(project):
    told = run(project.folder, "--port", "/dev/x", "--virtual")
    assert told.exit_code == 2 and "--port: or --virtual may be given, one of them, not both" in told.output


# ---- the identifier


def test_the_identifier_follows_the_generated_files(project, tmp_path):
    """The same model and folding give the same one; another weight gives another."""
    tiny = tiny_net(tmp_path / "tiny.onnx", 6, 2, 3)
    build_project(tiny, load_board("ulx3s-45f"), tmp_path / "same")
    build_project(tiny_net(tmp_path / "other.onnx", 6, 2, 3, seed=4), load_board("ulx3s-45f"), tmp_path / "other")
    same, other = open_project(tmp_path / "same"), open_project(tmp_path / "other")
    assert same.manifest["project_id"] == project.manifest["project_id"] != other.manifest["project_id"]
    text = (project.folder / "rtl" / "board_top.sv").read_text()
    assert f"PROJECT_ID(32'h{project.manifest['project_id']:08x})" in text
