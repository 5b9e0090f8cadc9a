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


def check(cell, parameters, beats, in_bits, expected, out_bits, work, files=None, runs=None):
    """Play beats [n, lanes] through `cell` in every run; what comes out must be `expected` [m, lanes]."""
    work.mkdir(parents=True, exist_ok=True)
    for name, data in (files or {}).items():
        (work / name).write_bytes(data)
    job = {
        "beats": words(beats, in_bits),
        "expected": words(expected, out_bits),
        "runs": runs or RUNS,
        "drain": 300,
        "limit": 400 * (len(beats) + len(expected)) + 20_000,
    }
    (work / "job.json").write_text(json.dumps(job))
    bench = Bench(sources(cell), cell, work, parameters, simulator(), timing=False)
    bench.compile()
    bench.run("tb_stream", {"LUTWRIGHT_JOB": str(work / "job.json")}, expect=1)
