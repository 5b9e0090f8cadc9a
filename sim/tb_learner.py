"""cocotb bench of the cell learner: operations in, results and answers out.

The environment variable LUTWRIGHT_JOB names a JSON file:

    operations: in order, each one of
        {"beats": [hexadecimal, ...], "user": u, "result": hexadecimal or null}   a frame; null: it has no result;
                                    and "within": an operation that is no frame, which comes before the last beat
        {"command": [op, label, data], "answer": [data, status]}                  a command
        {"save": [word, ...]}                                                     the whole state must be these words
        {"load": [word, ...]}                                                     the whole state becomes these words
    runs:   idle and stall probabilities, a seed, `resets`: after how many clocks of the operations a reset comes, for
            them to begin anew, and `alone`: whether each operation waits for what the one before has to say
    limit, drain: clocks of a run at most, and without a sign of life at its end
    clocks: a file to which goes, for each result of the last run, the clock in which the last beat of its frame was
            taken and the one in which it came

Checked on every clock: valid stays and data holds until ready (law 4). At the end nothing more may come.
While there is no beat or command to offer their lines carry noise.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

JOB = json.loads(Path(os.environ["LUTWRIGHT_JOB"]).read_text())
REWIND, READ, WRITE = 3, 4, 5


def commands(operation: dict[str, Any]) -> list[list[list[int]]]:
    """The commands [op, label, data] of an operation that is no frame, each with its answer [data, status]."""
    if "command" in operation:
        return [[operation["command"], operation["answer"]]]
    rewind = [[REWIND, 0, 0], [0, 0]]
    if "save" in operation:
        return [rewind, *([[READ, 0, 0], [word, 0]] for word in operation["save"])]
    return [rewind, *([[WRITE, 0, word], [0, 0]] for word in operation["load"])]


def steps() -> Iterator[tuple[str, Any]]:
    """What is offered, in order: beats (data, user, last) and commands."""
    for operation in JOB["operations"]:
        if "beats" in operation:
            for index, beat in enumerate(operation["beats"]):
                if "within" in operation and index == len(operation["beats"]) - 1:
                    yield from (("command", command) for command, _ in commands(operation["within"]))
                yield "beat", (int(beat, 16), operation["user"], index == len(operation["beats"]) - 1)
        else:
            for command, _ in commands(operation):
                yield "command", command


RESULTS = [o["result"] for o in JOB["operations"] if "beats" in o and o["result"] is not None]
_ASKED = [o.get("within", o) for o in JOB["operations"] if "within" in o or "beats" not in o]
ANSWERS = [answer for operation in _ASKED for _, answer in commands(operation)]


class Sink:
    """One stream out: takes what comes when it is ready, and compares it."""

    def __init__(self, name: str, valid: Any, ready: Any, data: list[Any], expected: list[Any]) -> None:
        self.name, self.valid, self.ready, self.data, self.expected = name, valid, ready, data, expected
        self.got, self.came, self.waiting = 0, list[int](), list[str]()

    def clock(self, clock: int, stalled: bool) -> bool:
        """One clock, with its inputs set here; return whether something was taken."""
        self.ready.value = int(not stalled)
        if not int(self.valid.value):
            assert not self.waiting, f"{self.name}: valid was withdrawn in clock {clock}"
            return False
        bits = [str(part.value) for part in self.data]
        if self.waiting:
            assert bits == self.waiting, f"{self.name}: data changed while it waited, in clock {clock}"
        else:
            self.came.append(clock)
        self.waiting = bits if stalled else []
        if stalled:
            return False
        assert self.got < len(self.expected), f"{self.name}: more than {self.got} came"
        assert set("".join(bits)) <= {"0", "1"}, f"{self.name} {self.got}: unknown bits: {bits}"
        have, want = [int(part, 2) for part in bits], self.expected[self.got]
        assert have == want, f"{self.name} {self.got}: expected {want}, got {have}, in clock {clock}"
        self.got += 1
        return True


class Player:
    """Plays the job's operations in one run."""

    def __init__(self, dut: Any, run: dict[str, Any], noise: random.Random) -> None:
        self.dut, self.run, self.noise = dut, run, noise
        self.steps = steps()
        self.step = next(self.steps, None)
        self.offered = False
        self.asked, self.answered = 0, 0  # results and answers to wait for, if alone
        wanted = [[int(result, 16)] for result in RESULTS]
        self.results = Sink("result", dut.m_valid, dut.m_ready, [dut.m_data], wanted)
        self.answers = Sink("answer", dut.rsp_valid, dut.rsp_ready, [dut.rsp_data, dut.rsp_status], ANSWERS)
        self.ends: list[int] = []  # the clocks in which last beats were taken

    def scramble(self) -> None:
        """Noise on lines on which nothing is offered."""
        dut, bits = self.dut, self.noise.getrandbits
        dut.s_data.value = bits(len(dut.s_data))
        dut.s_user.value = bits(len(dut.s_user))
        dut.s_last.value = bits(1)
        dut.cmd_op.value = bits(3)
        dut.cmd_label.value = bits(len(dut.cmd_label))
        dut.cmd_data.value = bits(32)

    def offer(self) -> None:
        """Offer the next beat or command, maybe."""
        if self.run["alone"] and self.asked != self.results.got + self.answers.got:
            return
        if self.step is None or (self.run["idle"] and self.noise.random() < self.run["idle"]):
            return
        kind, what = self.step
        dut = self.dut
        if kind == "beat":
            dut.s_data.value, dut.s_user.value, dut.s_last.value = what
            dut.s_valid.value = 1
        else:
            dut.cmd_op.value, dut.cmd_label.value, dut.cmd_data.value = what
            dut.cmd_valid.value = 1
        self.offered = True

    def taken(self, clock: int) -> bool:
        """Whether what is offered is taken in this clock; if so, go on."""
        if self.step is None or not self.offered:
            return False
        kind, what = self.step
        if not int((self.dut.s_ready if kind == "beat" else self.dut.cmd_ready).value):
            return False
        if kind == "beat" and what[2]:
            self.ends.append(clock)
        last_version = kind == "beat" and what[2] and what[1] >> (len(self.dut.s_user) - 1)
        self.asked += int(kind == "command" or bool(last_version))
        self.offered = False
        self.step = next(self.steps, None)
        return True

    async def play(self, limit: int | None) -> None:
        """Play until nothing happens any more, or for `limit` clocks."""
        dut, run = self.dut, self.run
        quiet = clock = 0
        withdrawn = True
        while quiet < JOB["drain"] and (limit is None or clock < limit):
            # No output depends on an input of the same clock, so what is seen now is what the edge will see.
            if not self.offered:
                if not withdrawn:
                    dut.s_valid.value = dut.cmd_valid.value = 0
                    withdrawn = True
                if run["idle"]:
                    self.scramble()
                self.offer()
                withdrawn = not self.offered
            stalled = [bool(run["stall"]) and self.noise.random() < run["stall"] for _ in range(2)]
            moved = self.results.clock(clock, stalled[0])
            moved |= self.answers.clock(clock, stalled[1])
            moved |= self.taken(clock)
            quiet = 0 if moved or self.step is not None else quiet + 1
            clock += 1
            assert clock < JOB["limit"], f"stuck after {self.results.got} results and {self.answers.got} answers"
            await FallingEdge(dut.clk)


