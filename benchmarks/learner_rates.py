"""How fast the learner learns and predicts on this CPU, in numpy and in PyTorch, once both are found to be equal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from timing import best_seconds, timed

from lutwright.errors import Mismatch
from lutwright.learn import Learner, LearnerConfig
from lutwright.learn.module import LearnerModule
from lutwright.numerics.quantiser import IntArray


def rates(config: LearnerConfig, count: int, seconds: float, seed: int) -> dict[str, Any]:
    """The figures of one size, as rates by what was timed. Raises Mismatch where the two disagree.

    count: examples, and queries. seconds: to spend on each figure. seed: of examples and queries.
    """
    rng = np.random.default_rng(seed)
    x, queries = rng.integers(config.low, config.high + 1, (2, count, config.features))
    labels = rng.integers(0, config.classes, count)
    learner, module = _taught(config, x, labels), _taught_module(config, x, labels)
    _compare(learner, module, queries)
    tensor = torch.from_numpy(queries)
    calls: dict[str, Callable[[], object]] = {
        "learn": lambda: _taught(config, x, labels),
        "learn, torch": lambda: _taught_module(config, x, labels),
        "one": lambda: [learner.predict(query) for query in queries],
        "one, torch": lambda: [module(query) for query in tensor.split(1)],
        "batch": lambda: learner.predict_many(queries),
        "batch, torch": lambda: module(tensor),
    }
    first = [timed(call)[1] for call in calls.values()]
    best = best_seconds(list(calls.values()), first, seconds)
    rate = {name: count / took for name, took in zip(calls, best, strict=True)}
    return {"size": title(config), "words": learner.state.y.size, "bits": config.memory_bits, "rate": rate}


def _taught(config: LearnerConfig, x: IntArray, labels: IntArray) -> Learner:
    learner = Learner(config)
    learner.learn_many(x, labels)
    return learner


def _taught_module(config: LearnerConfig, x: IntArray, labels: IntArray) -> LearnerModule:
    module = LearnerModule(config)
    module.learn(torch.from_numpy(x), torch.from_numpy(labels))
    return module


def _compare(learner: Learner, module: LearnerModule, queries: IntArray) -> None:
    where = f"learner {title(learner.config)}"
    if not learner.state.equals(module.state()):
        raise Mismatch(where, "PyTorch must know the same as the reference, word by word")
    one, other = learner.predict_many(queries).label, module(torch.from_numpy(queries)).numpy()
    if not np.array_equal(one, other):
        raise Mismatch(where, "PyTorch must predict the same as the reference", f"{int((one != other).sum())} others")


def title(config: LearnerConfig) -> str:
    """The size in the letters of docs/learner.md."""
    return f"d={config.features} P={config.subspaces} k={config.anchors} C={config.classes}"
