"""The cell hw/rtl/learner.sv for a configuration."""

from __future__ import annotations

from lutwright.learn.config import POLICIES, LearnerConfig


def cell_parameters(config: LearnerConfig, lanes: int = 1) -> dict[str, int]:
    """Return the parameters of the cell; `lanes`: subspaces at a time, a divisor of `config.subspaces`."""
    return {
        "D": config.features,
        "P": config.subspaces,
        "K": config.anchors,
        "C": config.classes,
        "F": config.feature_bits,
        "FRAC": config.fraction_bits,
        "N": config.count_bits,
        "LANES": lanes,
        "POLICY": POLICIES.index(config.policy),
        "L2": int(config.distance == "l2"),
        "SIGNED": int(config.signed),
        "R_MAX": config.versions,
        "SEED": config.seed,
    }
