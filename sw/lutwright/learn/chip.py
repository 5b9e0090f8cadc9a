"""A network's features and a learner as one chip: its modules, streams and numbers.

`LearnerChip` is what the generated module `<name>_learner` is made of; emit/learner_chip.py writes it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import gcd
from typing import Any

from lutwright.dataflow.stage import Pipeline, Stream
from lutwright.errors import BadFeatures
from lutwright.ir.graph import Graph
from lutwright.learn.cell import cell_parameters
from lutwright.learn.config import LearnerConfig
from lutwright.learn.versions import Views

COMMAND_BYTES = 8
"""Bytes of a command on the link: operation, 0, label (2), data (4)."""
ANSWER_BYTES = 5
"""Bytes of its answer: data (4), status."""
FRAMES_UNDER_WAY = 16
"""Views in the network at a time, at most; a small memory in LUTs holds as many user words."""
BLOCK_BITS = 512
"""An image of more bits than this is in block RAM."""


@dataclass(frozen=True, eq=False)
class LearnerChip:
    """The chip.

    core:     module of the network that makes the features. config, lanes: of the learner.
    views:    crops and flips of an image; None where the image goes to the network as it is.
    node:     of the model, whose output is the features.
    source:   SHA-256 (32 bytes) of what makes the features, for the learner's state file.
    shape:    of an image, (rows, columns, channels) where there are views.
    image:    beats in which an image comes in. features: beats in which the network sends its features.
    """

    core: str
    config: LearnerConfig
    lanes: int
    views: Views | None
    node: str
    source: bytes
    shape: tuple[int, ...]
    image: Stream
    features: Stream

    @property
    def name(self) -> str:
        """The module of the chip."""
        return f"{self.core}_learner"

    @property
    def in_bytes(self) -> int:
        """Bytes of a beat of an image."""
        return self.image.bytes

    @property
    def in_beats(self) -> int:
        """Beats of an image."""
        return self.image.beats

    @property
    def result_bits(self) -> int:
        """Bits of a result: status (4), margin, votes, label, the last in the low bits."""
        return 4 + 2 * self.config.vote_bits + self.config.label_bits

    @property
    def out_bytes(self) -> int:
        """Bytes of a result, the only beat of an answer."""
        return -(-self.result_bits // 8)

    @property
    def out_beats(self) -> int:
        """Beats of a result."""
        return 1

    @property
    def user_bits(self) -> int:
        """Bits that come with an image: the label, and above it whether it is learnt."""
        return self.config.label_bits + 1

    @property
    def user_bytes(self) -> int:
        """Bytes of them on the link."""
        return -(-self.user_bits // 8)

    @property
    def frame_beats(self) -> int:
        """Beats of one view, which is what the network takes."""
        if self.views is None:
            return self.image.beats
        return self.image.beats * self.views.crop[0] * self.views.crop[1] // (self.views.image[0] * self.views.image[1])

    @property
    def ratios(self) -> tuple[int, int]:
        """How the features' beats become subvectors: first so many narrow ones of each, then so many together."""
        common = gcd(self.features.lanes, self.config.width)
        return self.features.lanes // common, self.config.width // common

    @property
    def parameters(self) -> dict[str, int]:
        """Of the cell learner."""
        return cell_parameters(self.config, self.lanes)

    @property
    def view_parameters(self) -> dict[str, int]:
        """Of the cell views but its lists TOP and LEFT; empty where there are none."""
        views = self.views
        if views is None:
            return {}
        stored = 2 * self.image.beats * self.image.width
        return {
            "CHANNELS": self.shape[2],
            "BITS": self.image.bits,
            "SIMD": self.image.lanes,
            "HEIGHT": views.image[0],
            "WIDTH": views.image[1],
            "CROP_H": views.crop[0],
            "CROP_W": views.crop[1],
            "CROPS": len(views.offsets),
            "FLIP": int(views.flips),
            "USER": self.user_bits,
            "FRAMES": 2,
            "BLOCK": int(stored > BLOCK_BITS),
        }

    @property
    def cells(self) -> set[str]:
        """The cells of hw/rtl that the chip instantiates beside the network."""
        down, up = self.ratios
        found = {"learner", "frame_user"}
        found |= {"views"} if self.views is not None else set()
        found |= {"width_down"} if down > 1 else set()
        return found | ({"width_up"} if up > 1 else set())

    def user(self, label: int, learn: bool) -> int:
        """The bits that come with an image; BadFeatures where `label` has no room in them.

        The label of an image that is not learnt means nothing.
        """
        bits = self.config.label_bits
        if not 0 <= label < 1 << bits:
            raise BadFeatures("class", f"must be 0 .. {(1 << bits) - 1} in an image's user bits", label)
        return int(learn) << bits | label

    def as_dict(self) -> dict[str, Any]:
        """What a project's manifest says of it: numbers, words and lists, as JSON gives them back."""
        views = self.views
        told = None
        if views is not None:
            offsets = [list(offset) for offset in views.offsets]
            told = {"image": list(views.image), "crop": list(views.crop), "offsets": offsets, "flips": views.flips}
        return {
            "config": asdict(self.config),
            "lanes": self.lanes,
            "views": told,
            "features": self.node,
            "source": self.source.hex(),
        }


def learner_chip(
    graph: Graph, pipeline: Pipeline, config: LearnerConfig, lanes: int, views: Views | None, source: bytes, node: str
) -> LearnerChip:
    """The chip of a learner behind `pipeline`, which computes the feature graph `graph`.

    source: as `backbone.feature_source` says. node: of the model, whose output is the features.
    Raises BadFeatures where the stream of the features does not carry codes of `config`.
    """
    (outlet,) = pipeline.outlets
    stream, frame, tensor = outlet.stream, pipeline.source, graph.tensors[graph.input]
    told = (stream.lanes * stream.beats, stream.bits, stream.signed)
    if told != (config.features, config.feature_bits, config.signed):
        rule = f"must be {config.features} codes of {config.feature_bits} bits"
        raise BadFeatures(f"features of '{graph.name}'", rule, f"{told[0]} of {told[1]}")
    if views is None:
        shape, image = tensor.shape, frame
    else:
        shape = (*views.image, tensor.shape[2])
        beats = shape[0] * shape[1] * shape[2] // frame.lanes
        image = Stream(frame.lanes, frame.bits, frame.signed, beats)
    return LearnerChip(pipeline.name, config, lanes, views, node, source, shape, image, stream)


def views_from(told: dict[str, Any] | None) -> Views | None:
    """The views out of `LearnerChip.as_dict`."""
    if told is None:
        return None
    offsets = tuple((int(row), int(column)) for row, column in told["offsets"])
    return Views((told["image"][0], told["image"][1]), (told["crop"][0], told["crop"][1]), offsets, told["flips"])
