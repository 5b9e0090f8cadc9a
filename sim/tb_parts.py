"""cocotb bench of cells without streams: ports are set on every clock, and outputs compared on every clock.

The environment variable LUTWRIGHT_JOB names a JSON file: `steps`, one a clock, each {"inputs": {port: n}, "expected":
{port: n}}. Outputs are looked at before the rising edge, with the inputs of that clock; a port that is not named is
not compared. A cell without `clk` is combinational.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import cocotb
from cocotb.triggers import Timer

HALF_NS = 5


@cocotb.test()
async def steps(dut: Any) -> None:
    """Every step of the job."""
    clocked = hasattr(dut, "clk")
    for index, step in enumerate(json.loads(Path(os.environ["LUTWRIGHT_JOB"]).read_text())["steps"]):
        if clocked:
            dut.clk.value = 0
        for port, value in step["inputs"].items():
            getattr(dut, port).value = value
        await Timer(HALF_NS, "ns")
        for port, value in step["expected"].items():
            found = str(getattr(dut, port).value)
            want = f"{value:0{len(found)}b}"
            assert found == want, f"clock {index}: {port} is {found}, not {want}, for {step['inputs']}"
        if clocked:
            dut.clk.value = 1
        await Timer(HALF_NS, "ns")
