"""A cell of hw/vendor: `clk` has LUTWRIGHT_RATIO (a fraction) times the frequency of `osc` while `locked` is high."""

from __future__ import annotations

import os
from fractions import Fraction
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge, Timer
from cocotb.utils import get_sim_time

RATIO = Fraction(os.environ["LUTWRIGHT_RATIO"])
EDGES = 200  # of clk, over which its frequency is measured
SETTLE = 32  # equal periods of osc until pll_model has locked


async def _measure(dut: Any) -> float:
    """The period of clk in ps."""
    await RisingEdge(dut.clk)
    begin = get_sim_time("ps")
    for _ in range(EDGES):
        await RisingEdge(dut.clk)
    return (get_sim_time("ps") - begin) / EDGES


async def _lock(dut: Any, period: int) -> int:
    """Wait for lock; the periods of osc that it took."""
    begin = get_sim_time("ps")
    await RisingEdge(dut.locked)
    return round((get_sim_time("ps") - begin) / period)


@cocotb.test()
async def frequency(dut: Any) -> None:
    """Two oscillators, one after the other: the model measures, and lets go of its lock in between."""
    for period in (40_000, 37_038):
        clock = Clock(dut.osc, period, "ps")
        clock.start()
        if period == 37_038:
            await Timer(4 * period, "ps")
            assert not dut.locked.value
        assert SETTLE <= await _lock(dut, period) + 4 <= SETTLE + 12
        assert abs(await _measure(dut) - period / RATIO) < 1 / EDGES + 0.02
        assert dut.locked.value
        clock.stop()


@cocotb.test()
async def stops(dut: Any) -> None:
    """Without its oscillator a PLL is not locked."""
    clock = Clock(dut.osc, 40_000, "ps")
    clock.start()
    await _lock(dut, 40_000)
    clock.stop()
    await Timer(400_000, "ps")
    assert not dut.locked.value
