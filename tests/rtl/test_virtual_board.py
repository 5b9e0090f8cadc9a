"""The whole board in simulation: through its pins, and through a serial port with the host's own software."""

import json
import random
import time
from pathlib import Path

import pytest
import serial

from lutwright.boards import load_board
from lutwright.emit.shell import CoreInterface, link_sources, shell_files
from lutwright.errors import LinkError, ToolFailed
from lutwright.runtime.link import Link
from lutwright.simulate import virtual_board as module
from lutwright.simulate.virtual_board import board_bench, board_environment, virtual_board

CORE = CoreInterface("byte_sum", 1, 16, 1, 1, 0xC0FFEE42)


@pytest.fixture(scope="module")
def board():
    return load_board("tangnano9k")


@pytest.fixture(scope="module")
def bench(board, tmp_path_factory, request):
    folder = tmp_path_factory.mktemp("board")
    # A short timeout, or the tests with damaged messages would simulate 0.1 s of silence each.
    (folder / "board_top.sv").write_bytes(shell_files(CORE, board, timeout_bits=400)["board_top.sv"])
    core = request.path.parent.parent / "flow" / "cores" / "byte_sum.sv"
    bench = board_bench([*link_sources(), core, folder / "board_top.sv"], board, folder / "sim")
    bench.compile()
    return bench


def test_pins(bench, board, tmp_path):
    random.seed(5)
    frames = [random.randbytes(16) for _ in range(6)]
    job = {
        "project_id": CORE.project_id,
        "sizes": [1, 16, 1, 1],
        "frames": [f.hex() for f in frames],
        "results": [bytes([sum(f) % 256]).hex() for f in frames],
    }
    (tmp_path / "frames.json").write_text(json.dumps(job))
    env = board_environment(board) | {"LUTWRIGHT_FRAMES": str(tmp_path / "frames.json")}
    bench.run("tb_board", env, expect=1)
    job["results"][4] = "%02x" % ((sum(frames[4]) + 1) % 256)
    (tmp_path / "frames.json").write_text(json.dumps(job))
    with pytest.raises(ToolFailed, match="frame 4: board"):
        bench.run("tb_board", env, expect=1)


def test_a_board_whose_reset_is_long(tmp_path, request):
    """iCE40: 256 clocks, for which the driver waits."""
    board, frame = load_board("icebreaker"), bytes(range(16))
    (tmp_path / "board_top.sv").write_bytes(shell_files(CORE, board, timeout_bits=400)["board_top.sv"])
    core = request.path.parent.parent / "flow" / "cores" / "byte_sum.sv"
    bench = board_bench([*link_sources(), core, tmp_path / "board_top.sv"], board, tmp_path / "sim")
    bench.compile()
    job = {"project_id": CORE.project_id, "sizes": [1, 16, 1, 1], "frames": [frame.hex()] * 2, "results": ["78"] * 2}
    (tmp_path / "frames.json").write_text(json.dumps(job))
    env = board_environment(board) | {"LUTWRIGHT_FRAMES": str(tmp_path / "frames.json")}
    bench.run("tb_board", env, expect=1)


def test_serial_port(bench, board):
    random.seed(6)
    frames = [random.randbytes(16) for _ in range(20)]
    with virtual_board(bench, board) as port:
        with Link(port, timeout=20.0) as link:
            assert link.require(CORE.project_id).in_beats == 16
            with pytest.raises(LinkError, match="must hold project 00000001, not project c0ffee42"):
                link.require(1)
            assert link.classify(frames[0]) == bytes([sum(frames[0]) % 256])
            assert list(link.classify_all(frames)) == [bytes([sum(f) % 256]) for f in frames]
        with serial.Serial(port) as line:  # noise, and half a message
            line.write(b"\x00\xffnoise\x4c\x57F\x01")
        with Link(port, timeout=1.0) as link:
            assert link.classify(frames[1]) == bytes([sum(frames[1]) % 256])
            with pytest.raises(LinkError, match=r"status 2 \(a length"):
                link.classify(b"short")
            assert link.classify(frames[2]) == bytes([sum(frames[2]) % 256])


def test_a_simulation_that_does_not_start_is_named(board, tmp_path):
    (tmp_path / "sim").mkdir()
    never_compiled = board_bench([], board, tmp_path / "sim")
    with pytest.raises(ToolFailed, match=r"(results file|serial port)"), virtual_board(never_compiled, board):
        pytest.fail("there is no port to yield")


class FakeBench:
    """Stands for a compiled bench whose run does what the test says."""

    def __init__(self, work, run):
        self.work, self._run = work, run

    def run(self, test_module, env, expect, cwd):
        assert (test_module, expect) == ("board_pty", 1)
        self._run(env)


def opens_port(env):
    Path(env["LUTWRIGHT_PTY"]).write_text("/dev/pts/none")
    while not Path(env["LUTWRIGHT_STOP"]).exists():
        time.sleep(0.01)


def test_a_simulation_that_ends_early_is_named(board, tmp_path):
    with (
        pytest.raises(ToolFailed, match=r"must open its serial port within 120 s, not none\. See run_board_pty"),
        virtual_board(FakeBench(tmp_path, lambda env: None), board),
    ):
        pytest.fail("there is no port to yield")


def test_a_simulation_that_fails_at_the_end_is_named(board, tmp_path):
    def fails(env):
        opens_port(env)
        raise ToolFailed("bench", "fell over")

    with pytest.raises(ToolFailed, match="bench: fell over"), virtual_board(FakeBench(tmp_path, fails), board) as port:
        assert port == "/dev/pts/none"


def test_a_simulation_that_does_not_end_is_named(board, tmp_path, monkeypatch):
    def hangs(env):
        opens_port(env)
        time.sleep(1)

    monkeypatch.setattr(module, "_STOP", 0.1)
    with (
        pytest.raises(ToolFailed, match=r"must end within 0.1 s of being told to, not still running"),
        virtual_board(FakeBench(tmp_path, hangs), board),
    ):
        pass
