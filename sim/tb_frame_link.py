"""frame_link on bytes: every kind of message, damage, silence, reset and back-pressure.

The core is a Python model with random stalls. Its result depends on every byte of the frame and on their order, and
`frames` keeps what reached it, so a frame that should not have come is seen; so with `commands`, and the answer to one
depends on how many frames and commands came before.
"""

from __future__ import annotations

import binascii
import random
import struct
from collections import deque
from itertools import pairwise
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge

from uart_model import answer, request

OK, BAD_CHECKSUM, BAD_LENGTH, UNKNOWN_COMMAND, TIMED_OUT, BAD_FRAMING, BUSY = range(7)


class Bench:
    """Clock, reset, host bytes and core around one frame_link."""

    def __init__(self, dut: Any) -> None:
        """Read the parameters of `dut`."""
        self.dut = dut
        names = ("IN_BYTES", "IN_BEATS", "OUT_BYTES", "OUT_BEATS", "TIMEOUT_CLOCKS", "PROJECT_ID")
        self.in_bytes, self.in_beats, self.out_bytes, self.out_beats, self.timeout, self.project = (
            int(getattr(dut, name).value) for name in names
        )
        self.user_bytes, self.takes_commands = int(dut.USER_BYTES.value), int(dut.COMMANDS.value)
        self.answered = bytearray()
        self.frames: list[bytes] = []  # with the user bytes before them
        self.commands: list[bytes] = []
        self.stall = 0.0  # probability of a stall of core and sender in each clock
        self.core_open = True  # False: the core keeps its result
        self.gap = (0, 3)  # clocks between received bytes

    async def start(self) -> None:
        """Start clock, core and sender."""
        dut = self.dut
        cocotb.start_soon(Clock(dut.clk, 10, "ns").start())
        for name in ("rx_data", "rx_valid", "rx_error", "tx_ready", "core_s_tready", "core_m_tdata", "core_m_tvalid"):
            getattr(dut, name).value = 0
        for name in ("cmd_ready", "rsp_data", "rsp_status", "rsp_valid"):
            getattr(dut, name).value = 0
        await self.reset()
        cocotb.start_soon(self._core())
        cocotb.start_soon(self._commands())
        cocotb.start_soon(self._sender())

    async def reset(self) -> None:
        """Reset link and core."""
        self.dut.rst.value = 1
        await ClockCycles(self.dut.clk, 3)
        self.dut.rst.value = 0
        await RisingEdge(self.dut.clk)

    def frame(self) -> bytes:
        """A random frame, its user bytes first."""
        return random.randbytes(self.user_bytes + self.in_bytes * self.in_beats)

    def result(self, frame: bytes) -> bytes:
        """What the core makes of `frame`."""
        value = bytearray()
        for i in range(self.out_bytes * self.out_beats):
            value.append(binascii.crc32(frame, i) & 255)
        return bytes(value)

    def told(self, asked: bytes, frames: int, before: int) -> bytes:
        """The answer to the command of bytes `asked` that comes behind so many `frames` and commands."""
        assert asked[1] == 0
        return struct.pack("<IB", binascii.crc32(asked, 100 * frames + before), (asked[0] + frames) % 16)

    async def _commands(self) -> None:
        dut = self.dut
        waiting, shown = b"", False
        while True:
            await RisingEdge(dut.clk)
            if dut.rst.value == 1:
                waiting, shown = b"", False
                dut.rsp_valid.value = 0
                dut.cmd_ready.value = 0
                continue
            if dut.cmd_valid.value == 1 and dut.cmd_ready.value == 1:
                parts = (int(port.value) for port in (dut.cmd_op, dut.cmd_label, dut.cmd_data))
                asked = struct.pack("<BxHI", *parts)
                waiting = self.told(asked, len(self.frames), len(self.commands))
                self.commands.append(asked)
            if shown and dut.rsp_ready.value == 1:
                waiting, shown = b"", False
            if waiting and not shown and random.random() >= self.stall:
                shown = True
                dut.rsp_data.value, dut.rsp_status.value = struct.unpack("<IB", waiting)
            dut.rsp_valid.value = int(shown)
            dut.cmd_ready.value = int(random.random() >= self.stall)

    async def _core(self) -> None:
        dut = self.dut
        beats: list[int] = []
        user = b""
        out: deque[int] = deque()
        shown = False
        while True:
            await RisingEdge(dut.clk)
            if dut.rst.value == 1:
                beats, out, shown = [], deque(), False
                dut.core_m_tvalid.value = 0
                dut.core_s_tready.value = 0
                continue
            if dut.core_s_tvalid.value == 1 and dut.core_s_tready.value == 1:
                now = int(dut.core_s_tuser.value).to_bytes(max(1, self.user_bytes), "little")
                user = user if beats else now
                assert now == user and (self.user_bytes or not any(user)), "the user bytes changed in a frame"
                beats.append(int(dut.core_s_tdata.value))
                if len(beats) == self.in_beats:
                    whole = b"".join(beat.to_bytes(self.in_bytes, "little") for beat in beats)
                    frame = user[: self.user_bytes] + whole
                    beats = []
                    self.frames.append(frame)
                    result = self.result(frame)
                    out.extend(
                        int.from_bytes(result[i : i + self.out_bytes], "little")
                        for i in range(0, len(result), self.out_bytes)
                    )
            if shown and dut.core_m_tready.value == 1:
                out.popleft()
                shown = False
            if not shown and out and self.core_open and random.random() >= self.stall:
                shown = True
                dut.core_m_tdata.value = out[0]
            dut.core_m_tvalid.value = int(shown)
            dut.core_s_tready.value = int(random.random() >= self.stall and self.core_open)

    async def _sender(self) -> None:
        dut = self.dut
        held: int | None = None
        while True:
            await RisingEdge(dut.clk)
            if dut.tx_valid.value == 1:
                byte = int(dut.tx_data.value)
                assert held is None or held == byte, "tx_data changed while tx_valid waited"
                held = byte
                if dut.tx_ready.value == 1:
                    self.answered.append(byte)
                    held = None
            else:
                assert held is None or dut.rst.value == 1, "tx_valid fell before tx_ready"
                held = None
            dut.tx_ready.value = int(random.random() >= self.stall)

    async def send(self, data: bytes) -> None:
        """Let bytes arrive, with gaps of `gap` clocks."""
        for byte in data:
            self.dut.rx_data.value = byte
            self.dut.rx_valid.value = 1
            await RisingEdge(self.dut.clk)
            self.dut.rx_valid.value = 0
            self.dut.rx_data.value = random.randrange(256)
            for _ in range(random.randint(*self.gap)):
                await RisingEdge(self.dut.clk)

    async def framing_error(self) -> None:
        """Report one damaged byte."""
        self.dut.rx_error.value = 1
        await RisingEdge(self.dut.clk)
        self.dut.rx_error.value = 0

    async def settle(self, clocks: int = 600) -> bytes:
        """Wait, and take all that was answered."""
        await ClockCycles(self.dut.clk, clocks)
        data = bytes(self.answered)
        self.answered.clear()
        return data

    async def works(self) -> None:
        """One good frame is answered well: whatever came before has left no trace."""
        frame, sequence = self.frame(), random.randrange(256)
        before = len(self.frames)
        await self.send(request("F", sequence, frame))
        assert await self.settle() == answer(OK, sequence, self.result(frame))
        assert self.frames[before:] == [frame]


