"""Projects for Vivado and Quartus without either: scripts in Tcl, driver against a PYNQ of our own, notebook, core."""

import importlib.util
import json
import sys
import tkinter
import types
from dataclasses import replace

import nbformat
import numpy as np
import pytest
from fusesoc.capi2.core import CoreInterface
from fusesoc.capi2.coreparser import Core2Parser
from graphs import Maker
from vendor_tcl import PINS, Tool, interfaces_of, ports_of

from lutwright.boards import all_boards, load_board
from lutwright.cli.explore import project_job
from lutwright.cli.run import read_project
from lutwright.dataflow.choose import choose
from lutwright.emit.frame_words import frame_words, result_words
from lutwright.emit.project import Project, for_hardware, plan_project, read_manifest
from lutwright.errors import BadOption, BadProject
from lutwright.files import write_tree
from lutwright.ir.execute import execute_outputs
from lutwright.ir.graph import Output
from lutwright.runtime.frames import load_frames
from lutwright.simulate.board import compile_board

VENDOR = [board for board in all_boards() if board.family in ("xc7", "xcup", "cyclonev")]


def network():
    """Scores of an image of three channels, and the image of a layer: two outputs, one of them signed."""
    m = Maker(np.random.default_rng(1), (5, 5, 3), 5)
    m.conv(3, (3, 3), (1, 1), (1, 1, 1, 1))
    m.step(3, False)
    image = m.here
    m.add("Flatten")
    m.dense(3, 4)
    outputs = (Output(m.here.name, "scores"), Output(image.name, "image"))
    return for_hardware(replace(m.graph("small"), outputs=outputs))


@pytest.fixture(scope="module")
def plans():
    """Board -> choice and plan of the network."""
    graph = network()
    choices, found = {}, {}
    for board in VENDOR:
        kind = board.family, board.link
        if kind not in choices:  # there is room for it on any of them
            choices[kind] = choose(graph, board)
        found[board.name] = choices[kind], plan_project(graph, choices[kind], board, b"")
    return graph, found


def written(plans, name, folder):
    choice, plan = plans[1][name]
    write_tree(folder / "p", plan.files)
    return choice, folder / "p"


def vivado(project, name, **options):
    """The interpreter for a project of Vivado."""
    board = load_board(name)
    source = (project / "rtl" / "board_top.sv").read_text() if board.serial else ""
    tool = Tool(project, ports_of(source), **options)
    tool.core_ports = interfaces_of(ports_of((project / "rtl" / "small_packet_axis.v").read_text()))
    bitstream = "board_top.bit" if board.serial else "board_top_wrapper.bit"
    (tool.runs / bitstream).write_text("bits")
    return tool


@pytest.mark.parametrize(
    ("name", "boards"),
    [
        ("arty-a7-35", True),
        ("arty-a7-100", True),
        ("pynq-z2", True),
        ("pynq-z2", False),
        ("zcu104", False),
        ("kv260", True),
    ],
)
def test_vivado_runs_every_script(plans, name, boards, tmp_path):
    board = load_board(name)
    _, project = written(plans, name, tmp_path)
    tool = vivado(project, name, boards=boards)
    tool.source("vivado/build.tcl")
    assert tool.called("create_project")[-1][-1] == board.part
    made = project / ("board_top.bit" if board.serial else "pynq/board_top.bit")
    assert made.read_text() == "bits"
    assert (project / "reports" / "utilization.rpt").read_text() == "area"
    assert (project / "reports" / "timing.rpt").read_text() == "speed"
    tool.source("board_top.xdc")
    pins = {words[1].split()[1] for words in tool.called("set_property") if words[1].startswith("PACKAGE_PIN")}
    assert pins == set(board.pins().values()) - set(board.leds.pins[1:] if board.leds else ())
    if board.serial:
        added = tool.called("add_files")[0][1]
        assert "rtl/board_top.sv" in added and "small_packet_axis" not in added
        tool.source("vivado/package_ip.tcl")
    else:
        assert (project / "pynq" / "board_top.hwh").read_text() == "described"
        given = [words for words in tool.called("set_property") if words[0] == "board_part"]
        assert len(given) == int(boards)
    # The IP has every source of the core, its streams, and nothing of the board.
    packaged = next(words[1] for words in tool.called("add_files") if "small_packet_axis.v" in words[1])
    names = [path.rsplit("/", 1)[1] for path in tool.tcl.splitlist(packaged)]
    assert len(names) == len(set(names)) and {"small.sv", "axis_width.sv", "packet_last.sv"} < set(names)
    assert "uart_rx.sv" not in names and "frame_link.sv" not in names
    assert len(tool.called("ipx::package_project")) == 1


