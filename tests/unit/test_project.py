"""Projects as values: deterministic, complete, refused when they were changed; and what a board has no room for."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest

from lutwright.boards import at_clock, load_board
from lutwright.dataflow.choose import adder_levels, choose
from lutwright.dataflow.folding import divisors, fastest_interval, fold_graph
from lutwright.emit.project import hardware_graph, open_project, plan_project
from lutwright.emit.rtl import cell_closure
from lutwright.errors import BadData, BadGraph, BadProject, DoesNotFit, OutputError
from lutwright.files import new_folder, write_file, write_tree
from lutwright.ir.execute import execute
from lutwright.ir.graph import Graph, Node, Output, Tensor
from lutwright.ir.ops import infer
from lutwright.ir.verify import verify
from lutwright.numerics.edge import Edge
from lutwright.numerics.quantiser import Quantiser
from lutwright.resources import room
from lutwright.runtime.frames import load_frames

MNIST = room("examples") / "models" / "mnist-mux.onnx"
BOARD = load_board("ulx3s-45f")


@pytest.fixture(scope="module")
def graph():
    return hardware_graph(MNIST)


@pytest.fixture(scope="module")
def plan(graph):
    return plan_project(graph, choose(graph, BOARD), BOARD, MNIST.read_bytes())


@pytest.fixture
def project(plan, tmp_path):
    write_tree(tmp_path / "p", plan.files)
    return tmp_path / "p"


def test_the_same_model_gives_the_same_bytes(plan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    again = hardware_graph(MNIST)
    assert plan_project(again, choose(again, BOARD), BOARD, MNIST.read_bytes()).files == plan.files


def test_no_path_of_this_machine_is_emitted(plan):
    here = [str(room("hw").parent).encode(), os.path.expanduser("~").encode() + b"/"]
    for name, data in plan.files.items():
        assert not any(path in data for path in here), name


def test_names_come_from_the_model(plan):
    top = plan.files["rtl/mnist_mux.sv"].decode()
    for stage in ("conv1_window", "conv2", "act3", "pool3", "fc"):
        assert f" u_{stage} (" in top


def test_multiplexer_layers_multiplex(plan):
    top = plan.files["rtl/mnist_mux.sv"].decode()
    assert top.count("  mux_mac #(") == 2
    assert top.count(".SIGN_ONLY(1)") == 2


def test_open_gives_the_pipeline_again(project, graph):
    opened = open_project(project)
    assert opened.pipeline.interval == opened.manifest["interval"] == fastest_interval(graph) == 784
    assert {p.name for p in opened.core_sources} < {p.name for p in opened.board_sources}
    assert all(p.is_file() for p in [*opened.core_sources, opened.bench])


def test_a_project_carries_the_board_of_the_user(graph, plan, tmp_path):
    own = tmp_path / "mine.toml"
    text = (room("boards") / "ulx3s-45f.toml").read_text()
    own.write_text(text.replace('name = "ulx3s-45f"', 'name = "mine"'))
    board = at_clock(load_board(own), 50.0)
    made = plan_project(graph, choose(graph, board), board, MNIST.read_bytes())
    write_tree(tmp_path / "p", made.files)
    own.unlink()
    assert open_project(tmp_path / "p").board == board
    other = json.loads(made.files["board.json"])
    (tmp_path / "p" / "board.json").write_text(json.dumps(other | {"speed": "7"}))
    with pytest.raises(BadProject, match="the files must be those that were built"):
        open_project(tmp_path / "p")


def test_a_changed_or_foreign_project_is_refused(project, tmp_path):
    with pytest.raises(BadProject, match=r"must be a folder with project\.json, not missing"):
        open_project(tmp_path / "none")
    with pytest.raises(BadProject, match=r"not a folder without"):
        open_project(tmp_path)
    source = project / "rtl" / "mnist_mux.sv"
    source.write_text(source.read_text() + "\n")
    with pytest.raises(BadProject, match="the files must be those that were built, not others"):
        open_project(project)
    manifest = json.loads((project / "project.json").read_text())
    (project / "project.json").write_text(json.dumps(manifest | {"lutwright": "0.0.1"}))
    with pytest.raises(BadProject, match=r"must be built by lutwright .*, not 0\.0\.1"):
        open_project(project)
    (project / "project.json").write_text("{")
    with pytest.raises(BadProject, match=r"project\.json must be whole, not damaged"):
        open_project(project)


def one_conv(shape, outputs, kernel=3, pads=(1, 1, 1, 1), width=None):
    tensor = Tensor("input", shape, 0, 15, np.ones(1))
    w = np.random.default_rng(0).integers(-7, 8, (outputs, kernel, width or kernel, shape[2]))
    attrs = {"weights": w, "stride": (1, 1), "pads": pads, "groups": 1}
    node = Node("conv1", "Conv", ("input",), "conv1.out", attrs)
    tensors = {"input": tensor, "conv1.out": infer(node, [tensor])}
    edge = Edge.of(Quantiser(1.0, 0, 4, False, False))
    return verify(Graph("big", (node,), tensors, "input", (Output("conv1.out"),), edge, {}))


def test_what_does_not_fit_is_named():
    with pytest.raises(DoesNotFit, match=r"board 'tangnano9k': has room for \d+ [\w ]+, .* layer 'conv1\w*' alone \d+"):
        choose(one_conv((8, 8, 256), 64), load_board("tangnano9k"))
    with pytest.raises(
        DoesNotFit, match=r"board 'ulx3s-45f': has room for \d+ [\w -]+, the smallest folding needs about"
    ):
        choose(one_conv((8, 8, 1024), 64), BOARD)


def test_a_layer_that_cannot_be_so_fast_is_named():
    with pytest.raises(DoesNotFit, match=r"node 'conv1' \(Conv\): makes 64 pixels a frame.*not 63"):
        fold_graph(one_conv((8, 8, 1), 2), 63)


def test_a_larger_interval_needs_less(graph):
    costs = [choose(graph, BOARD).estimate.lut]
    folds = fold_graph(graph, 4 * 784)
    assert folds["conv3"].pe * folds["conv3"].simd * 4 == 32
    assert costs[0] > 0
    assert divisors(12) == [1, 2, 3, 4, 6, 12]
    assert [adder_levels(mhz) for mhz in (25, 50, 200)] == [4, 2, 1]


def test_cell_closure_follows_instances():
    products = {"product", "product_dsp", "sign_count"}
    assert cell_closure({"folded_mac"}) == {"folded_mac", "mac_accumulate", "adder_tree", "rom"} | products


def test_verify_names_what_is_wrong(graph):
    conv = graph.nodes[0]
    with pytest.raises(BadGraph, match="inputs must be made before they are read"):
        verify(graph.with_nodes(graph.nodes[1:], graph.tensors))
    with pytest.raises(BadGraph, match="node and output names must be unique"):
        verify(graph.with_nodes((*graph.nodes, conv), graph.tensors))
    with pytest.raises(BadGraph, match="op must be one of"):
        verify(graph.with_nodes((Node("n", "Magic", ("input",), "n.out", {}),), graph.tensors))
    with pytest.raises(BadGraph, match=r"attributes \['weights', 'stride', 'pads', 'groups'\] must be set"):
        verify(graph.with_nodes((Node("n", "Conv", ("input",), "n.out", {}),), graph.tensors))
    narrow = {**graph.tensors, "conv1.out": Tensor("conv1.out", (28, 28, 8), -1, 1, np.ones(1))}
    with pytest.raises(BadGraph, match=r"node 'conv1' \(Conv\): the output must be"):
        verify(graph.with_nodes(graph.nodes, narrow))
    with pytest.raises(BadGraph, match="the output must be made by a node"):
        verify(replace(graph, outputs=(Output("nothing"),)))
    for outputs in ((), (graph.only, graph.only)):
        with pytest.raises(BadGraph, match="outputs must be one or more of different names"):
            verify(replace(graph, outputs=outputs))
    with pytest.raises(BadGraph, match="the input must be a tensor"):
        verify(graph.with_nodes(graph.nodes, {}))


def test_the_executor_refuses_what_does_not_fit(graph):
    with pytest.raises(BadData, match=r"frames must have shape \(28, 28, 1\), not \(27, 28, 1\)"):
        execute(graph, np.zeros((2, 27, 28, 1), np.int64))
    with pytest.raises(BadData, match=r"codes must be in \[0, 15\], not \[16, 16\]"):
        execute(graph, np.full((2, 28, 28, 1), 16))
    with pytest.raises(BadData, match="must have 2000 test images, not 1000"):
        load_frames(graph, "mnist5k", 2000)
    with pytest.raises(BadData, match="frames must have the model's shape"):
        load_frames(one_conv((8, 8, 1), 2), "mnist5k", 3)


def test_random_frames_are_the_same_each_time(graph):
    one, two = load_frames(graph, "random", 5), load_frames(graph, "", 5)
    assert np.array_equal(one.codes, two.codes)
    assert one.labels is None


def test_half_written_folders_vanish(tmp_path):
    with pytest.raises(KeyboardInterrupt), new_folder(tmp_path / "out", "project.json") as folder:
        (folder / "a").write_text("half")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path):
    with pytest.raises(OutputError, match="No space left on device"), new_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("half")
        with open("/dev/full", "w") as full:
            full.write("x" * 100_000)
    assert list(tmp_path.iterdir()) == []


def test_folders_of_others_are_kept(tmp_path):
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(OutputError, match="must be empty or an earlier result"), new_folder(tmp_path, "project.json"):
        pytest.fail("must not begin")
    with pytest.raises(OutputError, match="must be a folder, not a file"), new_folder(tmp_path / "mine"):
        pytest.fail("must not begin")
    assert (tmp_path / "mine").read_text() == "precious"
    with pytest.raises(OutputError, match="could not be written"):
        write_file(tmp_path / "mine" / "below", b"")
    with pytest.raises(OutputError, match="data room 'attic' must be in the package"):
        room("attic")
