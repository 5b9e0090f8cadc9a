"""frame_link and its parts against the protocol of docs/uart.md."""

import shutil

import pytest

from lutwright.resources import room
from lutwright.simulate.runner import run_bench

CELLS = ("crc16", "link_receive", "link_answer", "frame_link")
FAST = "icarus" if shutil.which("iverilog") else "verilator"


@pytest.mark.parametrize(
    ("in_bytes", "in_beats", "out_bytes", "out_beats", "simulator"), [(3, 5, 3, 2, "verilator"), (1, 13, 1, 1, FAST)]
)
def test_frame_link(in_bytes, in_beats, out_bytes, out_beats, simulator, tmp_path):
    sources = [room("hw") / "rtl" / f"{cell}.sv" for cell in CELLS]
    sizes = {
        "IN_BYTES": in_bytes,
        "IN_BEATS": in_beats,
        "OUT_BYTES": out_bytes,
        "OUT_BEATS": out_beats,
        "TIMEOUT_CLOCKS": 500,
        "PROJECT_ID": 0x1234ABCD,
    }
    run_bench(sources, "frame_link", "tb_frame_link", tmp_path, sizes, simulator=simulator, timing=False, expect=8)
