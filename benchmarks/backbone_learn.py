"""Classes that arrive one after another: what each learner knows after each of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from backbone_features import Features
from backbone_rtl import Played, Script, play
from numpy.typing import NDArray

from lutwright.learn import Learner, LearnerConfig
from lutwright.learn.codes import feature_quantiser
from lutwright.learn.floating import FloatLearner, nearest_mean
from lutwright.numerics.quantiser import IntArray


@dataclass(frozen=True, eq=False)
class Encoded:
    """The features of a data set for one learner.

    train, test: float64 [N, d], the square roots of the features in a fixed order; train_codes, test_codes: int64
    [N, d], the same quantised; labels int64 [N].
    """

    train: NDArray[np.float64]
    train_codes: IntArray
    train_labels: IntArray
    test: NDArray[np.float64]
    test_codes: IntArray
    test_labels: IntArray


@dataclass(frozen=True)
class Row:
    """Share of right answers after `classes` classes, over the queries of these classes.

    mean: float nearest class mean on the features as they are. floating: float TILDA on their roots. integer: the
    reference. asked, right: queries to the cell, and its right answers. queries: to each of the others.
    """

    classes: int
    queries: int
    mean: float
    floating: float
    integer: float
    asked: int
    right: int


def encode(features: Features, config: LearnerConfig, seed: int) -> Encoded:
    """Roots of the features, shuffled, and their codes on a scale that only the first half of the classes is asked for.

    The root takes from few large features their weight; it is a table of thresholds, as any quantiser is. Features
    that belong together lie side by side in no known way, but a shuffle makes sure that subspaces are alike.
    """
    order = np.random.default_rng(seed).permutation(config.features)
    train, test = (
        np.sqrt(np.maximum(part, 0).astype(np.float64))[:, order] for part in (features.train, features.test)
    )
    old = features.train_labels < max(features.classes // 2, 1)
    quantiser = feature_quantiser(train[old], config)
    codes = [quantised(part, quantiser.scale, config) for part in (train, test)]
    return Encoded(train, codes[0], features.train_labels, test, codes[1], features.test_labels)


def quantised(x: NDArray[np.float64], scale: float | NDArray[np.floating], config: LearnerConfig) -> IntArray:
    """Codes int64 of `x`: round(x / scale), half to even, kept within the codes of `config`."""
    return np.clip(np.rint(x / scale), config.low, config.high).astype(np.int64)


def curve(features: Features, config: LearnerConfig, seed: int, asked: int, lanes: int = 1) -> tuple[list[Row], Played]:
    """A row after each class, and what the cell did: every example, and up to `asked` queries after each class.

    Raises ToolFailed where a result or a word of the cell's state differs, Mismatch where its clocks do.
    """
    data, script, learner = encode(features, config, seed), Script(config), Learner(config)
    mean, floating = nearest_mean(config.features, config.classes), FloatLearner(config)
    rows = []
    for label in range(features.classes):
        for index in np.flatnonzero(data.train_labels == label):
            script.learn(data.train_codes[index], label, learner.learn(data.train_codes[index], label))
            floating.learn(data.train[index], label)
            mean.learn(features.train[index], label)
        seen = in_turns(data.test_labels)
        seen = seen[data.test_labels[seen] <= label]
        answers, labels = learner.predict_many(data.test_codes[seen]), data.test_labels[seen]
        for place, index in enumerate(seen[:asked]):
            script.predict(data.test_codes[index], answers[place])
        right = answers.label == labels
        rows.append(
            Row(
                label + 1,
                len(seen),
                _share(mean.predict_many(features.test[seen]).label == labels),
                _share(floating.predict_many(data.test[seen]).label == labels),
                _share(right),
                min(asked, len(seen)),
                int(right[:asked].sum()),
            )
        )
    script.save(learner)
    return rows, play(script, lanes)


def accuracy(features: Features, config: LearnerConfig, seed: int) -> float:
    """Share of right answers of the reference over all queries, after all classes."""
    data, learner = encode(features, config, seed), Learner(config)
    for label in range(features.classes):
        own = data.train_codes[data.train_labels == label]
        learner.learn_many(own, [label] * len(own))
    return _share(learner.predict_many(data.test_codes).label == data.test_labels)


def in_turns(labels: IntArray) -> IntArray:
    """Row numbers such that labels take turns: the first of each, then the second of each, and so on."""
    turn = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        turn[own] = np.arange(len(own))
    return np.lexsort((labels, turn))


def _share(right: NDArray[np.bool_]) -> float:
    return float(right.mean())
