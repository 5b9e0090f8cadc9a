"""The devices that a learner's project has: its chip in a simulator."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from lutwright.emit.project import Project
from lutwright.errors import LutwrightError, ToolFailed
from lutwright.learn.chip import LearnerChip
from lutwright.learn.device import Action, Load, Reply, Save, Show, Words
from lutwright.learn.file import body_bytes
from lutwright.learn.result import Result
from lutwright.simulate.chip_tail import ChipTail
from lutwright.simulate.learner_chip import READ, REWIND, WRITE, Command, Frame, Operation, play_chip
from lutwright.simulate.runner import Bench

_POLL = 0.05  # seconds between two looks at the records


def operations(words: int, action: Action) -> list[Operation]:
    """Return what a chip whose state has `words` does for `action`."""
    if isinstance(action, Save):
        return [Command(REWIND), *([Command(READ)] * words)]
    if isinstance(action, Load):
        return [Command(REWIND), *(Command(WRITE, 0, int(word)) for word in action.words)]
    return [Frame(action.codes, action.label, action.learn)]


class ChipDevice:
    """The RTL of a whole chip in a simulator, played in one long run from its reset on.

    bench: of `simulate.learner_chip.compile_chip`. clocks: that the run took, once all replies are there.
    """

    def __init__(self, bench: Bench, project: Project, chip: LearnerChip) -> None:
        self.bench, self.project, self.chip = bench, project, chip
        self.clocks = 0

    def play(self, actions: Sequence[Action]) -> Iterator[Reply]:
        """Do all `actions` and yield the reply to each as the simulation gives it.

        Raises ToolFailed where the simulation fails, or an answer to a command is no good one. The simulation ends
        with the iterator.
        """
        count = body_bytes(self.chip.config) // 4
        program = [operation for action in actions for operation in operations(count, action)]
        run = _Run(self, program)
        try:
            for action in actions:
                yield run.reply(action, count)
            run.thread.join()
            run.check()
        finally:
            self.bench.stop()
            run.thread.join()


@dataclass
class _Run:
    """A simulation in another thread, and what came out of it that nobody has taken yet."""

    device: ChipDevice
    program: list[Operation]
    results: deque[Result] = field(default_factory=deque)
    answers: deque[Words] = field(default_factory=deque)
    fault: LutwrightError | None = None

    def __post_init__(self) -> None:
        device = self.device
        for name in ("results.txt", "answers.txt"):
            (device.bench.work / name).unlink(missing_ok=True)
        self.tail = ChipTail(device.bench.work, device.chip)
        self.waiting = 0
        self.thread = threading.Thread(target=self._simulate, name="learner's chip", daemon=True)
        self.thread.start()

    def _simulate(self) -> None:
        try:
            self.device.clocks = play_chip(self.device.bench, self.device.project, self.program).clocks
        except LutwrightError as error:
            self.fault = error

    def reply(self, action: Action, count: int) -> Reply:
        """Wait for the reply to `action`; the state has `count` words."""
        if isinstance(action, Show):
            self._wait(lambda: bool(self.results))
            return self.results.popleft()
        self._wait(lambda: self.waiting > count)
        words = self._take(1 + count)[1:]
        return words if isinstance(action, Save) else None

    def _wait(self, enough: Callable[[], bool]) -> None:
        while not enough():
            over = not self.thread.is_alive()
            self._look()
            if enough():
                return
            if over:
                self.check()
                raise ToolFailed("learner's chip", "must answer every operation", "fewer")
            time.sleep(_POLL)

    def _look(self) -> None:
        self.results += self.tail.results()
        data, status = self.tail.answers()
        if status.any():
            at = int(status.argmax())
            raise ToolFailed("learner's chip", "every command must be answered with status 0", int(status[at]))
        if len(data):
            self.answers.append(data)
            self.waiting += len(data)

    def _take(self, count: int) -> Words:
        """Return the first `count` answers, which are there."""
        self.waiting -= count
        parts = []
        while count:
            part = self.answers.popleft()
            if len(part) > count:
                self.answers.appendleft(part[count:])
                part = part[:count]
            parts.append(part)
            count -= len(part)
        return np.concatenate(parts)

    def check(self) -> None:
        """Raise what the simulation raised."""
        if self.fault is not None:
            raise self.fault
