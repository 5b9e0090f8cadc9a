"""Playing packets of bytes through a design with one AXI4-Stream in and one out."""

import json

from streams import simulator

from lutwright.simulate.runner import Bench

RUNS = [
    {"idle": 0.0, "stall": 0.0, "seed": 1, "reset_after": 0},
    {"idle": 0.4, "stall": 0.0, "seed": 2, "reset_after": 0},
    {"idle": 0.0, "stall": 0.6, "seed": 4, "reset_after": 37},
    {"idle": 0.5, "stall": 0.5, "seed": 6, "reset_after": 0},
]


def play_packets(files, top, packets, expected, work, parameters=None, clock=("clk", "rst", 1), clocks=0, limit=20_000):
    """Simulate `top` of `files`; packets and expected: lists of bytes. clock: ports of clock and reset, its level."""
    work.mkdir(parents=True, exist_ok=True)
    job = {
        "clock": clock[0],
        "reset": clock[1],
        "reset_active": clock[2],
        "packets": [packet.hex() for packet in packets],
        "expected": [packet.hex() for packet in expected],
        "runs": RUNS,
        "clocks": clocks,
        "limit": limit,
    }
    (work / "job.json").write_text(json.dumps(job))
    bench = Bench(list(files), top, work, parameters or {}, simulator(), top_only=True)
    bench.compile()
    bench.run("tb_axis", {"LUTWRIGHT_JOB": str(work / "job.json")}, expect=1)
