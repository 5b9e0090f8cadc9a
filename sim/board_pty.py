"""A simulated board behind a pseudo-terminal: bytes of the terminal go to the board's UART pins, and back.

Environment: that of tb_board's start_board; LUTWRIGHT_PTY, a file that gets the terminal's path; LUTWRIGHT_STOP, a file
whose appearance ends the simulation; LUTWRIGHT_OWNER, a process id: the simulation also ends when that process is gone.
"""

from __future__ import annotations

import os
import time
import tty
from pathlib import Path
from typing import Any

import cocotb
from cocotb.triggers import Timer

from tb_board import start_board
from uart_model import UartDriver, UartMonitor

# Bit times that the board runs between two looks at the terminal, and how long it runs on after the last byte
# before it lets the processor rest.
_LOOK_BITS = 40
_BUSY_LOOKS = 400


def _open_terminal() -> int:
    """Open a terminal in raw mode, tell its path, return the board's end of it."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    os.set_blocking(ours, False)
    told = Path(os.environ["LUTWRIGHT_PTY"])
    partial = told.with_name(told.name + ".partial")
    partial.write_text(os.ttyname(theirs))
    os.replace(partial, told)
    return ours


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except (BlockingIOError, OSError):
        return b""  # nothing there, or nobody has the terminal open


def _wanted() -> bool:
    """Nobody has asked to stop, and the process that started us lives."""
    if Path(os.environ["LUTWRIGHT_STOP"]).exists():
        return False
    try:
        os.kill(int(os.environ["LUTWRIGHT_OWNER"]), 0)
    except ProcessLookupError:
        return False
    return True


async def _send(driver: UartDriver, data: bytearray) -> None:
    """Move what is in `data` to the line, for ever."""
    while True:
        if data:
            await driver.send([data.pop(0)])
        else:
            await Timer(driver.bit_ps, "ps")


async def _bridge(terminal: int, driver: UartDriver, monitor: UartMonitor) -> None:
    waiting = bytearray()
    cocotb.start_soon(_send(driver, waiting))
    idle = 0
    while _wanted():
        received, answered = _read(terminal), monitor.take()
        waiting += received
        if answered:
            os.write(terminal, answered)
        idle = 0 if received or answered or waiting else idle + 1
        if idle > _BUSY_LOOKS:
            time.sleep(0.002)
        await Timer(_LOOK_BITS * driver.bit_ps, "ps")


@cocotb.test()
async def board(dut: Any) -> None:
    """Run until stopped."""
    driver, monitor, _ = await start_board(dut)
    terminal = _open_terminal()
    try:
        await _bridge(terminal, driver, monitor)
    finally:
        os.close(terminal)
