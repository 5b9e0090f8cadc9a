"""cocotb bench of the cell learner_axi, with an AXI4-Lite master of its own package and the driver of the host.

The environment variable LUTWRIGHT_JOB names a JSON file:

    parameters: what each register of constants must read, by name
    addresses:  [address, access] of each register
    operations: in order, each one of
        {"beats": [hexadecimal, ...], "user": u, "result": hexadecimal or null}   a frame; null: it has no result
        {"count": label, "answer": n}, {"forget": label, "answer": status}, {"clear": null}
        {"save": [word, ...]}    the whole state must be these words
        {"load": [word, ...]}    the whole state becomes these words
        {"capture": on}          results go to the registers from the next one on; those before have come
    runs:   for each a seed and the probabilities that a line of the stream in, of the stream out and of each of the
            five channels of AXI4-Lite stands still
    resets: after how many clocks of the operations a reset comes, for them to begin anew

Checked on every clock: what is valid stays and holds until it is ready (law 4), on m_axis, B and R.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.task import bridge, resume
from cocotb.triggers import FallingEdge, RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp

from lutwright.learn.file import from_words, state_words
from lutwright.runtime import learner_registers as at
from lutwright.runtime.learner_axi import LearnerRegisters

JOB = json.loads(Path(os.environ["LUTWRIGHT_JOB"]).read_text())


class Bus:
    """The bus of the driver: each access waits for its answer. Called from a thread of `bridge`."""

    def __init__(self, master: AxiLiteMaster) -> None:
        self.read: Callable[[int], int] = resume(master.read_dword)
        self.write: Callable[[int, int], None] = resume(master.write_dword)


def pauses(probability: float, seed: int) -> Iterator[bool]:
    """Whether a channel stands still in each clock."""
    noise = random.Random(seed)
    while True:
        yield noise.random() < probability


class Streams:
    """Frames in and results out, clock by clock, and law 4 on what comes out."""

    def __init__(self, dut: Any, run: dict[str, Any]) -> None:
        self.dut, self.run = dut, run
        self.noise = random.Random(run["seed"])
        self.beats: list[tuple[int, int, int]] = []  # to send, the next one last
        self.results: list[int] = []
        self.task = cocotb.start_soon(self._play())

    async def _play(self) -> None:
        dut, noise = self.dut, self.noise
        offered, held = False, dict[str, str]()
        while True:
            if self.beats and not offered:
                offered = noise.random() >= self.run["in"]
            if offered:
                dut.s_axis_tdata.value, dut.s_axis_tuser.value, dut.s_axis_tlast.value = self.beats[-1]
            else:  # noise while nothing is offered
                dut.s_axis_tdata.value = noise.getrandbits(len(dut.s_axis_tdata))
            dut.s_axis_tvalid.value = int(offered)
            dut.m_axis_tready.value = int(noise.random() >= self.run["out"])
            await RisingEdge(dut.clk)  # values are those before the edge
            if offered and int(dut.s_axis_tready.value):
                self.beats.pop()
                offered = False
            if int(dut.m_axis_tvalid.value) and int(dut.m_axis_tready.value):
                assert int(dut.m_axis_tlast.value) == 1
                self.results.append(int(dut.m_axis_tdata.value))
            held = self._law_4(held)
            await FallingEdge(dut.clk)

    def _law_4(self, held: dict[str, str]) -> dict[str, str]:
        """Check what stood at the edge against what was held before; return what must be held now."""
        now = {}
        for valid, ready, parts in (
            ("m_axis_tvalid", "m_axis_tready", ("m_axis_tdata",)),
            ("s_axil_bvalid", "s_axil_bready", ("s_axil_bresp",)),
            ("s_axil_rvalid", "s_axil_rready", ("s_axil_rdata", "s_axil_rresp")),
        ):
            there = int(getattr(self.dut, valid).value)
            bits = "".join(str(getattr(self.dut, part).value) for part in parts)
            assert not there or set(bits) <= {"0", "1"}, f"{valid} with unknown bits"
            if valid in held:
                assert there and bits == held[valid], f"{valid} withdrawn, or its data changed, before it was ready"
            if there and not int(getattr(self.dut, ready).value):
                now[valid] = bits
        return now

    def send(self, frame: dict[str, Any]) -> None:
        """Send a frame behind those that wait."""
        last = len(frame["beats"]) - 1
        beats = [(int(beat, 16), frame["user"], int(i == last)) for i, beat in enumerate(frame["beats"])]
        self.beats = beats[::-1] + self.beats

    async def sent(self) -> None:
        """Wait until all beats were taken."""
        while self.beats:
            await FallingEdge(self.dut.clk)

    async def come(self, count: int) -> None:
        """Wait until so many results have come."""
        while len(self.results) < count:
            await FallingEdge(self.dut.clk)


async def reset(dut: Any) -> None:
    """Three clocks of reset."""
    dut.rst.value = 1
    dut.s_axis_tvalid.value = 0
    for _ in range(3):
        await FallingEdge(dut.clk)
    dut.rst.value = 0
    await FallingEdge(dut.clk)


def connected(dut: Any) -> AxiLiteMaster:
    """An AXI4-Lite master; a reset empties it too. One a test: it drives its lines from then on."""
    return AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk, dut.rst)


def pace(master: AxiLiteMaster, run: dict[str, Any]) -> None:
    """Let the channels stand still as `run` says."""
    writes, reads = master.write_if, master.read_if
    channels = (writes.aw_channel, writes.w_channel, writes.b_channel, reads.ar_channel, reads.r_channel)
    for index, (channel, probability) in enumerate(zip(channels, run["channels"], strict=True)):
        channel.set_pause_generator(pauses(probability, 10 * run["seed"] + index))


class Player:
    """Plays the operations through the driver, one after the other; commands come while frames are worked on."""

    def __init__(self, dut: Any, run: dict[str, Any], master: AxiLiteMaster) -> None:
        self.streams = Streams(dut, run)
        self.bus = Bus(master)
        self.wanted: list[int] = []
        self.captures = False
        self.driver: LearnerRegisters

    async def play(self) -> None:
        """All operations; then every result must have come, and no more."""
        self.driver = await bridge(LearnerRegisters)(self.bus, 3600.0)
        for operation in JOB["operations"]:
            if "beats" in operation:
                self.streams.send(operation)
                await self.streams.sent()
                await self._result(operation["result"])
            elif "capture" in operation:
                await self.streams.come(len(self.wanted))
                await bridge(self.driver.capture)(bool(operation["capture"]))
                self.captures = bool(operation["capture"])
            else:
                await bridge(self._command)(operation)
        await self.streams.come(len(self.wanted))
        assert self.streams.results == self.wanted
        self.streams.task.cancel()

    async def _result(self, word: str | None) -> None:
        """A result comes from the stream at some time, or is taken from the registers now."""
        if word is None:
            return
        if not self.captures:
            self.wanted.append(int(word, 16))
            return
        found = None
        while found is None:
            found = await bridge(self.driver.result)()
        config = self.driver.config
        low, bits = config.label_bits, config.vote_bits
        parts = found.label | found.votes << low | found.margin << (low + bits) | int(found.status) << (low + 2 * bits)
        assert parts == int(word, 16), f"result {found}, expected {word}"

    def _command(self, operation: dict[str, Any]) -> None:
        driver = self.driver
        if "count" in operation:
            assert driver.count(operation["count"]) == operation["answer"]
        elif "forget" in operation:
            assert int(driver.forget(operation["forget"]).status) == operation["answer"]
        elif "clear" in operation:
            driver.clear()
        elif "load" in operation:
            driver.load(from_words(driver.config, np.array(operation["load"], np.uint32), "job"))
        else:
            words = state_words(driver.config, driver.save()).tolist()
            assert words == operation["save"], "the state is another"


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def constants_and_addresses(dut: Any) -> None:
    """Every register of constants; every address, read and written, and what it answers; strobes; refusals."""
    await begin(dut)
    run = {"seed": 1, "in": 0.0, "out": 0.0, "channels": [0.0] * 5}
    streams, master = Streams(dut, run), connected(dut)
    for name, value in JOB["parameters"].items():
        register = next(register for register in at.REGISTERS if register.name == name)
        assert register.unpack(await master.read_dword(register.address)) == value, name
    access = dict(JOB["addresses"])
    for address in range(0, 128, 4):
        reads, writes = master.init_read(address, 4), master.init_write(address, b"\x00\x00\x00\xff")
        await reads.wait()
        await writes.wait()
        kind = access.get(address, "")
        assert reads.data.resp == (AxiResp.OKAY if "r" in kind else AxiResp.SLVERR), f"read of {address:x}"
        assert writes.data.resp == (AxiResp.OKAY if "w" in kind else AxiResp.SLVERR), f"write of {address:x}"
    await refusals(dut, master)
    await overlaps(dut, master)
    await strobes(master)
    await destinations(dut, master, streams)
    streams.task.cancel()


async def refusals(dut: Any, master: AxiLiteMaster) -> None:
    """A command while one is busy, and ops that there are not."""
    status, command = at.STATUS, at.COMMAND
    await master.write_dword(status.address, status.pack(answered=1, refused=1))
    await settled(master)
    # Clearing takes many clocks; two commands that come at once are refused, and it goes on.
    writes = [master.init_write(command.address, bytes([op, 0, 0, 0])) for op in (2, 0, 1)]
    for write in writes:
        await write.wait()
    found = await settled(master)
    assert found["answered"] and found["refused"]
    await master.write_dword(status.address, status.pack(answered=1, refused=1))
    assert status.unpack(await master.read_dword(status.address))["refused"] == 0
    for op in (6, 7):
        await master.write_dword(command.address, op)
        found = await settled(master)
        assert found["refused"] and not found["answered"]
        await master.write_dword(status.address, status.pack(refused=1))
    assert int(dut.irq.value) == 0
    await master.write_dword(at.CONTROL.address, at.CONTROL.pack(answered_interrupt=1))
    assert int(dut.irq.value) == 0
    await master.write_dword(command.address, command.pack(op=0, label=(1 << 24) - 1))
    assert (await settled(master))["code"] == 2 and int(dut.irq.value) == 1
    await master.write_dword(status.address, status.pack(answered=1))
    assert int(dut.irq.value) == 0
    await master.write_dword(at.CONTROL.address, 0)


async def overlaps(dut: Any, master: AxiLiteMaster) -> None:
    """A command so many clocks after another: it is refused and not done, or done and not refused."""
    clear, count = at.COMMAND.pack(op=2), at.COMMAND.pack(op=0, label=1 << 20)  # which answers FULL
    seen = set()
    for clocks in range(60):
        writes = [master.init_write(at.COMMAND.address, clear.to_bytes(4, "little"))]
        for _ in range(clocks):
            await FallingEdge(dut.clk)
        writes.append(master.init_write(at.COMMAND.address, count.to_bytes(4, "little")))
        for write in writes:
            await write.wait()
        found = await settled(master)
        assert found["answered"] and found["code"] == (0 if found["refused"] else 2), f"after {clocks} clocks"
        seen.add(found["refused"])
        await master.write_dword(at.STATUS.address, at.STATUS.pack(answered=1, refused=1))
    assert seen == {0, 1}


async def destinations(dut: Any, master: AxiLiteMaster, streams: Streams) -> None:
    """A result that is there stays where it is, whatever CONTROL.capture becomes; the next one goes where it says."""
    streams.run = streams.run | {"out": 1.0}
    frames = [operation for operation in JOB["operations"] if operation.get("result")]
    for frame in frames[:2]:
        streams.send(frame)
    while not int(dut.m_axis_tvalid.value):
        await FallingEdge(dut.clk)
    for capture in (1, 0, 1):  # law 4 is checked meanwhile
        await master.write_dword(at.CONTROL.address, capture)
        assert int(dut.m_axis_tvalid.value) and not (await settled(master))["result"]
    streams.run = streams.run | {"out": 0.0}
    await streams.come(1)
    while not (await settled(master))["result"]:
        pass
    for capture in (0, 1, 0):
        await master.write_dword(at.CONTROL.address, capture)
        assert not int(dut.m_axis_tvalid.value) and (await settled(master))["result"]
    await master.write_dword(at.TAKE.address, 0)
    assert (await settled(master))["result"]
    await master.write_dword(at.TAKE.address, 1)
    assert not (await settled(master))["result"] and len(streams.results) == 1


async def settled(master: AxiLiteMaster) -> dict[str, int]:
    """STATUS when no command is busy."""
    while (found := at.STATUS.unpack(await master.read_dword(at.STATUS.address)))["busy"]:
        pass
    return found


async def strobes(master: AxiLiteMaster) -> None:
    """Bytes that are not strobed stay; a command starts with its lowest byte only. Accesses come back to back."""
    await master.write_dword(at.DATA.address, 0x11223344)
    await master.write_byte(at.DATA.address + 2, 0xAA)
    assert await master.read_dword(at.DATA.address) == 0x11AA3344
    await master.write_byte(at.COMMAND.address + 1, 5)
    found = at.STATUS.unpack(await master.read_dword(at.STATUS.address))
    assert not found["busy"] and not found["answered"] and not found["refused"]
    assert at.COMMAND.unpack(await master.read_dword(at.COMMAND.address)) == {"op": 0, "label": 0x100005}
    events = []
    for value in range(20):
        events.append((master.init_write(at.DATA.address, value.to_bytes(4, "little")), None))
        events.append((master.init_read(at.CLASSES.address, 4), JOB["parameters"]["classes"]["value"]))
    for event, value in events:
        await event.wait()
        assert event.data.resp == AxiResp.OKAY
        assert value is None or int.from_bytes(event.data.data, "little") == value
    assert await master.read_dword(at.DATA.address) == 19


async def begin(dut: Any) -> None:
    """Start the clock, and reset."""
    cocotb.start_soon(Clock(dut.clk, 10, "ns").start(start_high=False))
    dut.m_axis_tready.value = 0
    dut.s_axis_tvalid.value = dut.s_axis_tlast.value = dut.s_axis_tuser.value = 0
    await FallingEdge(dut.clk)
    await reset(dut)


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def operations(dut: Any) -> None:
    """Every run, each after a reset."""
    await begin(dut)
    master = connected(dut)
    for run in JOB["runs"]:
        pace(master, run)
        await reset(dut)
        await Player(dut, run, master).play()


async def restless(master: AxiLiteMaster, noise: random.Random) -> None:
    """Commands of all kinds and reads, as fast as they are taken, whatever they answer."""
    while True:
        command = at.COMMAND.pack(op=noise.randrange(8), label=noise.randrange(4))
        writes = [master.init_write(at.DATA.address, bytes(4))]
        writes.append(master.init_write(at.COMMAND.address, command.to_bytes(4, "little")))
        reads = [master.init_read(4 * noise.randrange(32), 4) for _ in range(3)]
        for event in (*writes, *reads):
            await event.wait()


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def resets(dut: Any) -> None:
    """A reset in the middle of accesses, commands and frames; then everything is as after the first one."""
    await begin(dut)
    master = connected(dut)
    for after in JOB["resets"]:
        noise = random.Random(after)
        stalls = {"seed": after, "in": 0.2, "out": 0.2, "channels": [noise.choice([0.0, 0.4]) for _ in range(5)]}
        pace(master, stalls)
        streams = Streams(dut, stalls)
        for operation in JOB["operations"]:
            if "beats" in operation:
                streams.send(operation)
        busy = cocotb.start_soon(restless(master, noise))
        for _ in range(after):
            await FallingEdge(dut.clk)
        busy.cancel()
        streams.task.cancel()
        await reset(dut)
    pace(master, JOB["runs"][0])
    await Player(dut, JOB["runs"][0], master).play()
