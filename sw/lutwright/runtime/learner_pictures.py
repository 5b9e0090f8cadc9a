"""Images of a data set as a learner's chip takes them, with the features that its network makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lutwright.emit.project import Project
from lutwright.errors import BadData
from lutwright.learn.chip import LearnerChip
from lutwright.learn.session import Pictures
from lutwright.numerics.quantiser import IntArray
from lutwright.simulate.learner_runs import chip_features


@dataclass(frozen=True, eq=False)
class Network:
    """The network of the project, as the integer executor runs it, before the learner of `chip`."""

    project: Project
    chip: LearnerChip

    def codes(self, images: NDArray[np.uint8], source: str) -> IntArray:
        """Return the input codes of images uint8 [n, H, W, C] of data set `source`, int64 of the same shape.

        BadData where they have another shape than the chip's.
        """
        if images.shape[1:] != self.chip.shape:
            rule = f"images must have the chip's shape {list(self.chip.shape)}"
            raise BadData(f"data set '{source}'", rule, list(images.shape[1:]))
        return self.project.graph.edge.codes(images.astype(np.float32) / np.float32(256))

    def __call__(self, codes: IntArray) -> IntArray:
        """Return the features of images int64 [n, H, W, C] in all their versions, int64 [n, R, d], in the stream's
        order."""
        return chip_features(self.project, self.chip, codes)

    def pictures(self, images: NDArray[np.uint8], rows: Sequence[int], source: str) -> Pictures:
        """Return rows `rows` of `images` uint8 [N, H, W, C] of data set `source`; raises BadData as `codes` does."""
        wanted = sorted(set(rows))
        codes = self.codes(images[wanted], source)
        if not wanted:
            return Pictures({}, {})
        return Pictures(dict(zip(wanted, codes, strict=True)), dict(zip(wanted, self(codes), strict=True)))
