"""A whole board_top whose clock comes from a PLL: an oscillator that stops and comes back costs a reset."""

from __future__ import annotations

import os
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import Timer

from uart_model import UartDriver, UartMonitor, request


@cocotb.test()
async def reset(dut: Any) -> None:
    """An oscillator that stops for a while costs a reset, and the board answers again afterwards."""
    period_ps, bit_ps = int(os.environ["LUTWRIGHT_PERIOD_PS"]), int(os.environ["LUTWRIGHT_BIT_PS"])
    driver, monitor = UartDriver(dut.uart_rxd, bit_ps), UartMonitor(dut.uart_txd, bit_ps)
    dut.button.value = int(os.environ["LUTWRIGHT_BUTTON_RELEASED"])
    for _ in range(2):
        clock = Clock(dut.osc, period_ps, "ps")
        clock.start()
        await Timer(int(os.environ["LUTWRIGHT_START_PS"]), "ps")
        await driver.send(request("I", 7))
        assert (await monitor.read(21))[:4]
        await driver.send(request("I", 7)[:5])  # the rest never comes: only a reset forgets it at once
        clock.stop()
        await Timer(20 * period_ps, "ps")
