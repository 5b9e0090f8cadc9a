"""Each cell alone: Verilator -Wall says nothing, Icarus elaborates it, Yosys reads it."""

import subprocess
import sys

import pytest
from streams import sources

from lutwright.resources import room
from lutwright.simulate.runner import simulator_environment

CELLS = sorted(path.stem for path in (room("hw") / "rtl").glob("*.sv"))


@pytest.mark.parametrize("cell", CELLS)
def test_verilator_and_icarus(cell, tmp_path):
    files = [str(path) for path in sources(cell)]
    waivers = (
        [str(path) for path in sorted((room("hw") / "lint").glob("*.vlt"))] if (room("hw") / "lint").is_dir() else []
    )
    lint = subprocess.run(
        ["verilator", "--lint-only", "-Wall", "--top-module", cell, *waivers, *files],
        env=simulator_environment("verilator"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert lint.returncode == 0 and "%Warning" not in lint.stderr, lint.stderr
    icarus = subprocess.run(
        ["iverilog", "-g2012", "-s", cell, "-o", str(tmp_path / "x"), *files],
        capture_output=True,
        text=True,
        check=False,
    )
    assert icarus.returncode == 0, icarus.stderr


@pytest.mark.parametrize("cell", CELLS)
def test_yosys(cell):
    files = " ".join(map(str, sources(cell)))
    script = (
        f"from pyosys import libyosys as y; d = y.Design(); y.run_pass('read_verilog -sv {files}', d); "
        f"y.run_pass('hierarchy -check -top {cell}', d); y.run_pass('proc', d); y.run_pass('check -assert', d)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, (done.stdout + done.stderr)[-800:]


@pytest.mark.parametrize(
    ("cell", "parameter", "fault"),
    [
        ("window", "K=3 SIMD=2", "ERROR_SIMD_must_divide_CHANNELS"),
        ("window", "PAD_T=2", "ERROR_padding_above_or_left_must_be_at_most_K_minus_2"),
        ("window_folded", "SIMD=3 CHANNELS=4", "ERROR_SIMD_must_divide_CHANNELS"),
        ("window", "HEIGHT=1", "ERROR_HEIGHT_and_WIDTH_and_K_must_be_at_least_2"),
    ],
)
def test_bad_parameters_stop_elaboration(cell, parameter, fault):
    options = [f"-G{p}" for p in parameter.split()]
    files = [str(path) for path in sources(cell)]
    lint = subprocess.run(
        ["verilator", "--lint-only", "--top-module", cell, *options, *files],
        env=simulator_environment("verilator"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert lint.returncode != 0 and fault in lint.stderr
