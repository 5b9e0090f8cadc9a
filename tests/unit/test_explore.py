"""Exploration: points and their front, jobs and where their results are kept, and the verb without any tool."""

import csv
import json
import sys
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
from graphs import Maker
from typer.testing import CliRunner

from lutwright.boards import load_board
from lutwright.cli import explore as verb
from lutwright.cli.main import app
from lutwright.dataflow.choice import Choice
from lutwright.dataflow.choose import choose
from lutwright.dataflow.cost import Cost
from lutwright.dataflow.folding_file import read_folding
from lutwright.dataflow.search import Search
from lutwright.emit.project import for_hardware, hardware_graph
from lutwright.errors import BadOption, ToolMissing
from lutwright.explore import cluster
from lutwright.explore.jobs import Job, Outcome
from lutwright.explore.points import Point, front, points, spread
from lutwright.explore.rows import COLUMNS, csv_text, row
from lutwright.explore.store import Store
from lutwright.report.front import front_picture
from lutwright.resources import room

MNIST = room("examples") / "models" / "mnist-mux.onnx"
BOARD = load_board("ulx3s-45f")


@pytest.fixture(scope="module")
def mnist():
    return hardware_graph(MNIST)


# ---- points ----------------------------------------------------------------------------------------------------------


def test_points_are_spread_evenly_in_their_logarithms():
    assert spread(list(range(1, 1001)), 4) == [1, 10, 100, 1000]
    assert spread([5, 7], 16) == [5, 7]
    assert spread([1, 30, 1000, 1001], 3) == [1, 30, 1001]


def test_points_from_the_fastest_to_the_slowest(mnist):
    told = []
    found = points(mnist, BOARD, 5, lambda done, total: told.append((done, total)))
    search = Search(mnist, BOARD)
    assert found[0].interval == search.intervals()[0] == 784
    assert found[-1].lut == search.least(search.intervals()[-1]).estimate.as_dict()["lut"] == min(p.lut for p in found)
    assert [p.interval for p in found] == sorted(p.interval for p in found)
    assert told == [(i, len(told)) for i in range(len(told))]
    assert all(p.fits for p in found)
    assert found[0].lut <= choose(mnist, BOARD).estimate.as_dict()["lut"]


def test_points_that_do_not_fit_are_points(mnist):
    small = BOARD.model_copy(update={"resources": BOARD.resources.model_copy(update={"lut": 4000})})
    found = points(mnist, small, 3, lambda *_: None)
    assert (found[0].fits, found[-1].fits) == (False, True)


def test_block_rams_are_traded_where_they_lack():
    m = Maker(np.random.default_rng(0), (16, 64, 8), 3)
    m.conv(16, (3, 3), (1, 1), (1, 1, 1, 1))
    m.step(3, True)
    graph = for_hardware(m.graph())
    plenty = Search(graph, BOARD)
    slowest = plenty.intervals()[-1]
    none = Search(graph, BOARD.model_copy(update={"resources": BOARD.resources.model_copy(update={"bram": 4})}))
    many, few = plenty.least(slowest).estimate.on("ecp5"), none.least(slowest).estimate.on("ecp5")
    assert few.bram <= 4 < many.bram
    assert few.lut > many.lut


def point(interval, lut):
    class Fake(Point):
        interval = property(lambda _: interval)
        lut = property(lambda _: luts)

    luts = lut
    return Fake(Choice(None, {}, None, Cost(lut=lut)), True)


def test_the_front():
    found = [point(10, 100), point(20, 90), point(30, 95), point(30, 80), point(10, 120), point(40, 80)]
    assert [(p.interval, p.lut) for p in front(found)] == [(10, 100), (20, 90), (30, 80)]
    assert front([]) == []


# ---- jobs ------------------------------------------------------------------------------------------------------------


def test_the_key_of_a_job_is_all_that_its_result_depends_on():
    job = Job({"rtl/a.sv": b"a", "rtl/b.sv": b"b"}, BOARD)
    same = Job({"rtl/b.sv": b"b", "rtl/a.sv": b"a"}, load_board("ulx3s-45f"))
    assert job.key == same.key
    others = [
        replace(job, files={"rtl/a.sv": b"a", "rtl/b.sv": b"c"}),
        replace(job, files={"rtl/a.sv": b"a", "rtl/c.sv": b"b"}),
        replace(job, board=load_board("ulx3s-85f")),
        replace(job, route=True),
    ]
    assert len({job.key, *(other.key for other in others)}) == 5


def test_the_store(tmp_path):
    store = Store(tmp_path / "results")
    assert store.get("k") is None
    store.put("k", Outcome(1, 2, 3, 4, 50.5))
    assert store.get("k") == Outcome(1, 2, 3, 4, 50.5)
    for damaged in ("{", "[]", '{"luts": 1}'):
        (tmp_path / "results" / "k.json").write_text(damaged)
        assert store.get("k") is None


def test_what_dask_lacks_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    message = r"package distributed must be installed, not absent\. pip install 'lutwright\[explore\]'"
    with pytest.raises(ToolMissing, match=message), cluster.client():
        pytest.fail("must not begin")


def test_a_scheduler_that_does_not_answer(monkeypatch):
    monkeypatch.setattr(cluster, "_CONNECT", 0.3)
    message = r"--scheduler: must be the address .* that answers, not 'tcp://127.0.0.1:9'"
    with pytest.raises(BadOption, match=message), cluster.client("tcp://127.0.0.1:9"):
        pytest.fail("must not begin")


