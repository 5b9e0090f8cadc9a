"""Synthesis of an hls4ml project where AMD's tools are stand-ins: the Tcl is run, the reports are told."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from shell_net import project
from typer.testing import CliRunner

from lutwright.cli.main import app
from lutwright.errors import ToolFailed, ToolMissing
from lutwright.flow.hls_synthesis import read_reports, solution, synthesise
from lutwright.hls.options import HlsOptions
from lutwright.hls.project import open_hls_project
from lutwright.resources import room

REPORTS = Path(__file__).parent / "reports"
MNIST = str(room("examples") / "models" / "mnist-mux.onnx")

# Every command of the tools writes itself into a log. What Tcl itself has is Tcl's own, so that its syntax is checked.
STUBS = """
set log [open commands.log a]
foreach name {open_project set_top add_files open_solution config_array_partition config_compile set_part
    config_schedule create_clock set_clock_uncertainty csim_design csynth_design cosim_design export_design
    synth_design opt_design report_utilization} {
  proc $name args "puts \\$::log \\[concat $name \\$args\\]"
}
rename exit leave
proc exit {{status 0}} { flush $::log; leave $status }
"""
TCL = "import sys, tkinter; tkinter.Tcl().evalfile(sys.argv[1])"
WISH = "reset=1 csim=0 synth=1 cosim=0 validation=0 export=0 vsynth=0 fifo_opt=0"


def tcl(script, folder):
    """Run the Tcl `script` in `folder`, by tclsh or by the interpreter in Python; return the tools' commands."""
    (folder / "run.tcl").write_text(f"{STUBS}\nset argv [list {{{WISH}}}]\nsource {script}\nflush $log\n")
    shell = shutil.which("tclsh")
    line = [shell, "run.tcl"] if shell else [sys.executable, "-c", TCL, "run.tcl"]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return (folder / "commands.log").read_text().splitlines()


@pytest.mark.parametrize("tool", ["Vitis", "Vivado"])
def test_the_tcl_of_a_project(tool, tmp_path):
    options = HlsOptions(tool=tool, part="xc7a35tcpg236-1", clock_ns=8.0)
    opened = project(tmp_path / "p", options=options)
    work = tmp_path / "work"
    shutil.copytree(opened.sources, work)
    wish = WISH.replace("=", " ")
    script = (opened.sources / "synthesise.sh").read_text()
    asked = wish if tool == "Vitis" else WISH  # Vitis reads a file, Vivado HLS what stands behind the script
    assert asked.replace("vsynth=0", "vsynth=$vsynth").replace("vsynth 0", "vsynth $vsynth") in script
    (work / "build_opt.tcl").write_text(f"array set opt {{{wish}}}\n")
    told = tcl("build_prj.tcl", work)
    assert "open_project -reset shellnet_prj" in told and "set_top shellnet" in told
    assert "set_part xc7a35tcpg236-1" in told and "create_clock -period 8.0 -name default" in told
    assert told[-1] == "csynth_design"
    assert not any(line.startswith(("csim", "cosim", "export")) for line in told)
    (work / "commands.log").unlink()
    told = tcl("vivado_synth.tcl", work)
    assert told[0] == "add_files shellnet_prj/solution1/syn/verilog"
    assert told[1].startswith("synth_design -top shellnet -part xc7a35tcpg236-1")
    assert told[-1] == "report_utilization -file vivado_synth.rpt"


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Stand-ins for vitis-run and vivado on PATH, which leave the reports where the tools leave them."""
    folder = tmp_path / "bin"
    folder.mkdir()
    body = f"""#!/bin/sh
test "$*" = "--tcl build_prj.tcl --mode hls" || exit 3
name=$(sed -n 's/set project_name "\\(.*\\)"/\\1/p' project.tcl)
mkdir -p ${{name}}_prj/solution1/syn/report
cp {REPORTS}/csynth_vitis_hls_2023_1.xml ${{name}}_prj/solution1/syn/report/${{name}}_csynth.xml
if grep -q "vsynth 1 " build_opt.tcl; then cp {REPORTS}/utilisation_2022_2.rpt vivado_synth.rpt; fi
"""
    for name, text in (("vitis-run", body), ("vivado", "#!/bin/sh\n")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def build(place, *more):
    options = ["--board", "ulx3s-45f", "--backend", "hls4ml", "--part", "xc7a35tcpg236-1", "--out", str(place), *more]
    return CliRunner().invoke(app, ["build", MNIST, *options])


def test_the_reports_are_told_and_the_project_stays_what_it_was(tools, tmp_path):
    done = build(tmp_path / "p", "--synthesis", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["synthesis"]["csynth"]["used"]["lut"] == 339116
    assert told["synthesis"]["vivado"]["used"]["lut"] == 179437
    assert told["not_run"] == []
    assert "179,437" in done.stderr and "578" in done.stderr
    assert open_hls_project(tmp_path / "p").graph.name == "mnist_mux"


# The network's streams, and class 0 for every frame.
WRONG = """\
module mnist_mux (
  input ap_clk, input ap_rst_n, input ap_start, output ap_done, output ap_ready, output ap_idle,
  input [7:0] input_1_TDATA, input input_1_TVALID, output input_1_TREADY,
  output [7:0] layer17_out_TDATA, output layer17_out_TVALID, input layer17_out_TREADY
);
  reg [9:0] taken;
  assign input_1_TREADY = ap_start && taken != 784;
  assign layer17_out_TVALID = taken == 784;
  assign layer17_out_TDATA = 8'd0;
  assign ap_done = 1'b0, ap_ready = 1'b0, ap_idle = 1'b0;
  always @(posedge ap_clk) begin
    if (!ap_rst_n || (layer17_out_TVALID && layer17_out_TREADY)) taken <= 10'd0;
    else if (input_1_TVALID && input_1_TREADY) taken <= taken + 10'd1;
  end
