"""The learner in integers: what hardware must equal, word by word."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lutwright.errors import BadFeatures
from lutwright.learn import file
from lutwright.learn.codes import check_versions, subvectors
from lutwright.learn.config import LearnerConfig
from lutwright.learn.result import Answers, Result, Status
from lutwright.learn.rule import choose, distances, update
from lutwright.learn.scan import nearest
from lutwright.learn.state import EXAMPLES_MAX, State
from lutwright.learn.votes import decide, tally, undecided
from lutwright.numerics.quantiser import IntArray


class Learner:
    """Learns one example at a time and predicts; a class appears with its first example.

    config: its parameters. source: the SHA-256 (32 bytes) of what makes its features, or nothing; a state whose source
    is another one is not loaded. state: what it knows, to read; to change it is for the operations.

    An example or query is integer codes: [d], or [R, d] for R versions of it, R <= config.versions. A class is named
    by its number; from `config.classes` on the answer is Status.FULL and nothing changes.
    BadFeatures for other shapes, codes out of range and negative classes.
    """

    def __init__(self, config: LearnerConfig, source: bytes = b"") -> None:
        self.config = config
        self.source = file.check_source(source)
        self.state = State.empty(config)

    def learn(self, x: ArrayLike, label: int) -> Result:
        """Learn each version of an example as an example of class `label`."""
        versions = self._versions(x)
        if not self._room(label):
            return Result(label, 0, 0, Status.FULL)
        status = Status(0)
        for version in versions:
            status |= self._learn(version, label)
        return Result(label, 0, 0, status)

    def learn_many(self, x: ArrayLike, labels: Sequence[int] | IntArray) -> list[Result]:
        """Learn examples [B, d] or [B, R, d] of classes `labels` [B], one after the other."""
        examples = np.asarray(x)
        if len(labels) != len(examples):
            raise BadFeatures("classes", f"must be {len(examples)}, one an example", len(labels))
        return [self.learn(example, int(label)) for example, label in zip(examples, labels, strict=True)]

    def predict(self, x: ArrayLike) -> Result:
        """Predict the class of a query by the votes of all subspaces and versions."""
        versions = self._versions(x)
        return self._decide(self._votes(versions[None]))[0]

    def predict_many(self, x: ArrayLike) -> Answers:
        """Predict the classes of queries [B, d] or [B, R, d], each by itself."""
        return self._decide(self.votes(x))

    def votes(self, x: ArrayLike) -> IntArray:
        """Return the votes of queries [B, d] or [B, R, d] for each class, int64 [B, C]; 0 where no class is known."""
        return self._votes(self._versions(x, batch=True))

    def forget(self, label: int) -> Result:
        """Forget class `label`; its room is free again."""
        room = self._room(label)
        if room:
            self.state.forget(label)
        return Result(label, 0, 0, Status(0) if room else Status.FULL)

    def clear(self) -> None:
        """Forget all classes, and begin the random choices anew."""
        self.state = State.empty(self.config)

    def count(self, label: int) -> int:
        """Return how many examples class `label` has learnt; 0 for one that there is no room for."""
        return int(self.state.examples[label]) if self._room(label) else 0

    def known(self) -> NDArray[np.bool_]:
        """Return which classes have learnt an example, bool [C]."""
        return self.state.examples > 0

    def dump(self) -> bytes:
        """Return what it knows, as the bytes of a state file."""
        return file.pack(file.Stored(self.config, self.state, self.source))

    def restore(self, raw: bytes, where: str = "learner's state") -> None:
        """Take up what `dump` returned, here or on a board; BadState where it cannot, and then nothing changes."""
        stored = file.unpack(raw, where)
        file.check_same(stored, self.config, self.source, where)
        self.state, self.source = stored.state, self.source or stored.source

    def save(self, path: Path) -> None:
        """Write what it knows to the state file `path`. Raises OutputError."""
        file.write(path, self.dump())

    def load(self, path: Path) -> None:
        """Take up the state file `path`; BadState where it cannot, and then nothing changes."""
        self.restore(file.read(path), file.named(path))

    def _versions(self, x: ArrayLike, *, batch: bool = False) -> IntArray:
        """Return the codes int64 [R, P, w], or [B, R, P, w] of a batch, on the grid of the anchors."""
        found = subvectors(x, self.config)
        axes, d = found.ndim - 1, self.config.features
        if axes not in (1 + batch, 2 + batch):
            rule = f"a batch, [B, {d}] or [B, versions, {d}]" if batch else f"one example, [{d}] or [versions, {d}]"
            raise BadFeatures("features", f"must be {rule}", f"an array of {axes} axes")
        if axes == 1 + batch:
            found = found[..., None, :, :]
        check_versions(found.shape[-3], self.config)
        return found

    def _votes(self, versions: IntArray) -> IntArray:
        """Return the votes int64 [B, C] of codes [B, R, P, w] on the grid of the anchors."""
        state, config, count = self.state, self.config, len(versions)
        if not self.known().any():
            return np.zeros((count, config.classes), np.int64)
        queries = versions.reshape(-1, *versions.shape[2:])
        found = nearest(queries, state.y, state.n, config.distance, config.distance_bits)
        return tally(found.reshape(count, -1), config.classes)

    def _decide(self, votes: IntArray) -> Answers:
        return decide(votes) if self.known().any() else undecided(len(votes))

    def _room(self, label: int) -> bool:
        if label < 0:
            raise BadFeatures("class", "must be 0 or more", label)
        return label < self.config.classes

    def _learn(self, x: IntArray, label: int) -> Status:
        """Learn one version [P, w], on the grid of the anchors."""
        state, config = self.state, self.config
        anchors, counts = state.y[label], state.n[label]
        chosen, state.pointer[label], state.lfsr = choose(
            config.policy,
            counts,
            int(state.pointer[label]),
            state.lfsr,
            lambda: distances(x, anchors, config.distance),
        )
        rows = np.arange(config.subspaces)
        full = counts[chosen, rows] == config.count_max
        held = bool(full.any())
        if held:  # the others learn
            rows = np.flatnonzero(~full)
            chosen, x = chosen[rows], x[rows]
        place = (label, chosen, rows)
        state.y[place], state.r[place], state.n[place] = update(state.y[place], state.r[place], state.n[place], x)
        stopped = int(state.examples[label]) == EXAMPLES_MAX
        state.examples[label] += not stopped
        return Status.SATURATED if held or stopped else Status(0)
