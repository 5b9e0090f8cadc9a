"""What the outputs of another conversion are worth, beside the exact integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lutwright.check.opened import Opened
from lutwright.ir.execute import execute

EXACT, CLASS, WRONG, CRASH = "exact", "right class only", "silently wrong", "crash"


@dataclass(frozen=True)
class Verdict:
    """kind: one of the four above. exact, classes: how many of `frames` have every output, and the class, right."""

    kind: str
    frames: int
    exact: int
    classes: int


def verdict(opened: Opened, x: NDArray[np.float32], outputs: NDArray[Any]) -> Verdict:
    """Judge float `outputs` [n, ...] of frames `x`.

    An output is right where it is nearer to that of the exact integer than to that of any other, so that the model's
    last scale need not be one of fixed point.
    """
    graph = opened.graph
    exit_ = graph.exit
    assert exit_ is not None
    words = execute(graph, graph.edge.codes(graph.edge.arrange(x)))
    count = len(words)
    truth, up, down = (exit_.values(words + step).reshape(count, -1).astype(np.float64) for step in (0, 1, -1))
    margin = np.minimum(np.abs(up - truth), np.abs(down - truth)) / 2
    have = np.asarray(outputs, np.float64).reshape(count, -1)
    exact = int((np.abs(have - truth) < margin).all(axis=1).sum())
    classes = int((have.argmax(axis=1) == truth.argmax(axis=1)).sum())
    kind = EXACT if exact == count else CLASS if classes == count else WRONG
    return Verdict(kind, count, exact, classes)
