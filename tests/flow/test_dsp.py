"""Multipliers become DSP blocks where the folding asks for it, and nowhere else."""

import pytest

from lutwright.boards import load_board
from lutwright.emit.rtl import cell_closure
from lutwright.flow.synth import synthesise
from lutwright.resources import room

TOP = """module top (
    input  wire logic clk, rst, s_valid, m_ready,
    input  wire logic [11:0] s_data,
    output logic s_ready, m_valid,
    output logic [27:0] m_data
);
  folded_mac #(
      .PE(2), .SIMD(3), .NF(4), .DSP(DSP_BLOCKS), .ACC_BITS(14),
      .WEIGHTS(96'h13579bdf_2468ace1_f7e6d5c4)
  ) u_mac (.*);
endmodule
"""


@pytest.mark.parametrize("board", ["ulx3s-45f", "tangnano9k"])
@pytest.mark.parametrize(("dsp", "blocks"), [(0, 0), (1, 6), (2, 3)])
def test_dsp_blocks(board, dsp, blocks, tmp_path):
    files = {f"{cell}.sv": (room("hw") / "rtl" / f"{cell}.sv").read_text() for cell in cell_closure({"folded_mac"})}
    files["top.sv"] = TOP.replace("DSP_BLOCKS", str(dsp))
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    sources = sorted(tmp_path.glob("*.sv"))
    made = synthesise(tmp_path, sources, load_board(board), "top", pads=False)
    assert made.cells.dsp == blocks