# ---- rows and picture ------------------------------------------------------------------------------------------------


ROWS = [
    row(point(100, 5000), True, 25.0, Outcome(4900, 10, 1, 0, 61.25)),
    row(point(200, 6000), False, 25.0, None),
    row(point(400, 900), True, 25.0, Outcome(refused="board 'x': has 1 LUTs, the design needs 2.")),
]


def test_csv_of_the_front():
    lines = list(csv.DictReader(csv_text(ROWS).splitlines()))
    assert tuple(lines[0]) == COLUMNS
    assert [line["interval"] for line in lines] == ["100", "400"]
    assert (lines[0]["frames_per_second"], lines[0]["measured_lut"], lines[0]["fmax_mhz"]) == (
        "250000.0",
        "4900",
        "61.25",
    )
    assert (lines[1]["measured_lut"], lines[1]["fits"]) == ("", "yes")
    assert "has 1 LUTs" in lines[1]["refused"]
    assert lines[1]["folding"] == "400-clocks-900-luts.toml"


def test_the_picture_is_the_same_each_time():
    made = front_picture(ROWS, "t", 8000)
    assert made == front_picture(ROWS, "t", 8000)
    assert made.startswith("<svg")
    bare = [row(point(100, 5000), True, 25.0, None)]
    assert front_picture(bare, "t", 8000) != made


# ---- the verb --------------------------------------------------------------------------------------------------------


def call(*words):
    return CliRunner().invoke(app, ["explore", str(MNIST), "--board", "ulx3s-45f", *words])


def files(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_explore_writes_the_front(tmp_path, mnist):
    result = call("--points", "3", "--out", str(tmp_path / "a"), "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    made = files(tmp_path / "a" / "front")
    best = [one for one in told["points"] if one["front"]]
    assert set(made) == {"front.csv", "front.svg", *(one["folding"] for one in best)}
    assert len(csv_text(told["points"]).splitlines()) == 1 + len(best) >= 3
    assert made["front.csv"].decode() == csv_text(told["points"])
    assert not any(str(tmp_path).encode() in data for data in made.values())
    for one in best:
        assert set(read_folding(made[one["folding"]], "f", mnist).folds) == {"conv1", "conv2", "conv3", "fc"}
    assert call("--points", "3", "--out", str(tmp_path / "b")).exit_code == 0
    assert files(tmp_path / "b" / "front") == made
    assert call("--points", "2", "--out", str(tmp_path / "a")).exit_code == 0
    assert len(files(tmp_path / "a" / "front")) == 4  # the old front is gone


def test_a_folding_of_the_front_can_be_built(tmp_path):
    call("--points", "2", "--out", str(tmp_path / "e"))
    slowest = max((tmp_path / "e" / "front").glob("*.toml"), key=lambda path: int(path.name.split("-")[0]))
    words = [
        "build",
        str(MNIST),
        "--board",
        "ulx3s-45f",
        "--out",
        str(tmp_path / "p"),
        "--folding",
        str(slowest),
        "--json",
    ]
    told = json.loads(CliRunner().invoke(app, words).stdout)
    assert slowest.name == f"{told['interval']}-clocks-{told['estimate']['lut']}-luts.toml"


def test_finished_jobs_come_from_disk(tmp_path, monkeypatch):
    done = []

    def run_all(_, work, jobs, finished):
        for key, job in jobs.items():
            done.append(key)
            finished(key, Outcome(len(job.files), 1, 1, 0))

    monkeypatch.setattr(verb, "client", lambda scheduler, workers: nullcontext())
    monkeypatch.setattr(verb, "run_all", run_all)
    words = ["--points", "2", "--out", str(tmp_path / "e"), "--synthesise", "--json"]
    first = call(*words)
    assert first.exit_code == 0, first.output
    assert len(done) == len(set(done)) == 2
    made = files(tmp_path / "e" / "front")
    monkeypatch.setattr(verb, "client", None)  # nothing is left to do
    again = call(*words)
    assert again.stdout == first.stdout
    assert files(tmp_path / "e" / "front") == made
    assert all(one["measured_lut"] > 0 for one in json.loads(first.stdout)["points"] if one["front"])


def test_another_clock_changes_rates_and_adders(tmp_path):
    slow = json.loads(call("--points", "2", "--out", str(tmp_path / "a"), "--json").stdout)["points"]
    fast = json.loads(call("--points", "2", "--out", str(tmp_path / "b"), "--clock", "100", "--json").stdout)["points"]
    assert fast[0]["frames_per_second"] == pytest.approx(4 * slow[0]["frames_per_second"], abs=0.1)
    assert fast[0]["ff"] > slow[0]["ff"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--points", "1"], "BadOption: --points: must be 2 or more, not 1."),
        (["--clock", "0"], "BadOption: --clock: must be above 0 and at most 1000 MHz, not 0."),
        (["--clock", "900", "--route"], "BadOption: --clock: must lie within 5 % of what the PLL makes of 25 MHz"),
    ],
)
def test_bad_options(words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = call(*words)
    assert result.exit_code == 2
    assert message in result.output
    assert list(tmp_path.iterdir()) == []
