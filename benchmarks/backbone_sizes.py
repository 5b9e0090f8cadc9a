"""The learners that are tried on each data set, and what they take."""

from __future__ import annotations

from dataclasses import dataclass

from backbone_net import FEATURES

from lutwright.learn import LearnerConfig
from lutwright.learn.config import Distance, Policy

_WIDTH = 16  # features in a subvector, and so squarers in hardware


@dataclass(frozen=True)
class Plan:
    """What is measured on a data set. best: the learner that is followed class by class and played in hardware.

    others: measured after the last class, beside it.
    """

    data: str
    best: LearnerConfig
    others: tuple[LearnerConfig, ...]


def learner(
    anchors: int,
    bits: tuple[int, int, int],
    classes: int = 10,
    policy: Policy = "nearest",
    distance: Distance = "l2",
    width: int = _WIDTH,
) -> LearnerConfig:
    """A learner of 1,280 features in subvectors of `width`; bits: of features, fraction and count."""
    feature, fraction, count = bits
    return LearnerConfig(
        FEATURES,
        FEATURES // width,
        anchors,
        classes,
        feature,
        fraction,
        count,
        policy=policy,
        distance=distance,
    )


PLANS = {
    plan.data: plan
    for plan in (
        Plan(
            "cifar10",
            learner(3, (4, 3, 9)),
            (
                learner(1, (3, 3, 6)),
                learner(1, (4, 3, 9)),
                learner(1, (6, 4, 10)),
                learner(2, (3, 3, 6)),
                learner(2, (4, 3, 9)),
                learner(4, (3, 3, 6)),
                learner(3, (4, 3, 9), policy="weighted"),
                learner(4, (3, 3, 6), policy="weighted"),
                learner(4, (4, 2, 6), distance="l1", width=80),
                learner(4, (8, 4, 12), policy="weighted"),
            ),
        ),
        Plan(
            "orl-faces",
            learner(1, (6, 2, 3), 40),
            (
                learner(1, (3, 3, 3), 40),
                learner(1, (4, 2, 3), 40),
                learner(1, (8, 4, 8), 40),
                learner(2, (4, 2, 3), 40),
            ),
        ),
    )
}
"""By the name of the data set."""


def multipliers(config: LearnerConfig, lanes: int = 1) -> int:
    """Products in hardware at a time: a square a feature of a subvector; under weighted, count times distance."""
    squares = config.width if config.distance == "l2" else 0
    return lanes * (squares + (config.policy == "weighted"))


def title(config: LearnerConfig) -> str:
    """A learner in few words."""
    return (
        f"w={config.width} k={config.anchors} F={config.feature_bits} f={config.fraction_bits} N={config.count_bits} "
        f"{config.distance} {config.policy}"
    )
