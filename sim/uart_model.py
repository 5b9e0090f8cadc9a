"""A serial line in cocotb, bit by bit, independent of our RTL: 8 data bits, no parity, 1 stop bit, low bit first."""

from __future__ import annotations

import binascii
from collections.abc import Iterable
from typing import Any

import cocotb
from cocotb.triggers import Event, FallingEdge, Timer, with_timeout


class UartDriver:
    """Drives `line`; one bit lasts `bit_ps` picoseconds."""

    def __init__(self, line: Any, bit_ps: int) -> None:
        """Set the line idle."""
        self.line = line
        self.bit_ps = bit_ps
        line.value = 1

    async def send(self, data: Iterable[int]) -> None:
        """Send bytes without a gap."""
        for byte in data:
            await self.send_bits([0, *[byte >> i & 1 for i in range(8)], 1])

    async def send_bits(self, bits: Iterable[int]) -> None:
        """Put raw levels on the line, one bit time each; a good byte is 0, eight data bits, 1."""
        for level in bits:
            self.line.value = level
            await Timer(self.bit_ps, "ps")


class UartMonitor:
    """Collects the bytes that appear on `line` in `received`, and counts low stop bits in `framing_errors`."""

    def __init__(self, line: Any, bit_ps: int) -> None:
        """Start to listen."""
        self.line = line
        self.bit_ps = bit_ps
        self.received = bytearray()
        self.framing_errors = 0
        self._news = Event()
        self._task = cocotb.start_soon(self._run())

    async def _run(self) -> None:
        while True:
            await FallingEdge(self.line)
            await Timer(self.bit_ps + self.bit_ps // 2, "ps")
            byte = 0
            for i in range(8):
                byte |= int(self.line.value) << i
                await Timer(self.bit_ps, "ps")
            if int(self.line.value) == 1:
                self.received.append(byte)
                self._news.set()
            else:
                self.framing_errors += 1

    def take(self) -> bytes:
        """Return what has come, and forget it."""
        data = bytes(self.received)
        self.received.clear()
        return data

    async def read(self, count: int, timeout_bits: int = 100_000) -> bytes:
        """Wait for `count` bytes; an error where they are not there within `timeout_bits` bit times."""

        async def enough() -> None:
            while len(self.received) < count:
                self._news.clear()
                await self._news.wait()

        await with_timeout(enough(), timeout_bits * self.bit_ps, "ps")
        data = bytes(self.received[:count])
        del self.received[:count]
        return data


def request(command: str, sequence: int, payload: bytes = b"", damage: int = 0) -> bytes:
    """A message to the board as docs/uart.md has it; `damage` is exclusive-ored into its CRC."""
    body = bytes([ord(command), sequence, len(payload) & 255, len(payload) >> 8]) + payload
    return b"\x4c\x57" + body + (binascii.crc_hqx(body, 0xFFFF) ^ damage).to_bytes(2, "big")


def answer(status: int, sequence: int, payload: bytes = b"") -> bytes:
    """The answer that docs/uart.md demands."""
    body = bytes([status, sequence, len(payload) & 255, len(payload) >> 8]) + payload
    return b"\x6c\x77" + body + binascii.crc_hqx(body, 0xFFFF).to_bytes(2, "big")
