"""`make bits`: what was run is kept and not run again, the page says what was kept, and `boards` tells of it."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from tiny_net import tiny_net
from typer.testing import CliRunner

from lutwright.boards import all_boards
from lutwright.cli import boards as boards_verb
from lutwright.cli.main import app
from lutwright.errors import BadProject, CannotSimulate
from lutwright.report.board_results import STEPS, ran, read_record, results_folder, write_record

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import bits
import bits_board
import bits_page
from bits_board import BoardJob, run_board

GOOD = {"mismatches": 0, "words": 140, "frames": 70, "first": "", "seconds": 9}
COUNT = {"used": 1234, "available": 5280, "estimate": 1200}
BUILD = dict.fromkeys(bits_board.KINDS, COUNT) | {
    "fmax_mhz": 33.3,
    "clock_mhz": 12.0,
    "interval": 784,
    "frames_per_second": 15306,
    "seconds": 99,
}


@pytest.fixture
def job(tmp_path, monkeypatch):
    """A job whose long steps are counted in place of being run."""
    done = []
    monkeypatch.setattr(bits_board, "MODEL", tiny_net(tmp_path / "tiny.onnx", 6, 2, 3))

    def bitstream(folder, board):
        done.append("bitstream")
        counts = dict.fromkeys(bits_board.KINDS, COUNT["used"])
        return SimpleNamespace(**counts, fmax_mhz=33.3, clock_mhz=12.0), {}

    def simulate(project, frames, data, simulator, taps, work, level):
        done.append(level)
        return SimpleNamespace(frames=frames, words=2 * frames, mismatches=0, first="")

    monkeypatch.setattr(bits_board, "build_bitstream", bitstream)
    monkeypatch.setattr(bits_board, "simulate_project", simulate)
    return BoardJob("hx8k", tmp_path / "results", tmp_path / "work"), done


def test_what_was_run_is_not_run_again(job):
    one, done = job
    record = run_board(one)
    assert done == ["bitstream", "netlist", "bitstream"] and ran(record) == ("build", "netlist", "bitstream")
    assert record["build"]["lut"]["used"] == 1234 and record["netlist"]["words"] == 40
    assert run_board(one) == record == read_record("hx8k", one.results) and len(done) == 3
    kept = {key: value for key, value in record.items() if key != "netlist"}
    write_record("hx8k", kept, one.results)
    assert run_board(one)["netlist"] == record["netlist"] and done[3:] == ["netlist"]
    write_record("hx8k", record | {"project": "another"}, one.results)
    run_board(one)
    assert len(done) == 7


def test_only_the_steps_that_are_asked_for(job):
    one, done = job
    run_board(BoardJob(one.board, one.results, one.work, ("netlist",)))
    assert done == ["netlist"]


def test_a_bitstream_that_is_gone_is_made_again(job, monkeypatch):
    one, done = job
    simulate = bits_board.simulate_project

    def without(*arguments, level):
        if level == "bitstream" and done[-1] != "bitstream":
            raise BadProject("project", "the bitstream must be there")
        return simulate(*arguments, level=level)

    monkeypatch.setattr(bits_board, "simulate_project", without)
    record = run_board(BoardJob(one.board, one.results, one.work, ("netlist", "bitstream")))
    assert done == ["netlist", "bitstream", "bitstream"] and ran(record) == ("netlist", "bitstream")


def test_a_part_of_a_vendor_is_counted(job, monkeypatch):
    """Yosys makes no bitstream of it, so that nothing else can be proved."""
    one, done = job
    counts = SimpleNamespace(**dict.fromkeys(bits_board.KINDS, 17))
    monkeypatch.setattr(bits_board, "count_cells_of", lambda *_: counts)
    record = run_board(BoardJob("arty-a7-35", one.results, one.work))
    assert (ran(record), done) == (("synthesis",), [])
    assert record["synthesis"]["lut"]["used"] == 17 and record["synthesis"]["lut"]["available"] == 20800
    assert record["synthesis"]["lut"]["estimate"] > 100


def test_what_cannot_be_done_is_kept_as_such(job, monkeypatch):
    one, _ = job

    def refuses(*_, level):
        raise CannotSimulate("bitstream", "must be of another family", "ecp5")

    monkeypatch.setattr(bits_board, "simulate_project", refuses)
    record = run_board(one)
    assert record["bitstream"] == {"refused": "must be of another family, not ecp5"} and ran(record) == ("build",)
    assert "cannot be done" in bits_page.page({"hx8k": record}, "command")


def test_the_page(tmp_path):
    records = {
        "hx8k": {"build": BUILD, "netlist": GOOD, "bitstream": GOOD | {"mismatches": 2}, "tools": {"pyosys": "0.70"}},
        "ulx3s-45f": {"build": BUILD, "tools": {"pyosys": "0.70"}},
        "orangecrab": {"netlist": GOOD, "tools": {"pyosys": "0.70"}},
        "zcu104": {"synthesis": {kind: BUILD[kind] for kind in ("lut", "ff", "bram", "dsp")}},
    }
    text = bits_page.page(records, "python benchmarks/bits.py")
    counts = " | ".join(["1,234 / 5,280 (1,200)"] * 4)
    assert f"| `hx8k` | {counts} | 33.3 | 12 | 784 | 15,306 | 99 |" in text
    assert "| `hx8k` | 0 of 140 | 9 | 2 of 140 | 9 |" in text
    assert "| `ulx3s-45f` | not run |  | not run |  |" in text
    assert "| `orangecrab` | 0 of 140 | 9 | not run |  |" in text
    assert f"| `zcu104` | {counts} |" in text and "pyosys 0.70." in text
    assert "Parts of vendors' tools" not in bits_page.page({"hx8k": records["hx8k"]}, "x")


def test_a_fault_or_nothing_compared_is_no_proof():
    assert ran({"build": BUILD, "netlist": GOOD | {"mismatches": 1}, "bitstream": {"words": 0, "mismatches": 0}}) == (
        "build",
    )
    assert ran({"synthesis": {}, "netlist": GOOD}) == ("synthesis", "netlist") and ran({}) == ()
    assert STEPS == ("build", "synthesis", "netlist", "bitstream")


def test_a_record_that_cannot_be_read_is_none(tmp_path):
    assert read_record("hx8k", tmp_path) == {}
    (tmp_path / "hx8k.json").write_text("[1, 2")
    assert read_record("hx8k", tmp_path) == {}
    (tmp_path / "hx8k.json").write_text("[1, 2]")
    assert read_record("hx8k", tmp_path) == {}


def test_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bits, "run_board", lambda job: write_record(job.board, {"build": BUILD}, job.results) or {})
    told = ["--boards", "hx8k,icebreaker", "--results", str(tmp_path / "r"), "--out", str(tmp_path / "BOARDS.md")]
    assert bits.main(told) == 0
    assert {"`hx8k`", "`icebreaker`"} <= set((tmp_path / "BOARDS.md").read_text().split())
    assert bits.main(["--boards", "zybo"]) == 2
    assert "BadOption: --boards: must be of " in capsys.readouterr().err
    assert bits.main(["--boards", "hx8k", "--steps", "paint"]) == 2
    assert "--steps: must be of build, synthesis, netlist, bitstream, not paint" in capsys.readouterr().err


def test_committed_records_are_of_boards_there_are():
    names = {board.name for board in all_boards()}
    for path in results_folder().glob("*.json"):
        assert path.stem in names and ran(json.loads(path.read_text())), path.name


def test_boards_tells_what_was_run(monkeypatch):
    monkeypatch.setattr(boards_verb, "read_record", lambda name: {"build": BUILD, "netlist": GOOD, "bitstream": GOOD})
    told = CliRunner().invoke(app, ["boards", "hx8k", "--json"])
    assert json.loads(told.stdout)["boards"][0]["ran"] == ["build", "netlist", "bitstream"]
    assert "bnp" in CliRunner().invoke(app, ["boards", "hx8k"]).output.split()
