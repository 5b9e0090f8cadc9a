"""frame_link with commands: answered, in the order of all messages, kept from the core where they are damaged."""

from __future__ import annotations

import random
import struct
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles

from tb_frame_link import BAD_CHECKSUM, BAD_FRAMING, BAD_LENGTH, BUSY, OK, TIMED_OUT, started
from uart_model import answer, request


def a_command() -> bytes:
    """The payload of a random command."""
    return struct.pack("<BxHI", random.randrange(8), random.randrange(1 << 16), random.getrandbits(32))


@cocotb.test()
async def commands(dut: Any) -> None:
    """Commands are answered; one of a wrong length, damaged or cut short never reaches the core."""
    bench = await started(dut)
    for stall in (0.0, 0.3, 0.7):
        bench.stall = stall
        for sequence in range(1, 6):
            asked = a_command()
            expected = bench.told(asked, len(bench.frames), len(bench.commands))
            await bench.send(request("C", sequence, asked))
            assert await bench.settle() == answer(OK, sequence, expected)
            assert bench.commands[-1] == asked
        await bench.works()
    before = len(bench.commands)
    for size in (0, 1, 7, 9, bench.user_bytes + bench.in_bytes * bench.in_beats):
        await bench.send(request("C", 7, bytes(size)))
        assert (await bench.settle())[:8] == answer(BAD_LENGTH, 7)
    message = request("C", 33, a_command())
    for cut in range(2, len(message)):
        await bench.send(message[:cut])
        await bench.framing_error()
        assert await bench.settle(60) == answer(BAD_FRAMING, 33 if cut > 3 else 0)
    await bench.send(message[:-1])
    assert await bench.settle(bench.timeout + 60) == answer(TIMED_OUT, 33)
    for _ in range(10):
        damaged = bytearray(message)
        damaged[random.randrange(6, len(message))] ^= 1 << random.randrange(8)
        await bench.send(damaged)
        assert await bench.settle() == answer(BAD_CHECKSUM, 33)
    assert len(bench.commands) == before
    await bench.works()


@cocotb.test()
async def commands_and_frames_in_order(dut: Any) -> None:
    """Frames and commands without a gap, two at a time: each command finds the frames before it done, and no other."""
    bench = await started(dut)
    bench.gap = (0, 0)
    for stall in (0.0, 0.4):
        bench.stall = stall
        for kinds in ("FC", "CF", "CC", "CF"):
            sent, expected = b"", b""
            frames, commands = len(bench.frames), len(bench.commands)
            for sequence, kind in enumerate(kinds, 1):
                if kind == "F":
                    payload = bench.frame()
                    result, frames = bench.result(payload), frames + 1
                else:
                    payload = a_command()
                    result, commands = bench.told(payload, frames, commands), commands + 1
                sent += request(kind, sequence, payload)
                expected += answer(OK, sequence, result)
            await bench.send(sent)
            assert await bench.settle(500) == expected
    bench.stall = 0.0
    bench.core_open = False  # a frame keeps the command behind it waiting; a third message is refused
    frame, asked = bench.frame(), a_command()
    before = len(bench.commands)
    told = bench.told(asked, len(bench.frames) + 1, before)
    await bench.send(request("F", 1, frame) + request("C", 2, asked) + request("C", 3, asked)[:-1])
    assert await bench.settle(200) == b"" and len(bench.commands) == before
    bench.core_open = True
    assert await bench.settle(bench.timeout - 250) == answer(OK, 1, bench.result(frame)) + answer(OK, 2, told)
    await bench.send(request("C", 3, asked)[-1:])
    assert await bench.settle() == answer(BUSY, 3)
    assert len(bench.commands) == before + 1
    await bench.works()


@cocotb.test()
async def reset_in_a_command(dut: Any) -> None:
    """A reset while a command comes, is worked on or is answered leaves a link that works."""
    bench = await started(dut)
    bench.stall = 0.3
    for wait in range(1, 60, 8):
        await bench.send(request("C", 1, a_command()))
        await ClockCycles(dut.clk, wait)
        await bench.reset()
        await bench.settle(10)
        asked = a_command()
        expected = bench.told(asked, len(bench.frames), len(bench.commands))
        await bench.send(request("C", 2, asked))
        assert await bench.settle() == answer(OK, 2, expected)
        await bench.works()
