"""Operations on each element of the compiled executor, in place on chunks that are still in the cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from lutwright.ir.graph import Node, Tensor
from lutwright.ir.op import largest
from lutwright.ir.plan_steps import StepKernel, make_step, tiled
from lutwright.ir.plan_storage import Kind, Numbers, canonical, kind_of
from lutwright.ir.pointwise import add_bound, affine_bound


class Point(Protocol):
    """An operation on each element."""

    @property
    def kind(self) -> Kind:
        """The type that `run` works in, wide enough for everything that occurs on the way."""
        ...

    def run(self, x: Numbers, other: Numbers | None, out: Numbers) -> None:
        """Write the result on `x` [frames, rows, columns * channels], of type `kind`, to `out`; overwrites `x`.

        other: the same elements of the second input, where there is one, of any type.
        """
        ...


@dataclass(frozen=True, eq=False)
class StepPoint:
    """Step."""

    kernel: StepKernel

    @property
    def kind(self) -> Kind:
        """See Point."""
        return self.kernel.kind

    def run(self, x: Numbers, other: Numbers | None, out: Numbers) -> None:
        """See Point."""
        self.kernel.run(x, out)


@dataclass(frozen=True, eq=False)
class AffinePoint:
    """x * gain + offset."""

    kind: Kind
    gain: Any
    offset: Any

    def run(self, x: Numbers, other: Numbers | None, out: Numbers) -> None:
        """See Point."""
        np.multiply(x, self.gain, out=x)
        np.add(x, self.offset, out=out, casting="unsafe")


@dataclass(frozen=True, eq=False)
class AddPoint:
    """x * gain + other * other_gain; a gain of 1 is None."""

    kind: Kind
    gain: Any
    other_gain: Any

    def run(self, x: Numbers, other: Numbers | None, out: Numbers) -> None:
        """See Point."""
        assert other is not None
        if self.gain is not None:
            np.multiply(x, self.gain, out=x)
        if self.other_gain is not None:
            other = np.multiply(other, self.other_gain, dtype=self.kind, casting="unsafe")
        np.add(x, other, out=out, dtype=self.kind, casting="unsafe")


def make_point(node: Node, inputs: list[Tensor], chunk: int) -> Point:
    """The operation of `node`; input number `chunk` comes as the chunk, the other one of an Add from its buffer."""
    x = inputs[0]
    columns = canonical(x.shape)[1]
    if node.op == "Step":
        form = node.attrs["form"]
        return StepPoint(make_step(node.attrs["steps"] if form is None else form, x.channels, columns, x.low, x.high))
    if node.op == "Affine":
        kind = kind_of(affine_bound(node, x))
        return AffinePoint(kind, tiled(node.attrs["gain"], columns, kind), tiled(node.attrs["offset"], columns, kind))
    a, b = node.attrs["gains"]
    if node.inputs[0] == node.inputs[1]:
        kind = kind_of(2 * add_bound(node, inputs))  # the sum of the gains times x
        return AffinePoint(kind, tiled(a + b, columns, kind), kind(0))
    kind = kind_of(max(add_bound(node, inputs), largest(*inputs)))
    gains = [None if bool((gain == 1).all()) else tiled(gain, columns, kind) for gain in (a, b)]
    return AddPoint(kind, gains[chunk], gains[1 - chunk])
