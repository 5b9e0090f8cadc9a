"""Feature codes, the integers that a learner takes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lutwright.errors import BadFeatures
from lutwright.learn.config import LearnerConfig
from lutwright.numerics.quantiser import IntArray, Quantiser

_WHERE = "features"


def subvectors(x: ArrayLike, config: LearnerConfig) -> IntArray:
    """Return the codes `x` [..., d] on the grid of the anchors, times 2**f: int64 [..., P, w]. Raises BadFeatures."""
    codes = np.asarray(x)
    if codes.dtype.kind not in "iu":
        raise BadFeatures(_WHERE, "must be integer codes", codes.dtype, "Quantise them first.")
    check_shape(codes.shape, config)
    check_range(int(codes.min()), int(codes.max()), config)
    scaled = codes.astype(np.int64) << config.fraction_bits
    return scaled.reshape(*codes.shape[:-1], config.subspaces, config.width)


def check_shape(shape: tuple[int, ...], config: LearnerConfig) -> None:
    """Raise BadFeatures unless `shape` is [..., d] without an empty axis."""
    if not shape or shape[-1] != config.features or 0 in shape:
        raise BadFeatures(_WHERE, f"must have the shape [..., {config.features}], none empty", list(shape))


def check_versions(count: int, config: LearnerConfig) -> None:
    """Raise BadFeatures where an example or query has more versions than the learner was built for."""
    if count > config.versions:
        raise BadFeatures(_WHERE, f"must come in {config.versions} versions at most", count)


def check_range(low: int, high: int, config: LearnerConfig) -> None:
    """Raise BadFeatures where codes of `low` .. `high` are not all feature codes."""
    if low < config.low or high > config.high:
        raise BadFeatures(_WHERE, f"must be {config.low} .. {config.high}", f"{low} .. {high}")


def feature_quantiser(features: NDArray[np.floating], config: LearnerConfig, share: float = 0.999) -> Quantiser:
    """Return a quantiser for `features` float [..., d]: the fraction `share` of their magnitudes are within its codes.

    One scale for all features, so that distances keep their meaning; what lies beyond becomes the highest (or lowest)
    code. Raises BadFeatures where there is nothing to measure.
    """
    sizes = np.abs(features) if config.signed else np.maximum(features, 0)
    if not sizes.size or not bool(np.isfinite(sizes).all()):
        raise BadFeatures(_WHERE, "must be finite numbers, at least one", f"{sizes.size} of them")
    within = float(np.quantile(sizes[sizes > 0], share)) if bool((sizes > 0).any()) else 1.0
    return Quantiser(within / config.high, 0.0, config.feature_bits, config.signed, False)
