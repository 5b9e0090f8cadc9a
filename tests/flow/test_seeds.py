"""Place and route with several seeds: the fastest is kept, whatever the order, and a seed that fails is no end."""

import json

import pytest
from test_open_flow import fake, make_project

from lutwright.boards import load_board
from lutwright.errors import BadOption, DoesNotFit, ToolFailed
from lutwright.explore import seeds
from lutwright.explore.seeds import Routed, SeedJob, best_of, best_seed, run_seed
from lutwright.flow.bitstream import make_bitstream
from lutwright.flow.route import Design, with_seed

BOARD = load_board("hx8k")
REPORT = '{"utilization": {"ICESTORM_LC": {"used": 3, "available": 9}}, "fmax": {"clk": {"achieved": %s}}}'
# A router that is as fast as its seed says, writes what nextpnr does, and fails for seed 3.
ROUTER = """
import sys
told = dict(zip(sys.argv[1:], sys.argv[2:]))
seed = int(told["--seed"])
if seed == 3:
    print("ERROR: Unable to place cell u1"); sys.exit(1)
open(told["--asc"], "w").write(f"design {seed}")
open(told["--report"], "w").write(REPORT % {1: 20, 2: 30.5, 4: 30.5, 5: 10}[seed])
"""


def job(seed=1):
    return SeedJob({"flow/board_top.json": b"{}", "board_top.pcf": b""}, BOARD, "board_top", 3, 20.0, seed)


def routed(mhz):
    return Routed({"flow/board_top.asc": b"design"}, json.loads(REPORT % mhz))


def failed(rule, small):
    return Routed({}, {}, ("somewhere", rule, None, ""), small)


@pytest.fixture
def project(tmp_path):
    (tmp_path / "flow").mkdir()
    (tmp_path / "flow" / "board_top.json").write_text("{}")
    (tmp_path / "board_top.pcf").write_text("")
    return tmp_path


@pytest.fixture
def results(monkeypatch):
    """What each seed comes to, ending in the order of the dictionary, without a cluster."""
    made = {}

    def run_all(_, work, jobs, finished):
        assert work is run_seed and sorted(j.seed for j in jobs.values()) == sorted(made)
        keys = {j.seed: key for key, j in jobs.items()}
        for seed, result in made.items():
            finished(keys[seed], result)

    monkeypatch.setattr(seeds, "run_all", run_all)
    return made


@pytest.mark.parametrize("order", [(1, 2, 3, 4), (4, 3, 2, 1)])
def test_the_fastest_is_kept_of_equals_the_first(results, project, order):
    made = {1: routed(20.0), 2: routed(30.5), 3: failed("no room", True), 4: routed(30.5)}
    results.update((seed, made[seed]) for seed in order)
    told = []
    report = best_of(4, lambda found: told.append(dict(found)))(Design(project, BOARD, "board_top", 3, 20.0))
    assert report["fmax"]["clk"]["achieved"] == 30.5
    assert (project / "flow" / "board_top.asc").read_bytes() == b"design"
    assert told[0] == {} and told[-1] == {1: 20.0, 2: 30.5, 3: None, 4: 30.5} and len(told) == 5
    assert list(told[-1]) == [1, 2, 3, 4] and best_seed(told[-1]) == 2


@pytest.mark.parametrize(("small", "error"), [(True, DoesNotFit), (False, ToolFailed)])
def test_where_every_seed_fails_the_first_says_why(results, project, small, error):
    results |= {2: failed("second", not small), 1: failed("first", small)}
    with pytest.raises(error, match="somewhere: first"):
        best_of(2, lambda found: None)(Design(project, BOARD, "board_top", 3, 20.0))
    assert not (project / "flow" / "board_top.asc").exists()


@pytest.mark.parametrize("count", [0, -1, 1001])
def test_a_number_of_seeds_that_cannot_be(count):
    with pytest.raises(BadOption, match=rf"--seeds: must be 1 to 1000, not {count}\. Leave it out for one"):
        best_of(count, lambda found: None)


def test_one_seed_in_a_folder_of_its_own(monkeypatch, tmp_path):
    fake(monkeypatch, tmp_path, f"REPORT = {REPORT!r}\n{ROUTER}")
    made = run_seed(job(4))
    assert made.files["flow/board_top.asc"] == b"design 4" and made.mhz == 30.5 and made.refused is None
    assert sorted(made.files) == ["flow/board_top.asc", "flow/board_top_report.json", "logs/place_board_top.log"]
    none = run_seed(job(3))
    assert none.small and none.mhz is None and isinstance(none.error(), DoesNotFit)
    fake(monkeypatch, tmp_path, "raise SystemExit(1)")
    broken = run_seed(job(1))
    assert isinstance(broken.error(), ToolFailed) and "must end with status 0" in str(broken.error())


def test_a_report_without_a_speed_is_a_failure(monkeypatch, tmp_path):
    program = ROUTER.replace("REPORT % {1: 20, 2: 30.5, 4: 30.5, 5: 10}[seed]", "'{}'")
    fake(monkeypatch, tmp_path, program)
    assert "must name utilisation and Fmax" in str(run_seed(job(1)).error())


def test_keys_tell_jobs_apart():
    other = SeedJob({"flow/board_top.json": b"[]", "board_top.pcf": b""}, BOARD, "board_top", 3, 20.0, 1)
    assert len({job(1).key, job(2).key, other.key}) == 3 and job(1).key == job(1).key


def test_seeds_for_real(tmp_path):
    """On a cluster: the result is that of the best seed alone, byte for byte."""
    one, many = tmp_path / "one", tmp_path / "many"
    found = {}
    best = make_bitstream(many, make_project(many, BOARD), BOARD, "board_top", best_of(3, found.update))
    assert sorted(found) == [1, 2, 3] and best.fmax_mhz == max(found.values()) and len(set(found.values())) > 1
    alone = make_bitstream(one, make_project(one, BOARD), BOARD, "board_top", with_seed(best_seed(found)))
    assert alone.fmax_mhz == best.fmax_mhz and alone.bitstream.read_bytes() == best.bitstream.read_bytes()
