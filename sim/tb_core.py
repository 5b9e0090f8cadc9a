"""cocotb bench of a generated core (rtl_templates/tb_core.sv.j2): sets the controls and waits.

The comparing is done by lutwright.simulate.core, out of the records that the bench writes.

The environment variable LUTWRIGHT_RUNS names a JSON file: a list of runs, each with the numbers of the bench's
controls (those of beats and of single outputs under `controls`), and `reset_after`: clocks after which the core is
reset in mid-frame and the run begins again, or 0. The answers go to answers.json in the working folder.
"""

import json
import os
from pathlib import Path
from typing import Any

import cocotb
from cocotb.triggers import Timer

CLOCK_NS = 10


async def reset(bench: Any) -> None:
    """Four clocks of reset."""
    bench.rst.value = 1
    await Timer(4 * CLOCK_NS, "ns")
    bench.rst.value = 0
    await Timer(2 * CLOCK_NS, "ns")


async def start(bench: Any, index: int, run: dict[str, Any]) -> None:
    """Set the controls of `run` and let the frames go."""
    bench.run.value = index
    for control in ("stall_in", "stall_out", "seed"):
        getattr(bench, control).value = run[control]
    for control, value in run["controls"].items():
        getattr(bench, control).value = value
    await Timer(2 * CLOCK_NS, "ns")
    bench.play.value = 1


async def stop(bench: Any) -> None:
    """Stop playing; the bench closes its records."""
    bench.play.value = 0
    await Timer(4 * CLOCK_NS, "ns")


async def wait_done(bench: Any, limit: int) -> bool:
    """Wait for the last output beat; False where it has not come after `limit` clocks."""
    step = 2000
    for _ in range(0, limit, step):
        if bench.done.value == 1:
            return True
        await Timer(step * CLOCK_NS, "ns")
    return bench.done.value == 1


@cocotb.test()
async def frames(bench: Any) -> None:
    """Play every run; a run that hangs or breaks the law of the streams fails the test."""
    runs = json.loads(Path(os.environ["LUTWRIGHT_RUNS"]).read_text())
    answers = []
    for index, run in enumerate(runs):
        await reset(bench)
        await start(bench, index, run)
        if run["reset_after"]:
            await Timer(run["reset_after"] * CLOCK_NS, "ns")
            bench.rst.value = 1
            await stop(bench)
            await reset(bench)
            await start(bench, index, run)
        done = await wait_done(bench, run["limit"])
        clocks = int(bench.clocks.value)
        # Words that no output word needs (rows that a pool drops) are still on their way.
        await Timer(run["drain"] * CLOCK_NS, "ns")
        await stop(bench)
        answers.append({"done": bool(done), "clocks": clocks, "violations": int(bench.violations.value)})
        Path("answers.json").write_text(json.dumps(answers))
        if not done:
            break
    assert all(a["done"] for a in answers), "a run did not end: " + json.dumps(answers)
    assert all(a["violations"] == 0 for a in answers), "a beat was withdrawn or changed while it waited: " + json.dumps(
        answers
    )
