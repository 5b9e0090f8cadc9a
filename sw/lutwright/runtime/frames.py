"""Frames for a project: real ones of a data set, or random ones, as the codes that its hardware takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lutwright.errors import BadData
from lutwright.ir.graph import Graph
from lutwright.numerics.quantiser import IntArray

RANDOM = "random"


@dataclass(frozen=True, eq=False)
class Frames:
    """Input codes int64 [n, ...shape] out of `source`; labels int64 [n] where the source has any."""

    source: str
    codes: IntArray
    labels: NDArray[np.int64] | None


def load_frames(graph: Graph, source: str, count: int | None, shape: tuple[int, ...] | None = None) -> Frames:
    """The first `count` (None: all, or 100 random) frames of `source`: a data set's name, or "random" (or "").

    A data set's pixels p become floats p/256, as in training, and the model's own quantiser makes codes of them.
    Random codes are uniform over the input range, seed 1. shape: of a frame, where that is not the model's: of whole
    images of which the model takes crops. A model that was trained on some classes gets frames of these, unless `shape`
    is said. Raises BadData where the data does not fit the model, BadModel.
    """
    tensor, alone = graph.tensors[graph.input], shape is None
    shape = tensor.shape if shape is None else shape
    if source in ("", RANDOM):
        generator = np.random.default_rng(1)
        sizes = (100 if count is None else count, *shape)
        return Frames(RANDOM, generator.integers(tensor.low, tensor.high + 1, sizes), None)
    from lutwright.data import load
    from lutwright.data.subset import trained_part

    data = load(source)
    if alone:  # a learner behind the model may know any class
        data = trained_part(data, graph.metadata)
    images = data.test_images[:count]
    if count is not None and count > len(data.test_images):
        raise BadData(
            f"data set '{source}'", f"must have {count} test images", len(data.test_images), "Ask for fewer --frames."
        )
    if images.shape[1:] != shape:
        raise BadData(
            f"data set '{source}'",
            f"frames must have the model's shape {shape}",
            images.shape[1:],
            "Use --data random, or the data set that the model was trained on.",
        )
    codes = graph.edge.codes(images.astype(np.float32) / np.float32(256))
    return Frames(source, codes, data.test_labels[:count])