async def started(dut: Any) -> Bench:
    """A bench around `dut`, at work."""
    bench = Bench(dut)
    await bench.start()
    return bench


@cocotb.test()
async def good_messages(dut: Any) -> None:
    """Identify and frames, with stalls of core and sender from none to heavy."""
    bench = await started(dut)
    sizes = (bench.in_bytes, bench.in_beats, bench.out_bytes, bench.out_beats)
    identity = bench.project.to_bytes(4, "little") + b"\x02" + b"".join(s.to_bytes(2, "little") for s in sizes)
    identity += bytes([bench.user_bytes, bench.takes_commands])
    for stall in (0.0, 0.3, 0.7):
        bench.stall = stall
        await bench.send(request("I", 7))
        assert await bench.settle() == answer(OK, 7, identity)
        for _ in range(5):
            await bench.works()


@cocotb.test()
async def damaged_messages(dut: Any) -> None:
    """Bad CRC, any flipped bit, bad length, unknown command: an error, and nothing reaches the core."""
    bench = await started(dut)
    frame = bench.frame()
    await bench.send(request("F", 9, frame, damage=0x0100))
    assert await bench.settle() == answer(BAD_CHECKSUM, 9)
    for _ in range(60):
        message = bytearray(request("F", 9, frame))
        position = random.randrange(2, len(message))
        message[position] ^= 1 << random.randrange(8)
        await bench.send(message)
        got = await bench.settle(bench.timeout + 200)
        if position >= 6:
            assert got == answer(BAD_CHECKSUM, 9)
        assert got[:2] == b"\x6c\x77"
        assert got[2] != OK
        assert bench.frames == []
    await bench.send(request("F", 3, frame[:-1]))
    assert (await bench.settle())[:8] == answer(BAD_LENGTH, 3)
    await bench.send(request("I", 4, b"x"))
    assert (await bench.settle())[:8] == answer(BAD_LENGTH, 4)
    await bench.send(request("Z", 5))
    assert (await bench.settle())[:8] == answer(UNKNOWN_COMMAND, 5)
    for payload in () if bench.takes_commands else (bytes(8), b""):
        await bench.send(request("C", 6, payload))
        assert (await bench.settle())[:8] == answer(UNKNOWN_COMMAND, 6)
    assert bench.frames == [] and bench.commands == []
    await bench.works()


