"""The float operations between an integer tensor and its next quantiser, run in the model's own arithmetic.

A chain maps int64 accumulators [n, C] to floats [n, C], channel by channel. It is only ever run to find the steps of
a step function (numerics.steps), never on activations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from lutwright.numerics.quantiser import FloatArray, IntArray, Quantiser, is_power_of_two

# One operation: floats [n, C] to floats [n, C], in the float type it is given.
FloatOp = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Chain:
    """`ops` after value = accumulator * scale; `scale` float64 [1] or [C]; `names`: the model's nodes."""

    scale: FloatArray
    ops: tuple[FloatOp, ...] = ()
    names: tuple[str, ...] = field(default=())

    @property
    def exact(self) -> bool:
        """Whether the floats that enter the chain are exact in float32: every scale is a power of two."""
        return all(is_power_of_two(float(s)) for s in self.scale)

    def then(self, name: str, op: FloatOp) -> Chain:
        """This chain with `op` of node `name` after it."""
        return Chain(self.scale, (*self.ops, op), (*self.names, name))

    def run(self, acc: IntArray, kind: type[np.floating]) -> FloatArray:
        """Floats of accumulators [n, C], every operation in float type `kind`."""
        x: FloatArray = acc.astype(kind) * self.scale.astype(kind)
        for op in self.ops:
            x = op(x)
        return x

    def codes(self, acc: IntArray, quantiser: Quantiser) -> IntArray:
        """Codes of accumulators [n, C]: float32 where that is what the model computes, float64 where its sums round."""
        return quantiser.codes(self.run(acc, np.float32 if self.exact else np.float64))


def batch_norm(weight: FloatArray, bias: FloatArray, mean: FloatArray, variance: FloatArray, epsilon: float) -> FloatOp:
    """Batch normalisation in the order in which torch computes it: one gain and one offset a channel."""

    def run(x: FloatArray) -> FloatArray:
        kind = x.dtype.type
        gain = weight.astype(kind) * (kind(1) / np.sqrt(variance.astype(kind) + kind(epsilon)))
        return np.asarray(x * gain + (bias.astype(kind) - mean.astype(kind) * gain))

    return run


def add(constant: FloatArray) -> FloatOp:
    """Adding a constant for each channel."""
    return lambda x: np.asarray(x + constant.astype(x.dtype))


def multiply(constant: FloatArray) -> FloatOp:
    """Multiplying by a constant for each channel."""
    return lambda x: np.asarray(x * constant.astype(x.dtype))


def relu(x: FloatArray) -> FloatArray:
    """max(x, 0)."""
    return np.maximum(x, x.dtype.type(0))
