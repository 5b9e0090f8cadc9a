"""cocotb bench of cells with several streams in or out: s_valid, s_ready, m_valid and m_ready have a bit for each.

The environment variable LUTWRIGHT_JOB names a JSON file: `inputs` and `outputs`, each a list of streams in the order of
their valid bits: `low` and `width` say which bits of s_data or m_data a stream has, `beats` (inputs) or `expected`
(outputs) are hexadecimal strings; `runs` as in tb_stream.py, where every stream idles or stalls on its own; with
`in_turn` besides, never are two outputs ready in the same clock.
Checked on every clock and stream: valid stays and data holds until ready (law 4). At the end every sink must be empty.
`rate`, if there: {"beats": b, "clocks": c}; in the runs without idle and stall any b beats out of each output, after
its first b, take c clocks.
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


class Source:
    """One input: offers its beats, with idle clocks between them, and noise while it idles."""

    def __init__(self, port: dict[str, Any], idle: float, noise: random.Random) -> None:
        self.low, self.width, self.beats = port["low"], port["width"], port["beats"]
        self.idle, self.noise = idle, noise
        self.sent = 0
        self.offered = False

    @property
    def done(self) -> bool:
        """Whether all beats are sent."""
        return self.sent == len(self.beats)

    def offer(self) -> int:
        """The data lines for this clock; `offered` says whether they are valid."""
        self.offered = not self.done and (self.offered or self.noise.random() >= self.idle)
        word = int(self.beats[self.sent], 16) if self.offered else self.noise.getrandbits(self.width)
        return word << self.low

    def edge(self, ready: bool) -> bool:
        """Whether the beat moved at this clock's edge."""
        moved = self.offered and ready
        if moved:
            self.sent, self.offered = self.sent + 1, False
        return moved


class Sink:
    """One output: takes beats, with stalls, and watches that valid stays and data holds until ready."""

    def __init__(self, port: dict[str, Any], stall: float, noise: random.Random) -> None:
        self.low, self.width, self.expected = port["low"], port["width"], port["expected"]
        self.stall, self.noise = stall, noise
        self.ready = False
        self.got: list[str] = []
        self.clocks: list[int] = []
        self.waiting: str | None = None

    def decide(self, may: bool) -> bool:
        """Whether this output is ready in this clock, if it may be."""
        self.ready = self.noise.random() >= self.stall and may
        return self.ready

    def edge(self, valid: bool, data: str, clock: int) -> bool:
        """Whether a beat moved at this clock's edge; `data` is all of m_data, the highest bit first."""
        bits = data[len(data) - self.low - self.width : len(data) - self.low]
        if self.waiting is not None:
            assert valid, f"valid was withdrawn after {clock} clocks"
            assert bits == self.waiting, f"data changed while it waited, after {clock} clocks"
        self.waiting = bits if valid and not self.ready else None
        if valid and self.ready:
            assert set(bits) <= {"0", "1"}, f"unknown bits in beat {len(self.got)}: {bits}"
            self.got.append(f"{int(bits, 2):0{-(-self.width // 4)}x}")
            self.clocks.append(clock)
        return valid and self.ready

    def check(self, where: Any) -> None:
        """Every beat is the one expected, and none is missing or left over."""
        for index, (want, have) in enumerate(zip(self.expected, self.got, strict=False)):
            assert want == have, f"{where}: beat {index}: expected {want}, got {have}"
        assert len(self.got) == len(self.expected), f"{where}: {len(self.got)} beats came, not {len(self.expected)}"


async def reset(dut: Any) -> None:
    """Three clocks of reset."""
    dut.rst.value = 1
    dut.s_valid.value = 0
    dut.m_ready.value = 0
    for _ in range(3):
        await FallingEdge(dut.clk)
    dut.rst.value = 0


def vector(bits: list[bool]) -> int:
    """Bit i is bits[i]."""
    return sum(int(bit) << index for index, bit in enumerate(bits))


async def play(dut: Any, run: dict[str, Any], limit: int | None) -> list[Sink]:
    """Play the job's beats with the stalls of `run` for at most `limit` clocks; the sinks hold what came out."""
    noise = random.Random(run["seed"])
    sources = [Source(port, run["idle"], noise) for port in JOB["inputs"]]
    sinks = [Sink(port, run["stall"], noise) for port in JOB["outputs"]]
    quiet = clocks = 0
    while quiet < JOB["drain"] and (limit is None or clocks < limit):
        # Between two rising edges: set the inputs, let them settle, see what the edge will do.
        dut.s_data.value = sum(source.offer() for source in sources)
        dut.s_valid.value = vector([source.offered for source in sources])
        turn = noise.choice(sinks) if run.get("in_turn") else None
        dut.m_ready.value = vector([sink.decide(turn in (None, sink)) for sink in sinks])
        await Timer(1, "ns")
        ready, valid, data = int(dut.s_ready.value), int(dut.m_valid.value), str(dut.m_data.value)
        moved = [source.edge(bool(ready >> i & 1)) for i, source in enumerate(sources)]
        moved += [sink.edge(bool(valid >> i & 1), data, clocks) for i, sink in enumerate(sinks)]
        quiet = 0 if any(moved) or not all(source.done for source in sources) else quiet + 1
        clocks += 1
        assert clocks < JOB["limit"], (
            f"stuck: sent {[source.sent for source in sources]}, got {[len(sink.got) for sink in sinks]}"
        )
        await FallingEdge(dut.clk)
    return sinks


@cocotb.test()
async def runs(dut: Any) -> None:
    """Every run of the job; after a reset in the middle everything begins anew."""
    cocotb.start_soon(Clock(dut.clk, 10, "ns").start(start_high=False))
    await FallingEdge(dut.clk)
    for run in JOB["runs"]:
        await reset(dut)
        if run["reset_after"]:
            await play(dut, run, run["reset_after"])
            await reset(dut)
        for index, sink in enumerate(await play(dut, run, None)):
            sink.check(f"run {run}, output {index}")
            if JOB.get("rate") and not run["idle"] and not run["stall"]:
                check_rate(sink.clocks, JOB["rate"], f"run {run}, output {index}")
