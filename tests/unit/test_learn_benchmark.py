"""The benchmark of the learner: equal first, timed after."""

import json
import sys

import pytest
import torch

from lutwright.learn.module import LearnerModule
from lutwright.resources import room

sys.path.insert(0, str(room("hw").parent / "benchmarks"))

import learner as benchmark

SMALL = ["--sizes", "8,2,2,3", "--count", "20", "--seconds", "0.001"]


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_the_table_says_what_was_measured(tmp_path, capsys):
    assert benchmark.main([*SMALL, "--out", str(tmp_path / "page.md"), "--json", str(tmp_path / "all.json")]) == 0
    page = (tmp_path / "page.md").read_text()
    assert capsys.readouterr().out == page + "\n" and str(tmp_path) not in page
    assert "    python benchmarks/learner.py --sizes 8,2,2,3 --policy weighted --distance l1 --count 20" in page
    (row,) = json.loads((tmp_path / "all.json").read_text())
    assert list(row["rate"]) == ["learn", "learn, torch", "one", "one, torch", "batch", "batch, torch"]
    assert all(rate > 0 for rate in row["rate"].values())
    assert row["words"] == 3 * 2 * 8 and "| d=8 P=2 k=2 C=3 |" in page


@pytest.mark.parametrize(
    ("name", "words"),
    [("state", "must know the same as the reference"), ("forward", "must predict the same as the reference")],
)
def test_what_differs_is_not_timed(name, words, monkeypatch, capsys):
    real = getattr(LearnerModule, name)

    def wrong(self, *rest):
        found = real(self, *rest)
        if name == "forward":
            return found + 1
        found.n[0, 0, 0] += 1
        return found

    monkeypatch.setattr(LearnerModule, name, wrong)
    assert benchmark.main(SMALL) == 1
    told = capsys.readouterr()
    assert words in told.err and not told.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--sizes", "8,2,2"], "--sizes: must be features,subspaces,anchors,classes, not '8,2,2'"),
        (["--sizes", "8,2,2,x"], "--sizes: must be features,subspaces,anchors,classes, not '8,2,2,x'"),
        (["--sizes", "8,3,2,2"], "subspaces must divide the 8 features, not 3"),
        (["--count", "0"], "--count: must be more than 0, not 0"),
        (["--threads", "0"], "--threads: must be more than 0, not 0"),
        (["--seconds", "0"], "--seconds: must be more than 0, not 0.0"),
    ],
)
def test_options_that_cannot_be(options, words, capsys):
    assert benchmark.main([*SMALL, *options]) == 2
    assert words in capsys.readouterr().err
