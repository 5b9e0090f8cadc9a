"""What a learner answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag

from lutwright.numerics.quantiser import IntArray


class Status(IntFlag):
    """The status bits of a result; 0 is good."""

    EMPTY = 1
    """A prediction before any class was learnt."""
    FULL = 2
    """A class that there is no room for; nothing was changed."""
    SATURATED = 4
    """A counter was full: an anchor that held still, or the examples of the class."""


@dataclass(frozen=True)
class Result:
    """The answer to one operation.

    label:  the class that was predicted, or the one that the operation named.
    votes:  of that class, 0 .. P * R; 0 unless it is a prediction.
    margin: its votes less the most that any other class has.
    """

    label: int
    votes: int
    margin: int
    status: Status


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers to n predictions: label, votes and margin int64 [n], and one status for all."""

    label: IntArray
    votes: IntArray
    margin: IntArray
    status: Status

    def __getitem__(self, index: int) -> Result:
        """The answer to one of them."""
        return Result(int(self.label[index]), int(self.votes[index]), int(self.margin[index]), self.status)
