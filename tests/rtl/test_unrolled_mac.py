"""The unrolled engine as hardware: the generated module against numpy, under idle x backpressure and resets."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from streams import RUNS, simulator, words

from lutwright.boards import load_board
from lutwright.dataflow.adder_pipeline import schedule
from lutwright.dataflow.adders import AdderGraph, Sum, Term
from lutwright.dataflow.cost import unrolled_cost
from lutwright.dataflow.unrolled import unroll
from lutwright.emit.unrolled import unrolled_file
from lutwright.errors import ToolFailed
from lutwright.flow.synth import synthesise
from lutwright.numerics.ranges import type_of, weighted_sum
from lutwright.simulate.runner import Bench, simulator_environment


def one_a_kernel(rng, weights, outputs=5, taps=9, channels=4):
    """One weight a kernel, as a matrix [outputs, taps*channels]."""
    matrix = np.zeros((outputs, taps, channels), np.int64)
    places = rng.integers(0, taps, (outputs, 1, channels))
    np.put_along_axis(matrix, places, rng.choice(weights, (outputs, 1, channels)), 1)
    return matrix.reshape(outputs, -1)


RNG = np.random.default_rng
WHOLE_BYTE = np.arange(-128, 128)
# name: matrix, lowest and highest x, bits of x, levels of adders between two registers
LAYERS = {
    "kernels": (one_a_kernel(RNG(1), [w for w in range(-8, 8) if w]), (0, 15), 4, 1),
    "kernel_signs": (one_a_kernel(RNG(2), [-1, 1]), (-8, 7), 4, 2),
    "dense": (RNG(3).integers(-8, 8, (4, 10)), (0, 15), 4, 1),
    "dense_signed": (RNG(4).integers(-8, 8, (4, 10)), (-8, 7), 4, 2),
    "bytes": (RNG(5).choice(WHOLE_BYTE, (3, 8)), (-20, 37), 7, 3),
    "bytes_deep": (RNG(5).choice(WHOLE_BYTE, (3, 8)), (-20, 37), 7, 20),
    "bipolar": (RNG(6).choice([-1, 1], (6, 16)), (-1, 1), 2, 3),
    "bits": (RNG(7).integers(-3, 4, (4, 12)), (0, 1), 1, 2),
    "narrow": (RNG(8).integers(-8, 8, (3, 6)), (0, 5), 4, 1),
    "corners": (np.array([[0, 0, 0], [0, 3, 0], [0, 3, 0], [-4, 0, 0], [0, -3, 0], [8, 0, 0]]), (0, 7), 3, 1),
    "corners_signed": (np.array([[-1, 64, 0], [1, -64, 0], [-1, -64, 0], [5, 0, 0], [-5, 0, 0]]), (-4, 3), 3, 1),
    "beside": (np.array([[17, 0], [273, 0], [1, 16], [-1, 16], [1, -16], [1, 64]]), (0, 15), 4, 1),
    "beside_later": (np.array([[17, 3], [3, 17], [51, 1], [1, 256]]), (0, 15), 4, 2),
    "beside_first": (np.array([[64, 5, -1], [2, 4, 0]]), (0, 1), 1, 2),  # x1 is read beside another input only
    "single": (np.array([[1]]), (0, 3), 2, 1),
    "nothing": (np.zeros((2, 3), np.int64), (0, 3), 2, 1),
    "cancels": (np.array([[1, 0]]), (0, 3), 2, 1),
}
# x0 - 8*x1, and with 8*x1 again x0: what no solver makes, but a graph may be
CANCELS = AdderGraph(
    np.zeros(2, np.int64), 3 * np.ones(2, np.int64), (Sum(0, 1, 3, False, True), Sum(2, 1, 3)), (Term(3),)
)


def layer_of(name):
    """The layer, its module as a file, and its matrix."""
    matrix, ends, bits, levels = LAYERS[name]
    lowest, highest = weighted_sum(matrix, *ends, False)
    acc_bits = type_of(min(int(lowest.min()), -1), int(highest.max())).width
    layer = unroll(name, matrix, ends, bits, ends[0] < 0, acc_bits, levels)
    if name == "cancels":
        layer = replace(layer, schedule=schedule(CANCELS.prove(matrix), levels))
    return layer, unrolled_file(layer), matrix, ends


def job_of(layer, matrix, ends, vectors, runs, **more):
    """Vectors, among them those of the ends of each output's range, and their results."""
    x = RNG(11).integers(ends[0], ends[1] + 1, (vectors, layer.inputs))
    worst = np.where(matrix > 0, ends[1], ends[0])
    x = np.concatenate([x, worst, ends[0] + ends[1] - worst])
    return {
        "beats": words(x, layer.x_bits),
        "expected": words(x @ matrix.T, layer.acc_bits),
        "runs": runs,
        "drain": 60,
        "limit": 20_000,
        **more,
    }


