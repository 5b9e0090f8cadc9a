"""The benchmark of the learner: equal first, timed and counted after."""

import json
import sys

import pytest
import torch

from lutwright.errors import Mismatch, ToolFailed
from lutwright.learn import LearnerConfig
from lutwright.learn.module import LearnerModule
from lutwright.resources import room

sys.path.insert(0, str(room("hw").parent / "benchmarks"))

import hardware_pins
import hardware_synthesis
import learner as benchmark
import learner_hardware

RATES = ["--parts", "rates", "--sizes", "8,2,2,3", "--count", "20", "--seconds", "0.001"]


@pytest.fixture(autouse=True)
def threads(tmp_path, monkeypatch):
    """The threads as they were; a folder of figures of its own."""
    for module in (learner_hardware, hardware_synthesis):
        monkeypatch.setattr(module, "CACHE", tmp_path / "figures")
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


# ---- rates -----------------------------------------------------------------------------------------------------------


def test_the_table_says_what_was_measured(tmp_path, capsys):
    assert benchmark.main([*RATES, "--out", str(tmp_path / "page.md"), "--json", str(tmp_path / "all.json")]) == 0
    page = (tmp_path / "page.md").read_text()
    assert capsys.readouterr().out == page + "\n" and str(tmp_path) not in page
    assert "    python benchmarks/learner.py --parts rates --sizes 8,2,2,3 --lanes 1 4 --policy weighted" in page
    found = json.loads((tmp_path / "all.json").read_text())
    (row,) = found["rates"]
    assert list(found) == ["rates"]
    assert list(row["rate"]) == ["learn", "learn, torch", "one", "one, torch", "batch", "batch, torch"]
    assert all(rate > 0 for rate in row["rate"].values())
    assert row["words"] == 3 * 2 * 8 and "| d=8 P=2 k=2 C=3 |" in page


@pytest.mark.parametrize(
    ("name", "words"),
    [("state", "must know the same as the reference"), ("forward", "must predict the same as the reference")],
)
def test_what_differs_is_not_timed(name, words, monkeypatch, capsys):
    real = getattr(LearnerModule, name)

    def wrong(self, *rest):
        found = real(self, *rest)
        if name == "forward":
            return found + 1
        found.n[0, 0, 0] += 1
        return found

    monkeypatch.setattr(LearnerModule, name, wrong)
    assert benchmark.main(RATES) == 1
    told = capsys.readouterr()
    assert words in told.err and not told.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--sizes", "8,2,2"], "--sizes: must be features,subspaces,anchors,classes, not '8,2,2'"),
        (["--sizes", "8,2,2,x"], "--sizes: must be features,subspaces,anchors,classes, not '8,2,2,x'"),
        (["--sizes", "8,3,2,2"], "subspaces must divide the 8 features, not 3"),
        (["--parts", "area", "--lanes", "3"], "lanes must divide the 2 subspaces, not 3"),
        (["--count", "0"], "--count: must be more than 0, not 0"),
        (["--threads", "0"], "--threads: must be more than 0, not 0"),
        (["--seconds", "0"], "--seconds: must be more than 0, not 0.0"),
        (["--mhz", "-1"], "--mhz: must be more than 0, not -1.0"),
        (["--timeout", "0"], "--timeout: must be more than 0, not 0.0"),
    ],
)
def test_options_that_cannot_be(options, words, capsys):
    assert benchmark.main([*RATES, *options]) == 2
    assert words in capsys.readouterr().err


# ---- hardware --------------------------------------------------------------------------------------------------------


