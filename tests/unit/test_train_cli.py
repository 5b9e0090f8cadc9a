"""The verb `train`: its answer, its files, its exit codes."""

import json

import pytest
import typer
from typer.testing import CliRunner

from lutwright import data
from lutwright.cli.train import train

RECIPE = """
name = "tiny"
dataset = "mnist5k"
seed = 3
input_bits = 2
[schedule]
sal_epochs = 10
tune_epochs = 10
batch = 16
lr = 0.01
tune_lr = 0.01
[attention]
t_init = 1.0
t_final = 20.0
[[layers]]
kind = "pool"
size = 4
[[layers]]
kind = "mux"
out = 3
weight_bits = 2
act_bits = 2
[[layers]]
kind = "dense"
weight_bits = 2
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    whole = data.load("mnist5k")
    few = data.DataSet(
        "few", whole.train_images[::50], whole.train_labels[::50], whole.test_images[:40], whole.test_labels[:40], 10
    )
    monkeypatch.setattr("lutwright.train.run.load", lambda _: few)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.toml").write_text(RECIPE)
    app = typer.Typer()
    app.command()(train)
    return lambda *words: CliRunner().invoke(app, list(words))


def test_json_answer(run, tmp_path):
    result = run("tiny.toml", "--json", "--seed", "5", "--epochs-scale", "0.1")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["recipe"], found["seed"], found["epochs"], found["model"]) == ("tiny", 5, 2, "tiny/tiny.onnx")
    assert 0 <= found["test_accuracy"] <= 1 and found["seconds"] > 0
    assert sorted(path.name for path in (tmp_path / "tiny").iterdir()) == ["tiny.history.json", "tiny.onnx", "tiny.pt"]


def test_without_json_standard_output_is_empty(run):
    result = run("tiny.toml", "--out", "there.onnx", "--epochs-scale", "0.1")
    assert result.exit_code == 0 and result.stdout == ""
    assert "there.onnx" in result.stderr and "of the test images" in result.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nosuch"], "BadRecipe"),
        (["tiny.toml", "--seed", "-1"], "BadOption"),
        (["tiny.toml", "--epochs-scale", "0"], "BadOption"),
    ],
)
def test_bad_input_is_exit_2(run, words, told):
    result = run(*words, "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["error"]["name"] == told