@pytest.mark.parametrize("name", ["pynq-z2", "zcu104", "kv260"])
def test_every_pin_of_the_block_design_is_connected(plans, name, tmp_path):
    _, project = written(plans, name, tmp_path)
    tool = vivado(project, name)
    tool.source("vivado/build.tcl")
    kinds = {"dma": "axi_dma", "identity": "axi_gpio", "reset": "proc_sys_reset"}
    for cell, kind in kinds.items():
        assert {pin for pin in PINS[kind].split() if f"{cell}/{pin}" not in tool.used} == set()
    unused = {"busy"} if load_board(name).leds is None else set()
    assert {pin for pin in tool.core_ports if f"core/{pin}" not in tool.used} == unused
    assert {"control/S00_AXI", "control/M01_AXI", "memory/S01_AXI", "memory/M00_AXI"} < tool.used
    assert len(tool.called("connect_bd_intf_net")) == 8


def test_a_lamp_that_lights_on_low(plans, tmp_path):
    board = load_board("pynq-z2")
    low = board.model_copy(update={"leds": board.leds.model_copy(update={"active": "low"})})
    choice, _ = plans[1]["pynq-z2"]
    write_tree(tmp_path / "p", plan_project(plans[0], choice, low, b"").files)
    tool = vivado(tmp_path / "p", "pynq-z2")
    tool.source("vivado/build.tcl")
    assert {"dark/Op1", "dark/Res", "core/busy"} < tool.used


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("update_compile_order", "update_compile_ordre", 'invalid command name "update_compile_ordre"'),
        ("board_top.xdc]", "board_top.xcd]", r"board_top.xcd is not there"),
        ("wait_on_run $run", "wait_on_run $runn", "can't read"),
        ("open_run impl_1", "open_run {impl_1", "missing close-brace"),
    ],
)
def test_a_wrong_script_is_found(plans, old, new, message, tmp_path):
    _, project = written(plans, "arty-a7-35", tmp_path)
    script = project / "vivado" / "build.tcl"
    assert old in script.read_text()
    script.write_text(script.read_text().replace(old, new, 1))
    with pytest.raises((tkinter.TclError, AssertionError), match=message):
        vivado(project, "arty-a7-35").source("vivado/build.tcl")


def test_a_run_that_fails_ends_the_build(plans, tmp_path):
    _, project = written(plans, "arty-a7-35", tmp_path)
    with pytest.raises(tkinter.TclError, match=r"run synth_1 failed: see .*runme\.log"):
        vivado(project, "arty-a7-35", fault="synth_1").source("vivado/build.tcl")
    assert not (project / "board_top.bit").exists()


def test_quartus_runs_every_script(plans, tmp_path):
    _, project = written(plans, "de10-nano", tmp_path)
    tool = Tool(project, ports_of((project / "rtl" / "board_top.sv").read_text()))
    tool.source("quartus/build.tcl")
    assert (project / "board_top.sof").read_text() == "sof"
    assert (project / "reports" / "board_top.fit.summary").is_file()
    told = {words[2] for words in tool.called("set_global_assignment") if words[1] == "SYSTEMVERILOG_FILE"}
    assert told == {str(path.relative_to(project)) for path in (project / "rtl").glob("*.sv")}
    pins = {words[0] for words in tool.called("set_location_assignment")}
    assert pins == {"PIN_V11", "PIN_AH17", "PIN_AF13", "PIN_AG13", "PIN_W15"}
    assert tool.called("create_clock")[0][3] == "20.000"


@pytest.mark.parametrize("board", VENDOR, ids=lambda board: board.name)
def test_the_makefile_names_what_is_there(plans, board):
    files = plans[1][board.name][1].files
    text = files["Makefile"].decode()
    rule = next(line for line in text.splitlines() if ": " in line and "$(wildcard" in line)
    scripts = [word for word in rule.split(":")[1].split() if "$" not in word and "rtl/*" not in word]
    assert scripts and set(scripts) <= files.keys()
    assert ("quartus_sh -t quartus/build.tcl" in text) == (board.family == "cyclonev")
    assert "\n\n\n" not in text and "{{" not in text


