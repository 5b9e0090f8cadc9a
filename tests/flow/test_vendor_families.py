"""Yosys on families whose place and route is the vendor's: what it counts, and that a design too large is refused."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from lutwright.boards import load_board
from lutwright.errors import DoesNotFit
from lutwright.flow import vendor
from lutwright.flow.cyclonev import half_alms
from lutwright.flow.synth import Cells, count_cells
from lutwright.flow.vendor import count_cells_of

SUM = Path(__file__).parent / "cores" / "byte_sum.sv"


@pytest.mark.parametrize("name", ["arty-a7-35", pytest.param("zcu104", marks=pytest.mark.long), "de10-nano"])
def test_counts_of_a_small_core(name, tmp_path):
    cells = count_cells_of(tmp_path, [SUM], load_board(name), "byte_sum")
    assert 10 <= cells.lut <= 60 and 10 <= cells.ff <= 60 and (cells.bram, cells.dsp) == (0, 0)
    assert (tmp_path / "flow" / "byte_sum_netlist.v").is_file()


def test_a_design_too_large_for_the_board(tmp_path, monkeypatch):
    made = SimpleNamespace(cells=Cells(20, 25, 0, 0, {}))
    monkeypatch.setattr(vendor, "synthesise", lambda *words, **options: made)
    board = load_board("arty-a7-35")
    tiny = board.model_copy(update={"resources": board.resources.model_copy(update={"ff": 3})})
    with pytest.raises(DoesNotFit, match=r"board 'arty-a7-35': has 3 flip-flops, the design needs 25\. Use a larger"):
        count_cells_of(tmp_path, [SUM], tiny, "byte_sum")


def netlist(**kinds):
    """A flat netlist with so many cells of each kind."""
    return {f"{kind}{i}": {"type": kind} for kind, count in kinds.items() for i in range(count)}


def test_cells_of_amd_parts():
    cells = netlist(LUT6=3, LUT1=1, SRL16E=2, RAM32M=1, RAM64X1D=1, FDRE=4, FDSE=1, RAMB18E1=1, RAMB36E1=1, DSP48E1=2)
    found = count_cells("xc7", cells)
    assert (found.lut, found.ff, found.bram, found.dsp) == (12, 5, 3, 2)
    found = count_cells("xcup", netlist(LUT2=1, RAM32M16=1, RAM64M8=1, RAMB36E2=1, DSP48E2=1, CARRY8=9))
    assert (found.lut, found.ff, found.bram, found.dsp) == (17, 0, 2, 1)


@pytest.mark.parametrize(
    ("kinds", "halves"),
    [
        ({"MISTRAL_ALUT6": 2}, 4),
        ({"MISTRAL_ALUT4": 3, "MISTRAL_ALUT_ARITH": 4, "MISTRAL_MLAB": 2}, 9),
        ({"MISTRAL_ALUT5": 4}, 8),
        ({"MISTRAL_ALUT5": 4, "MISTRAL_ALUT3": 2, "MISTRAL_NOT": 1}, 7),
        ({"MISTRAL_ALUT5": 2, "MISTRAL_ALUT2": 5, "MISTRAL_ALUT6": 1}, 9),
        ({"MISTRAL_FF": 7, "MISTRAL_IB": 2}, 0),
    ],
)
def test_halves_of_alms(kinds, halves):
    assert half_alms(netlist(**kinds)) == halves
