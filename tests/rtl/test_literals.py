"""Long constants in the reader that takes the least: Icarus."""

import subprocess

import numpy as np

from lutwright.numerics.packing import literal, pack


def test_icarus_reads_a_constant_of_many_parts(tmp_path):
    values = np.random.default_rng(0).integers(0, 16, 40_000)
    top = values.size * 4 - 1
    (tmp_path / "t.sv").write_text(
        f'module t;\n  localparam logic [{top}:0] T = {literal(values, 4)};\n  initial $display("%h", T);\nendmodule\n'
    )
    subprocess.run(["iverilog", "-g2012", "-o", "t.vvp", "t.sv"], cwd=tmp_path, check=True)
    out = subprocess.run(["vvp", "-n", "t.vvp"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert int(out, 16) == pack(values, 4)
