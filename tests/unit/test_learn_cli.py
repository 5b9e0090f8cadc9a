"""The verb learn without a simulator: options, classes, states, table, page; the chip is the reference in its place."""

import json

import numpy as np
import pytest
from learner_chips import small_project
from typer.testing import CliRunner

from lutwright.cli import learn as room
from lutwright.cli.learn import chip_of, class_numbers, own_classes
from lutwright.cli.main import app
from lutwright.errors import BadData, BadOption
from lutwright.learn import Learner
from lutwright.learn.device import ReferenceDevice
from lutwright.runtime.learner_pictures import Network

SHAPE = (1, 6, 5)  # channels, rows, columns: npz files hold grey images
CLASSES = 5


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return small_project(tmp_path_factory.mktemp("learn"), "classes=5,subspaces=6,anchors=2", SHAPE)


def images_of(labels, seed, size=SHAPE[1:]):
    centres = np.random.default_rng(1).integers(40, 216, (CLASSES, *size))
    noise = np.random.default_rng(seed).integers(-20, 21, (len(labels), *size))
    return (centres[labels] + noise).astype(np.uint8)


def data_file(path, size=SHAPE[1:]):
    train, test = np.tile(np.arange(CLASSES), 12), np.tile(np.arange(CLASSES), 8)
    arrays = {
        "x_train": images_of(train, 2, size),
        "y_train": train,
        "x_test": images_of(test, 3, size),
        "y_test": test,
    }
    np.savez(path, **arrays)
    return path


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return data_file(tmp_path / "small.npz")


@pytest.fixture
def reference(monkeypatch):
    """The reference in place of the simulator."""
    from contextlib import contextmanager

    @contextmanager
    def device_of(opened, port, virtual):
        chip = chip_of(opened)
        yield ReferenceDevice(Learner(chip.config, chip.source), Network(opened, chip))

    monkeypatch.setattr(room, "device_of", device_of)


def run(project, *words):
    return CliRunner().invoke(app, ["learn", str(project.folder), *map(str, words)])


def learnt(project, data, *words):
    result = run(project, "--data", data, "--old", "0-2", "--examples", 4, "--every", 2, "--test", 40, "--json", *words)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout), result.stderr


def refused(project, data, *words):
    result = run(project, "--data", data, "--json", *words)
    assert result.exit_code == 2, result.output
    return json.loads(result.stdout)["error"]


@pytest.mark.parametrize(
    ("text", "classes"),
    [("0-2", (0, 1, 2)), ("3,1", (3, 1)), (" 0, 2 - 3 ", (0, 2, 3)), ("none", ()), ("", ()), ("7", (7,)), ("3-2", ())],
)
def test_class_numbers(text, classes):
    assert class_numbers("--old", text) == classes


@pytest.mark.parametrize("text", ["a", "1-", "-1", "1,,2", "1.5", "0-5-7", "²", "123456"])
def test_what_are_no_classes(text):
    with pytest.raises(BadOption) as caught:
        class_numbers("--old", text)
    assert str(caught.value) == f"--old: must be classes like 0-5 or 0,2,7-9, or none, not {text!r}."


def test_table_and_json(project, data, reference):
    told, shown = learnt(project, data)
    looks = [(row["label"], row["count"], row["learnt"], row["tested"]) for row in told["checkpoints"]]
    assert looks == [(None, 4, 12, 24), (3, 2, 14, 32), (3, 4, 16, 32), (4, 2, 18, 40), (4, 4, 20, 40)]
    assert (told["examples"], told["queries"], told["mismatches"]) == (20, 168, 0)
    assert told["results_compared"] == 188 and told["words_compared"] > 20 * 60
    lines = [line for line in shown.splitlines() if line.startswith(("old classes", "class "))]
    last = told["checkpoints"][-1]
    assert len(lines) == 5 and lines[0].split()[:4] == ["old", "classes", "12", "24"]
    assert lines[-1].split() == [
        *["class", "4,", "4", "examples", "20", "40"],
        *(f"{last[k]:.1%}" for k in ("old", "new", "all")),
    ]
    assert "188 results" in shown and "equal the reference" in shown


def test_half_saved_and_gone_on_with_is_the_whole(project, data, reference, tmp_path):
    whole, _ = learnt(project, data, "--save", tmp_path / "whole.state")
    learnt(project, data, "--new", 3, "--save", tmp_path / "half.state")
    rest, _ = learnt(project, data, "--old", "0-3", "--new", 4, "--load", "half.state", "--save", "rest.state")
    assert rest["examples"] == 4
    assert (tmp_path / "rest.state").read_bytes() == (tmp_path / "whole.state").read_bytes()
    assert rest["checkpoints"][-1]["all"] == whole["checkpoints"][-1]["all"]


