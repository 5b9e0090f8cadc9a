"""cocotb bench of a generated learner's chip (rtl_templates/tb_learner_chip.sv.j2): sets the controls and waits.

The comparing is done by whoever wrote program.txt, out of the records that the bench writes.

The environment variable LUTWRIGHT_RUN names a JSON file: the bench's controls; `reset_after`: clocks after which the
chip is reset and the program begins anew, or 0; and `quiet`: clocks without a sign of life after which it hangs.
How many clocks the run took goes to chip.json in the working folder.
"""

import json
import os
from pathlib import Path
from typing import Any

import cocotb
from cocotb.triggers import First, RisingEdge, Timer

from tb_core import CLOCK_NS, reset, stop

# Clocks after the last result and answer, in which nothing more may come.
DRAIN = 2000


async def start(bench: Any, run: dict[str, Any]) -> None:
    """Set the controls of `run` and let the program begin."""
    for control in ("results", "answers", "stall_in", "stall_out", "seed"):
        getattr(bench, control).value = run[control]
    await Timer(2 * CLOCK_NS, "ns")
    bench.play.value = 1
    await Timer(4 * CLOCK_NS, "ns")


async def wait_done(bench: Any, quiet: int) -> None:
    """Wait for the last result and answer; an error where nothing moves for `quiet` clocks."""
    moved = -1
    while bench.done.value != 1:
        now = int(bench.moved.value)
        assert now != moved, f"stuck after {int(bench.got.value)} results and {int(bench.told.value)} answers"
        moved = now
        await First(RisingEdge(bench.done), Timer(quiet * CLOCK_NS, "ns"))


@cocotb.test()
async def program(bench: Any) -> None:
    """Play the program; one that hangs, breaks the law of the streams or says too much fails the test."""
    run = json.loads(Path(os.environ["LUTWRIGHT_RUN"]).read_text())
    await reset(bench)
    await start(bench, run)
    if run["reset_after"]:
        await Timer(run["reset_after"] * CLOCK_NS, "ns")
        bench.rst.value = 1
        await stop(bench)
        await reset(bench)
        await start(bench, run)
    await wait_done(bench, run["quiet"])
    clocks = int(bench.clocks.value)
    await Timer(DRAIN * CLOCK_NS, "ns")
    assert bench.done.value == 1, f"more came: {int(bench.got.value)} results and {int(bench.told.value)} answers"
    await stop(bench)
    assert int(bench.violations.value) == 0, f"{int(bench.violations.value)} times a beat changed while it waited"
    Path("chip.json").write_text(json.dumps({"clocks": clocks}))
