"""uart_rx and uart_tx, each alone on top, against the independent line of uart_model."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, ReadOnly, RisingEdge, Timer
from cocotb.utils import get_sim_time

from uart_model import UartDriver, UartMonitor

PERIOD_PS = 10_000


async def _start(dut: Any) -> int:
    """Start clock and reset; return the bit time in picoseconds."""
    cocotb.start_soon(Clock(dut.clk, PERIOD_PS, "ps").start())
    dut.rst.value = 1
    await ClockCycles(dut.clk, 4)
    dut.rst.value = 0
    await ClockCycles(dut.clk, 4)
    return PERIOD_PS * int(dut.CLOCKS_PER_BIT.value)


class Reports:
    """What uart_rx reported."""

    def __init__(self, dut: Any) -> None:
        """Start to listen."""
        self.data: list[int] = []
        self.errors = 0
        cocotb.start_soon(self._run(dut))

    async def _run(self, dut: Any) -> None:
        while True:
            await RisingEdge(dut.clk)
            assert not (dut.valid.value == 1 and dut.error.value == 1)
            if dut.valid.value == 1:
                self.data.append(int(dut.data.value))
            if dut.error.value == 1:
                self.errors += 1


@cocotb.test()
async def rx_bytes(dut: Any) -> None:
    """All byte values, back to back and with gaps, from senders up to 3 % fast or slow."""
    dut.rxd.value = 1
    bit = await _start(dut)
    reports = Reports(dut)
    sent: list[int] = []
    for off in (0, 3, -3):
        line = UartDriver(dut.rxd, bit * (100 + off) // 100)
        data = random.sample(range(256), 256 if off == 0 else 40)
        await line.send(data[:20])
        for byte in data[20:]:
            await line.send([byte])
            await Timer(random.choice([0, 0, 0, bit // 3, 5 * bit]) + 1, "ps")
        sent += data
    await Timer(2 * bit, "ps")
    assert reports.data == sent
    assert reports.errors == 0


@cocotb.test()
async def rx_faults(dut: Any) -> None:
    """A glitch is no byte; a low stop bit and a cut line give one error each; a reset in mid-byte forgets it."""
    dut.rxd.value = 1
    bit = await _start(dut)
    reports = Reports(dut)
    line = UartDriver(dut.rxd, bit)
    await Timer(bit, "ps")
    dut.rxd.value = 0
    await Timer(bit // 4, "ps")
    dut.rxd.value = 1
    await Timer(2 * bit, "ps")
    assert (reports.data, reports.errors) == ([], 0)
    await line.send_bits([0, 1, 0, 1, 0, 1, 0, 1, 0, 0])
    await line.send_bits([1, 1])
    assert (reports.data, reports.errors) == ([], 1)
    await line.send_bits([0] * 45)
    await line.send_bits([1])
    assert (reports.data, reports.errors) == ([], 2)
    await line.send_bits([0, 1, 1])
    dut.rst.value = 1
    await line.send_bits([1])
    dut.rst.value = 0
    await line.send_bits([1] * 10)
    await line.send([0xA5])
    await Timer(bit, "ps")
    assert (reports.data, reports.errors) == ([0xA5], 2)


@cocotb.test()
async def tx_bytes(dut: Any) -> None:
    """Bytes arrive in order; a full queue is sent without a gap; reset frees the line at once."""
    dut.valid.value = 0
    bit = await _start(dut)
    assert dut.txd.value == 1
    monitor = UartMonitor(dut.txd, bit)
    data = [random.randrange(256) for _ in range(60)]
    begin = get_sim_time("ps")
    for i, byte in enumerate(data):
        dut.data.value = byte
        dut.valid.value = 1
        await ReadOnly()
        while dut.ready.value != 1:
            await RisingEdge(dut.clk)
            await ReadOnly()
        await RisingEdge(dut.clk)
        if i >= 40:  # pauses now and then
            dut.valid.value = 0
            await ClockCycles(dut.clk, random.choice([1, 40, 400]))
        elif i == 39:
            assert (get_sim_time("ps") - begin) // PERIOD_PS <= 39 * 10 * bit // PERIOD_PS + 2
    dut.valid.value = 0
    await Timer(12 * bit, "ps")
    assert list(monitor.received) == data
    assert monitor.framing_errors == 0
    dut.data.value = 0
    dut.valid.value = 1
    await RisingEdge(dut.clk)
    dut.valid.value = 0
    await Timer(3 * bit, "ps")
    dut.rst.value = 1
    await ClockCycles(dut.clk, 2)
    assert dut.txd.value == 1