async def reset(dut: Any) -> None:
    """Three clocks of reset."""
    dut.rst.value = 1
    for port in (dut.s_valid, dut.m_ready, dut.cmd_valid, dut.rsp_ready):
        port.value = 0
    for _ in range(3):
        await FallingEdge(dut.clk)
    dut.rst.value = 0


def record(player: Player) -> None:
    """Write the clocks of a run: [last beat taken, result there], for each result."""
    frames = [operation for operation in JOB["operations"] if "beats" in operation]
    ends = [end for end, frame in zip(player.ends, frames, strict=True) if frame["result"] is not None]
    pairs = list(zip(ends, player.results.came, strict=True))
    Path(JOB["clocks"]).write_text(json.dumps(pairs))


@cocotb.test()
async def runs(dut: Any) -> None:
    """Every run of the job; after a reset in the middle everything begins anew."""
    cocotb.start_soon(Clock(dut.clk, 10, "ns").start(start_high=False))
    await FallingEdge(dut.clk)
    for run in JOB["runs"]:
        noise = random.Random(run["seed"])
        for after in run["resets"]:
            await reset(dut)
            await Player(dut, run, noise).play(after)
        await reset(dut)
        player = Player(dut, run, noise)
        await player.play(None)
        for sink in (player.results, player.answers):
            assert sink.got == len(sink.expected), f"{sink.got} of {len(sink.expected)} {sink.name}s came in run {run}"
        record(player)
