"""The benchmark of the hardware: what it counts, keeps, fits and prints."""

import json
import sys
import types
from dataclasses import replace

import numpy as np
import pytest

from lutwright.dataflow.cost import cost, pipeline_cost
from lutwright.dataflow.folding import Fold
from lutwright.dataflow.parts import FAMILIES, Cost
from lutwright.emit.rtl import core_files
from lutwright.errors import Mismatch, ToolFailed, UnsupportedOp
from lutwright.resources import room

sys.path.insert(0, str(room("hw").parent / "benchmarks"))

import calibrate
import hardware
import hardware_aims
import hardware_layers
import hardware_networks
import hardware_nngen
import hardware_page
import hardware_peers
import hardware_route
import hardware_rows
import hardware_simulation
import hardware_synthesis

COUNTS = {"lut": 1234, "ff": 20, "bram": 3, "dsp": 4}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A folder of figures of its own for each test."""
    for module in (hardware_synthesis, hardware_simulation, hardware_route, hardware_nngen):
        monkeypatch.setattr(module, "CACHE", tmp_path / "figures")
    return tmp_path / "figures"


@pytest.fixture(scope="module")
def small():
    """A dense layer, its graph and stages."""
    layers = hardware_layers.Layers((1, 1, 4), 3, seed=1).add("Flatten").dense(3, 3).step(2, "even")
    return hardware_networks.Design("small", *layers.pipeline((Fold(3, 4, "unrolled"),), 2, 512))


# ---- synthesis -------------------------------------------------------------------------------------------------------


def test_a_stage_alone_is_counted_once(small, cache, monkeypatch):
    (stage,) = [stage for stage in small.pipeline.stages if stage.cell == "skid"]
    files = hardware_synthesis.alone(stage)
    made = hardware_synthesis.count(files, "alone", "ecp5")
    want = cost(stage).on("ecp5")
    assert (made.lut, made.ff, made.bram, made.dsp) == (want.lut, want.ff, 0, 0)
    assert (cache / ".gitignore").read_text() == "*\n"
    monkeypatch.setattr(hardware_synthesis, "run_yosys", None)  # a second run must not need it
    assert hardware_synthesis.count(files, "alone", "ecp5") == made
    with pytest.raises(TypeError):
        hardware_synthesis.count(files, "alone", "xc7")


def test_no_netlist_is_an_error_and_is_not_kept(cache, monkeypatch):
    monkeypatch.setattr(hardware_synthesis, "run_yosys", lambda *rest: None)
    with pytest.raises(ToolFailed, match="must write a netlist"):
        hardware_synthesis.count({"a.sv": b""}, "a", "ecp5")
    assert not cache.exists()


def test_no_report_of_the_router_is_an_error(monkeypatch):
    monkeypatch.setattr(hardware_route, "run_tool", lambda *rest: None)
    small = types.SimpleNamespace(cells=types.SimpleNamespace(lut=100))
    monkeypatch.setattr(hardware_route, "synthesise", lambda *rest, **more: small)
    with pytest.raises(ToolFailed, match="nextpnr-ecp5"):
        hardware_route.fmax({"a.sv": b""}, "a", 100, 10)


# ---- simulation and other tools --------------------------------------------------------------------------------------


def test_figures_of_hardware_that_is_wrong_are_refused(small, monkeypatch, cache):
    comparison = type("C", (), {"mismatches": 1, "first": "stage 'x', frame 0"})()
    result = type("R", (), {"mismatches": 1, "comparisons": [comparison], "cycles_per_frame": 1, "words": 5})()
    monkeypatch.setattr(hardware_simulation, "compile_core", lambda *rest, **more: None)
    monkeypatch.setattr(hardware_simulation, "play", lambda *rest: [result])
    with pytest.raises(Mismatch, match="stage 'x', frame 0"):
        hardware_simulation.simulate(small, 5)
    result.mismatches = 0
    played = hardware_simulation.simulate(small, 5)
    assert (played.clocks, played.words) == (1, 5) and played.rate == 5 / played.run_seconds
    monkeypatch.setattr(hardware_simulation, "play", None)
    assert hardware_simulation.simulate(small, 5) == played


def test_another_tool_computes_the_same_integers(small):
    peer = hardware_peers.by_da4ml(small.graph, hardware_networks.random_codes(small.graph, 50, 1), 2)
    assert (peer.exact, peer.frames, peer.clocks) == (50, 50, 1)
    assert "peer.v" in peer.files and "lookup_table.v" not in peer.files
    image = hardware_layers.Layers((4, 4, 2), 3, seed=2).conv(3, 3, 3).step(2, "even").pool("MaxPool", 2, 2)
    graph = image.add("Flatten").dense(2, 3).graph()
    peer = hardware_peers.by_da4ml(graph, hardware_networks.random_codes(graph, 50, 1), 2)
    assert peer.exact == 50


def test_what_is_not_written_for_another_tool_is_named():
    graph = hardware_layers.Layers((4, 4, 2), 3).pool("SumPool", 2, 2).graph()
    with pytest.raises(UnsupportedOp, match=r"'sumpool0' \(SumPool\): is not written for da4ml here"):
        hardware_peers.by_da4ml(graph, hardware_networks.random_codes(graph, 1, 1), 2)
    with pytest.raises(UnsupportedOp, match=r"'sumpool0' \(SumPool\): is not written for NNgen here"):
        hardware_nngen._node(types.SimpleNamespace(int16=16), graph, graph.nodes[0], None, None)


def test_a_simulation_of_another_tool_is_kept_and_one_without_end_is_an_error(monkeypatch):
    monkeypatch.setattr(hardware_nngen, "_simulated", lambda *rest: "WARNING\nclocks:       5081\n")
    assert hardware_nngen._clocks("module", None, None, None, None) == 5081
    monkeypatch.setattr(hardware_nngen, "_simulated", lambda *rest: "nothing")
    assert hardware_nngen._clocks("module", None, None, None, None) == 5081
    with pytest.raises(ToolFailed, match="must end its frame in simulation"):
        hardware_nngen._clocks("another", None, None, None, None)


# ---- calibration -----------------------------------------------------------------------------------------------------


def folded(block_bits):
    """Window, folded products, binary search, pool, dense layer."""
    layers = hardware_layers.Layers((8, 8, 4), 4, seed=3).conv(6, 3, 4).step(4, "threshold").pool("MaxPool", 2, 2)
    return layers.add("Flatten").dense(5, 4).pipeline((Fold(1, 36), Fold(1, 8)), 2, block_bits)


def multiplexed(block_bits):
    """One weight a kernel, then an unrolled layer and multiplications."""
    layers = hardware_layers.Layers((8, 8, 8), 4, seed=4).conv(8, 3, 1, mux=True).step(4, "threshold")
    folds = Fold(2, 8, "mux"), Fold(4, 72, "unrolled")
    return layers.conv(4, 3, 4).step(3, "multiply").pipeline(folds, 2, block_bits)


@pytest.mark.parametrize(
    ("make", "family"), [*((folded, family) for family in hardware_synthesis.FAMILIES), (multiplexed, "ecp5")]
)
def test_the_cost_model_agrees_with_synthesis(make, family):
    """What a change of a cell breaks here, make calibrate shows cell by cell."""
    graph, pipeline = make(calibrate.block_bits(family))
    told = pipeline_cost(pipeline).on(family)
    seen = hardware_synthesis.count(core_files(graph, pipeline), graph.name, family)
    assert told.lut == pytest.approx(seen.lut, rel=0.15)
    assert told.ff == pytest.approx(seen.ff, rel=0.15)
    assert (told.bram, told.dsp) == (seen.bram, seen.dsp)


def test_the_fit_finds_the_coefficients_behind_the_counts():
    rng = np.random.default_rng(0)
    true = replace(FAMILIES["xc7"], logic=0.7, select=0.5, product=0.6, table=0.3, chain=-1.0)
    rows = []
    for _ in range(20):
        n = rng.integers(50, 500, 6).tolist()
        parts = Cost(lut=n[0], logic=n[1], select=n[2], product=n[3], chains=n[4], tables=((16, n[5]),))
        rows.append(calibrate.Row("", parts, hardware_synthesis.Counts(round(parts.luts(true)), 0, 0, 0)))
    found = calibrate.fitted(rows, FAMILIES["xc7"])
    for name in calibrate.FITTED:
        assert getattr(found, name) == pytest.approx(getattr(true, name), abs=0.15)
    less = [replace(row, counts=replace(row.counts, lut=round(row.parts.lut / 2))) for row in rows]
    assert min(calibrate.fitted(less, FAMILIES["xc7"]).logic, calibrate.fitted(less, FAMILIES["xc7"]).select) >= 0


def test_the_calibration_is_written_as_a_page(monkeypatch, tmp_path, capsys):
    for name in ("cell_table", "fit_table", "held_out_table"):
        monkeypatch.setattr(calibrate, name, lambda family, timeout, name=name: [f"{family} {name} {timeout:g}"])
    out = tmp_path / "page.md"
    assert calibrate.main(["--families", "ecp5", "xc7", "--skip", "fit", "--timeout", "7", "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert told.split("\n")[:-1] == ["ecp5 cell_table 7", "ecp5 held_out_table 7", "xc7 held_out_table 7"]
    page = out.read_text()
    assert f"```text\n{told}```" in page and str(tmp_path) not in page
    assert "    python benchmarks/calibrate.py --families ecp5 xc7 --skip fit\n" in page

    def fails(*rest):
        raise ToolFailed("tool 'yosys'", "must end within 1 s", "still running (killed)")

    monkeypatch.setattr(calibrate, "held_out_table", fails)
    assert calibrate.main(["--out", str(tmp_path / "none.md")]) == ToolFailed.exit_code
    assert not (tmp_path / "none.md").exists()


def test_samples_have_every_cell_and_another_seed_is_another_network():
    stages = [stage for _, pipeline in hardware_layers.samples(512) for stage in pipeline.stages]
    assert len({stage.cell for stage in stages}) >= 22
    a, b = (hardware_layers.Layers((8,), 3, seed=seed).dense(4, 4).graph() for seed in (1, 2))
    assert (a.nodes[0].attrs["weights"] != b.nodes[0].attrs["weights"]).any()


# ---- the page --------------------------------------------------------------------------------------------------------


def own(**figures):
    """A row of ours that meets every aim, but for `figures`."""
    counted = {"xc7": COUNTS, "xc7_lut": COUNTS | {"dsp": 0}, "ecp5": COUNTS, "mhz": 101.6}
    return {"tool": "lutwright", "title": "net", "clocks": 1024, "told": 1024, "exact": [9, 9], **counted, **figures}


def test_the_page_says_what_was_measured(tmp_path, monkeypatch, capsys):
    peer = {"tool": "NNgen", "title": "NNgen", "why": "not installed"}
    rows = [own(stages=[("Conv_1", "folded_mac", 321)]), peer]
    monkeypatch.setattr(hardware, "TABLES", {"digits": lambda limits: rows})
    out = tmp_path / "page.md"
    assert hardware.main(["--out", str(out), "--json", str(tmp_path / "all.json")]) == 0
    page = out.read_text()
    assert capsys.readouterr().out == page + "\n"
    assert "| lutwright | 1,024 | 9 of 9 | 1,234 | 20 | 3 | 1,234 | 4 | 1,234 | 20 | 3 | 102 |" in page
    assert "| NNgen | not installed |" in page and str(tmp_path) not in page
    assert "Largest stages at 1,024 clocks, 7-series LUTs of each alone: Conv_1 (folded_mac) 321." in page
    assert "## Aims: 3 of 3 met" in page and "    python benchmarks/hardware.py\n" in page
    assert json.loads((tmp_path / "all.json").read_text())["digits"] == json.loads(json.dumps(rows))


def test_tables_of_layers_boards_simulation_and_the_model():
    seen = {"clocks": 10, "frames": 4, "words": 40, "compile_seconds": 1.6, "run_seconds": 2.0}
    speed = [{"title": "a", "told": 10, "simulated": seen}, {"title": "b", "told": 7, "simulated": None}]
    told = {"lut": 1000, "ff": 30, "bram": 3, "dsp": 4, "clocks": 7}
    model = [{"title": "a", "family": "ecp5", "told": told, "counted": COUNTS, "clocks": 8}]
    model.append({"title": "b", "family": "xc7", "told": told, "counted": None})
    have = {"lut": 2468, "ff": 100, "bram": 26}
    demo = [{"title": "board", "board": "tangnano9k", "clocks": 784, "counted": COUNTS, "have": have}]
    demo.append(demo[0] | {"counted": None})
    engines = [own(title="dense"), own(title="mux", xc7=None, ecp5=None)]
    matrices = [own(title="m", latency=3)]
    tables = {"speed": speed, "model": model, "demo": demo, "engines": engines, "matrices": matrices}
    page = hardware_page.page("x", 100, tables)
    assert "| a | 10 | 10 | 4 | 40 | 2 | 2 |" in page and "| b | 7 | - | - | - | - | - |" in page
    assert "| ecp5 | a | 1,000 / 1,234 | -19.0% | 30 / 20 | +50.0% | 3 / 3 | 4 / 4 | 7 / 8 |" in page
    assert "| board | 784 | 1,234 of 2,468 | 20 of 100 | 3 of 26 | 50% |" in page
    assert "| board | 784 | - | - | - | - |" in page
    assert "| dense | 1,024 | 1,234 | 20 | 3 | 1,234 | 4 | 1,234 | 20 | 3 |" in page
    assert "| mux | 1,024 | 1,234 | 20 | 3 | - | - | - | - | - |" in page
    assert "| m | lutwright | 3 | 1,234 |" in page


def luts(lut):
    """Figures of so many LUTs."""
    return {"xc7_lut": COUNTS | {"lut": lut, "dsp": 0}}


MODEL = {
    "title": "a",
    "family": "ecp5",
    "told": COUNTS | {"lut": 1100, "clocks": 7},
    "counted": COUNTS | {"lut": 1000},
    "clocks": 7,
}
MATRIX = [own(**luts(10)), own(tool="da4ml", **luts(10))]
ENGINES = [
    own(kind="dense", bits=4, engine="folded", **luts(3000)),
    own(kind="mux", bits=4, engine="mux", **luts(1000)),
]
SPEED = {"title": "cnv", "told": 100, "simulated": {"clocks": 102, "compile_seconds": 590, "run_seconds": 10}}
DEMO = {"board": "tangnano9k", "counted": {"lut": 60}, "have": {"lut": 100}}


@pytest.mark.parametrize(
    ("aim", "met", "missed"),
    [
        ("Digits CNN at 1,024", {"digits": [own(**luts(1500))]}, {"digits": [own(**luts(1501))]}),
        ("Digits CNN at 1,024", {"digits": [own()]}, {"digits": [own(exact=[8, 9])]}),
        ("Digits CNN at 64 ", {"digits": [own(told=64, clocks=64)]}, {"digits": [own(told=64, clocks=65)]}),
        ("MLP", {"mlp": [own(), own(tool="da4ml", **luts(1235))]}, {"mlp": [own(), own(tool="da4ml")]}),
        ("The same MLP", {"mlp": [own()]}, {"mlp": [own(mhz=100)]}),
        ("Unrolled", {"matrices": MATRIX}, {"matrices": [own(**luts(11)), MATRIX[1]]}),
        ("One weight", {"engines": ENGINES}, {"engines": [own(**ENGINES[0] | luts(2999)), ENGINES[1]]}),
        ("MNIST demo", {"demo": [DEMO]}, {"demo": [DEMO | {"counted": {"lut": 61}}]}),
        ("Fmax", {"digits": [own(mhz=100)]}, {"digits": [own(), own(mhz=99)]}),
        ("Clocks a frame", {"speed": [SPEED]}, {"speed": [SPEED | {"told": 99}]}),
        ("Estimate", {"model": [MODEL]}, {"model": [MODEL | {"counted": COUNTS | {"lut": 950}}]}),
        ("Estimate", {"model": [MODEL]}, {"model": [MODEL | {"counted": COUNTS | {"lut": 1000, "bram": 2}}]}),
        ("Estimate", {"model": [MODEL]}, {"model": [MODEL | {"clocks": 8}]}),
        ("Simulated", {"speed": [SPEED]}, {"speed": [SPEED, {"title": "x", "told": 1, "simulated": None}]}),
    ],
)
def test_aims_are_met_or_missed(aim, met, missed):
    found = [
        [(one.aim.startswith(aim), one.met) for one in hardware_aims.judged(tables) if one.aim.startswith(aim)]
        for tables in (met, missed)
    ]
    assert found == [[(True, True)], [(True, False)]]


def test_aims_without_figures_are_left_out():
    gap = own(xc7_lut=None, mhz=None)
    demo = [DEMO | {"counted": None}]
    tables = {"digits": [gap], "mlp": [gap], "matrices": [gap], "engines": [gap], "demo": demo}
    assert [one.aim[:6] for one in hardware_aims.judged(tables)] == ["Clocks"]
    assert hardware_aims.judged({"model": [MODEL | {"counted": None}]})[0].aim.startswith("Clocks")
    assert hardware_aims.judged({}) == []


def test_a_failed_tool_leaves_a_gap_and_another_error_its_status(monkeypatch, capsys):
    def fails(*rest, **more):
        raise ToolFailed("tool 'yosys'", "must end within 1 s", "still running (killed)")

    monkeypatch.setattr(hardware_rows, "count", fails)
    row = hardware_rows.area("net", {}, "net", hardware_rows.Limits(1, 100, frozenset({"route"})), True)
    assert row == {"xc7": None, "xc7_lut": None, "ecp5": None}
    assert "net: tool 'yosys': must end within 1 s" in capsys.readouterr().err
    monkeypatch.setattr(hardware, "TABLES", {"digits": fails})
    assert hardware.main(["--parts", "digits"]) == ToolFailed.exit_code
