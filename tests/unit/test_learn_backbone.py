"""Which part of a network makes the features, what they are called by, and a learner's project on disk."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
from learner_chips import SHAPE, small_model, small_project
from small_models import Net

from lutwright.boards import load_board
from lutwright.cli.build import Wish, build_project
from lutwright.dataflow.breakdown import breakdown
from lutwright.dataflow.choose import choose
from lutwright.dataflow.cost import Cost
from lutwright.emit.project import features_for_hardware, open_project
from lutwright.errors import BadFeatures, BadOption, BadProject, DoesNotFit
from lutwright.frontend.translate import import_model
from lutwright.ir.execute import execute, execute_all
from lutwright.learn import views
from lutwright.learn.backbone import feature_graph, feature_node, feature_source
from lutwright.learn.chip import learner_chip
from lutwright.learn.config import LearnerConfig
from lutwright.learn.wish import parse_learner

WORDS = "classes=5,subspaces=8,anchors=2"


def imported(model, folder):
    onnx.save(model, folder / "m.onnx")
    return import_model(folder / "m.onnx")


@pytest.fixture
def whole(tmp_path):
    return imported(small_model(), tmp_path)


def test_features_are_what_the_classifier_reads(whole):
    cut = feature_graph(whole)
    assert [node.op for node in cut.nodes] == ["Conv", "Step", "MaxPool", "Conv", "Step", "Flatten"]
    assert feature_node(cut) == "fc_flatten" and [output.name for output in cut.outputs] == ["features"]
    frames = np.random.default_rng(1).integers(0, 16, (9, *SHAPE[1:], SHAPE[0]))
    want = execute_all(whole, frames, {cut.output})[cut.output]
    assert np.array_equal(execute(features_for_hardware(cut), frames).reshape(9, -1), want.reshape(9, -1))
    assert np.unique(want).size > 8


@pytest.mark.parametrize(("node", "words"), [("pool", 36), ("second", 24), ("first", 180)])
def test_features_of_a_node(node, words, whole):
    cut = feature_graph(whole, node)
    assert feature_node(cut) == node and cut.tensors[cut.output].words == words
    assert cut.nodes[-1].name == node


def net(build, shape=(3, 4, 4)):
    made = Net(shape)
    return made.model(build(made))


def pointwise_head(made):
    x = made.act(made.add("Conv", made.start(), made.weights(4, 3, 4, 4)), 0.5, name="body")
    return made.add("Conv", x, made.weights(3, 4, 1, 1), name="head")


def no_head(made):
    return made.act(made.add("Conv", made.start(), made.weights(4, 3, 3, 3)), 0.5, name="body")


@pytest.mark.parametrize(("build", "node"), [(pointwise_head, "body"), (no_head, "body")])
def test_a_model_without_a_dense_layer(build, node, tmp_path):
    assert feature_node(feature_graph(imported(net(build), tmp_path))) == node


def only_dense(made):
    return made.add("MatMul", made.start(), made.weights(4, 3))


def index(made):
    x = made.act(made.add("Conv", made.start(), made.weights(4, 3, 4, 4)), 0.5, name="body")
    flat = made.add("Flatten", x)
    return made.add("ArgMax", flat, axis=1, keepdims=0, name="which")


def wide(made):
    x = made.act(made.add("Conv", made.start(8), made.weights(4, 3, 3, 3, bits=8)), 0.5, bits=8, name="body")
    return made.add("Conv", x, made.weights(2, 4, 2, 2, bits=8, scale=np.float32(2**-7)), name="sums")


@pytest.mark.parametrize(
    ("build", "shape", "found"),
    [
        (only_dense, (4,), "must come out of a layer, not the input of the network."),
        (index, (3, 4, 4), "must be integer codes, not the indices of node 'which'."),
        (wide, (3, 4, 4), "must have 16 bits or less, not the "),
    ],
)
def test_features_that_no_learner_can_take(build, shape, found, tmp_path):
    with pytest.raises(BadFeatures) as error:
        feature_graph(imported(net(build, shape), tmp_path))
    assert str(error.value).startswith(f"features of 'm': {found}"), str(error.value)


def test_a_model_whose_every_node_is_too_wide(tmp_path):
    def build(made):
        return made.add("Conv", made.start(8), made.weights(2, 3, 4, 4, bits=8, scale=np.float32(2**-7)), name="sums")

    with pytest.raises(BadFeatures, match=r"must have 16 bits or less, .* Take another model\."):
        feature_graph(imported(net(build), tmp_path))


def test_several_outputs(tmp_path):
    made = Net((3, 4, 4))
    x = made.act(made.add("Conv", made.start(), made.weights(4, 3, 3, 3)), 0.5)
    model = made.model(x, made.add("Flatten", x))
    with pytest.raises(BadFeatures, match=r"must have one output to learn from its features, not "):
        feature_graph(imported(model, tmp_path))


def test_no_such_node(whole):
    with pytest.raises(BadOption) as error:
        feature_graph(whole, "tenth")
    assert str(error.value) == (
        "--learner: 'features' must be a node of the model, not 'tenth'. "
        "There are first, act, pool, second, second_act, fc_flatten, fc."
    )


def test_the_source_names_the_features_and_nothing_else(tmp_path):
    """Other weights, another cut or other views are another source; the file's name and the classifier are not."""
    (tmp_path / "a").mkdir()
    model = small_model()
    cut = feature_graph(imported(model, tmp_path))
    source = feature_source(cut, None)
    assert len(source) == 32
    again = feature_graph(replace(imported(model, tmp_path / "a"), name="other"))
    assert feature_source(again, None) == source
    assert feature_source(feature_graph(imported(small_model(classes=7), tmp_path)), None) == source
    others = [
        feature_source(cut, views("flip", (6, 5))),
        feature_source(cut, views("1", (8, 7), (6, 5))),
        feature_source(feature_graph(imported(model, tmp_path), "pool"), None),
        feature_source(feature_graph(imported(small_model(seed=1), tmp_path)), None),
    ]
    node = cut.nodes[0]
    weights = node.attrs["weights"].copy()
    weights.flat[np.flatnonzero(np.abs(weights) == 1)[0]] *= -1
    changed = replace(cut, nodes=(replace(node, attrs={**node.attrs, "weights": weights}), *cut.nodes[1:]))
    assert len({source, *others, feature_source(changed, None)}) == 6


