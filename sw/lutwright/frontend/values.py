"""What a tensor of the model can be while its graph is translated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lutwright.errors import BadOption
from lutwright.numerics.chain import Chain, FloatOp
from lutwright.numerics.quantiser import FloatArray, IntArray
from lutwright.numerics.view import View


@dataclass(frozen=True, eq=False)
class Constant:
    """A constant of the model."""

    value: NDArray[Any]


@dataclass(frozen=True, eq=False)
class Weights:
    """Quantised constants: value = integers * scale; scale float64, broadcasts against the integers."""

    integers: IntArray
    scale: FloatArray


def narrow(scale: FloatArray, rank: int) -> FloatArray:
    """`scale` with every axis along which it does not vary cut to one."""
    if scale.size == 1:
        return scale.reshape((1,) * rank)
    for axis in range(rank):
        first = np.take(scale, [0], axis)
        if (scale == first).all():
            scale = first
    return scale


@dataclass(frozen=True, eq=False)
class Raw:
    """The model's float input, or what float operations made of it, before any quantiser."""

    view: View
    chain: Chain


@dataclass(frozen=True, eq=False)
class Ending:
    """A softmax, which only views, ArgMax and TopK may have behind it.

    run: floats [batch, *shape of the graph's tensor] to the same. groups: int64, the set of elements that it is over,
    by flat position in the graph's tensor; inside a set it keeps their order.
    """

    run: Callable[[FloatArray], FloatArray]
    groups: IntArray


@dataclass(frozen=True, eq=False)
class Symbol:
    """Integer tensor `tensor` of the graph, followed by `chain`, then `last`, in the layout of `view`."""

    tensor: str
    chain: Chain
    view: View
    last: Ending | None = None

    def then(self, op: FloatOp) -> Symbol:
        """This symbol with one more float operation."""
        return replace(self, chain=self.chain.then(op))


Value = Constant | Weights | Raw | Symbol

_KINDS = {"UINT": False, "INT": True}


@dataclass(frozen=True)
class InputType:
    """What the user or the file says of an unquantised input: integers of `bits`, value = integer * scale."""

    signed: bool
    bits: int
    scale: float = 1.0

    @property
    def ends(self) -> tuple[int, int]:
        """The least and the greatest integer."""
        if self.signed:
            return -(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1
        return 0, (1 << self.bits) - 1

    @property
    def text(self) -> str:
        """What `parse` reads as this type."""
        return f"{'int' if self.signed else 'uint'}{self.bits}:{self.scale!r}"

    @classmethod
    def parse(cls, text: str) -> InputType:
        """Read "uint8", "int4" or "uint8:0.00390625" (type:scale; a scale may also be 1/256). Raises BadOption."""
        name, _, scale = text.partition(":")
        letters, digits = name.upper().rstrip("0123456789"), name[len(name.rstrip("0123456789")) :]
        above, _, below = scale.partition("/")
        try:
            made = cls(_KINDS[letters], int(digits), float(above or 1) / float(below or 1))
        except (KeyError, ValueError, ZeroDivisionError) as error:
            raise BadOption(
                f"input type '{text}'", "must be uintN or intN, perhaps with :SCALE", fix="Example: uint8:1/256."
            ) from error
        if not 1 <= made.bits <= 16 or not np.isfinite(made.scale) or made.scale <= 0:
            raise BadOption(
                f"input type '{text}'", "needs 1 to 16 bits and a positive scale", fix="Example: uint8:1/256."
            )
        return made
