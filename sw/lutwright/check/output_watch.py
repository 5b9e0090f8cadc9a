"""Counting over blocks of frames: one output of a model, its floats and its integers after the passes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lutwright.check.classes import output_values
from lutwright.check.result import FloatOutput, OutputResult
from lutwright.ir.graph import Output
from lutwright.numerics.quantiser import IntArray

RUNGS = ("float32", "float64", "integer")
_ALLOWED = {"float32": 1e-5, "float64": 1e-9}  # of a value's size, where libraries differ in exponents and softmax


@dataclass
class OutputWatch:
    """Sums over all blocks for `output` of the graph, which is tensor `model_tensor` of the model.

    truth: "float32" or "float64", the rung that is right. tapped: whether its integers are compared as a stage, as
    the model puts them out; what comes behind them in floats is compared here where they are not. classes: see
    OutputResult.
    """

    output: Output
    model_tensor: str
    truth: str
    tapped: bool
    classes: bool
    words: int = 0
    after_passes: int = 0
    values: dict[str, list[NDArray[Any]]] = field(default_factory=lambda: {rung: [] for rung in RUNGS})

    def compare(self, words: IntArray, fitted: IntArray, float32: NDArray[Any], float64: NDArray[Any]) -> None:
        """One block [batch, ...]: integers before and after the passes, and what the model puts out."""
        self.words += words.size
        self.after_passes += int((fitted != words).sum())
        for rung, values in zip(RUNGS, (float32, float64, output_values(self.output, words)), strict=True):
            self.values[rung].append(values)

    def all_values(self, rung: str) -> NDArray[Any]:
        """The output of all frames by one of RUNGS."""
        return np.concatenate(self.values[rung])

    @property
    def result(self) -> OutputResult:
        """What was found."""
        floats = None if self.tapped or self.output.exit is None else self._floats()
        return OutputResult(self.output.name, self.words, self.after_passes, floats, self.classes)

    def _floats(self) -> FloatOutput:
        truth = self.all_values(self.truth).astype(np.float64)
        made = self.all_values("integer").reshape(truth.shape).astype(np.float64)
        same = (truth == made) | (np.isnan(truth) & np.isnan(made))  # infinities have no distance
        with np.errstate(invalid="ignore"):
            gap = np.where(same, 0.0, np.abs(truth - made))
        allowed = _ALLOWED[self.truth] * np.maximum(1.0, np.abs(truth))
        return FloatOutput(truth.size, int((~(gap <= allowed)).sum()), float(gap.max(initial=0.0)))
