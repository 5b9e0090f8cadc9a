"""Names for the words of a learner's state."""

from __future__ import annotations

from lutwright.learn.config import LearnerConfig
from lutwright.learn.file import row_bytes


def place_of(config: LearnerConfig, word: int) -> str:
    """Say what word number `word` of the state (`learn.file.state_words`) belongs to."""
    if word == 0:
        return "generator"
    if word <= config.classes:
        return f"examples of class {word - 1}"
    if word <= 2 * config.classes:
        return f"next anchor of class {word - 1 - config.classes}"
    row, part = divmod(word - 1 - 2 * config.classes, row_bytes(config) // 4)
    rest, subspace = divmod(row, config.subspaces)
    label, anchor = divmod(rest, config.anchors)
    return f"class {label}, subspace {subspace}, anchor {anchor}, word {part}"
