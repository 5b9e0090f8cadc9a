"""cocotb bench of a design with one AXI4-Stream in and one out (ports s_axis_*, m_axis_*): packets in, packets out.

The environment variable LUTWRIGHT_JOB names a JSON file:

    clock, reset: the ports; reset_active: its level
    packets, expected: the bytes of each packet in and out, hexadecimal
    runs: for each the probability that the source pauses and that the sink does, a seed, and after how many clocks a
          reset comes, for everything to begin anew (0: none)
    clocks: if there, in runs without pauses all packets out take at most so many clocks from the first beat in

Checked on every clock: valid stays and data, keep and last hold until ready (law 4), the bytes that are kept are the
first ones, and the others are 0. At the end the sink is empty.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge, with_timeout
from cocotb.utils import get_sim_time
from cocotbext.axi import AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource

JOB = json.loads(Path(os.environ["LUTWRIGHT_JOB"]).read_text())
PERIOD_NS = 10
OUT = ("m_axis_tdata", "m_axis_tkeep", "m_axis_tlast")


def pauses(probability: float, seed: int) -> Iterator[bool]:
    """Whether a side stands still in each clock."""
    noise = random.Random(seed)
    while True:
        yield noise.random() < probability


async def watch(dut: Any, clock: Any, reset: Any) -> None:
    """Law 4 on what comes out."""
    waiting: str | None = None
    while True:
        await RisingEdge(clock)  # values are those before the edge
        now = "".join(str(getattr(dut, name).value) for name in OUT)
        valid, ready = str(dut.m_axis_tvalid.value) == "1", str(dut.m_axis_tready.value) == "1"
        if int(reset.value) == JOB["reset_active"]:
            waiting = None
            continue
        if waiting is not None:
            assert valid, "valid was withdrawn"
            assert now == waiting, "a beat changed while it waited"
        waiting = now if valid and not ready else None
        if valid:
            keep, data = int(dut.m_axis_tkeep.value), int(dut.m_axis_tdata.value)
            beyond = data >> 8 * keep.bit_length()
            assert keep & (keep + 1) == 0 and beyond == 0, f"bytes beyond those that are kept ({keep:b}): {data:x}"


@cocotb.test()
async def packets(dut: Any) -> None:
    """Every run of the job."""
    clock, reset, active = getattr(dut, JOB["clock"]), getattr(dut, JOB["reset"]), JOB["reset_active"]
    reset.value = active
    cocotb.start_soon(Clock(clock, PERIOD_NS, "ns").start(start_high=False))
    level = bool(active)
    source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), clock, reset, reset_active_level=level)
    sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), clock, reset, reset_active_level=level)
    cocotb.start_soon(watch(dut, clock, reset))
    for run in JOB["runs"]:
        source.set_pause_generator(pauses(run["idle"], run["seed"]))
        sink.set_pause_generator(pauses(run["stall"], run["seed"] + 1))
        await restart(source, sink, clock, reset)
        if run["reset_after"]:
            send(source)
            for _ in range(run["reset_after"]):
                await FallingEdge(clock)
            await restart(source, sink, clock, reset)
        await compare(source, sink, run)
    for _ in range(100):
        await FallingEdge(clock)
    assert sink.empty(), "more packets came than were expected"


def send(source: AxiStreamSource) -> None:
    """Queue every packet of the job; bytes of its last beat that are not kept are ones."""
    for packet in JOB["packets"]:
        data = bytes.fromhex(packet)
        beyond = -len(data) % source.byte_lanes
        source.send_nowait(AxiStreamFrame(data + b"\xff" * beyond, [1] * len(data) + [0] * beyond))


async def restart(source: AxiStreamSource, sink: AxiStreamSink, clock: Any, reset: Any) -> None:
    """Three clocks of reset; what was queued is gone."""
    reset.value = JOB["reset_active"]
    for _ in range(3):
        await FallingEdge(clock)
    source.clear()
    sink.clear()
    reset.value = 1 - JOB["reset_active"]
    await FallingEdge(clock)


async def compare(source: AxiStreamSource, sink: AxiStreamSink, run: dict[str, Any]) -> None:
    """Play the packets of the job once and compare what comes out."""
    begin = get_sim_time("ns")
    send(source)
    for number, expected in enumerate(JOB["expected"]):
        packet = await with_timeout(sink.recv(), JOB["limit"] * PERIOD_NS, "ns")
        assert bytes(packet.tdata).hex() == expected, f"run {run}: packet {number}"
    clocks = round((get_sim_time("ns") - begin) / PERIOD_NS)
    if JOB.get("clocks") and not run["idle"] and not run["stall"]:
        assert clocks <= JOB["clocks"], f"{clocks} clocks, not {JOB['clocks']}"