@pytest.mark.parametrize("name", ["arty-a7-35", "pynq-z2", "de10-nano", "ulx3s-45f"])
def test_fusesoc_reads_the_core(plans, name, tmp_path):
    graph, board = plans[0], load_board(name)
    made = plans[1].get(name) or (None, plan_project(graph, choose(graph, board), board, b""))
    write_tree(tmp_path, made[1].files)
    core = CoreInterface(Core2Parser(), tmp_path / "small.core")
    assert str(core.name) == "lutwright:networks:small_packet:1.0.0"
    top = "small_packet_axis" if board.processor else "board_top"
    for target, toplevel in (("default", "small_packet"), ("lint", "small_packet"), ("board", top)):
        flags = {"target": target, "is_toplevel": True}
        assert core.get_toplevel(flags) == toplevel
        files = core.get_files(flags)
        assert all((tmp_path / file["name"]).is_file() for file in files)
        names = {file["name"] for file in files}
        assert f"rtl/{toplevel}.{'v' if toplevel.endswith('axis') else 'sv'}" in names
        assert {f"rtl/{path.name}" for path in (tmp_path / "rtl").glob("*.mem")} <= names
    if name == "arty-a7-35":
        assert "board_top.xdc" in names and core.get_tool_options({"tool": "vivado", **flags}) == {"part": board.part}


def driver(project, monkeypatch, **fake):
    """The module of a project's driver beside a package pynq."""
    if fake:
        monkeypatch.setitem(sys.modules, "pynq", types.SimpleNamespace(**fake))
    spec = importlib.util.spec_from_file_location("driver", project / "pynq" / "driver.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Buffer(np.ndarray):
    """Memory that a DMA reaches once it is flushed."""

    live = 0

    def flush(self):
        self.flushed = self.tobytes()

    def invalidate(self):
        self.valid = True

    def freebuffer(self):
        Buffer.live -= 1


def allocate(shape, dtype):
    Buffer.live += 1
    return np.full(shape, 0xA5, dtype).view(Buffer)


class Board:
    """The overlay of a board whose logic answers as `answers` says: bytes of a frame -> bytes of its result."""

    def __init__(self, identity, answers, frame_bytes):
        self.identity = types.SimpleNamespace(read=lambda offset: identity)
        self.dma = types.SimpleNamespace(sendchannel=self, recvchannel=self)
        self.answers, self.size, self.packets, self.into = answers, frame_bytes, [], None
        self.idle, self.error = True, False

    def transfer(self, buffer):
        if self.into is None:
            self.into = buffer
            return
        packet = buffer.flushed
        self.packets.append(packet)
        frames = [packet[i : i + self.size] for i in range(0, len(packet), self.size)]
        result = b"".join(self.answers[frame] for frame in frames)
        self.into[:] = np.frombuffer(result, np.uint8).reshape(self.into.shape)
        self.into = None


@pytest.mark.parametrize("name", ["pynq-z2", "kv260"])
def test_the_driver_puts_the_right_bytes_on_the_stream(plans, name, tmp_path, monkeypatch):
    graph = plans[0]
    choice, project = written(plans, name, tmp_path)
    codes = load_frames(graph, "random", 7).codes
    frames, results = frame_words(choice.pipeline, codes), result_words(graph, choice.pipeline, codes)
    answers = dict(zip(frames, results, strict=True))
    identity = json.loads((project / "project.json").read_text())["project_id"]
    board = Board(identity, answers, len(frames[0]))
    made = driver(project, monkeypatch, allocate=allocate, Overlay=lambda path: board)
    assert [bytes(frame) for frame in made.pack(codes)] == frames
    answered = made.Network().run(codes, batch=3)
    assert board.packets == [b"".join(frames[i : i + 3]) for i in range(0, 7, 3)]
    for output, words in zip(graph.outputs, execute_outputs(graph, codes), strict=True):
        assert np.array_equal(answered[output.name], words.reshape(answered[output.name].shape))
    assert answered["scores"].min() < 0 and answered["image"].shape == (7, 5, 5, 3)
    assert Buffer.live == 0


def test_what_the_driver_refuses(plans, tmp_path, monkeypatch):
    _, project = written(plans, "pynq-z2", tmp_path)
    board = Board(5, {}, 1)
    made = driver(project, monkeypatch, allocate=allocate, Overlay=lambda path: board)
    with pytest.raises(
        RuntimeError, match=r"the bitstream must be that of project [0-9a-f]{8}, not 00000005: build it"
    ):
        made.Network()
    board.identity = types.SimpleNamespace(read=lambda offset: made.PROJECT_ID)
    network = made.Network()
    codes = load_frames(plans[0], "random", 1).codes
    for wrong in (codes[:, 1:], codes.astype(float)):
        with pytest.raises(ValueError, match=r"codes must be integers \[n, 5, 5, 3\], not"):
            network.run(wrong)
    with pytest.raises(ValueError, match=r"codes must lie in 0 to 31, not -1 to"):
        network.run(codes - (codes.min() + 1))
    with pytest.raises(ValueError, match="batch must be 1 or more, not 0"):
        network.run(codes, batch=0)
    board.idle, board.transfer = False, lambda buffer: None
    with pytest.raises(
        RuntimeError, match=r"the DMA must send the frames within 0\.01 s, but still waits: load the bit"
    ):
        network.run(codes, seconds=0.01)
    board.error = True
    with pytest.raises(RuntimeError, match=r"the DMA must send the frames, but reports an error"):
        network.run(codes)
    assert Buffer.live == 0


def test_the_notebook(plans, tmp_path, monkeypatch, capsys):
    """It is one, and its cells run on a board that answers as the integer model does."""
    graph = plans[0]
    choice, project = written(plans, "pynq-z2", tmp_path)
    book = nbformat.read(project / "pynq" / "notebook.ipynb", as_version=4)
    nbformat.validate(book)
    example = json.loads((project / "pynq" / "example.json").read_text())
    answers = {bytes.fromhex(f): bytes.fromhex(r) for f, r in zip(*example.values(), strict=True)}
    codes = np.random.default_rng(1).integers(0, 32, (4, 5, 5, 3))
    assert list(answers) == frame_words(choice.pipeline, codes)
    assert list(answers.values()) == result_words(graph, choice.pipeline, codes)
    identity = json.loads((project / "project.json").read_text())["project_id"]
    board = Board(identity, answers, len(next(iter(answers))))
    module = driver(project, monkeypatch, allocate=allocate, Overlay=lambda path: board)
    monkeypatch.setitem(sys.modules, "driver", module)
    monkeypatch.chdir(project / "pynq")
    names = {}
    for cell in book.cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, cell.id, "exec"), names)
    assert "4 frames, every byte of their results equal" in capsys.readouterr().out
    board.answers = {frame: bytes(len(result)) for frame, result in answers.items()}
    with pytest.raises(AssertionError, match="other results than the integer model"):
        exec(compile(book.cells[3].source, "check", "exec"), names)


