"""The learner through its registers (docs/learner-registers.md), over any bus.

learner = LearnerRegisters(bus)      # bus.read(address) -> word, bus.write(address, word)
state = learner.save()               # to learn.file, to another learner, or back by load
learner.forget(3)
"""

from __future__ import annotations

import time
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from lutwright.errors import BadFeatures, BadLearner, LinkError
from lutwright.learn.config import DISTANCES, POLICIES, LearnerConfig
from lutwright.learn.file import from_words, state_words
from lutwright.learn.result import Result, Status
from lutwright.learn.state import State
from lutwright.runtime import learner_registers as at
from lutwright.runtime.registers import Bus, Register

VERSION = 1
_MAGIC = 0x4C524E
_WHERE = "learner's registers"


class Op(IntEnum):
    """Commands of the learner."""

    COUNT = 0
    FORGET = 1
    CLEAR = 2
    REWIND = 3
    READ = 4
    WRITE = 5


class LearnerRegisters:
    """A learner behind hw/rtl/learner_axi.sv; frames go to its stream, commands and the state through its registers.

    bus: reads and writes 32-bit words at byte addresses of the registers, and raises its own errors. seconds: to wait
    for the answer of a command, which waits for the frames before it. config: what the learner was built for.
    LinkError where there is no such learner, or it does not answer.
    """

    def __init__(self, bus: Bus, seconds: float = 10.0) -> None:
        self._bus, self._seconds = bus, seconds
        found = self._read(at.IDENTITY)
        if found != {"version": VERSION, "magic": _MAGIC}:
            word = f"{at.IDENTITY.pack(**found):08x}"
            raise LinkError(_WHERE, f"must begin with {_MAGIC:06x}{VERSION:02x}", word)
        self.config = self._config()
        self.lanes = self._value(at.LANES)

    def count(self, label: int) -> int:
        """Return how many examples class `label` has learnt; 0 for one that there is no room for."""
        return self._command(Op.COUNT, label)[0]

    def forget(self, label: int) -> Result:
        """Forget class `label`; Status.FULL for one that there is no room for, and then nothing changes."""
        return Result(label, 0, 0, self._command(Op.FORGET, label)[1])

    def clear(self) -> None:
        """Forget all classes, and begin the random choices anew."""
        self._command(Op.CLEAR)

    def save(self) -> State:
        """Return what it knows. Raises BadState where its words are no state."""
        self._command(Op.REWIND)
        words = [self._word(Op.READ) for _ in range(self._value(at.WORDS))]
        return from_words(self.config, np.array(words, np.uint32), _WHERE)

    def load(self, state: State) -> None:
        """Replace what it knows by `state`, which is of the same parameters."""
        words: NDArray[np.uint32] = state_words(self.config, state)
        self._command(Op.REWIND)
        for word in words.tolist():
            self._word(Op.WRITE, word)

    def capture(self, on: bool, interrupts: bool = False) -> None:
        """Let results come here (`result`), not to the stream; interrupts: while one is there or a command answered."""
        word = at.CONTROL.pack(capture=on, answered_interrupt=interrupts, result_interrupt=interrupts)
        self._bus.write(at.CONTROL.address, word)

    def result(self) -> Result | None:
        """Take the next result, if one is there; see `capture`."""
        if not self._read(at.STATUS)["result"]:
            return None
        found = self._read(at.RESULT)
        votes, margin = self._value(at.VOTES), self._value(at.MARGIN)
        self._bus.write(at.TAKE.address, at.TAKE.pack(next=1))
        return Result(found["label"], votes, margin, Status(found["code"]))

    def _config(self) -> LearnerConfig:
        widths, rule = self._read(at.WIDTHS), self._read(at.RULE)
        try:
            return LearnerConfig(
                features=self._value(at.FEATURES),
                subspaces=self._value(at.SUBSPACES),
                anchors=self._value(at.ANCHORS),
                classes=self._value(at.CLASSES),
                feature_bits=widths["feature_bits"],
                fraction_bits=widths["fraction_bits"],
                count_bits=widths["count_bits"],
                signed=bool(rule["signed_features"]),
                policy=POLICIES[rule["policy"]],
                distance=DISTANCES[rule["distance"]],
                seed=self._value(at.SEED),
                versions=self._value(at.VERSIONS),
            )
        except BadLearner as error:
            raise LinkError(_WHERE, "must be of a learner that can be", str(error)) from error

    def _word(self, op: Op, word: int = 0) -> int:
        """Read or write the next word of the state."""
        answer, status = self._command(op, 0, word)
        if status:
            raise LinkError(_WHERE, "must have all words of the state", f"status {status!r}")
        return answer

    def _command(self, op: Op, label: int = 0, word: int = 0) -> tuple[int, Status]:
        """Do a command and return its answer."""
        if label < 0:
            raise BadFeatures("class", "must be 0 or more", label)
        if op is Op.WRITE:
            self._bus.write(at.DATA.address, word)
        most = (1 << at.COMMAND.fields[1].bits) - 1  # there is never room for a class as large as this
        self._bus.write(at.COMMAND.address, at.COMMAND.pack(op=op, label=min(label, most)))
        status = self._answered(op)
        return self._value(at.ANSWER), Status(status["code"])

    def _answered(self, op: Op) -> dict[str, int]:
        """Wait for the answer, and return the fields of STATUS."""
        until = time.monotonic() + self._seconds
        while True:
            late = time.monotonic() >= until
            status = self._read(at.STATUS)
            if status["refused"]:
                self._bus.write(at.STATUS.address, at.STATUS.pack(refused=1))
                raise LinkError(_WHERE, f"must take the command {op.name.lower()}", "refused: another one is under way")
            if status["answered"]:
                return status
            if late:
                raise LinkError(_WHERE, f"must answer {op.name.lower()} in {self._seconds:g} s", "no answer")

    def _value(self, register: Register) -> int:
        return self._read(register)["value"]

    def _read(self, register: Register) -> dict[str, int]:
        return register.unpack(self._bus.read(register.address))
