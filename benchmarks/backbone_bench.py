"""cocotb bench of the cell learner for thousands of frames, one version each, back to back.

Python wakes up where something happens, not in each clock as in sim/tb_learner.py, which checks the protocol. The
environment variable LUTWRIGHT_JOB names a JSON file:

    operations: in order, {"beats": [hexadecimal, ...], "user": u, "result": hexadecimal}, a frame, or
                {"save": [word, ...]}: the whole state must be these words
    limit:      clocks at most
    clocks:     a file to which goes the clock in which each result came
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge
from cocotb.utils import get_sim_time

JOB = json.loads(Path(os.environ["LUTWRIGHT_JOB"]).read_text())
PERIOD = 10  # ns
REWIND, READ = 3, 4


async def high(dut: Any, signal: Any) -> None:
    """Wait until `signal` is 1 in the middle of a clock; the next edge sees it so."""
    if not int(signal.value):
        await RisingEdge(signal)
        await FallingEdge(dut.clk)


async def frame(dut: Any, operation: dict[str, Any]) -> None:
    """Send a frame."""
    dut.s_valid.value = 1
    dut.s_user.value = operation["user"]
    for left, beat in zip(range(len(operation["beats"]) - 1, -1, -1), operation["beats"], strict=True):
        dut.s_data.value = int(beat, 16)
        dut.s_last.value = int(left == 0)
        await high(dut, dut.s_ready)
        await FallingEdge(dut.clk)
    dut.s_valid.value = 0


async def command(dut: Any, op: int) -> tuple[int, int]:
    """Give a command; return its answer, data and status."""
    dut.cmd_op.value, dut.cmd_label.value, dut.cmd_data.value = op, 0, 0
    dut.cmd_valid.value = 1
    await high(dut, dut.cmd_ready)
    await FallingEdge(dut.clk)
    dut.cmd_valid.value = 0
    await high(dut, dut.rsp_valid)
    answer = int(dut.rsp_data.value), int(dut.rsp_status.value)
    await FallingEdge(dut.clk)
    return answer


async def save(dut: Any, words: list[int]) -> None:
    """Read the whole state, which must be `words`."""
    assert await command(dut, REWIND) == (0, 0)
    for index, word in enumerate(words):
        found = await command(dut, READ)
        assert found == (word, 0), f"state word {index}: expected {word}, got {found}"


async def results(dut: Any, expected: list[int]) -> list[int]:
    """Take as many results as are expected, each the right one; return the clocks in which they came."""
    clocks = []
    for index, want in enumerate(expected):
        await high(dut, dut.m_valid)
        found = int(dut.m_data.value)
        assert found == want, f"result {index}: expected {want:x}, got {found:x}"
        clocks.append(int(get_sim_time("ns")) // PERIOD)
        await FallingEdge(dut.clk)
    return clocks


@cocotb.test(timeout_time=JOB["limit"] * PERIOD, timeout_unit="ns")
async def plays(dut: Any) -> None:
    """Everything in order; results are compared while the next frames are sent."""
    cocotb.start_soon(Clock(dut.clk, PERIOD, "ns").start(start_high=False))
    dut.rst.value = 1
    dut.s_valid.value = dut.cmd_valid.value = 0
    dut.m_ready.value = dut.rsp_ready.value = 1
    for _ in range(3):
        await FallingEdge(dut.clk)
    dut.rst.value = 0
    operations = JOB["operations"]
    taken = cocotb.start_soon(results(dut, [int(o["result"], 16) for o in operations if "beats" in o]))
    for operation in operations:
        await (frame(dut, operation) if "beats" in operation else save(dut, operation["save"]))
    Path(JOB["clocks"]).write_text(json.dumps(await taken))
    await FallingEdge(dut.clk)
    assert not int(dut.m_valid.value), "more results came than were expected"
