"""Playing integers through one cell, alone, with stalls and a reset in the middle."""

import json
import shutil

import numpy as np

from lutwright.emit.rtl import cell_closure
from lutwright.numerics.packing import pack
from lutwright.resources import room
from lutwright.simulate.runner import Bench

# idle x stall, and a reset in the middle of the first run
RUNS = [
    {"idle": i, "stall": s, "seed": n, "reset_after": r}
    for n, (i, s, r) in enumerate([(0, 0, 0), (0.4, 0, 37), (0, 0.6, 61), (0.5, 0.5, 0), (0.8, 0.1, 0)])
]


def sources(cell):
    """The files of `cell` and of every cell in it."""
    return sorted(room("hw") / "rtl" / f"{name}.sv" for name in cell_closure({cell}))


def simulator():
    """Icarus where there is one: it compiles a cell at once, and it is the strictest reader. Else Verilator."""
    return "icarus" if shutil.which("iverilog") else "verilator"


def words(values, bits):
    """Beats int [n, lanes] as hexadecimal words, element 0 lowest."""
    digits = -(-values.shape[1] * bits // 4)
    return [f"{pack(np.asarray(row), bits):0{digits}x}" for row in values]


def play(bench, cell, parameters, job, work, files=None):
    """Compile `cell` with `parameters`, beside `files`, and run `job` in sim/`bench`.py."""
    work.mkdir(parents=True, exist_ok=True)
    for name, data in (files or {}).items():
        (work / name).write_bytes(data)
    (work / "job.json").write_text(json.dumps(job))
    compiled = Bench(sources(cell), cell, work, parameters, simulator(), timing=False)
    compiled.compile()
    compiled.run(bench, {"LUTWRIGHT_JOB": str(work / "job.json")}, expect=1)


def check(cell, parameters, beats, in_bits, expected, out_bits, work, files=None, runs=None, rate=None):
    """Play beats [n, lanes] through `cell` in every run; what comes out must be `expected` [m, lanes].

    rate: (beats, clocks): without stalls so many beats out take so many clocks, exactly, in the steady state.
    """
    job = {
        "beats": words(beats, in_bits),
        "expected": words(expected, out_bits),
        "runs": runs or RUNS,
        "drain": 300,
        "limit": 400 * (len(beats) + len(expected)) + 20_000,
    }
    if rate:
        job["rate"] = {"beats": rate[0], "clocks": rate[1]}
    play("tb_stream", cell, parameters, job, work, files)


def check_ports(cell, parameters, inputs, outputs, work, shared=False, runs=None, rate=None):
    """Like check, for several streams: inputs and outputs are lists of (beats [n, lanes], bits).

    The ports lie one behind the other in s_data and m_data, the first lowest; shared: all outputs are the same bits.
    """

    def ports(streams, name, same):
        low, found = 0, []
        for values, bits in streams:
            width = values.shape[1] * bits
            found.append({"low": 0 if same else low, "width": width, name: words(values, bits)})
            low += width
        return found

    job = {
        "inputs": ports(inputs, "beats", False),
        "outputs": ports(outputs, "expected", shared),
        "runs": runs or RUNS,
        "drain": 100,
        "limit": 20_000 + 400 * sum(len(values) for values, _ in inputs + outputs),
    }
    if rate:
        job["rate"] = {"beats": rate[0], "clocks": rate[1]}
    play("tb_streams", cell, parameters, job, work)
