"""The learner in float64, with the same policies: what it loses in integers shows beside it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lutwright.errors import BadFeatures
from lutwright.learn.config import LearnerConfig
from lutwright.learn.result import Answers
from lutwright.learn.rule import choose, distances
from lutwright.learn.scan import nearest
from lutwright.learn.votes import decide, tally, undecided

FloatArray = NDArray[np.float64]


class FloatLearner:
    """TILDA in floats: anchors are means, counts have no end, there is no bound on the versions.

    config: its parameters; those about bits and versions are not read. Examples and queries are as a Learner's, but
    any finite numbers. BadFeatures for other shapes and classes.
    """

    def __init__(self, config: LearnerConfig) -> None:
        self.config = config
        shape = (config.classes, config.anchors, config.subspaces)
        self.anchors = np.zeros((*shape, config.width))
        self.counts = np.zeros(shape, np.int64)
        self._pointer = [0] * config.classes
        self._lfsr = config.seed

    def learn(self, x: ArrayLike, label: int) -> None:
        """Learn an example [d], or each version of it [R, d], as of class `label`."""
        if not 0 <= label < self.config.classes:
            raise BadFeatures("class", f"must be 0 .. {self.config.classes - 1}", label)
        for version in self._subvectors(np.atleast_2d(np.asarray(x, np.float64))):
            self._learn(version, label)

    def predict_many(self, x: ArrayLike) -> Answers:
        """Predict the classes of queries [B, d] or [B, R, d]."""
        queries = self._subvectors(np.asarray(x, np.float64))
        count, classes = len(queries), self.config.classes
        if not self.counts.any():
            return undecided(count)
        flat = queries.reshape(-1, *queries.shape[-2:])
        found = nearest(flat, self.anchors, self.counts, self.config.distance, None)
        return decide(tally(found.reshape(count, -1), classes))

    def _subvectors(self, x: FloatArray) -> FloatArray:
        if x.ndim < 2 or x.shape[-1] != self.config.features or not np.isfinite(x).all():
            rule = f"must be finite numbers of the shape [..., {self.config.features}]"
            raise BadFeatures("features", rule, f"{list(x.shape)}, or not finite")
        return x.reshape(*x.shape[:-1], self.config.subspaces, self.config.width)

    def _learn(self, x: FloatArray, label: int) -> None:
        anchors, counts = self.anchors[label], self.counts[label]
        chosen, self._pointer[label], self._lfsr = choose(
            self.config.policy,
            counts,
            self._pointer[label],
            self._lfsr,
            lambda: distances(x, anchors, self.config.distance),
        )
        place = (chosen, np.arange(self.config.subspaces))
        counts[place] += 1
        anchors[place] += (x - anchors[place]) / counts[place][:, None]


def nearest_mean(features: int, classes: int) -> FloatLearner:
    """Return the float nearest class mean: one anchor a class, one subspace, squared distance."""
    return FloatLearner(LearnerConfig(features, 1, 1, classes, feature_bits=1, distance="l2"))