endmodule
"""


def test_the_verilog_of_the_tool_is_played_and_its_wrong_words_are_told(tools, tmp_path):
    assert build(tmp_path / "p", "--synthesis").exit_code == 0
    sim = ["sim", str(tmp_path / "p"), "--level", "verilog", "--simulator", "icarus", "--frames", "4", "--json"]
    without = CliRunner().invoke(app, sim)
    assert without.exit_code == 2 and "needs the Verilog of a synthesis" in without.output
    place = solution(tmp_path / "p", "mnist_mux")
    (place / "verilog").mkdir()
    (place / "verilog" / "mnist_mux.v").write_text(WRONG)
    report = place / "report" / "mnist_mux_csynth.xml"
    report.write_text(report.read_text().replace("<Bits>16</Bits>", "<Bits>8</Bits>"))
    done = CliRunner().invoke(app, sim)
    assert done.exit_code == 1, done.output
    told = json.loads(done.stdout)
    assert (told["level"], told["cycles_per_frame"], told["frames"]) == ("verilog", 785, 4 + 4 + 3 + 3 + 4)
    assert 0 < told["mismatches"] <= 18 and told["first_mismatch"].startswith("stage 'argmax', frame")


def test_without_vivado_its_synthesis_was_not_run(tools, tmp_path):
    (tools / "vivado").unlink()
    told = json.loads(build(tmp_path / "p", "--synthesis", "--json").stdout)
    assert told["synthesis"]["vivado"] is None and told["not_run"] == ["Vivado's synthesis"]
    assert "vivado is not installed" in (tmp_path / "p" / "synthesis.log").read_text()


def test_without_the_tool_the_project_is_whole(tmp_path):
    done = build(tmp_path / "p", "--synthesis")
    assert done.exit_code == 2 and "ToolMissing: tool 'vitis-run': must be on PATH for --synthesis" in done.output
    script = tmp_path / "p" / "hls" / "synthesise.sh"
    alone = subprocess.run(["sh", str(script)], capture_output=True, text=True, check=False)
    assert alone.returncode == 2 and "vitis-run is not installed" in alone.stderr
    assert open_hls_project(tmp_path / "p").graph.name == "mnist_mux"
    sim = CliRunner().invoke(app, ["sim", str(tmp_path / "p"), "--level", "verilog"])
    assert sim.exit_code == 2 and "must have the report synthesis/mnist_mux_prj" in sim.output
    told = json.loads(build(tmp_path / "q", "--json").stdout)
    assert told["not_run"] == ["synthesis"] and told["synthesis"] is None


def test_a_tool_that_fails(tools, tmp_path):
    opened = project(tmp_path / "p")
    (tools / "vitis-run").write_text("#!/bin/sh\necho ERROR: no licence\nexit 1\n")
    script = opened.sources / "synthesise.sh"
    with pytest.raises(ToolFailed, match=r"tool 'vitis-run': must end with status 0, not 1\. .*ERROR: no licence"):
        synthesise(opened.folder, "shellnet", script, "vitis-run")
    (tools / "vitis-run").write_text("#!/bin/sh\nsleep 60\n")
    with pytest.raises(ToolFailed, match=r"must end within 0.5 s, not still running"):
        synthesise(opened.folder, "shellnet", script, "vitis-run", timeout=0.5)
    (tools / "vitis-run").write_text("#!/bin/sh\n")
    with pytest.raises(ToolFailed, match=r"must have the report synthesis/.*/shellnet_csynth.xml, not none"):
        synthesise(opened.folder, "shellnet", script, "vitis-run")
    with pytest.raises(ToolMissing, match="tool 'nothing-run': must be on PATH"):
        synthesise(opened.folder, "shellnet", script, "nothing-run")


def test_reports_of_a_finished_synthesis(tmp_path):
    place = solution(tmp_path, "net") / "report"
    place.mkdir(parents=True)
    shutil.copy(REPORTS / "csynth_vitis_hls_2023_1.xml", place / "net_csynth.xml")
    found = read_reports(tmp_path, "net")
    assert found.vivado is None and found.as_dict()["csynth"]["interval"] == (578, 578)
