"""Vivado and Quartus as child processes: reports read, faults named, and what happens where they are not installed."""

import json
import os
import stat
import subprocess

import pytest
from typer.testing import CliRunner
from vendor_reports import ANALYSER, FITTER, ONE_CLOCK, SERIES7, TWO_CLOCKS, ULTRASCALE, timing

from lutwright.boards import load_board
from lutwright.cli import build as verb
from lutwright.cli.main import app
from lutwright.emit.shell import CoreInterface
from lutwright.emit.vendor import Design, vendor_files
from lutwright.errors import BadOption, DoesNotFit, ToolFailed, ToolMissing
from lutwright.files import write_tree
from lutwright.flow import quartus, vendor, vivado
from lutwright.flow.families import open_flow
from lutwright.flow.synth import Cells
from lutwright.flow.tools import VIVADO, command
from lutwright.resources import room

MNIST = str(room("examples") / "models" / "mnist-mux.onnx")
PARTS = {"arty-a7-35": "board_top.bit", "pynq-z2": "pynq/board_top.bit", "de10-nano": "board_top.sof"}


def test_vivado_reports():
    assert vivado.read_area(SERIES7) == {"lut": 2987, "ff": 3702, "bram": 3, "dsp": 4}
    assert vivado.read_area(ULTRASCALE) == {"lut": 5365, "ff": 6171, "bram": 32, "dsp": 0}
    assert vivado.read_fmax(timing(0.521, ONE_CLOCK), 100.0) == pytest.approx(1000 / 9.479)
    assert vivado.read_fmax(timing(-1.25, ONE_CLOCK), 100.0) == pytest.approx(1000 / 11.25)
    assert vivado.read_fmax(timing(0.5, TWO_CLOCKS), 100.0) == pytest.approx(1000 / 9.501)
    assert vivado.read_fmax(timing(0.5, TWO_CLOCKS), 190.0) == pytest.approx(1000 / 4.5)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("| Slice LUTs ", r"Vivado: reports/utilization.rpt must have a row 'Slice LUTs', not none\. Build again;"),
        ("| Block RAM Tile ", "must have a row 'Block RAM Tile'"),
        ("| DSPs ", "must have a row 'DSPs'"),
    ],
)
def test_a_utilisation_report_without_a_row(row, message):
    assert row in SERIES7
    with pytest.raises(ToolFailed, match=message):
        vivado.read_area(SERIES7.replace(row, "| Other "))


@pytest.mark.parametrize("text", ["", timing(0.5, ""), timing(0.5, ONE_CLOCK).replace("Design Timing", "Timing")])
def test_a_timing_report_without_its_tables(text):
    with pytest.raises(ToolFailed, match=r"Vivado: reports/timing.rpt must tell the worst slack and a clock, not"):
        vivado.read_fmax(text, 100.0)


def test_quartus_reports():
    assert quartus.read_area(FITTER) == {"lut": 4024, "ff": 4011, "bram": 3, "dsp": 0}
    assert quartus.read_fmax(ANALYSER) == 97.85
    with pytest.raises(ToolFailed, match=r"Quartus: reports/board_top.fit.summary must have a row 'Total registers'"):
        quartus.read_area(FITTER.replace("Total registers", "Registers"))
    with pytest.raises(ToolFailed, match=r"Quartus: reports/board_top.sta.rpt must tell the Fmax of a clock, not none"):
        quartus.read_fmax(ANALYSER.replace("Restricted", "").replace(" MHz", " GHz"))


def install(folder, monkeypatch, name, lines):
    """Put a program `name` of shell lines on PATH, alone beside what a shell needs."""
    path = folder / "tools" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\n" + "\n".join(lines) + "\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")


def reports(folder, slack=0.521, area=SERIES7):
    """Lines of a program that leaves the reports of a build, and bitstreams, in the folder where it is run."""
    texts = {"utilization.rpt": area, "timing.rpt": timing(slack, ONE_CLOCK)}
    texts |= {"board_top.fit.summary": FITTER, "board_top.sta.rpt": ANALYSER}
    for name, text in texts.items():
        (folder / name).write_text(text)
    copies = [f"cp {folder / name} reports/{name}" for name in texts]
    return ["echo $* > called", "mkdir -p reports pynq", *copies, *(f"echo bits > {made}" for made in PARTS.values())]


