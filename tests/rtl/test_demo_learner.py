"""The demo of the learner, small: a chip in RTL learns, is compared bit by bit, and hands its state to a fresh one."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
from learner_chips import small_model, small_project
from typer.testing import CliRunner

from lutwright.cli.demo_learner import reload_state
from lutwright.cli.learn import chip_of, run_task, task_of
from lutwright.cli.main import app
from lutwright.data import load
from lutwright.errors import Mismatch
from lutwright.learn import Learner
from lutwright.learn.file import Stored, pack
from lutwright.learn.schedule import Wish
from lutwright.learn.session import How
from lutwright.runtime.learner_device import ChipDevice
from lutwright.simulate.learner_chip import compile_chip

SHAPE = (1, 6, 5)
WORDS = "classes=4,subspaces=6,anchors=2,count_bits=5"
WISH = Wish((0, 1), (2, 3), examples=4, test=20, every=2)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A file of images of four classes, each near a centre of its own."""
    centres, arrays = np.random.default_rng(1).integers(20, 236, (4, 6, 5)), {}
    for name, count, seed in (("train", 8, 2), ("test", 10, 3)):
        labels = np.tile(np.arange(4), count)
        noise = np.random.default_rng(seed).integers(-20, 21, (len(labels), 6, 5))
        arrays |= {f"x_{name}": (centres[labels] + noise).astype(np.uint8), f"y_{name}": labels}
    path = tmp_path_factory.mktemp("data") / "small.npz"
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return small_project(tmp_path_factory.mktemp("chip"), WORDS, SHAPE)


@pytest.fixture(scope="module")
def bench(project, tmp_path_factory):
    return compile_chip(project, tmp_path_factory.mktemp("bench"))


@pytest.fixture
def task(project, data):
    return task_of(project, load(str(data)), WISH)


def test_the_demo(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = small_model(SHAPE)
    model.metadata_props.add(key="lutwright.classes", value="0,1")
    onnx.save(model, "small.onnx")
    sizes = ["--examples", "4", "--test", "20", "--every", "2"]
    words = ["demo-learner", "--model", "small.onnx", "--data", str(data), "--learner", WORDS, *sizes, "--json"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert [(row["label"], row["learnt"]) for row in told["checkpoints"]] == [
        (None, 8),
        (2, 10),
        (2, 12),
        (3, 14),
        (3, 16),
    ]
    assert (told["examples"], told["queries"], told["results_compared"]) == (16, 10 + 15 + 15 + 20 + 20, 96)
    words = told["words_compared"] // 17  # after every example and in the end
    assert told["words_compared"] == 17 * words and told["reloaded"] == {"words": 2 * words, "queries": 20}
    assert told["clocks"] > 96 * 30 and told["estimate"]["lut"] > 500
    out = tmp_path / "demo-learner-out"
    assert told["report"] == "demo-learner-out/report.html" and "<svg" in (out / "report.html").read_text()
    saved = ["learn", str(out / "ulx3s-45f"), "--data", str(data), "--no-check", *sizes, "--save", "again.state"]
    assert CliRunner().invoke(app, saved).exit_code == 0
    assert (tmp_path / "again.state").read_bytes() == (out / "learnt.state").read_bytes()


def test_a_difference_ends_the_simulation(task, bench, project):
    wrong = replace(task, learner=Learner(replace(task.chip.config, policy="nearest"), task.chip.source))
    with pytest.raises(Mismatch, match=r"class [0-3], subspace [0-5], anchor [01], word \d+: must be the reference's"):
        run_task(wrong, ChipDevice(bench, project, task.chip), How())
    assert bench._running is None
    run_task(task, ChipDevice(bench, project, task.chip), How())  # it can be played again


def test_a_fresh_chip_must_answer_as_the_one_that_learnt(task, bench, project, tmp_path):
    outcome = run_task(task, ChipDevice(bench, project, chip_of(project)), How())
    path = tmp_path / "a.state"
    path.write_bytes(pack(Stored(task.chip.config, outcome.state, task.chip.source)))
    found = reload_state(task, bench, outcome, path)
    assert found.queries == 20 and found.words * 17 == 2 * outcome.words
    other = replace(outcome, last=(outcome.last + 1) % 4)
    with pytest.raises(Mismatch, match="test image 0: the fresh chip and the one that learnt must answer as the ref"):
        reload_state(task, bench, other, path)


def test_a_simulated_board_learns_what_a_chip_learns(project, data, tmp_path):
    words = ["learn", str(project.folder), "--data", str(data), "--old", "0", "--new", "2", "--examples", "2"]
    words += ["--test", "8", "--every", "2"]
    for how in ("--virtual", "--no-check"):
        result = CliRunner().invoke(app, [*words, how, "--json", "--save", str(tmp_path / how)])
        assert result.exit_code == 0, result.output
        told = json.loads(result.stdout)
        assert told["examples"] == 4 and told["results_compared"] == (4 + told["queries"]) * (how == "--virtual")
    assert (tmp_path / "--virtual").read_bytes() == (tmp_path / "--no-check").read_bytes()
