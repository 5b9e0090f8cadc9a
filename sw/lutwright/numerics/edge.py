"""The edges of a graph: from the model's float input to integers, and from integers to its float output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lutwright.numerics.chain import Chain
from lutwright.numerics.quantiser import FloatArray, IntArray, Quantiser
from lutwright.numerics.view import View


@dataclass(frozen=True, eq=False)
class Edge:
    """The quantiser of the model's input, with the float operations before it.

    quantise: floats [n, C] of arithmetic `kind` to int64 [n, C]. view: None where the graph is of no model.
    """

    quantise: Callable[[FloatArray], IntArray]
    kind: type[np.floating[Any]] = np.float32
    view: View | None = None

    @classmethod
    def of(cls, quantiser: Quantiser) -> Edge:
        """A quantiser and nothing else."""
        return cls(quantiser.centred)

    def arrange(self, x: FloatArray) -> FloatArray:
        """The model's input [batch, *its shape] in the layout of the graph's input tensor."""
        return x if self.view is None else self.view.from_model(x)

    def codes(self, x: FloatArray) -> IntArray:
        """Floats [batch, *shape of the input tensor] as int64 of the same shape."""
        return self.quantise(x.astype(self.kind).reshape(-1, x.shape[-1])).reshape(x.shape)


@dataclass(frozen=True, eq=False)
class Exit:
    """What the model computes after its last integers: `chain`, then `last` (softmax) in the layout of the graph."""

    chain: Chain
    kind: type[np.floating[Any]]
    view: View
    last: Callable[[FloatArray], FloatArray] | None = None

    def values(self, words: IntArray) -> FloatArray:
        """int64 [batch, *shape of the output tensor] as the model's float output [batch, *its shape]."""
        x = self.chain.run(words, self.kind)
        return self.view.to_model(x if self.last is None else self.last(x))
