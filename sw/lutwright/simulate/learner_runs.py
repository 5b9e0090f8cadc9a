"""A learner's chip against the integer executor and the reference of the learner, word for word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from lutwright.emit.project import Project
from lutwright.ir.execute import execute
from lutwright.learn.chip import LearnerChip
from lutwright.learn.file import state_words
from lutwright.learn.reference import Learner
from lutwright.learn.result import Result
from lutwright.numerics.quantiser import IntArray
from lutwright.simulate.compare import Comparison, compare
from lutwright.simulate.core import Run, RunResult
from lutwright.simulate.learner_chip import (
    CLEAR,
    COUNT,
    FORGET,
    ChipRecord,
    Command,
    Frame,
    Operation,
    play_chip,
    save_operations,
)
from lutwright.simulate.runner import Bench

_BATCH = 256  # images whose features are computed at a time


def chip_features(project: Project, chip: LearnerChip, images: IntArray) -> IntArray:
    """The features of `images`, input codes int64 [n, *chip.shape], by the integer executor: int64 [n, R, d]."""
    made = []
    for start in range(0, len(images), _BATCH):
        part = images[start : start + _BATCH]
        views = part[:, None] if chip.views is None else chip.views.of(part)
        flat = execute(project.graph, views.reshape(-1, *views.shape[2:]))
        made.append(flat.reshape(len(part), -1, chip.config.features))
    return np.concatenate(made)


@dataclass(eq=False)
class Script:
    """Operations for a chip, done by the reference as they are written down, and what it says of each."""

    learner: Learner
    operations: list[Operation] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    answers: list[tuple[int, int]] = field(default_factory=list)

    def frame(self, image: IntArray, features: IntArray, label: int, learn: bool) -> None:
        """An image of features int64 [R, d]."""
        self.operations.append(Frame(image, label, learn))
        self.results.append(self.learner.learn(features, label) if learn else self.learner.predict(features))

    def count(self, label: int) -> None:
        """Ask how many examples a class has."""
        self.operations.append(Command(COUNT, label))
        self.answers.append((self.learner.count(label), 0))

    def forget(self, label: int) -> None:
        """Forget a class."""
        self.operations.append(Command(FORGET, label))
        self.answers.append((0, int(self.learner.forget(label).status)))

    def clear(self) -> None:
        """Forget all of them."""
        self.operations.append(Command(CLEAR))
        self.learner.clear()
        self.answers.append((0, 0))

    def save(self) -> None:
        """Read the whole state."""
        words = state_words(self.learner.config, self.learner.state).tolist()
        self.operations += save_operations(self.learner.config)
        self.answers += [(0, 0), *((word, 0) for word in words)]


def mixed_script(chip: LearnerChip, images: IntArray, features: IntArray, labels: Sequence[int] | IntArray) -> Script:
    """Every image once: two are learnt, the third is predicted; commands between them, and the state at the end.

    images int64 [n, *chip.shape], features int64 [n, R, d], labels [n]; some are beyond the learner's classes.
    """
    script, classes = Script(Learner(chip.config, chip.source)), chip.config.classes
    for index, (image, made, label) in enumerate(zip(images, features, labels, strict=True)):
        script.frame(image, made, int(label) % (1 << chip.config.label_bits), index % 3 != 2)
        if index % 8 == 5:
            script.count(int(label) % classes)
        if index % 32 == 16:
            script.forget(int(label) % classes)
    script.save()
    return script


def play_runs(
    bench: Bench, project: Project, chip: LearnerChip, images: IntArray, labels: IntArray, runs: Sequence[Run]
) -> list[RunResult]:
    """Play `mixed_script` of the first images of each run through the compiled chip, and compare every word."""
    features = chip_features(project, chip, images[: max(run.frames for run in runs)])
    results = []
    for run in runs:
        count = run.frames
        script = mixed_script(chip, images[:count], features[:count], labels[:count])
        record = play_chip(bench, project, script.operations, run)
        half = record.clock[record.clock.size // 2 :]
        steady = round(float(np.median(np.diff(half)))) if half.size > 1 else 0
        results.append(RunResult(run, tuple(_comparisons(script, record)), steady))
    return results


def _comparisons(script: Script, record: ChipRecord) -> list[Comparison]:
    wanted = {
        name: np.array([int(getattr(result, name)) for result in script.results], np.int64)
        for name in ("label", "votes", "margin", "status")
    }
    found = [_alike(name, want, getattr(record, name)) for name, want in wanted.items()]
    data, status = np.array(script.answers, np.int64).reshape(-1, 2).T
    size = state_words(script.learner.config, script.learner.state).size
    told = data.size - size
    found.append(_alike("commands", data[:told], record.data[:told]))
    found.append(_alike("status of a command", status, record.answer_status))
    return [*found, _alike("state", data[told:][None], record.data[told:])]


def _alike(stage: str, want: IntArray, got: IntArray) -> Comparison:
    """Of one word a frame, or for the state one frame of all words."""
    frames = want[:, None] if want.ndim == 1 else want
    return compare(stage, frames, got[:, None], np.zeros(got.size, np.bool_), "rtl", "reference")