@cocotb.test()
async def garbage(dut: Any) -> None:
    """Noise between messages is skipped without an answer, a doubled first sync byte too."""
    bench = await started(dut)
    for _ in range(10):
        noise = bytes(random.choice([b for b in range(256) if b != 0x57]) for _ in range(30)) + b"\x4c\x4c"
        await bench.send(noise)
        await bench.framing_error()
        await bench.send(b"\x4c\x00\x4c")
        assert await bench.settle(60) == b""
        await bench.works()


@cocotb.test()
async def truncated(dut: Any) -> None:
    """A message that stops anywhere is given up after TIMEOUT_CLOCKS, or at a framing error."""
    bench = await started(dut)
    message = request("F", 33, bench.frame())
    for cut in range(2, len(message)):
        await bench.send(message[:cut])
        assert await bench.settle(bench.timeout - 10) == b""
        assert await bench.settle(60) == answer(TIMED_OUT, 33 if cut > 3 else 0)
        await bench.send(message[:cut])
        await bench.framing_error()
        assert await bench.settle(60) == answer(BAD_FRAMING, 33 if cut > 3 else 0)
    assert bench.frames == []
    await bench.works()


@cocotb.test()
async def reset_anywhere(dut: Any) -> None:
    """A reset in a message, in a computation or in an answer leaves a link that works."""
    bench = await started(dut)
    bench.stall = 0.3
    message = request("F", 1, bench.frame())
    for cut in range(1, len(message)):
        await bench.send(message[:cut])
        await bench.reset()
        assert await bench.settle(bench.timeout + 60) == b""
    assert bench.frames == []
    for wait in range(5, 150, 12):
        await bench.send(message)
        await ClockCycles(dut.clk, wait)
        await bench.reset()
        await bench.settle(10)
        await bench.works()


@cocotb.test()
async def back_to_back(dut: Any) -> None:
    """Two messages without a gap are both answered, again and again; a third is refused and does no harm."""
    bench = await started(dut)
    bench.gap = (0, 0)
    for stall in (0.0, 0.5):
        bench.stall = stall
        for _ in range(8):
            first, second = bench.frame(), bench.frame()
            await bench.send(request("F", 1, first) + request("F", 2, second))
            expected = answer(OK, 1, bench.result(first)) + answer(OK, 2, bench.result(second))
            assert await bench.settle(900) == expected
    bench.stall = 0.0
    bench.core_open = False
    three = [bench.frame() for _ in range(3)]
    before = len(bench.frames)
    await bench.send(b"".join(request("F", i, frame) for i, frame in enumerate(three)))
    assert await bench.settle() == b""
    bench.core_open = True
    expected = answer(OK, 0, bench.result(three[0])) + answer(OK, 1, bench.result(three[1]))
    assert await bench.settle() == expected
    assert bench.frames[before:] == three[:2]
    # Refused when its payload began, but with room at its end: it is told so.
    bench.core_open = False
    await bench.send(request("F", 0, three[0]) + request("F", 1, three[1]) + request("F", 2, three[2])[:-1])
    bench.core_open = True
    assert await bench.settle(bench.timeout - 50) == expected
    await bench.send(request("F", 2, three[2])[-1:])
    assert await bench.settle() == answer(BUSY, 2)
    await bench.works()


@cocotb.test()
async def long_run(dut: Any) -> None:
    """Many frames with a mixture of noise, damage and stalls; every answer is the demanded one."""
    bench = await started(dut)
    for i in range(60):
        bench.stall = random.choice([0.0, 0.2, 0.6])
        kind = random.choice(["good", "good", "noise", "damage"])
        if kind == "noise":
            await bench.send(bytes(random.randrange(0x60, 256) for _ in range(random.randrange(1, 9))))
        elif kind == "damage":
            before = len(bench.frames)
            await bench.send(request("F", i, bench.frame(), damage=random.randrange(1, 65536)))
            assert await bench.settle() == answer(BAD_CHECKSUM, i)
            assert len(bench.frames) == before
        await bench.works()


@cocotb.test()
async def latency_and_rate(dut: Any) -> None:
    """The figures of frame_link's header: clocks from the last byte to the first beat, and from beat to beat."""
    bench = await started(dut)
    bench.gap = (0, 0)
    await bench.send(request("F", 1, bench.frame()))  # the byte was taken at the edge that ended this
    clocks, beats = 0, []
    while len(beats) < bench.in_beats:
        await RisingEdge(dut.clk)
        clocks += 1
        if dut.core_s_tvalid.value == 1 and dut.core_s_tready.value == 1:
            beats.append(clocks)
    assert beats[0] == 3 + 2 * (bench.user_bytes + bench.in_bytes)
    assert {b - a for a, b in pairwise(beats)} == {2 * bench.in_bytes + 1}
