"""Follows the records of a simulated learner's chip while they grow: what has come since the last look.

The lines are those of rtl_templates/tb_learner_chip.sv.j2, all of one length in a file.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lutwright.errors import ToolFailed
from lutwright.learn.chip import LearnerChip
from lutwright.learn.result import Result
from lutwright.learn.result_word import result_of

_NUMBER = 8  # digits of a clock or an answer's data


@dataclass
class ChipTail:
    """The records in folder `work` of the bench of `chip`."""

    work: Path
    chip: LearnerChip
    _offsets: dict[str, int] = field(default_factory=dict)

    def results(self) -> list[Result]:
        """Return the results since the last call; ToolFailed where a bit is unknown."""
        return self.timed_results()[0]

    def timed_results(self) -> tuple[list[Result], NDArray[np.int64]]:
        """Return the results since the last call and the clock of each; ToolFailed where a bit is unknown."""
        size = self.chip.out_bytes
        lines = self._lines("results.txt", 2 * size + _NUMBER + 2)
        raw = _bytes(lines[:, : 2 * size], "results.txt")
        words = [int.from_bytes(raw[i : i + size]) for i in range(0, len(raw), size)]
        clocks = _bytes(lines[:, 2 * size + 1 : -1], "results.txt")
        return [result_of(self.chip.config, word) for word in words], np.frombuffer(clocks, ">u4").astype(np.int64)

    def answers(self) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
        """Return data and status of the answers since the last call; ToolFailed where a bit is unknown."""
        lines = self._lines("answers.txt", _NUMBER + 3)
        data = np.frombuffer(_bytes(lines[:, :_NUMBER], "answers.txt"), ">u4").astype(np.uint32)
        padded = np.pad(lines[:, _NUMBER + 1 : _NUMBER + 2], ((0, 0), (1, 0)), constant_values=ord("0"))
        return data, np.frombuffer(_bytes(padded, "answers.txt"), np.uint8)

    def _lines(self, name: str, width: int) -> NDArray[np.uint8]:
        """Return the whole lines since the last call, uint8 [lines, width]."""
        path, start = self.work / name, self._offsets.get(name, 0)
        if not path.is_file():
            return np.zeros((0, width), np.uint8)
        with path.open("rb") as file:
            file.seek(start)
            raw = file.read()
        raw = raw[: len(raw) // width * width]
        self._offsets[name] = start + len(raw)
        return np.frombuffer(raw, np.uint8).reshape(-1, width)


def _bytes(digits: NDArray[np.uint8], name: str) -> bytes:
    """Return what the hexadecimal digits uint8 [lines, digits] say, line by line."""
    try:
        return binascii.unhexlify(digits.tobytes())
    except binascii.Error as error:
        raise ToolFailed(f"record '{name}'", "every bit must be known", "x") from error
