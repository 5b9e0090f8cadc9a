"""The verbs `doctor` and `boards`: tables for people, one JSON object for programs, status 2 for what is missing."""

import json

import pytest
import typer
from typer.testing import CliRunner

from lutwright.cli import doctor as room
from lutwright.cli.boards import boards
from lutwright.cli.doctor import doctor, examine
from lutwright.resources import room as resources


@pytest.fixture
def call():
    app = typer.Typer()
    for function in (boards, doctor):
        app.command()(function)
    return lambda *words: CliRunner().invoke(app, list(words))


def test_everything_is_there(call):
    result = call("doctor", "--json")
    told = json.loads(result.stdout)
    names = [item["name"] for item in told["findings"]]
    assert names[0] == "python"
    assert {"pyosys", "verilator", "g++", "iverilog", "torch"} <= set(names)
    assert result.exit_code == (0 if told["ok"] else 2)


def test_missing_things_are_named_with_a_remedy(call, monkeypatch):
    absent = {"pyosys", "matplotlib", "da4ml", "distributed", "hls4ml"}
    monkeypatch.setattr(room, "version", lambda package: None if package in absent else "1.0")
    monkeypatch.setattr(
        room.shutil, "which", lambda program: None if program in {"perl", "iverilog", "vivado"} else "/bin/x"
    )
    result = call("doctor", "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["ok"], told["missing"]) == (2, False, ["pyosys", "perl"])
    fixes = {item["name"]: item["fix"] for item in told["findings"]}
    assert fixes["pyosys"] == "pip install 'lutwright[flow]'"
    assert fixes["da4ml"] == "pip install 'lutwright[unroll]'"
    assert fixes["distributed"] == "pip install 'lutwright[explore]'"
    assert fixes["hls4ml"] == "pip install 'lutwright[hls]'"
    assert fixes["vivado"] == "from its maker; put it on PATH"
    assert fixes["perl"] == "apt-get install perl"
    people = call("doctor")
    assert people.exit_code == 2
    assert "Missing: pyosys, perl." in people.stderr
    assert "(optional)" in people.stderr
    assert people.stdout == ""


def test_all_there(call, monkeypatch):
    monkeypatch.setattr(room, "version", lambda package: "1.0")
    monkeypatch.setattr(room.shutil, "which", lambda program: "/bin/x")
    assert call("doctor").exit_code == 0


def test_an_old_python(monkeypatch):
    monkeypatch.setattr(room, "PYTHON", (4, 0))
    assert examine()[0].found is None
    assert examine()[0].fix == "install Python 4.0 or later"


def test_boards(call):
    told = json.loads(call("boards", "--json").stdout)["boards"]
    by_name = {board["name"]: board for board in told}
    assert list(by_name) == sorted(path.stem for path in resources("boards").glob("*.toml"))
    assert by_name["tangnano9k"]["clocks_per_bit"] == 27
    assert by_name["icebreaker"]["flow"] == {"route": "nextpnr-ice40", "pack": "icepack", "bitstream": ".bin"}
    people = call("boards")
    assert (people.exit_code, people.stdout) == (0, "")
    words = people.stderr.split()
    assert {"tangnano9k", "gowin", "GW1NR-LV9QN88PC6/I5", "iCE40UP5K-SG48I", "5280"} <= set(words)
    assert [b["name"] for b in json.loads(call("boards", "ulx3s-85f", "--json").stdout)["boards"]] == ["ulx3s-85f"]


def test_an_unknown_board(call):
    result = call("boards", "zybo", "--json")
    assert (result.exit_code, json.loads(result.stdout)["error"]["name"]) == (2, "UnknownBoard")
