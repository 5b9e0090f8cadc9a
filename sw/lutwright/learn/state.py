"""The state of a learner: everything that it knows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lutwright.errors import BadState
from lutwright.learn.config import EXAMPLE_BITS, LearnerConfig
from lutwright.numerics.quantiser import IntArray

EXAMPLES_MAX = (1 << EXAMPLE_BITS) - 1
"""Where the count of a class's examples stops."""


@dataclass(eq=False)
class State:
    """The memories of a learner, int64.

    y:        anchors [C, k, P, w], in units of 2**-f feature codes.
    r:        remainders [C, k, P, w]: the sum of an anchor's examples times 2**f is n * y + r, 0 <= r < n.
    n:        examples in an anchor [C, k, P]; 0: it is empty, and so are its y and r.
    examples: learnt by a class [C].
    pointer:  the anchor of a class that learns next [C]; 0 unless the policy is round-robin.
    lfsr:     of the random policy; the seed unless the policy is random.
    """

    y: IntArray
    r: IntArray
    n: IntArray
    examples: IntArray
    pointer: IntArray
    lfsr: int

    @classmethod
    def empty(cls, config: LearnerConfig) -> State:
        """The state before the first example."""
        # A feature's anchors lie side by side in memory, in the order in which a prediction reads them.
        shape = (config.subspaces, config.classes, config.anchors)
        y, r = (np.zeros((config.width, *shape), np.int64).transpose(2, 3, 1, 0) for _ in range(2))
        n = np.zeros(shape, np.int64).transpose(1, 2, 0)
        examples, pointer = (np.zeros(config.classes, np.int64) for _ in range(2))
        return cls(y, r, n, examples, pointer, config.seed)

    def forget(self, label: int) -> None:
        """Empty the anchors of class `label`."""
        for memory in (self.y, self.r, self.n, self.examples, self.pointer):
            memory[label] = 0

    def equals(self, other: State) -> bool:
        """Whether both know the same, word by word."""
        mine, theirs = vars(self), vars(other)
        return all(np.array_equal(mine[name], theirs[name]) for name in mine)


def check(state: State, config: LearnerConfig, where: str) -> None:
    """Raise BadState where `state`, of the right shapes, is none that examples can have led to, whatever they were."""
    for rule, holds in _rules(state, config):
        if not bool(np.all(holds)):
            raise BadState(where, f"{rule} in a learner's state", fix="Save it again where it came from.")


def _rules(state: State, config: LearnerConfig) -> list[tuple[str, bool | NDArray[np.bool_]]]:
    n = state.n[..., None]
    total = n * state.y + state.r
    bottom, top = config.low << config.fraction_bits, config.high << config.fraction_bits
    examples = state.examples[:, None]
    learnt, held = state.n.sum(axis=1), (state.n == config.count_max).any(axis=1)  # [C, P]
    stopped = examples == EXAMPLES_MAX
    turn = state.pointer == (state.examples % config.anchors if config.policy == "round-robin" else 0)
    if config.policy == "round-robin":
        turn |= (state.examples == EXAMPLES_MAX) & (state.pointer >= 0) & (state.pointer < config.anchors)
    return [
        ("counts must be within their bits", (state.n >= 0) & (state.n <= config.count_max)),
        ("a remainder must be less than its count", (state.r >= 0) & (state.r < np.maximum(n, 1))),
        ("an empty anchor must be 0", (n > 0) | (state.y == 0)),
        ("an anchor must be a mean of feature codes", (total >= n * bottom) & (total <= n * top)),
        ("an anchor's sum must be one of integers", total % (1 << config.fraction_bits) == 0),
        ("a class's examples must be within their bits", (examples >= 0) & (examples <= EXAMPLES_MAX)),
        ("counts must add up to the examples", (learnt == examples) | (held & (learnt < examples)) | stopped),
        ("a class without examples must be empty", (learnt == 0) == (examples == 0)),
        ("the pointer must follow the examples", turn),
        ("the generator must be at its seed, or at work", _lfsr_possible(state.lfsr, config)),
    ]


def _lfsr_possible(lfsr: int, config: LearnerConfig) -> bool:
    return 0 < lfsr < 1 << 16 if config.policy == "random" else lfsr == config.seed
