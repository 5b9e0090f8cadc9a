"""Jobs for real: on a local cluster whose workers are killed, and through Yosys."""

import os
import signal

import pytest
from distributed import LocalCluster
from test_open_flow import make_project

from lutwright.boards import at_clock, load_board
from lutwright.emit.shell import constraint_name
from lutwright.errors import ToolFailed
from lutwright.explore.cluster import RETRIES, client, run_all
from lutwright.explore.jobs import Job, run

BOARD = load_board("ulx3s-45f")


@pytest.fixture(scope="module")
def connected():
    with client(workers=2) as made:
        yield made


@pytest.mark.parametrize("deed", ["killed", "failed"])
def test_a_worker_that_dies_costs_a_retry_and_no_result(connected, tmp_path, deed):
    def work(number):  # a closure, so that workers need no test module
        tried = tmp_path / str(number)
        with tried.open("a") as attempts:
            attempts.write("x")
        if number % 2 and tried.stat().st_size == 1:
            if deed == "failed":
                raise OSError("no luck")
            os.kill(os.getpid(), signal.SIGKILL)
        return 10 * number

    found = {}
    run_all(connected, work, {f"{deed}-{n}": n for n in range(4)}, found.__setitem__)
    assert found == {f"{deed}-{n}": 10 * n for n in range(4)}
    tries = {n: (tmp_path / str(n)).stat().st_size for n in range(4)}
    assert tries[1] >= 2 and tries[3] >= 2


def test_a_job_that_never_ends_well_is_named(connected, tmp_path):
    tried = tmp_path / "tried"

    def work(_):
        with tried.open("a") as attempts:
            attempts.write("x")
        raise OSError("no luck")

    with pytest.raises(ToolFailed, match=r"job abc: must end well in one of 4 attempts, not OSError: no luck"):
        run_all(connected, work, {"abc": 0}, lambda *_: pytest.fail("must not finish"))
    assert tried.stat().st_size == 1 + RETRIES


def test_a_cluster_of_the_users(tmp_path):
    with (
        LocalCluster(n_workers=1, processes=False, dashboard_address="127.0.0.1:0") as own,
        client(own.scheduler_address) as connected,
    ):
        found = {}
        run_all(connected, lambda n: n + 1, {"a": 1}, found.__setitem__)
        assert found == {"a": 2}


def job(tmp_path, board=BOARD, route=False):
    sources = make_project(tmp_path, board)
    files = {f"rtl/{path.name}": path.read_bytes() for path in sources}
    constraints = constraint_name(board)
    return Job(files | {constraints: (tmp_path / constraints).read_bytes()}, board, route)


def test_synthesis_of_a_job(tmp_path):
    made = run(job(tmp_path))
    assert 300 < made.lut < 900 and made.bram == 1 and made.fmax_mhz is None
    assert run(job(tmp_path)) == made


@pytest.mark.parametrize("name", ["ulx3s-45f", "tangnano9k"])
def test_place_and_route_of_a_job(tmp_path, name):
    board = load_board(name)
    made = run(job(tmp_path, board, route=True))
    assert made.fmax_mhz > board.clock.mhz and made.refused == ""
    assert made.lut >= run(job(tmp_path, board)).lut > 300 and made.bram == 1


def test_a_job_that_is_too_slow_is_measured_and_refused(tmp_path):
    fast = at_clock(BOARD, 400)
    made = run(job(tmp_path, fast, route=True))
    assert 60 < made.fmax_mhz < 400 and made.lut > 300
    assert "'ulx3s-45f' (speed): runs at 400 MHz, the design reaches" in made.refused


def test_a_job_that_has_no_room_is_an_outcome(tmp_path):
    small = BOARD.model_copy(update={"resources": BOARD.resources.model_copy(update={"lut": 100})})
    assert "has 100 LUTs, the design needs" in run(job(tmp_path, small, route=True)).refused
