"""Models of block RAMs and multipliers against the RTL that Yosys maps to them."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from lutwright.boards import load_board
from lutwright.errors import CannotSimulate, ToolMissing
from lutwright.flow.synth import synthesise
from lutwright.prove import cells
from lutwright.prove.cells import cell_models
from lutwright.resources import room
from lutwright.simulate.runner import simulator_environment

MODELS = sorted((room("hw") / "sim_models").glob("*.v"))
CORES = Path(__file__).parent / "cores"
OUTPUTS = ("q1", "q2", "q4", "q9", "q18", "q36", "bytes", "one", "through", "words", "product", "unsigned_product")
# What the netlist must hold, or the test would show nothing of it.
CELLS = {
    "ice40": {"SB_RAM40_4K", "SB_MAC16"},
    "ecp5": {"DP16KD", "MULT18X18D"},
    "gowin": {"SPX9", "SDPX9B", "DPB", "DPX9B", "MULT18X18"},
}
MEMORIES = {1: 8192, 2: 4096, 4: 2048, 9: 1024, 18: 512, 36: 256}  # bits of a word: words
BOARDS = {"ice40": "icebreaker", "ecp5": "ulx3s-45f", "gowin": "tangnano20k"}


def contents(folder):
    """Write what the memories of cells.sv begin with."""
    rng = np.random.default_rng(7)
    for bits, words in MEMORIES.items():
        values = rng.integers(0, 1 << bits, words)
        (folder / f"m{bits}.mem").write_text("".join(f"{value:x}\n" for value in values))


@pytest.fixture(scope="module", params=sorted(CELLS))
def netlist(request, tmp_path_factory):
    """The family, the netlist of cells.sv and the models of its cells."""
    family, folder = request.param, tmp_path_factory.mktemp(request.param)
    (folder / "product_dsp.sv").write_bytes((CORES / "cells.sv").read_bytes())  # its name calls for DSP blocks
    contents(folder)
    board = load_board(BOARDS[family])
    made = synthesise(folder, [folder / "product_dsp.sv"], board, "cells", pads=False)
    types = {kind for kind in made.cells.by_type if not kind.startswith("$")}
    text = made.netlist_verilog.read_text().replace("module cells(", "module cells_netlist(")
    return family, types, text, cell_models(family, types, plain=True)


def play(folder, *texts):
    """Different and varied clocks by output."""
    contents(folder)
    files = [CORES / "cells.sv", CORES / "tb_cells.sv"]
    for i, text in enumerate(texts):
        files.append(folder / f"t{i}.v")
        files[-1].write_text(text)
    subprocess.run(["iverilog", "-g2012", "-s", "tb_cells", "-o", "sim", *map(str, files)], cwd=folder, check=True)
    told = subprocess.run(["vvp", "sim"], cwd=folder, check=True, capture_output=True, text=True).stdout
    counts = [tuple(map(int, found)) for found in re.findall(r"RESULT (\d+) (\d+)", told)]
    return dict(zip(OUTPUTS, counts, strict=True))


def test_models_equal_the_rtl(netlist, tmp_path):
    family, types, text, models = netlist
    assert CELLS[family] <= types
    for output, (different, varied) in play(tmp_path, text, models).items():
        assert different == 0 and varied > 150, (family, output, different, varied)


def test_a_fault_in_a_model_is_seen(netlist, tmp_path):
    """Not the noise, but the models decide: each address bit, byte enable and sign matters."""
    family, _, text, models = netlist
    if family == "ice40":
        wrong = models.replace("if (RE && RCLKE) begin", "if (!RE && RCLKE) begin")
    else:
        wrong = models.replace("? 4'b1 : be_a", "? 4'b1 : 4'hf").replace("di_a[n*9+:9] << low_a", "di_a[n*9+:9]")
    assert wrong != models
    faulty = {output for output, (different, _) in play(tmp_path, text, wrong).items() if different}
    assert faulty >= ({"q36"} if family == "ice40" else {"q1", "q2", "q4", "bytes"})


def test_a_cell_without_a_model():
    with pytest.raises(CannotSimulate) as caught:
        cell_models("ecp5", {"LUT4", "EHXPLLL", "ALU54B"})
    assert str(caught.value) == (
        "netlist for family 'ecp5': every cell must have a model, not ALU54B, EHXPLLL. "
        "Fold the design so that it needs no such cell."
    )


def test_a_family_without_models():
    with pytest.raises(
        CannotSimulate, match=r"must be of a family whose cells have models \(ice40, ecp5, gowin\), not ano"
    ):
        cell_models("xc7", {"LUT6"})


def test_only_what_is_needed_comes():
    assert re.findall(r"^module (\w+)", cell_models("ecp5", {"CCU2C"}), re.M) == ["CCU2C", "LUT2", "LUT4"]
    assert re.findall(r"^module (\w+)", cell_models("gowin", {"SPX9", "LUT1"}), re.M) == [
        "LUT1",
        "SPX9",
        "block_ram_18k",
    ]
    assert "NO_ICE40_DEFAULT" not in cell_models("ice40", {"SB_LUT4"}).partition("module")[0].splitlines()[0]


def test_without_yosys(monkeypatch):
    monkeypatch.setattr(cells.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolMissing, match=r"the package pyosys must be installed \(they come with Yosys\), not absent"):
        cell_models("ice40", {"SB_LUT4"})


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_every_model_is_a_clean_file_of_its_own(path):
    text = path.read_text()
    assert re.findall(r"^module (\w+)", text, re.M) == [path.stem]
    assert text.startswith(f"// {path.stem}: ")
    inside = [model for model in MODELS if model == path or f"  {model.stem} #" in text]
    waivers = sorted((room("hw") / "lint").glob("*.vlt"))
    lint = subprocess.run(
        ["verilator", "--lint-only", "-Wall", "--top-module", path.stem, *map(str, [*waivers, *inside])],
        env=simulator_environment("verilator"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert lint.returncode == 0 and "%Warning" not in lint.stderr, lint.stderr
