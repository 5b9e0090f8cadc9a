"""Runs a schedule on a device, and compares the device with the reference on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lutwright.errors import Mismatch
from lutwright.learn.config import LearnerConfig
from lutwright.learn.device import Action, Device, Load, Reply, Save, Show, Words
from lutwright.learn.file import from_words, state_words
from lutwright.learn.places import place_of
from lutwright.learn.reference import Learner
from lutwright.learn.result import Result, Status
from lutwright.learn.schedule import Checkpoint, Example, Schedule
from lutwright.learn.state import State
from lutwright.numerics.quantiser import IntArray


@dataclass(frozen=True, eq=False)
class Pictures:
    """Images of a data set by their row: input codes int64 [H, W, C], and features int64 [R, d]."""

    codes: Mapping[int, IntArray]
    features: Mapping[int, IntArray]


@dataclass(frozen=True)
class Row:
    """What a checkpoint found.

    label, count, learnt: as in `Checkpoint`. tested: images. old, new, all: fractions 0..1 of the images of the old
    classes, of the new classes so far and of both that were predicted right; None where there are none of them.
    """

    label: int | None
    count: int
    learnt: int
    tested: int
    old: float | None
    new: float | None
    all: float

    def record(self) -> dict[str, Any]:
        """Return it as plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a session came to.

    rows: one a checkpoint. examples: learnt. queries: predicted. results, words: of them and of the state compared with
    the reference, all equal. state: of the device in the end. last: the labels int64 predicted at the last checkpoint.
    """

    rows: list[Row]
    examples: int
    queries: int
    results: int
    words: int
    state: State
    last: IntArray


@dataclass(frozen=True)
class How:
    """check: compare with the reference. each: read the state after every example, not only at checkpoints."""

    check: bool = True
    each: bool = True

    def saves_behind(self, event: Example | Checkpoint) -> bool:
        """Whether the state is read and compared behind `event`."""
        return self.check and isinstance(event, Example) == self.each


def run_session(
    schedule: Schedule,
    train: Pictures,
    test: Pictures,
    learner: Learner,
    device: Device,
    how: How = How(),
    on_row: Callable[[Row], None] = lambda row: None,
) -> Outcome:
    """Play `schedule` on `device`, which begins with the state of `learner`, the reference; `learner` learns as well.

    train, test: the images of its rows. on_row: called with each row as it is there.
    Raises Mismatch at the first result or word of the state that is not the reference's, and what the device raises.
    """
    actions = list(_actions(schedule, train, test, learner, how))
    return _Session(schedule, train, test, learner, how, on_row).run(device.play(actions))


def _actions(schedule: Schedule, train: Pictures, test: Pictures, learner: Learner, how: How) -> Iterator[Action]:
    """Yield the whole order of operations: results change nothing in it."""
    if learner.known().any():
        yield Load(state_words(learner.config, learner.state))
        yield Save()
    for event in schedule.events:
        if isinstance(event, Example):
            yield Show(train.codes[event.row], event.label, True)
        else:
            yield from (Show(test.codes[row]) for row in event.rows.tolist())
        if how.saves_behind(event):
            yield Save()
    yield Save()


@dataclass
class _Session:
    schedule: Schedule
    train: Pictures
    test: Pictures
    learner: Learner
    how: How
    on_row: Callable[[Row], None]
    learnt: int = 0
    results: int = 0
    words: int = 0

    def run(self, replies: Iterator[Reply]) -> Outcome:
        """Take the replies in the order of the actions."""
        rows, last, queries = [], np.zeros(0, np.int64), 0
        if self.learner.known().any():
            next(replies)
            self.state(_words(replies), "after it was loaded")
        for event in self.schedule.events:
            if isinstance(event, Example):
                self.example(event, replies)
                continue
            last = self.checkpoint(event, replies)
            queries += len(last)
            rows.append(_row(event, self.schedule.old, last))
            self.on_row(rows[-1])
        words = _words(replies)
        config = self.learner.config
        if self.how.check:
            self.state(words, "in the end")
        state = from_words(config, words, "state of the device")
        if not self.how.check:
            self.learner.state = state
        return Outcome(rows, self.learnt, queries, self.results, self.words, state, last)

    def example(self, event: Example, replies: Iterator[Reply]) -> None:
        """Compare the result of an example, and the state behind it."""
        self.learnt += 1
        found = _result(replies)
        if not self.how.check:
            return
        where = f"example {self.learnt} (class {event.label}, training image {event.row})"
        self.result(self.learner.learn(self.train.features[event.row], event.label), found, where)
        if self.how.saves_behind(event):
            self.state(_words(replies), f"after {where}")

    def checkpoint(self, event: Checkpoint, replies: Iterator[Reply]) -> IntArray:
        """Compare the predictions of a checkpoint, and return their labels int64."""
        found = [_result(replies) for _ in event.rows]
        if self.how.check:
            queries = np.stack([self.test.features[row] for row in event.rows.tolist()])
            expected = self.learner.predict_many(queries)
            for index, row in enumerate(event.rows.tolist()):
                self.result(expected[index], found[index], f"test image {row} after {self.learnt} examples")
        if self.how.saves_behind(event):
            self.state(_words(replies), f"after {self.learnt} examples")
        return np.array([result.label for result in found], np.int64)

    def result(self, expected: Result, found: Result, where: str) -> None:
        """Raise Mismatch unless two results are the same."""
        if found != expected:
            raise Mismatch(where, f"the result must be the reference's {_told(expected)}", _told(found))
        self.results += 1

    def state(self, found: Words, when: str) -> None:
        """Raise Mismatch unless every word of the state is the reference's."""
        config = self.learner.config
        compare_states(config, state_words(config, self.learner.state), found, when)
        self.words += len(found)


def compare_states(config: LearnerConfig, expected: Words, found: Words, when: str) -> None:
    """Raise Mismatch, which says `when`, unless the words of two states are the same."""
    if len(found) != len(expected):
        raise Mismatch(f"state {when}", f"must have {len(expected)} words", len(found))
    wrong = np.flatnonzero(found != expected)
    if wrong.size:
        at = int(wrong[0])
        rule = f"must be the reference's {int(expected[at]):08x} {when}"
        raise Mismatch(place_of(config, at), rule, f"{int(found[at]):08x} ({wrong.size} words differ)")


def _row(event: Checkpoint, old: tuple[int, ...], found: IntArray) -> Row:
    right, is_old = found == event.labels, np.isin(event.labels, old)

    def share(part: np.ndarray[Any, np.dtype[np.bool_]]) -> float | None:
        return float(right[part].mean()) if part.any() else None

    shares = share(is_old), share(~is_old), float(right.mean())
    return Row(event.label, event.count, event.learnt, len(right), *shares)


def _result(replies: Iterator[Reply]) -> Result:
    found = next(replies)
    assert isinstance(found, Result)
    return found


def _words(replies: Iterator[Reply]) -> Words:
    found = next(replies)
    assert isinstance(found, np.ndarray)
    return found


def _told(result: Result) -> str:
    status = "" if not result.status else f", {Status(result.status)!r}"
    return f"(class {result.label}, {result.votes} votes, margin {result.margin}{status})"
