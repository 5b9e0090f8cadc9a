"""A board that is a simulation: the whole board_top behind a serial port of this machine.

    bench = board_bench(sources, board, work)
    bench.compile()
    with virtual_board(bench, board) as port:
        with Link(port) as link: ...

The host side cannot tell it from a board, except that it is slow.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lutwright.boards import Board
from lutwright.emit.shell import reset_clocks
from lutwright.errors import LutwrightError, ToolFailed
from lutwright.simulate.runner import Bench

# Seconds until the simulation must have opened its terminal, and must have ended after it was told to.
_START = 120.0
# Of the oscillator. What it is does not matter where only clocks count.
_PERIOD_PS = 10_000
_STOP = 60.0
# Of the oscillator, until a PLL has locked, and some more.
_LOCK_PERIODS = 104


def board_bench(
    sources: list[Path], board: Board, work: Path, top: str = "board_top", simulator: str = "verilator"
) -> Bench:
    """A bench of the whole board (not compiled yet): `sources` with module `top`, simulated in folder `work`."""
    # The simulator's compiler runs in `work`, where a relative name would mean another file.
    absolute = [source.resolve() for source in sources]
    # The model of a PLL has delays; without, the simulation is faster.
    timing = board.clock.pll is not None
    return Bench(absolute, top, work.resolve(), {}, simulator, timing, top_only=True)


def board_environment(board: Board) -> dict[str, str]:
    """What tb_board and board_pty must know of `board`."""
    released = "0" if board.reset and board.reset.active == "high" else "1"
    slow = board.clock.oscillator_mhz / board.clock.mhz
    bit = round(_PERIOD_PS * slow * board.clocks_per_bit)
    return {
        "LUTWRIGHT_PERIOD_PS": str(_PERIOD_PS),
        "LUTWRIGHT_BIT_PS": str(bit),
        "LUTWRIGHT_START_PS": str(_PERIOD_PS * (_LOCK_PERIODS + math.ceil(reset_clocks(board) * slow))),
        "LUTWRIGHT_BUTTON_RELEASED": released,
    }


@contextmanager
def virtual_board(bench: Bench, board: Board, cwd: Path | None = None) -> Iterator[str]:
    """Run the compiled `bench` in the background and yield the path of its serial port; it ends with the block.

    cwd: where $readmemh looks for files (default: the bench's folder).
    Raises ToolFailed where the simulation does not start or has failed meanwhile.
    """
    port, stop = bench.work / "port.txt", bench.work / "stop"
    for path in (port, stop):
        path.unlink(missing_ok=True)
    env = board_environment(board) | {
        "LUTWRIGHT_PTY": str(port.resolve()),
        "LUTWRIGHT_STOP": str(stop.resolve()),
        "LUTWRIGHT_OWNER": str(os.getpid()),
    }
    faults: list[LutwrightError] = []

    def simulate() -> None:
        try:
            bench.run("board_pty", env, expect=1, cwd=cwd)
        except LutwrightError as error:
            faults.append(error)

    # A daemon, so that a hung simulation cannot keep this process alive; the simulation itself watches its owner.
    thread = threading.Thread(target=simulate, name="virtual board", daemon=True)
    thread.start()
    try:
        yield _wait_for_port(port, thread, faults)
    finally:
        stop.touch()
        thread.join(_STOP)
    if faults:
        raise faults[0]
    if thread.is_alive():
        raise ToolFailed(
            "virtual board",
            f"must end within {_STOP:g} s of being told to",
            "still running",
            "End its process by hand.",
        )


def _wait_for_port(port: Path, thread: threading.Thread, faults: list[LutwrightError]) -> str:
    """The path that the simulation writes to `port`."""
    end = time.monotonic() + _START
    while not port.is_file():
        if faults:
            raise faults.pop()
        if not thread.is_alive() or time.monotonic() > end:
            raise ToolFailed(
                "virtual board",
                f"must open its serial port within {_START:g} s",
                "none",
                "See run_board_pty.log in the folder of the simulation.",
            )
        time.sleep(0.02)
    return port.read_text()
