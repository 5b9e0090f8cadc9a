"""Clocks of the learner in hardware, exactly; `lanes` subspaces at a time, of a divisor of `config.subspaces`."""

from __future__ import annotations

from lutwright.errors import BadLearner
from lutwright.learn.config import LearnerConfig
from lutwright.learn.versions import Views

EVERY = 2
"""Levels of adders between two registers of the distance, as hw/rtl/learner.sv has them unless told otherwise."""

_SCANNED = ("weighted", "nearest")


def learn_clocks(config: LearnerConfig, lanes: int = 1, every: int = EVERY) -> int:
    """Return the clocks from one frame that is learnt to the next; its result comes 1 clock more behind its last beat.

    A frame takes `config.subspaces` clocks to arrive while the one before is processed: the larger number counts.
    """
    steps = max(config.anchor_bits, config.count_bits) + 1
    scan = config.anchors + _score(config, every) + 1 if config.policy in _SCANNED else 0
    return row_groups(config, lanes) * (scan + steps + 6) + 3


def predict_clocks(config: LearnerConfig, lanes: int = 1, every: int = EVERY, last: bool = True) -> int:
    """Return the clocks from one frame that is predicted to the next, like `learn_clocks`.

    last: the frame is the last version of its query, and all classes' votes are looked through.
    """
    rows = config.classes * config.anchors
    scan = (row_groups(config, lanes) - 1) * max(rows, lanes) + rows
    return scan + _score(config, every) + lanes + 3 + (config.classes if last else 0)


def clear_clocks(config: LearnerConfig, lanes: int = 1) -> int:
    """Return the clocks after a reset before the first frame is processed."""
    return row_groups(config, lanes) * config.classes * config.anchors


def view_clocks(views: Views, beats: int = 1, frames: int = 2) -> int:
    """Return the clocks from one image to the next in hw/rtl/views.sv, which sends its `views`.

    beats: beats of a pixel. frames: images in its memory; with 2 the next image arrives while the views of one go out.
    Raises BadLearner.
    """
    if beats < 1:
        raise BadLearner("views", "a pixel must have one beat or more", beats)
    if frames not in (1, 2):
        raise BadLearner("views", "must have a memory of 1 or 2 frames", frames)
    arrives = views.image[0] * views.image[1] * beats
    goes_out = views.count * views.crop[0] * views.crop[1] * beats
    return max(arrives, goes_out) if frames == 2 else arrives + goes_out


def row_groups(config: LearnerConfig, lanes: int) -> int:
    """Return how many subspaces each of `lanes` lanes has. Raises BadLearner."""
    if lanes < 1 or config.subspaces % lanes:
        raise BadLearner("learner", f"lanes must divide the {config.subspaces} subspaces", lanes)
    return config.subspaces // lanes


def _score(config: LearnerConfig, every: int) -> int:
    """Clocks from a row's address to its score."""
    levels = (config.width - 1).bit_length()
    return 4 + -(-levels // every) + (config.policy == "weighted")
