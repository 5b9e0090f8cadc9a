"""The words of `--learner`: classes=10,subspaces=8,anchors=4[,views=flip ...]."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lutwright.errors import BadOption
from lutwright.ir.graph import Graph
from lutwright.learn.config import DISTANCES, POLICIES, Distance, LearnerConfig, Policy
from lutwright.learn.versions import PRESETS, Views, views

_WHERE = "--learner"
_EXAMPLE = "Say for instance classes=10,subspaces=8,anchors=4."


@dataclass(frozen=True)
class LearnerWish:
    """A learner as the user asks for it; what follows from the network's features is not in it.

    image: (rows, columns) of a whole image, of which views are crops; None: as large as what the network takes.
    features: the node whose output is the features, "" for what goes into the last dense layer.
    """

    classes: int
    subspaces: int
    anchors: int
    policy: Policy = "weighted"
    distance: Distance = "l1"
    fraction_bits: int = 4
    count_bits: int = 12
    lanes: int = 1
    seed: int = 1
    views: str = "1"
    image: tuple[int, int] | None = None
    features: str = ""

    def made_views(self, graph: Graph) -> Views | None:
        """The views of an image for the feature graph `graph`; None where the image is the only one.

        Raises BadOption where the network takes no image, or one that is larger.
        """
        shape = graph.tensors[graph.input].shape
        if len(shape) != 3:
            if self.views == "1" and self.image is None:
                return None
            raise BadOption(_WHERE, "views and image need a network that takes images", _by(shape), "Leave them out.")
        crop = (shape[0], shape[1])
        image = self.image or crop
        if image[0] < crop[0] or image[1] < crop[1]:
            raise BadOption(_WHERE, f"image must be {_by(crop)} or larger, for the network takes that", _by(image))
        made = views(self.views, image, crop)
        return None if made.count == 1 and image == crop else made

    def config(self, graph: Graph) -> LearnerConfig:
        """The parameters of the learner behind the feature graph `graph`.

        Raises BadOption where subspaces or lanes do not divide what they must, BadLearner for what no learner can be.
        """
        tensor, made = graph.tensors[graph.output], self.made_views(graph)
        _divides("subspaces", self.subspaces, "features", tensor.words)
        _divides("lanes", self.lanes, "subspaces", self.subspaces)
        return LearnerConfig(
            features=tensor.words,
            subspaces=self.subspaces,
            anchors=self.anchors,
            classes=self.classes,
            feature_bits=tensor.type.width,
            fraction_bits=self.fraction_bits,
            count_bits=self.count_bits,
            signed=tensor.type.signed,
            policy=self.policy,
            distance=self.distance,
            seed=self.seed,
            versions=1 if made is None else made.count,
        )


def parse_learner(text: str) -> LearnerWish:
    """The wish that the words `text`, separated by commas, are; BadOption names a word that is none."""
    found: dict[str, Any] = {}
    for word in text.split(","):
        name, equals, value = (part.strip() for part in word.partition("="))
        if name not in _WORDS:
            raise BadOption(_WHERE, f"words must be among {', '.join(_WORDS)}", repr(name), _EXAMPLE)
        if not equals or not value:
            raise BadOption(_WHERE, f"'{name}' must have a value", "none", f"Say {name}=VALUE.")
        if name in found:
            raise BadOption(_WHERE, f"'{name}' must be said once", "twice")
        found[name] = _WORDS[name](name, value)
    missing = [name for name in ("classes", "subspaces", "anchors") if name not in found]
    if missing:
        raise BadOption(_WHERE, f"'{missing[0]}' must be said", "missing", _EXAMPLE)
    return LearnerWish(**found)


def _number(name: str, value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise BadOption(_WHERE, f"'{name}' must be a number", repr(value))
    return int(value)


def _size(name: str, value: str) -> tuple[int, int]:
    made = re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", value)
    if not made:
        raise BadOption(_WHERE, f"'{name}' must be ROWSxCOLUMNS", repr(value), "Say for instance image=32x32.")
    return int(made[1]), int(made[2])


def _one_of(words: tuple[str, ...]) -> Callable[[str, str], str]:
    def chosen(name: str, value: str) -> str:
        if value not in words:
            raise BadOption(_WHERE, f"'{name}' must be one of {', '.join(words)}", repr(value))
        return value

    return chosen


_WORDS: dict[str, Callable[[str, str], Any]] = {
    "classes": _number,
    "subspaces": _number,
    "anchors": _number,
    "policy": _one_of(POLICIES),
    "distance": _one_of(DISTANCES),
    "fraction_bits": _number,
    "count_bits": _number,
    "lanes": _number,
    "seed": _number,
    "views": _one_of(PRESETS),
    "image": _size,
    "features": lambda name, value: value,
}


def _divides(name: str, value: int, what: str, whole: int) -> None:
    if value < 1 or whole % value:
        divisors = ", ".join(str(n) for n in range(1, whole + 1) if whole % n == 0)
        raise BadOption(_WHERE, f"'{name}' must divide the {whole} {what}", value, f"There are {divisors}.")


def _by(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))
