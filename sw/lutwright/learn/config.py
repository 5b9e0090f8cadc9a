"""The parameters of a learner."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from lutwright.errors import BadLearner

Policy = Literal["weighted", "round-robin", "random", "nearest"]
Distance = Literal["l1", "l2"]

POLICIES: tuple[Policy, ...] = ("weighted", "round-robin", "random", "nearest")
"""How the anchor that learns is chosen; a state file holds the place of the policy in this list."""
DISTANCES: tuple[Distance, ...] = ("l1", "l2")
"""Sum of magnitudes, sum of squares; a state file holds the place of the distance in this list."""

EXAMPLE_BITS = 32
"""Bits of the count of a class's examples."""

_WIDEST = 62  # bits of n * D: int64 holds it, with room for a sign and one more sum
_MOST = 1 << 28  # features in all anchors: 2 GiB of int64
_LIMITS = {
    "features": (1, 1 << 16),
    "subspaces": (1, 1 << 16),
    "anchors": (1, 256),
    "classes": (1, (1 << 16) - 1),
    "feature_bits": (1, 16),
    "fraction_bits": (0, 16),
    "count_bits": (1, 32),
    "seed": (1, (1 << 16) - 1),
    "versions": (1, 4096),
}


@dataclass(frozen=True)
class LearnerConfig:
    """What a learner is built for; BadLearner where no learner can be so.

    features:      d, codes in a feature vector.
    subspaces:     P, a divisor of d; subspace p is the features p * width .. p * width + width - 1.
    anchors:       k, for each class and subspace.
    classes:       C, as many as there is room for.
    feature_bits:  F, of a feature code.
    fraction_bits: f, what an anchor holds below the point.
    count_bits:    N, of the number of examples in an anchor; at 2**N - 1 it learns no more.
    signed:        codes in two's complement, -2**(F-1) .. 2**(F-1) - 1; else 0 .. 2**F - 1.
    policy:        which anchor learns.
    distance:      l1 or l2 (squared).
    seed:          of the random policy, 1 .. 65535.
    versions:      R, of one example or query at most.
    """

    features: int
    subspaces: int
    anchors: int
    classes: int
    feature_bits: int = 8
    fraction_bits: int = 4
    count_bits: int = 12
    signed: bool = False
    policy: Policy = "weighted"
    distance: Distance = "l1"
    seed: int = 1
    versions: int = 1

    def __post_init__(self) -> None:
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise BadLearner("learner", f"{name} must be an integer of {low} .. {high}", repr(value))
        if type(self.signed) is not bool:
            raise BadLearner("learner", "signed must be true or false", repr(self.signed))
        if self.policy not in POLICIES:
            raise BadLearner("learner", f"policy must be one of {', '.join(POLICIES)}", repr(self.policy))
        if self.distance not in DISTANCES:
            raise BadLearner("learner", f"distance must be one of {', '.join(DISTANCES)}", repr(self.distance))
        if self.signed and self.feature_bits < 2:
            raise BadLearner("learner", "signed codes must have 2 bits or more", self.feature_bits)
        if self.features % self.subspaces:
            fix = "Choose as many subspaces as divide the features."
            raise BadLearner("learner", f"subspaces must divide the {self.features} features", self.subspaces, fix)
        if self.count_bits + self.distance_bits > _WIDEST:
            fix = "Take fewer fraction or count bits, or the distance l1."
            found = f"{self.count_bits} + {self.distance_bits}"
            raise BadLearner("learner", f"bits of a count and of a distance must be at most {_WIDEST}", found, fix)
        if self.classes * self.anchors * self.features > _MOST:
            found = f"{self.classes} * {self.anchors} * {self.features}"
            raise BadLearner("learner", f"classes * anchors * features must be at most {_MOST}", found)

    @property
    def width(self) -> int:
        """Features in a subvector, w = d / P."""
        return self.features // self.subspaces

    @property
    def low(self) -> int:
        """Lowest feature code."""
        return -(1 << (self.feature_bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """Highest feature code."""
        return self.low + (1 << self.feature_bits) - 1

    @property
    def anchor_bits(self) -> int:
        """Bits of an anchor's element, A = F + f; signed as the features are."""
        return self.feature_bits + self.fraction_bits

    @property
    def count_max(self) -> int:
        """Examples that an anchor can learn, 2**N - 1."""
        return (1 << self.count_bits) - 1

    @property
    def distance_bits(self) -> int:
        """Bits of a distance, unsigned: a magnitude, or a square, of A bits summed over a subvector."""
        return self.anchor_bits * (1 if self.distance == "l1" else 2) + (self.width - 1).bit_length()

    @property
    def row_bits(self) -> int:
        """Bits of an anchor subvector in memory: its elements, their remainders, the count."""
        return self.width * (self.anchor_bits + self.count_bits) + self.count_bits

    @property
    def rows(self) -> int:
        """Anchor subvectors in memory, C * k * P."""
        return self.classes * self.anchors * self.subspaces

    @property
    def memory_bits(self) -> int:
        """Bits of all anchors."""
        return self.rows * self.row_bits

    @property
    def vote_bits(self) -> int:
        """Bits of a class's votes: they must hold P * R, for a vote can be unanimous."""
        return (self.subspaces * self.versions).bit_length()

    @property
    def label_bits(self) -> int:
        """Bits of a label in a stream: one more than the classes need, so that a label beyond them can be told."""
        return (max(self.classes, 2) - 1).bit_length() + 1

    def differences(self, other: LearnerConfig) -> list[str]:
        """Names of the parameters in which a learner `other` cannot go on from this one's state: all but `versions`."""
        names = [field.name for field in fields(self) if field.name != "versions"]
        return [name for name in names if getattr(self, name) != getattr(other, name)]