def simulate(path, layer, work, *jobs):
    """Play each of `jobs` through the module in `path`."""
    bench = Bench([path], layer.name, work, simulator=simulator(), timing=False)
    bench.compile()
    for job in jobs:
        (work / "job.json").write_text(json.dumps(job))
        bench.run("tb_stream", {"LUTWRIGHT_JOB": str(work / "job.json")}, expect=1)


@pytest.mark.parametrize("name", LAYERS)
def test_unrolled_mac(name, tmp_path):
    layer, text, matrix, ends = layer_of(name)
    (tmp_path / f"{name}.sv").write_bytes(text)
    rate = {"beats": 1, "clocks": 1}
    simulate(tmp_path / f"{name}.sv", layer, tmp_path, job_of(layer, matrix, ends, 60, RUNS, rate=rate))


@pytest.mark.parametrize("name", ["single", "bytes", "dense"])
def test_latency(name, tmp_path):
    layer, text, matrix, ends = layer_of(name)
    (tmp_path / f"{name}.sv").write_bytes(text)
    # The first result comes after `latency` clocks and one in each clock after it, or the last comes after the limit.
    job = job_of(layer, matrix, ends, 60, [{"idle": 0, "stall": 0, "seed": 0, "reset_after": 0}])
    job["limit"] = len(job["beats"]) + layer.latency + job["drain"] + 1
    simulate(tmp_path / f"{name}.sv", layer, tmp_path, job)
    with pytest.raises(ToolFailed, match="stuck after"):
        simulate(tmp_path / f"{name}.sv", layer, tmp_path, job | {"limit": job["limit"] - 1})


@pytest.mark.parametrize("name", LAYERS)
def test_lint(name, tmp_path):
    path = tmp_path / f"{name}.sv"
    path.write_bytes(layer_of(name)[1])
    lint = subprocess.run(
        ["verilator", "--lint-only", "-Wall", "--top-module", name, str(path)],
        env=simulator_environment("verilator"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert lint.returncode == 0 and "%Warning" not in lint.stderr, lint.stderr


def yosys(commands):
    """What Yosys says to `commands`, which must not fail."""
    script = f"from pyosys import libyosys as y; d = y.Design(); [y.run_pass(c, d) for c in {commands}]"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, (done.stdout + done.stderr)[-800:]
    return done.stdout


@pytest.mark.parametrize("reader", ["read_verilog -sv", "read_slang"])
@pytest.mark.parametrize("name", ["kernel_signs", "bytes_deep", "beside"])
def test_what_yosys_reads_is_the_same(name, reader, tmp_path):
    layer, text, matrix, ends = layer_of(name)
    (tmp_path / f"{name}.sv").write_bytes(text)
    steps = [f"{reader} {tmp_path}/{name}.sv", f"hierarchy -check -top {name}", "proc", "opt", "check -assert"]
    yosys([*steps, f"write_verilog -noattr {tmp_path}/netlist.v"])
    simulate(tmp_path / "netlist.v", layer, tmp_path, job_of(layer, matrix, ends, 40, RUNS[2:4]))


@pytest.mark.parametrize("name", ["kernels", "dense", "dense_signed", "bytes", "bytes_deep"])
def test_cost_is_what_yosys_counts_on_ecp5(name, tmp_path):
    """Flip-flops exactly; of LUTs a few less are needed, where bit 0 of a sum is no gate or short adders share some."""
    layer, text, _, _ = layer_of(name)
    source = tmp_path / f"{name}.sv"
    source.write_bytes(text)
    cells = synthesise(tmp_path, [source], load_board("ulx3s-85f"), name, pads=False).cells
    told = unrolled_cost(layer).on("ecp5")
    assert cells.ff == told.ff
    assert 0.98 * told.lut <= cells.lut <= told.lut