@pytest.mark.parametrize("name", PARTS)
def test_build_by_the_vendors_tool(name, tmp_path, monkeypatch):
    """The whole verb: project, tool, reports, table, JSON; the tool gets the script that the project has."""
    tool = "quartus_sh" if name == "de10-nano" else "vivado"
    install(tmp_path, monkeypatch, tool, reports(tmp_path))
    place = tmp_path / "p"
    done = CliRunner().invoke(app, ["build", MNIST, "--board", name, "--out", str(place), "--bitstream", "--json"])
    assert done.exit_code == 0, done.output
    words = json.loads(done.stdout)
    assert words["bitstream"] == str(place / PARTS[name]) and "not_run" not in words
    if tool == "vivado":
        assert words["measured"] == {
            "lut": 2987,
            "ff": 3702,
            "bram": 3,
            "dsp": 4,
            "fmax_mhz": 105.5,
            "clock_mhz": 100.0,
        }
    else:
        assert words["measured"] == {"lut": 4024, "ff": 4011, "bram": 3, "dsp": 0, "fmax_mhz": 97.85, "clock_mhz": 50.0}
    script = (place / "called").read_text().split()[-1]
    assert (place / script).is_file() and (place / "logs" / f"{tool}.log").is_file()


@pytest.mark.parametrize("name", ["arty-a7-35", "de10-nano"])
def test_make_calls_the_tool(name, tmp_path, monkeypatch):
    """What is typed where lutwright is not; a second time there is nothing to do."""
    install(tmp_path, monkeypatch, "quartus_sh" if name == "de10-nano" else "vivado", reports(tmp_path))
    core, board = CoreInterface("net", 1, 4, 1, 1, 7), load_board(name)
    design = Design(("rtl/net.sv",), (), ("rtl/board_top.sv",), ("rtl/net_axis.v",) if board.family == "xc7" else ())
    write_tree(tmp_path / "p", vendor_files(core, board, design) | {"rtl/net.sv": b""})
    made = []
    for _ in range(2):
        made.append(subprocess.run(["make", "-C", tmp_path / "p"], capture_output=True, text=True, check=True).stdout)
    assert "build.tcl" in made[0] and "Nothing to be done" in made[1]
    assert (tmp_path / "p" / PARTS[name]).read_text() == "bits\n"
    if board.family == "xc7":
        subprocess.run(["make", "-C", tmp_path / "p", "ip"], capture_output=True, check=True)
        assert (tmp_path / "p" / "called").read_text().split()[-1] == "vivado/package_ip.tcl"
    subprocess.run(["make", "-C", tmp_path / "p", "clean"], capture_output=True, check=True)
    assert not (tmp_path / "p" / PARTS[name]).exists() and not (tmp_path / "p" / "reports").exists()


@pytest.mark.parametrize(
    ("lines", "error", "message"),
    [
        (["echo ERROR: [Synth 8-439] module 'x' not found", "exit 1"], ToolFailed, r"status 0, not 1\. Log .*8-439\]"),
        (["kill -9 $$"], ToolFailed, r"must run to its end, not killed by SIGKILL"),
        (["exit 0"], ToolFailed, r"tool 'vivado': must write reports/utilization.rpt, not nothing\. Log vivado.log:"),
        ({"slack": -1.25}, DoesNotFit, r"'arty-a7-35' \(speed\): runs at 100 MHz, the design reaches 88\.9 MHz"),
        ({"area": SERIES7.replace("| 2987", "|20801")}, DoesNotFit, r"has 20800 LUTs, the design needs 20801"),
    ],
)
def test_a_build_that_fails(lines, error, message, tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, "vivado", reports(tmp_path, **lines) if isinstance(lines, dict) else lines)
    project = tmp_path / "p"
    project.mkdir()
    (project / "board_top.bit").write_text("an old one")
    with pytest.raises(error, match=message):
        vendor.make_vendor_bitstream(project, load_board("arty-a7-35"))
    assert not (project / "board_top.bit").exists()


