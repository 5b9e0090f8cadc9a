"""Several outputs in hardware: a stream for each, the packet that a board answers with, and how a host reads it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from graphs import Maker, frames

from lutwright.boards import load_board
from lutwright.cli.build import link_frames, output_words
from lutwright.cli.run import BoardRun, _report
from lutwright.dataflow.breakdown import breakdown
from lutwright.dataflow.choose import choose
from lutwright.dataflow.cost import SHELL, Cost, pipeline_cost
from lutwright.dataflow.folding import fold_graph
from lutwright.dataflow.lower import Target, lower
from lutwright.dataflow.packet import packet_bytes, packet_stages, shell_cost
from lutwright.emit.packet import packet_files
from lutwright.emit.project import Project, plan_project
from lutwright.emit.rtl import bench_files, core_files
from lutwright.errors import BadOption
from lutwright.ir.execute import execute_outputs
from lutwright.ir.graph import Output
from lutwright.numerics.edge import Exit
from lutwright.numerics.view import View
from lutwright.passes.drop_unread import drop_unread
from lutwright.runtime.packets import places, unpack
from lutwright.simulate.board import result_bytes

BOARD = load_board("ulx3s-45f")


def graph(*names):
    """Image, scores (signed) and class of a small network; `names` picks its outputs."""
    m = Maker(np.random.default_rng(3), (6, 6, 2), 3)
    m.conv(3, (3, 3), (1, 1), (1, 1, 1, 1))
    m.step(5, False)
    image = m.here.name
    m.add("MaxPool", kernel=(3, 3), stride=(3, 3), pads=(0, 0, 0, 0))
    m.add("Flatten")
    m.dense(4, 4)
    scores = m.here.name
    m.add("ArgMax")
    tensors = {"image": image, "scores": scores, "class": m.here.name, "input": "input"}
    outputs = tuple(Output(tensors[name], name) for name in names)
    return drop_unread(replace(m.graph("net"), outputs=outputs))


def lowered(made):
    return lower(made, fold_graph(made, 36), Target(36, 2))


def ports(made):
    text = core_files(made, lowered(made))["net.sv"].decode()
    return [line.split()[-1].rstrip(",") for line in text.splitlines() if line.startswith(("    input", "    output"))]


IN = ["clk", "rst", "s_axis_tdata", "s_axis_tvalid", "s_axis_tready"]


def test_one_output_has_the_plain_port():
    made = graph("class")
    assert ports(made) == [*IN, "m_axis_tdata", "m_axis_tvalid", "m_axis_tready", "m_axis_tlast"]
    pipeline = lowered(made)
    assert packet_stages(pipeline) == () and packet_files(pipeline) == {}
    (buffer,) = shell_cost(pipeline).blocks
    assert buffer == (2 * pipeline.source.bytes * pipeline.source.beats, 8)
    assert shell_cost(pipeline) == SHELL + Cost(blocks=(buffer,))
    assert list(places(pipeline).values()) == [slice(0, 1)]


def test_each_of_several_has_a_port_of_its_name():
    made = graph("image", "class")
    kinds = ("tdata", "tvalid", "tready", "tlast")
    assert ports(made) == [*IN, *(f"m_axis_{name}_{kind}" for name in ("image", "class") for kind in kinds)]
    pipeline = lowered(made)
    assert [(o.name, o.tensor, o.link.stage, o.stream.beats) for o in pipeline.outlets] == [
        ("image", "step1.out", "step1_fork", 36),
        ("class", "argmax5.out", "argmax5", 1),
    ]
    assert [pipeline.maker(outlet.link).node for outlet in pipeline.outlets] == ["step1", "argmax5"]
    bench = bench_files(pipeline)["tb_core.sv"].decode()
    assert "record_%0d_output.image.hex" in bench and "done = done_image && done_class;" in bench


def test_the_input_may_be_put_out():
    pipeline = lowered(graph("input", "class"))
    assert pipeline.outlets[0].link.stage == "input_fork" and pipeline.maker(pipeline.outlets[0].link) is None


def test_the_packet_keeps_a_frame_of_every_output_but_the_first():
    pipeline = lowered(graph("class", "image", "scores"))
    stages = {stage.name: stage for stage in packet_stages(pipeline)}
    assert [(name, stage.cell) for name, stage in stages.items()] == [
        ("fifo_image", "fifo"),
        ("bytes_image", "width_down"),
        ("fifo_scores", "fifo"),
        ("bytes_scores", "width_down"),
        ("packet", "concat"),
    ]
    assert (stages["fifo_image"].parameters["DEPTH"], stages["fifo_scores"].parameters["DEPTH"]) == (36, 4)
    assert stages["packet"].parameters["BEATS"].values.tolist() == [1, 72, 8]
    assert packet_bytes(pipeline) == stages["packet"].stream.beats == 81
    assert places(pipeline) == {"class": slice(0, 1), "image": slice(1, 73), "scores": slice(73, 81)}
    text = packet_files(pipeline)["net_packet.sv"].decode()
    assert "// packet:   class (1 x 1), then image (36 x 2), then scores (4 x 2): beats x bytes" in text
    assert text.index("u_fifo_image") < text.index("u_packet (") and "\n\n\n" not in text


def test_the_packet_counts_as_shell():
    made = graph("class", "image")
    choice = choose(made, BOARD)
    rows = breakdown(made, choice, BOARD.family)
    assert rows[-1].name == "shell" and rows[-1].cost == shell_cost(choice.pipeline).on(BOARD.family)
    assert rows[-1].cost.lut > SHELL.on(BOARD.family).lut
    assert choice.estimate == (pipeline_cost(choice.pipeline) + shell_cost(choice.pipeline)).on(BOARD.family)


def test_a_project_of_several_outputs():
    made = graph("image", "class")
    choice = choose(made, BOARD)
    plan = plan_project(made, choice, BOARD, b"")
    assert {"rtl/net.sv", "rtl/net_packet.sv", "rtl/concat.sv", "rtl/width_down.sv"} <= plan.files.keys()
    assert "  net_packet core (" in plan.files["rtl/board_top.sv"].decode()
    core = json.loads(plan.files["project.json"])["core"]
    assert (core["out_bytes"], core["out_beats"]) == (1, 73)
    assert [(o["name"], o["shape"], o["bytes_a_beat"]) for o in output_words(made, choice.pipeline)] == [
        ("image", [6, 6, 3], 2),
        ("class", [1], 1),
    ]
    assert link_frames(BOARD, choice.pipeline) == 100_000 / (73 + 8)  # longer than the frame of 36 bytes


def test_a_packet_that_the_link_cannot_send_is_refused():
    m = Maker(np.random.default_rng(0), (200, 200, 1), 8)
    m.conv(2, (1, 1), (1, 1), (0, 0, 0, 0))
    outputs = (Output("conv0.out", "a"), Output("input", "b"))
    large = replace(m.graph("net"), outputs=outputs)
    with pytest.raises(BadOption, match=r"core 'net_packet': a result must have 1 to 65535 bytes on the link"):
        plan_project(large, choose(large, load_board("ulx3s-85f")), BOARD, b"")


def project(*names):
    made = graph(*names)
    return Project(Path(), {}, made, lowered(made))


def test_the_class_is_the_first_index():
    found = [project(*names).class_output for names in (("image", "class"), ("class",), ("scores", "image"))]
    assert found == [1, 0, None]


def test_a_host_reads_what_the_board_sends():
    opened = project("image", "class", "scores")
    codes = frames(opened.graph, 7)
    answers = result_bytes(opened, codes)
    assert {len(answer) for answer in answers} == {81}
    found = unpack(opened.graph, opened.pipeline, answers)
    assert list(found) == ["image", "class", "scores"]
    for words, want in zip(found.values(), execute_outputs(opened.graph, codes), strict=True):
        assert np.array_equal(words, want)
    assert found["scores"].min() < 0
    told = _report(opened, BoardRun(answers, [0] * 7, 1.0, None, True))
    assert told["outputs"] == {name: words.tolist() for name, words in found.items()} and "classes" not in told
    alone = project("class")
    answers = result_bytes(alone, codes)
    told = _report(alone, BoardRun(answers, [answer[0] for answer in answers], 1.0, None, True))
    assert told["classes"] == found["class"][:, 0].tolist() and "outputs" not in told


def test_what_a_host_reads_is_in_the_layout_of_the_model():
    opened = project("image", "class")
    made = opened.graph
    view = View(np.arange(108).reshape(6, 6, 3).transpose(2, 0, 1), (6, 6, 3))  # channels first
    outputs = (replace(made.outputs[0], exit=Exit(None, np.float32, view)), made.outputs[1])
    codes = frames(made, 3)
    found = unpack(replace(made, outputs=outputs), opened.pipeline, result_bytes(opened, codes))
    assert np.array_equal(found["image"], execute_outputs(made, codes)[0].transpose(0, 3, 1, 2))
