"""A whole board_top, driven through its UART pins alone, as a host would.

Environment: LUTWRIGHT_PERIOD_PS of the oscillator, LUTWRIGHT_BIT_PS of the serial line, LUTWRIGHT_START_PS until the
design is out of its reset, LUTWRIGHT_BUTTON_RELEASED, the level of the button; and LUTWRIGHT_FRAMES, a JSON file with
`project_id` (int), `sizes` (IN_BYTES, IN_BEATS, OUT_BYTES, OUT_BEATS), `user_bytes`, `commands` (0 where they are not
said), `frames`, user bytes first, and `results` (lists of hexadecimal strings); `patience_bits`, for which it waits for
an answer (100,000 where it is not said). What is answered to each frame goes to
board_answers.json in the working folder, as hexadecimal strings, before it is compared.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import Timer

from uart_model import UartDriver, UartMonitor, answer, request


async def start_board(dut: Any) -> tuple[UartDriver, UartMonitor, int]:
    """Start the board's clock and wait for the end of its power-on reset; (driver, monitor, bit time in ps)."""
    period_ps, bit_ps = int(os.environ["LUTWRIGHT_PERIOD_PS"]), int(os.environ["LUTWRIGHT_BIT_PS"])
    oscillator = dut.osc if hasattr(dut, "osc") else dut.clk
    driver = UartDriver(dut.uart_rxd, bit_ps)
    if hasattr(dut, "button"):
        dut.button.value = int(os.environ.get("LUTWRIGHT_BUTTON_RELEASED", "1"))
    cocotb.start_soon(Clock(oscillator, period_ps, "ps").start())
    await Timer(int(os.environ["LUTWRIGHT_START_PS"]), "ps")
    return driver, UartMonitor(dut.uart_txd, bit_ps), bit_ps


@cocotb.test()
async def frames(dut: Any) -> None:
    """Identify, every frame of the file one by one, a damaged one, and some of them without a gap."""
    job = json.loads(Path(os.environ["LUTWRIGHT_FRAMES"]).read_text())
    driver, monitor, _ = await start_board(dut)
    patience = job.get("patience_bits", 100_000)
    identity = job["project_id"].to_bytes(4, "little") + b"\x02"
    identity += b"".join(size.to_bytes(2, "little") for size in job["sizes"])
    identity += bytes([job.get("user_bytes", 0), job.get("commands", 0)])
    await driver.send(request("I", 200))
    assert await monitor.read(23, patience) == answer(0, 200, identity)
    told, answers = Path("board_answers.json"), []
    pairs = [(bytes.fromhex(f), bytes.fromhex(r)) for f, r in zip(job["frames"], job["results"], strict=True)]
    for i, (frame, result) in enumerate(pairs):
        await driver.send(request("F", i & 255, frame))
        expected = answer(0, i & 255, result)
        got = await monitor.read(len(expected), patience)
        answers.append(got.hex())
        told.write_text(json.dumps(answers))
        assert got == expected, f"frame {i}: board {got.hex()}, expected {expected.hex()}"
    await driver.send(request("F", 77, pairs[0][0], damage=1))
    assert await monitor.read(8, patience) == answer(1, 77)
    # Two may be under way: more without a gap only where answers leave the board faster than frames come in.
    burst = pairs[: 4 if len(pairs[0][1]) <= len(pairs[0][0]) else 2]
    sender = cocotb.start_soon(driver.send(b"".join(request("F", i, pair[0]) for i, pair in enumerate(burst))))
    for i, (_, result) in enumerate(burst):
        expected = answer(0, i, result)
        assert await monitor.read(len(expected), patience) == expected, f"frame {i} of those sent without a gap"
    await sender
    assert monitor.framing_errors == 0