# ---- the project -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return small_project(tmp_path_factory.mktemp("project"), f"{WORDS},views=flip,image=8x7")


def test_a_project_says_what_its_learner_is(project):
    told = json.loads((project.folder / "project.json").read_text())
    chip = project.learner
    assert told["learner"] == chip.as_dict()
    assert told["learner"]["features"] == "fc_flatten" and told["learner"]["views"]["image"] == [8, 7]
    assert told["core"] == {"in_bytes": 1, "in_beats": 56, "out_bytes": chip.out_bytes, "out_beats": 1}
    assert (chip.name, chip.frame_beats, chip.shape) == ("tiny_learner", 30, (8, 7, 2))
    names = {path.name for path in project.board_sources}
    assert {"tiny.sv", "tiny_learner.sv", "learner.sv", "views.sv", "frame_user.sv", "frame_link.sv"} <= names
    assert {path.name for path in project.chip_sources} < names
    assert project.graph.outputs[0].name == "features"


def test_the_same_words_give_the_same_bytes(project, tmp_path):
    again = small_project(tmp_path, f"image=8x7,views=flip,{WORDS}")
    assert again.manifest == project.manifest


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told["config"].update(classes=6),
        lambda told: told["config"].update(anchors=0),
        lambda told: told.update(source="00" * 32),
        lambda told: told.update(lanes=2),
        lambda told: told.update(views=None),
        lambda told: told["views"].update(offsets=[[9, 9]]),
        lambda told: told["views"].update(offsets=[]),
        lambda told: told.pop("lanes"),
    ],
)
def test_a_changed_manifest_is_refused(change, project, tmp_path):
    for path in project.folder.rglob("*"):
        if path.is_file():
            place = tmp_path / path.relative_to(project.folder)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
    manifest = json.loads((tmp_path / "project.json").read_text())
    change(manifest["learner"])
    (tmp_path / "project.json").write_text(json.dumps(manifest))
    with pytest.raises(BadProject) as error:
        open_project(tmp_path)
    assert str(error.value) == (
        f"project '{tmp_path}': the learner that project.json tells of must be the one that was built, not another. "
        "Build the project again."
    )


def test_a_learner_of_other_codes(project):
    config = LearnerConfig(24, 8, 2, 5, feature_bits=5)
    with pytest.raises(BadFeatures, match="must be 24 codes of 5 bits, not 24 of 4"):
        learner_chip(project.graph, project.pipeline, config, 1, None, bytes(32), "pool")


def test_a_learner_takes_its_share_of_the_board(tmp_path):
    board = load_board("ulx3s-45f")
    onnx.save(small_model(), tmp_path / "small.onnx")
    graph, choice = build_project(tmp_path / "small.onnx", board, tmp_path / "p", None, Wish(), parse_learner(WORDS))
    rows = {row.name: row.cost for row in breakdown(graph, choice, board.family)}
    assert rows["learner"] == choice.beside.on(board.family) and rows["learner"].lut > 500
    for kind in ("lut", "ff", "bram"):
        assert sum(row.as_dict()[kind] for row in rows.values()) == pytest.approx(
            choice.estimate.as_dict()[kind], abs=len(rows)
        )
    alone = choose(graph, board)
    assert choice.estimate.lut == pytest.approx(alone.estimate.lut + rows["learner"].lut)


def test_what_is_beside_makes_the_network_smaller(tmp_path):
    """With less room the network is folded more; with none it is said what lacks."""
    board, graph = load_board("tangnano9k"), features_for_hardware(feature_graph(imported(small_model(), tmp_path)))
    alone = choose(graph, board)
    room = 0.9 * board.resources.lut - alone.estimate.lut
    beside = choose(graph, board, None, Cost(lut=room + 300))
    assert beside.pipeline.interval > alone.pipeline.interval
    assert beside.estimate.lut <= 0.9 * board.resources.lut
    with pytest.raises(DoesNotFit, match=r"has room for 7776 LUTs, the smallest folding needs about"):
        choose(graph, board, None, Cost(lut=8000))
