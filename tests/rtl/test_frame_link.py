"""frame_link and its parts against the protocol of docs/uart.md."""

import shutil

import pytest

from lutwright.resources import room
from lutwright.simulate.runner import run_bench

CELLS = ("crc16", "link_receive", "link_answer", "frame_link")
FAST = "icarus" if shutil.which("iverilog") else "verilator"


def run(bench, simulator, work, expect, **sizes):
    sources = [room("hw") / "rtl" / f"{cell}.sv" for cell in CELLS]
    parameters = {"TIMEOUT_CLOCKS": 500, "PROJECT_ID": 0x1234ABCD, **{name.upper(): n for name, n in sizes.items()}}
    run_bench(sources, "frame_link", bench, work, parameters, simulator=simulator, timing=False, expect=expect)


@pytest.mark.parametrize(
    ("in_bytes", "in_beats", "out_bytes", "out_beats", "simulator"), [(3, 5, 3, 2, "verilator"), (1, 13, 1, 1, FAST)]
)
def test_frame_link(in_bytes, in_beats, out_bytes, out_beats, simulator, tmp_path):
    run(
        "tb_frame_link",
        simulator,
        tmp_path,
        8,
        in_bytes=in_bytes,
        in_beats=in_beats,
        out_bytes=out_bytes,
        out_beats=out_beats,
    )


def test_frames_with_user_bytes(tmp_path):
    run("tb_frame_link", FAST, tmp_path, 8, in_bytes=2, in_beats=3, out_bytes=7, out_beats=1, user_bytes=3, commands=1)


@pytest.mark.parametrize(
    ("in_bytes", "in_beats", "out_bytes", "user_bytes", "simulator"),
    [(1, 13, 2, 1, "verilator"), (2, 1, 7, 3, FAST)],  # of the second a frame is shorter than a command
)
def test_commands(in_bytes, in_beats, out_bytes, user_bytes, simulator, tmp_path):
    run(
        "tb_link_commands",
        simulator,
        tmp_path,
        3,
        in_bytes=in_bytes,
        in_beats=in_beats,
        out_bytes=out_bytes,
        out_beats=1,
        user_bytes=user_bytes,
        commands=1,
    )