def test_a_tool_that_hangs(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, "vivado", ["sleep 60"])
    with pytest.raises(ToolFailed, match=r"tool 'vivado': must end within 0\.2 s, not still running \(killed\)"):
        vendor.make_vendor_bitstream(tmp_path, load_board("arty-a7-35"), timeout=0.2)


@pytest.fixture
def without(monkeypatch):
    """No vendor's tool is on PATH."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")


def test_a_missing_tool_is_named(without):
    message = (
        r"tool 'vivado': must be on PATH \(bitstreams for AMD parts\), not absent\. Install Vivado, or copy the pr"
    )
    with pytest.raises(ToolMissing, match=message):
        command(VIVADO)
    assert "Install Quartus" in str(vendor.missing_tool(load_board("de10-nano")))


def test_without_the_tool_yosys_counts(without, tmp_path, monkeypatch):
    """The verb says what was not run, gives the counts, and ends as one that lacks a tool."""
    seen = []

    def count(project, sources, board, top):
        seen.append((board.name, top, {source.name for source in sources}))
        return Cells(3270, 3729, 2, 0, {})

    monkeypatch.setattr(verb, "count_cells_of", count)
    words = ["build", MNIST, "--board", "pynq-z2", "--out", str(tmp_path / "p"), "--bitstream", "--json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2
    told = json.loads(done.stdout)
    assert told["synthesis"] == {"lut": 3270, "ff": 3729, "bram": 2, "dsp": 0} and told["bitstream"] is None
    assert told["not_run"].startswith("tool 'vivado': must be on PATH") and "measured" not in told
    assert seen[0][:2] == ("pynq-z2", "mnist_mux_axis") and "mnist_mux_axis.v" in seen[0][2]
    plain = " ".join(done.stderr.split())
    assert "No bitstream: tool 'vivado': must be on PATH" in plain and "3270" in plain
    assert "over AXI DMA of 32 bits" in plain and "Clock: 100 MHz, the processor." in plain


def test_seeds_are_nextpnrs():
    done = CliRunner().invoke(app, ["build", MNIST, "--board", "kv260", "--bitstream", "--seeds", "2"])
    assert done.exit_code == 2
    assert "BadOption: --seeds: must be 1: the vendor's tool places board 'kv260', not 2." in done.output
    with pytest.raises(
        BadOption, match=r"board 'kv260': must be of a family that open tools place and route: ice40, ec"
    ):
        open_flow(load_board("kv260"))


def test_a_network_that_a_board_has_no_room_for(tmp_path):
    text = (room("boards") / "pynq-z2.toml").read_text()
    (tmp_path / "small.toml").write_text(text.replace("lut = 53200", "lut = 500"))
    done = CliRunner().invoke(
        app, ["build", MNIST, "--board", str(tmp_path / "small.toml"), "--out", str(tmp_path / "p")]
    )
    assert done.exit_code == 2 and "DoesNotFit: board 'pynq-z2': has room for 450 LUTs" in done.output
    assert not (tmp_path / "p").exists()


def test_the_list_of_boards_names_link_and_tool():
    words = json.loads(CliRunner().invoke(app, ["boards", "--json"]).stdout)["boards"]
    told = {row["name"]: (row["link"], row["flow"]["route"], row["flow"]["bitstream"]) for row in words}
    assert told["pynq-z2"] == ("dma", "Vivado", ".bit") and told["de10-nano"] == ("uart", "Quartus", ".sof")
    assert told["arty-a7-100"] == ("uart", "Vivado", ".bit") and told["hx8k"] == ("uart", "nextpnr-ice40", ".bin")
    table = CliRunner().invoke(app, ["boards"]).output
    assert "xczu7ev-ffvc1156-2-e" in table and "AXI DMA" not in table and "Quartus" in table