def test_the_page_of_the_hardware(monkeypatch, capsys):
    """Each size with each number of lanes; what tools say is made up here, the clocks are those of the formula."""
    counts = hardware_synthesis.Counts(1234, 567, 8, 2)
    monkeypatch.setattr(learner_hardware, "count", lambda *rest, **more: counts)
    monkeypatch.setattr(learner_hardware, "fmax", lambda files, top, mhz, timeout, family: mhz + len(files))
    monkeypatch.setattr(learner_hardware, "_measured", lambda config, lanes, seed: (39 // lanes + 22, 40))
    monkeypatch.setattr(learner_hardware, "learn_clocks", lambda config, lanes: 39 // lanes + 22)
    monkeypatch.setattr(learner_hardware, "predict_clocks", lambda config, lanes: 40)
    parts = ["--parts", "clocks", "area", "route", "--sizes", "8,2,2,3", "--lanes", "1", "2", "--mhz", "50"]
    assert benchmark.main(parts) == 0
    page = capsys.readouterr().out
    assert "| d=8 P=2 k=2 C=3 | 1 | 61 | 61 | 40 | 40 | 819,672 | 1,250,000 |" in page
    assert "| d=8 P=2 k=2 C=3 | 2 | 41 | 41 | 40 | 40 | 1,219,512 | 1,250,000 |" in page
    for family in ("ecp5", "gowin"):
        (line,) = [line for line in page.splitlines() if f"| {family} | 2 |" in line]
        assert "| 1,234 |" in line and "| 567 |" in line and line.endswith("| 8 | 8 | 2 | 1 |")
    files = len(learner_hardware.alone(LearnerConfig(8, 2, 2, 3), 1))
    for part in ("LFE5U-85F, speed grade 6", "GW2AR-18, C8/I7"):
        assert f"| d=8 P=2 k=2 C=3 | 1 | {part} | {50 + files + 1} |" in page
    assert "for one of" not in page


def test_a_size_without_a_place_is_said(monkeypatch, capsys):
    def fails(files, top, mhz, timeout, family):
        raise ToolFailed("tool 'nextpnr'", "must find a place", "none")

    monkeypatch.setattr(learner_hardware, "fmax", fails)
    assert benchmark.main(["--parts", "route", "--sizes", "8,2,2,3", "--lanes", "1", "--families", "gowin"]) == 0
    said = capsys.readouterr()
    assert "| d=8 P=2 k=2 C=3 | 1 | GW2AR-18, C8/I7 | no place |" in said.out and "must find a place" in said.err


def test_a_shell_has_few_pins_and_a_path_to_every_port(tmp_path):
    """Yosys: nothing of the inside goes, and a pin is needed for five ports only."""
    inside = "module adder (input wire logic clk, rst, input wire logic [3:0] a, b, output logic [4:0] y, output z);"
    files = {
        "adder.sv": f"{inside} always_ff @(posedge clk) y <= rst ? 0 : a + b; assign z = a[3]; endmodule\n".encode(),
        "few_pins.sv": hardware_pins.few_pins("adder", {"a": 4, "b": 4}, {"y": 5, "z": 1}).encode(),
    }
    found = hardware_synthesis.count(files, hardware_pins.TOP, "ecp5")
    assert found.ff == 1 + (4 + 4) + (5 + 1) + 5
    text = files["few_pins.sv"].decode()
    assert all(f"wire logic {pin}" in text or f"output logic {pin}" in text for pin in hardware_pins.PINS)


def test_the_module_around_the_cell(tmp_path, monkeypatch):
    """It has the cell's ports and parameters, so that it elaborates."""
    monkeypatch.chdir(tmp_path)
    files = learner_hardware.alone(LearnerConfig(6, 3, 2, 5, 4, 2, 4, policy="round-robin", versions=2), 3)
    text = files[f"{learner_hardware.TOP}.sv"].decode()
    assert ".LANES(3)" in text and ".POLICY(1)" in text and "input wire logic [7:0] s_data" in text
    assert {"learner.sv", "learner_lane.sv", "line_memory.sv"} <= set(files)


@pytest.mark.long
def test_clocks_are_measured_and_kept(monkeypatch):
    config = LearnerConfig(4, 2, 2, 2, 3, 1, 2)
    row = learner_hardware.clocks(config, 1, 1)
    assert (row["learn"], row["predict"]) == (row["learn_told"], row["predict_told"])
    monkeypatch.setattr(learner_hardware, "_played", None)  # a second time it is not simulated
    assert learner_hardware.clocks(config, 1, 1) == row
    with pytest.raises(TypeError):
        learner_hardware.clocks(config, 1, 2)


@pytest.mark.parametrize(
    ("came", "words"),
    [
        ([0] * 16, "must take 43 and 20 clocks, not 0 and 0"),
        ([1, *range(15)], "every frame must take as many clocks"),
    ],
)
def test_clocks_that_are_not_those_of_the_formula(came, words, monkeypatch):
    monkeypatch.setattr(learner_hardware, "_played", lambda *rest: came)
    with pytest.raises(Mismatch, match=words):
        learner_hardware.clocks(LearnerConfig(4, 2, 2, 2, 3, 1, 2), 1, 1)
