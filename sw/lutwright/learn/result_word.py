"""The result of the hardware as one number: status, margin, votes and label, the last in the low bits."""

from __future__ import annotations

from lutwright.learn.config import LearnerConfig
from lutwright.learn.result import Result, Status


def result_of(config: LearnerConfig, word: int) -> Result:
    """Return the result that `word` says, as hw/rtl/learner.sv makes m_data; bits above it do not count."""
    parts = []
    for width in (config.label_bits, config.vote_bits, config.vote_bits):
        parts.append(word & ((1 << width) - 1))
        word >>= width
    return Result(parts[0], parts[1], parts[2], Status(word & 15))
