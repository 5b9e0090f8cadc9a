"""What a learner behind a network can be asked, whatever it is: a simulated chip, a board or the reference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lutwright.learn.file import from_words, state_words
from lutwright.learn.reference import Learner
from lutwright.learn.result import Result
from lutwright.numerics.quantiser import IntArray

Words = NDArray[np.uint32]


@dataclass(frozen=True, eq=False)
class Show:
    """Show an image: its input codes int64 [H, W, C]. learn: as an example of class `label`; else predict it."""

    codes: IntArray
    label: int = 0
    learn: bool = False


@dataclass(frozen=True)
class Save:
    """Read the state."""


@dataclass(frozen=True, eq=False)
class Load:
    """Write the state: `words` as of `learn.file.state_words`."""

    words: Words


Action = Show | Save | Load
Reply = Result | Words | None
"""To Show a result, to Save the words of the state, uint32, to Load nothing."""


class Device(Protocol):
    """A learner behind its network, which knows nothing when it starts to play."""

    def play(self, actions: Sequence[Action]) -> Iterator[Reply]:
        """Do all `actions` and yield the reply to each in order, as it comes."""
        ...


class Features(Protocol):
    """The network before a learner."""

    def __call__(self, codes: IntArray) -> IntArray:
        """Return the features of images int64 [n, H, W, C] in all their versions, int64 [n, R, d]."""
        ...


class ReferenceDevice:
    """The reference as a device. learner: new; features: of the network."""

    def __init__(self, learner: Learner, features: Features) -> None:
        self.learner, self.features = learner, features

    def play(self, actions: Sequence[Action]) -> Iterator[Reply]:
        """Do all `actions` and yield the reply to each."""
        learner = self.learner
        for action in actions:
            if isinstance(action, Save):
                yield state_words(learner.config, learner.state)
            elif isinstance(action, Load):
                learner.state = from_words(learner.config, action.words, "state to load")
                yield None
            else:
                versions = self.features(action.codes[None])[0]
                yield learner.learn(versions, action.label) if action.learn else learner.predict(versions)
