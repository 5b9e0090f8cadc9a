"""Verilog with the ports that Vitis HLS makes, in the bench of the RTL; it is written here, for lack of the tool."""

import numpy as np
import pytest
from graphs import Maker, frames
from shell_net import project, shell_net

from lutwright.errors import BadOption
from lutwright.hls.lower import lower
from lutwright.hls.options import HlsOptions
from lutwright.hls.project import for_hls
from lutwright.hls.shell import shell_pipeline
from lutwright.hls.verilog import verilog_files, verilog_pipeline
from lutwright.simulate.core import play, standard_runs
from lutwright.simulate.hls_shell import compile_verilog

# y = 3 x - 5 on the first channel, -2 x + 4 on the second; an element lies in eight bits, its own in the low ones.
VERILOG = """\
`timescale 1ns / 1ps
module fakenet (
    ap_clk, ap_rst_n, ap_start, ap_done, ap_ready, ap_idle,
    frame_TDATA, frame_TVALID, frame_TREADY, layer2_out_TDATA, layer2_out_TVALID, layer2_out_TREADY
);
  input ap_clk, ap_rst_n, ap_start;
  output ap_done, ap_ready, ap_idle;
  input [15:0] frame_TDATA;
  input frame_TVALID;
  output frame_TREADY;
  output [15:0] layer2_out_TDATA;
  output layer2_out_TVALID;
  input layer2_out_TREADY;

  reg [7:0] gain [0:1];
  initial $readmemh("./fakenet_gain_ROM_AUTO_1R.dat", gain);
  reg [15:0] made;
  reg full;
  wire signed [2:0] a = frame_TDATA[2:0];
  wire signed [2:0] b = frame_TDATA[10:8];
  wire signed [5:0] first = a * $signed(gain[0][5:0]) - 5;
  wire signed [5:0] second = b * $signed(gain[1][5:0]) + 4;
  assign frame_TREADY = ap_start && ap_rst_n && (!full || layer2_out_TREADY);
  assign layer2_out_TVALID = full;
  assign layer2_out_TDATA = made;
  assign ap_done = 1'b0, ap_ready = 1'b0, ap_idle = 1'b0;
  always @(posedge ap_clk) begin
    if (!ap_rst_n) full <= 1'b0;
    else if (frame_TREADY) begin
      full <= frame_TVALID;
      made <= {{2{second[5]}}, second, {2{first[5]}}, first};
    end
  end
endmodule
"""
PORTS = {"frame_TDATA": 16, "frame_TVALID": 1, "layer2_out_TDATA": 16, "layer2_out_TVALID": 1, "ap_clk": 1}


def fake_net():
    made = Maker(np.random.default_rng(1), (3, 2, 2), 3, signed=True)
    made.add("Affine", gain=np.array([3, -2]), offset=np.array([-5, 4]))
    return for_hls(made.graph("fakenet"))


def played(tmp_path, verilog, simulator):
    opened = project(tmp_path / "p", fake_net())
    made = tmp_path / "verilog"
    made.mkdir()
    (made / "fakenet.v").write_text(verilog)
    (made / "fakenet_gain_ROM_AUTO_1R.dat").write_text("03\n3e\n")
    bench, pipeline = compile_verilog(opened, made, PORTS, 30, tmp_path / "work", simulator)
    assert pipeline.interval == 30
    runs = standard_runs(8, pipeline.interval)
    return play(bench, opened.graph, pipeline, frames(opened.graph, 8), runs, False, "verilog")


@pytest.mark.parametrize("simulator", ["icarus", pytest.param("verilator", marks=pytest.mark.long)])
def test_equal_through_every_stall_and_a_reset(simulator, tmp_path):
    results = played(tmp_path, VERILOG, simulator)
    assert len(results) == 5 and results[0].words == 8 * 12 + 8 * 6  # words, and the end of a frame once a beat
    assert [result.mismatches for result in results] == [0] * 5, [result.comparisons for result in results]
    assert results[0].cycles_per_frame == 6


def test_a_wrong_word_is_told(tmp_path):
    results = played(tmp_path, VERILOG.replace("- 5;", "- 6;"), "icarus")
    first = results[0].comparisons[0]
    assert first.mismatches == 8 * 6
    assert first.first.startswith("stage 'affine0', frame 0, channel 0, row 0, column 0: integer")


@pytest.mark.parametrize(
    ("ports", "message"),
    [
        ({"frame_TDATA": 16}, "not 1 streams for 2"),
        ({"frame_0": 3, "frame_1": 3}, "not 0 streams for 2"),
        ({**PORTS, "frame_TDATA": 32}, "not 32 bits for 2 elements of 3 at 'frame_TDATA'"),
    ],
)
def test_other_ports_are_refused(ports, message):
    graph = fake_net()
    model = lower(graph, HlsOptions())
    pipeline = verilog_pipeline(shell_pipeline(graph, model), 10)
    with pytest.raises(BadOption, match="--level verilog: needs a design whose ports are one AXI4-Stream") as caught:
        verilog_files(pipeline, "fakenet", model, ports)
    assert message in str(caught.value)


@pytest.mark.parametrize(("bits", "slot"), [(6, 3), (8, 3), (16, 8)])
def test_elements_lie_close_or_on_bytes(bits, slot):
    graph = fake_net()
    model = lower(graph, HlsOptions())
    pipeline = verilog_pipeline(shell_pipeline(graph, model), 10)
    text = verilog_files(pipeline, "fakenet", model, {**PORTS, "frame_TDATA": bits})["fakenet_verilog.sv"].decode()
    assert f"frame[{slot} +: 3] = s_axis_tdata[3 +: 3];" in text


def test_two_outputs_take_the_streams_in_their_order():
    graph = shell_net()
    model = lower(graph, HlsOptions())
    pipeline = verilog_pipeline(shell_pipeline(graph, model), 10)
    ports = {"frame_TDATA": 16, "layer3_out_TDATA": 32, "layer5_out_TDATA": 64}
    with pytest.raises(BadOption, match=r"bits for 3 elements of 3 at 'layer3_out_TDATA'"):
        verilog_files(pipeline, "shellnet", model, ports)
    text = verilog_files(pipeline, "shellnet", model, ports | {"layer3_out_TDATA": 24})["shellnet_verilog.sv"].decode()
    assert ".layer3_out_TDATA (m_axis_image_made)" in text and ".layer5_out_TDATA (m_axis_scores_made)" in text


def test_no_verilog_is_told(tmp_path):
    opened = project(tmp_path / "p", fake_net())
    with pytest.raises(BadOption, match=r"needs the Verilog of a synthesis, not none in .*--synthesis"):
        compile_verilog(opened, tmp_path, PORTS, 30, tmp_path / "work")