def test_a_state_alone_is_tested(project, data, reference, tmp_path):
    whole, _ = learnt(project, data, "--save", tmp_path / "a.state")
    told, _ = learnt(project, data, "--load", "a.state", "--old", "0-4", "--new", "none", "--save", "b.state")
    (row,) = told["checkpoints"]
    assert told["examples"] == 0 and row["all"] == whole["checkpoints"][-1]["all"]
    assert (tmp_path / "b.state").read_bytes() == (tmp_path / "a.state").read_bytes()


def test_without_comparison(project, data, reference, tmp_path):
    learnt(project, data, "--save", "a.state")
    told, shown = learnt(project, data, "--no-check", "--save", "b.state")
    assert told["results_compared"] == told["words_compared"] == 0 and "nothing compared" in shown
    assert (tmp_path / "b.state").read_bytes() == (tmp_path / "a.state").read_bytes()


def test_a_seed_is_another_choice(project, data, reference, tmp_path):
    learnt(project, data, "--save", "a.state")
    learnt(project, data, "--save", "b.state", "--seed", 2)
    assert (tmp_path / "b.state").read_bytes() != (tmp_path / "a.state").read_bytes()


def test_report_has_curve_and_rows(project, data, reference, tmp_path):
    told, _ = learnt(project, data, "--report", tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()
    assert "<svg" in page and "class 4, 4 examples" in page and f"{told['words_compared']:,} words of state" in page
    assert str(tmp_path) not in page.replace(str(data), "")


def test_states_of_another_learner_and_damaged_ones(project, data, reference, tmp_path):
    other = small_project(tmp_path / "other", "classes=5,subspaces=6,anchors=3", SHAPE)
    learnt(other, data, "--save", "a.state")
    error = refused(project, data, "--load", "a.state")
    assert error["name"] == "BadState" and "must be of a learner with anchors = 2, not 3" in error["message"]
    again = small_project(tmp_path / "again", "classes=5,subspaces=6,anchors=2", SHAPE, seed=5)
    learnt(again, data, "--save", "b.state")
    error = refused(project, data, "--load", "b.state")
    assert error["name"] == "BadState" and "must be of the features whose source is" in error["message"]
    (tmp_path / "c.state").write_bytes((tmp_path / "b.state").read_bytes()[:-1])
    assert refused(project, data, "--load", "c.state")["name"] == "BadState"
    assert refused(project, data, "--load", "no.state")["name"] == "BadState"


@pytest.mark.parametrize(
    ("words", "name", "message"),
    [
        (("--old", "x"), "BadOption", "--old: must be classes like 0-5"),
        (("--new", "5"), "BadOption", "the learner has room for 5, not 5"),
        (("--old", "0-2", "--new", "2"), "BadOption", "must name each class once"),
        (("--examples", "13"), "BadData", "class 0 must have 13 training images, not 12"),
        (("--test", "2", "--examples", "2"), "BadOption", "--test: must be enough"),
        (("--port", "/dev/x", "--virtual"), "BadOption", "--port: or --virtual must be given, not both"),
        (("--save", "small.npz/a.state"), "OutputError", "small.npz"),
        (("--report", "small.npz/a.html"), "OutputError", "small.npz"),
    ],
)
def test_wrong_words(project, data, words, name, message):
    error = refused(project, data, *words)
    assert error["name"] == name and message in error["message"]


def test_images_of_another_size(project, data, reference, tmp_path):
    data_file(tmp_path / "wide.npz", (6, 6))
    error = refused(project, tmp_path / "wide.npz", "--examples", 2)
    assert (
        error["name"] == "BadData" and "images must have the chip's shape [6, 5, 1], not [6, 6, 1]" in error["message"]
    )


def test_a_project_without_a_learner_and_one_without_data(project, data, tmp_path):
    from learner_chips import small_model

    from lutwright.boards import load_board
    from lutwright.cli.build import build_project

    (tmp_path / "small.onnx").write_bytes(small_model(SHAPE).SerializeToString())
    build_project(tmp_path / "small.onnx", load_board("ulx3s-45f"), tmp_path / "plain")
    result = CliRunner().invoke(app, ["learn", str(tmp_path / "plain"), "--data", str(data), "--json"])
    assert "must have a learner, not a network alone" in result.stdout
    result = run(project, "--json")
    assert "--data: must name a data set, not nothing" in result.stdout


def test_the_model_tells_its_classes(project, monkeypatch):
    assert own_classes(project) == ()
    monkeypatch.setitem(project.graph.metadata, "lutwright.classes", "3,0")
    assert own_classes(project) == (3, 0)


def test_a_class_that_the_data_has_not(project):
    from small_data import made

    from lutwright.cli.learn import task_of
    from lutwright.learn.schedule import Wish

    with pytest.raises(BadData, match="class 3 must have training images, not none"):
        task_of(project, made(3, shape=(6, 5, 1)), Wish((0,), (3,), 2))