def test_a_changed_script_is_noticed(plans, tmp_path):
    _, project = written(plans, "pynq-z2", tmp_path)
    assert read_manifest(project)["link"] == "dma"
    (project / "pynq" / "driver.py").write_text("changed")
    with pytest.raises(BadProject, match="the files must be those that were built"):
        read_manifest(project)


def test_the_same_project_every_time_and_no_path_in_it(plans):
    graph, found = plans
    for board in VENDOR:
        choice, plan = found[board.name]
        if board.name in ("arty-a7-35", "kv260", "de10-nano"):
            assert plan_project(graph, choice, board, b"").files == plan.files
        assert not any(b"/tmp/" in data or b"/home/" in data for data in plan.files.values())


def test_run_needs_a_serial_line(plans, tmp_path):
    _, project = written(plans, "pynq-z2", tmp_path)
    rule = r"project 'p': must be for a board with a serial line, not one with AXI DMA\. Copy its folder pynq/"
    with pytest.raises(BadProject, match=rule):
        read_project(project)


def test_a_board_without_a_serial_line_is_not_simulated(plans, tmp_path):
    choice, project = written(plans, "pynq-z2", tmp_path)
    opened = Project(project, read_manifest(project), plans[0], choice.pipeline)
    with pytest.raises(BadOption, match="board 'pynq-z2': must have a serial line for this, not AXI DMA"):
        compile_board(opened, tmp_path / "work")
    assert opened.board_sources[-1].name == "small_packet_axis.v"


@pytest.mark.parametrize(("name", "top"), [("kv260", "small_packet_axis"), ("arty-a7-35", "board_top")])
def test_an_exploration_synthesises_what_stands_on_top(plans, name, top):
    """The module, its source in the job, and none of the vendor's scripts."""
    graph, found = plans
    job = project_job(graph, types.SimpleNamespace(choice=found[name][0]), load_board(name), b"", False)
    assert job.top == top and f"rtl/{top}.{'v' if name == 'kv260' else 'sv'}" in job.files
    assert not any(path.startswith(("vivado", "pynq")) for path in job.files)
