"""cocotb bench of every cell with one stream in and one out (ports s_data, s_valid, s_ready, m_data, m_valid, m_ready).

The environment variable LUTWRIGHT_JOB names a JSON file: `beats` in and `expected` beats out, hexadecimal strings, and
`runs`: idle and stall probabilities, a seed, and after how many clocks a reset comes in the middle (0: none).
Checked on every clock: valid stays and data holds until ready (law 4). At the end the sink must be empty.
`rate`, if there: {"beats": b, "clocks": c}; in the runs without idle and stall any b beats out, after the first b, take
c clocks.
`inputs` and `outputs`, if there: the ports that together are a beat in or out, the first lowest, in place of s_data and
m_data alone.
While there is no beat to offer the data lines carry noise.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer

from stream_rate import check_rate

JOB = json.loads(Path(os.environ["LUTWRIGHT_JOB"]).read_text())


def drive(dut: Any, word: int) -> None:
    """Put `word`, the lowest bits first, on the ports that are a beat in; what is over is dropped."""
    for name in JOB.get("inputs", ["s_data"]):
        port = getattr(dut, name)
        port.value = word & ((1 << len(port)) - 1)
        word >>= len(port)


def beat_out(dut: Any) -> str:
    """The bits of the beat out, the highest first."""
    return "".join(str(getattr(dut, name).value) for name in reversed(JOB.get("outputs", ["m_data"])))


async def reset(dut: Any) -> None:
    """Three clocks of reset."""
    dut.rst.value = 1
    dut.s_valid.value = 0
    dut.m_ready.value = 0
    for _ in range(3):
        await FallingEdge(dut.clk)
    dut.rst.value = 0


async def stream(dut: Any, run: dict[str, Any], limit: int | None) -> tuple[list[str], list[int]]:
    """Play the job's beats with the stalls of `run` for at most `limit` clocks.

    Returns the beats that came out and the clock in which each did.
    """
    noise = random.Random(run["seed"])
    noise_bits = sum(len(getattr(dut, name)) for name in JOB.get("inputs", ["s_data"]))
    beats = list(JOB["beats"])
    digits = len(JOB["expected"][0])
    got: list[str] = []
    taken: list[int] = []
    waiting: str | None = None
    sent = 0
    offered = False
    quiet = 0
    clocks = 0
    while quiet < JOB["drain"] and (limit is None or clocks < limit):
        # Between two rising edges: set the inputs, let them settle, see what the edge will do.
        if not offered and sent < len(beats) and noise.random() >= run["idle"]:
            drive(dut, int(beats[sent], 16))
            offered = True
        elif not offered:
            drive(dut, noise.getrandbits(noise_bits))
        dut.s_valid.value = int(offered)
        dut.m_ready.value = int(noise.random() >= run["stall"])
        await Timer(1, "ns")
        valid, ready = int(dut.m_valid.value), int(dut.m_ready.value)
        if waiting is not None:
            assert valid, f"valid was withdrawn after {clocks} clocks"
            assert beat_out(dut) == waiting, f"data changed while it waited, after {clocks} clocks"
        waiting = beat_out(dut) if valid and not ready else None
        if valid and ready:
            bits = beat_out(dut)
            assert set(bits) <= {"0", "1"}, f"unknown bits in beat {len(got)}: {bits}"
            got.append(f"{int(bits, 2):0{digits}x}")
            taken.append(clocks)
        moved = (valid and ready) or (offered and int(dut.s_ready.value))
        if offered and int(dut.s_ready.value):
            sent, offered = sent + 1, False
        quiet = 0 if moved or sent < len(beats) else quiet + 1
        clocks += 1
        assert clocks < JOB["limit"], (
            f"stuck after {len(got)} of {len(JOB['expected'])} beats, {sent} of {len(beats)} sent"
        )
        await FallingEdge(dut.clk)
    return got, taken


@cocotb.test()
async def runs(dut: Any) -> None:
    """Every run of the job; after a reset in the middle everything begins anew."""
    cocotb.start_soon(Clock(dut.clk, 10, "ns").start(start_high=False))
    await FallingEdge(dut.clk)
    for run in JOB["runs"]:
        await reset(dut)
        if run["reset_after"]:
            await stream(dut, run, run["reset_after"])
            await reset(dut)
        got, taken = await stream(dut, run, None)
        for index, (want, have) in enumerate(zip(JOB["expected"], got, strict=False)):
            assert want == have, f"run {run}: beat {index}: expected {want}, got {have}"
        assert len(got) == len(JOB["expected"]), f"run {run}: {len(got)} beats came, not {len(JOB['expected'])}"
        if JOB.get("rate") and not run["idle"] and not run["stall"]:
            check_rate(taken, JOB["rate"], run)
