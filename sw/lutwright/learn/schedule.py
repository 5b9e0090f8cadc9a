"""Which examples are learnt in which order, and when the accuracy is measured on what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lutwright.errors import BadData, BadOption
from lutwright.numerics.quantiser import IntArray


@dataclass(frozen=True)
class Wish:
    """What is to be learnt.

    old, new: classes, as the data set numbers them. examples: of each class that is learnt. test: test images at most.
    every:    examples of a new class between two checkpoints. seed: of the choice and order of the examples.
    """

    old: tuple[int, ...]
    new: tuple[int, ...]
    examples: int = 50
    test: int = 1000
    every: int = 10
    seed: int = 1


@dataclass(frozen=True)
class Example:
    """One example to learn: `row` of the training images, of class `label`."""

    label: int
    row: int


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A look at the accuracy.

    label: the new class that is being learnt, None where it is the old ones; count: of its examples so far.
    learnt: examples of all classes so far. known: the classes that are tested, in the order in which they came.
    rows: of the test images of these classes, int64, in the data set's order; labels: their classes, int64.
    """

    label: int | None
    count: int
    learnt: int
    known: tuple[int, ...]
    rows: IntArray
    labels: IntArray


@dataclass(frozen=True, eq=False)
class Schedule:
    """Examples and checkpoints in order. old: classes whose accuracy is told apart from that of the others."""

    old: tuple[int, ...]
    events: tuple[Example | Checkpoint, ...]

    @property
    def examples(self) -> list[Example]:
        """The examples, in order."""
        return [event for event in self.events if isinstance(event, Example)]

    @property
    def checkpoints(self) -> list[Checkpoint]:
        """The checkpoints, in order."""
        return [event for event in self.events if isinstance(event, Checkpoint)]


@dataclass(frozen=True, eq=False)
class Labels:
    """Classes of the images of a data set `name`: int64 [training images], int64 [test images]."""

    name: str
    train: NDArray[np.int64]
    test: NDArray[np.int64]


def schedule(labels: Labels, wish: Wish, room: int, begun: Sequence[int] = ()) -> Schedule:
    """Return the order in which `wish` is learnt from the data set of `labels`.

    room:  classes that the learner has room for. begun: examples of each class that it has learnt already, of these
           training images; () where it knows nothing.

    The old classes that it does not know come first, an example of each in turn; a checkpoint; then the new ones one
    after another, with a checkpoint at every `wish.every` examples of a class and behind its last. A class's examples
    are drawn by `wish.seed` and its own number alone, and those that were learnt already are passed over. Tested are
    the first `wish.test` test images of the classes wished for, of those the ones that are known by then.

    BadOption for a class twice or beyond the room and for numbers below 1, BadData for a class that the data has no
    image of, or too few.
    """
    _check_wish(wish, room)
    count = {label: begun[label] if begun else 0 for label in (*wish.old, *wish.new)}
    fresh = [label for label in wish.old if not count[label]]
    rows = {label: _drawn(labels, wish, label, count[label]) for label in (*fresh, *wish.new)}
    tested = _tested(labels, wish)
    events: list[Example | Checkpoint] = []

    def look(label: int | None, done: int, known: tuple[int, ...]) -> None:
        chosen = tested[np.isin(labels.test[tested], known)]
        learnt = sum(isinstance(event, Example) for event in events)
        events.append(Checkpoint(label, done, learnt, known, chosen, labels.test[chosen]))

    events += [Example(label, int(rows[label][turn])) for turn in range(wish.examples) for label in fresh]
    if wish.old:
        look(None, wish.examples, wish.old)
    known = wish.old
    for label in wish.new:
        known = (*known, label)
        for done, row in enumerate(rows[label], 1):
            events.append(Example(label, int(row)))
            if done % wish.every == 0 or done == wish.examples:
                look(label, done, known)
    return Schedule(wish.old, tuple(events))


def _check_wish(wish: Wish, room: int) -> None:
    for name in ("examples", "test", "every"):
        if getattr(wish, name) < 1:
            raise BadOption(f"--{name}", "must be 1 or more", getattr(wish, name))
    if wish.seed < 0:
        raise BadOption("--seed", "must be 0 or more", wish.seed)
    wanted = (*wish.old, *wish.new)
    if not wanted:
        raise BadOption("--old", "or --new must name a class", "neither")
    for label in wanted:
        if wanted.count(label) > 1:
            raise BadOption("--new", "must name each class once, and none of the old ones", f"{label} twice")
        if not 0 <= label < room:
            fix = "Build the project with --learner classes=.. for more."
            raise BadOption("--new", f"classes must be 0 to {room - 1}: the learner has room for {room}", label, fix)


def _drawn(labels: Labels, wish: Wish, label: int, begun: int) -> IntArray:
    """Return the training rows of the examples of class `label`, int64 [examples]."""
    own = np.flatnonzero(labels.train == label)
    where = f"data set '{labels.name}'"
    if not own.size:
        raise BadData(where, f"class {label} must have training images", "none")
    if own.size < begun + wish.examples:
        before = f" beside the {begun} learnt before" if begun else ""
        rule = f"class {label} must have {wish.examples} training images{before}"
        raise BadData(where, rule, f"{own.size} in all" if begun else own.size, "Ask for fewer --examples.")
    order = np.random.default_rng([wish.seed, label]).permutation(own)
    return np.asarray(order[begun : begun + wish.examples])


def _tested(labels: Labels, wish: Wish) -> IntArray:
    """Return the rows of all test images that are used, int64."""
    wanted = (*wish.old, *wish.new)
    rows = np.flatnonzero(np.isin(labels.test, wanted))[: wish.test]
    for label in wanted:
        if not (labels.test == label).any():
            raise BadData(f"data set '{labels.name}'", f"class {label} must have test images", "none")
        if not (labels.test[rows] == label).any():
            rule = f"must be enough that an image of class {label} is among the test images"
            raise BadOption("--test", rule, wish.test, "Ask for more.")
    return rows
