"""Proof that what is measured computes the right thing, without which there are no figures."""

from __future__ import annotations

from typing import Any

import numpy as np
from engines import FLOATS, INTEGERS
from numpy.typing import NDArray

from lutwright.check.compare_model import check_opened
from lutwright.check.inputs import Frames
from lutwright.check.opened import Opened
from lutwright.errors import Mismatch
from lutwright.ir.execute import execute_all

_REMEDY = "There are no figures of something that computes something else; report this."


def verified_words(opened: Opened, x: NDArray[np.float32]) -> tuple[NDArray[np.int64], int]:
    """The graph's output int64 [batch, *shape] for frames `x` [batch, *input shape], and the words compared.

    Every tensor of the model that the graph has is compared with the model in its exact arithmetic. Raises Mismatch
    where a word differs.
    """
    result = check_opened(opened, Frames("frames of the benchmark", x))
    if result.mismatches:
        raise Mismatch(opened.graph.name, "every word must equal the model's", result.first, _REMEDY)
    graph = opened.graph
    codes = graph.edge.codes(graph.edge.arrange(x))
    return execute_all(graph, codes, {graph.output})[graph.output], result.words


def check_output(engine: str, opened: Opened, words: NDArray[np.int64], have: NDArray[Any]) -> int:
    """Compare what `engine` returned with `words`, the exact output of the same frames; return how many classes agree.

    The integers and lutwright's floats must be equal. The others compute in float32, in an order of their own: all
    classes must agree where float32 is exact for this model. Where it is not, a sum that falls on the other side of a
    rounding changes the class of a single frame, but not of a quarter of them. Raises Mismatch.
    """
    exit_ = opened.graph.exit
    assert exit_ is not None
    scores = exit_.values(words)
    where = f"{opened.graph.name} by {engine}, batch {len(words)}"
    if engine in (INTEGERS, FLOATS) and not np.array_equal(have, words if engine == INTEGERS else scores):
        raise Mismatch(where, "the output must equal the exact one", "another", _REMEDY)
    agree = int((_classes(have) == _classes(scores)).sum())
    allowed = 0 if opened.imported.arithmetic is np.float32 else len(words) // 4
    if engine not in (INTEGERS, FLOATS) and agree < len(words) - allowed:
        raise Mismatch(where, f"{len(words) - allowed} frames must have the exact class", agree, _REMEDY)
    return agree


def _classes(scores: NDArray[Any]) -> NDArray[np.int64]:
    return np.argmax(scores.reshape(len(scores), -1), axis=1)
