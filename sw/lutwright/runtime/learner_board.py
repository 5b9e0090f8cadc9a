"""A learner's chip on a board, behind the link, as a device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from lutwright.errors import LinkError
from lutwright.learn.chip import LearnerChip
from lutwright.learn.device import Action, Load, Reply, Save, Show, Words
from lutwright.learn.file import body_bytes
from lutwright.learn.result_word import result_of
from lutwright.numerics.packing import to_bytes
from lutwright.numerics.quantiser import IntArray
from lutwright.runtime.link import Link
from lutwright.simulate.learner_chip import CLEAR, READ, REWIND, WRITE


class BoardDevice:
    """The board behind the open `link`, which holds the bitstream of `chip`."""

    def __init__(self, link: Link, chip: LearnerChip) -> None:
        self.link, self.chip = link, chip

    def play(self, actions: Sequence[Action]) -> Iterator[Reply]:
        """Clear the learner, do all `actions` and yield the reply to each. Raises LinkError."""
        self._commands([(CLEAR, 0, 0)])
        for _, group in groupby(actions, key=_kind):
            together = list(group)
            if isinstance(together[0], Show):
                yield from self._shown([action for action in together if isinstance(action, Show)])
                continue
            for action in together:
                yield self._state(action)

    def _shown(self, actions: list[Show]) -> Iterator[Reply]:
        frames = (image_bytes(self.chip, action.codes, action.label, action.learn) for action in actions)
        # An image that is learnt is not sent twice.
        for answer in self.link.classify_all(frames, once=actions[0].learn):
            yield result_of(self.chip.config, int.from_bytes(answer, "little"))

    def _state(self, action: Action) -> Reply:
        if isinstance(action, Load):
            self._commands([(REWIND, 0, 0), *((WRITE, 0, int(word)) for word in action.words)])
            return None
        assert isinstance(action, Save)
        return self._commands([(REWIND, 0, 0), *([(READ, 0, 0)] * (body_bytes(self.chip.config) // 4))])[1:]

    def _commands(self, commands: list[tuple[int, int, int]]) -> Words:
        """Send commands (operation, label, data) and return the data of their answers; LinkError where one is bad."""
        answers = list(self.link.commands(commands))
        for (op, _, _), (_, status) in zip(commands, answers, strict=True):
            if status:
                rule = f"command {op} must be answered with status 0"
                raise LinkError(f"port '{self.link.port}'", rule, status, "Build the project and the bitstream again.")
        return np.array([data for data, _ in answers], np.uint32)


def image_bytes(chip: LearnerChip, codes: IntArray, label: int, learn: bool) -> bytes:
    """Return a frame on the link: the user bits of the image int64 [H, W, C], low byte first, and its beats."""
    stream = chip.image
    beats = codes.reshape(-1, stream.lanes) & ((1 << stream.bits) - 1)
    return chip.user(label, learn).to_bytes(chip.user_bytes, "little") + to_bytes(beats, stream.bits).tobytes()


def _kind(action: Action) -> tuple[bool, bool]:
    return (True, action.learn) if isinstance(action, Show) else (False, False)
