"""An adder graph as data: a constant matrix times a vector as sums of two shifted values each.

Values are numbered: the inputs 0 .. inputs-1 first, then the sums in an order in which every operand comes before its
user. Because the inputs are independent, the range of a value follows from its row of coefficients and is reached.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lutwright.errors import NotExact
from lutwright.numerics.quantiser import IntArray
from lutwright.numerics.ranges import type_of


@dataclass(frozen=True)
class Term:
    """An output of the graph, or an operand: value * 2^shift, or minus that."""

    value: int
    shift: int = 0
    negative: bool = False


@dataclass(frozen=True)
class Sum:
    """a + b * 2^shift, either operand with a minus; without b (None) it is -a, a negation. Never both minus."""

    a: int
    b: int | None = None
    shift: int = 0
    a_minus: bool = False
    b_minus: bool = False

    @property
    def operands(self) -> tuple[int, ...]:
        """The values that it reads."""
        return (self.a,) if self.b is None else (self.a, self.b)


@dataclass(frozen=True, eq=False)
class AdderGraph:
    """y = W x as adders.

    low, high: int64 [inputs], the range of each input. sums: value inputs + i is sums[i].
    outputs: the value and shift of each row, never negative; None for a row of zeros.
    """

    low: IntArray
    high: IntArray
    sums: tuple[Sum, ...]
    outputs: tuple[Term | None, ...]

    @property
    def inputs(self) -> int:
        """Elements of x."""
        return len(self.low)

    @property
    def values(self) -> int:
        """Inputs and sums."""
        return self.inputs + len(self.sums)

    def sum_of(self, value: int) -> Sum | None:
        """The sum that makes `value`, None for an input."""
        return None if value < self.inputs else self.sums[value - self.inputs]

    @cached_property
    def coefficients(self) -> IntArray:
        """int64 [values, inputs]: what each value is of the inputs, propagated through the sums."""
        rows = np.zeros((self.values, self.inputs), np.int64)
        rows[: self.inputs] = np.eye(self.inputs, dtype=np.int64)
        for value, made in enumerate(self.sums, self.inputs):
            rows[value] = _apply(made, rows)
        return rows

    @cached_property
    def matrix(self) -> IntArray:
        """int64 [outputs, inputs]: what the graph computes."""
        zero = np.zeros(self.inputs, np.int64)
        rows = [zero if t is None else self.coefficients[t.value] << t.shift for t in self.outputs]
        return np.array(rows, np.int64).reshape(len(rows), self.inputs)

    @cached_property
    def ranges(self) -> tuple[IntArray, IntArray]:
        """Lowest and highest integer of each value, int64 [values] each; both are reached."""
        rows = self.coefficients
        positive, negative = np.where(rows > 0, rows, 0), np.where(rows < 0, rows, 0)
        low, high = positive @ self.low + negative @ self.high, positive @ self.high + negative @ self.low
        return low.astype(np.int64), high.astype(np.int64)

    @cached_property
    def widths(self) -> list[int]:
        """Bits of each value: two's complement where it can be negative, else unsigned.

        As few as its range needs, but one above the low bits of a sum, even where the operands cancel out.
        """
        low, high = self.ranges
        widths = [type_of(int(a), int(b)).width for a, b in zip(low, high, strict=True)]
        for value, made in enumerate(self.sums, self.inputs):
            widths[value] = max(widths[value], made.shift + 1)
        return widths

    @cached_property
    def signed(self) -> list[bool]:
        """Whether each value can be negative."""
        return [bool(low < 0) for low in self.ranges[0]]

    @cached_property
    def adder_bits(self) -> list[int]:
        """Bits of the adder of each value: 0 for an input, and for a sum that only puts bits side by side."""
        bits = [0] * self.inputs
        return bits + [
            sum_bits(made, self.widths[value], self.widths[made.a], self.signed[made.a])
            for value, made in enumerate(self.sums, self.inputs)
        ]

    @cached_property
    def origins(self) -> list[list[tuple[int, int] | None]]:
        """For each bit of each value, lowest first: the value and bit that it is a copy of, None where it is always 0.

        A bit that an adder makes is its own origin; those that pass beside the adder have one before it.
        """
        origins: list[list[tuple[int, int] | None]] = [
            [(value, bit) for bit in range(self.widths[value])] for value in range(self.inputs)
        ]
        for value, made in enumerate(self.sums, self.inputs):
            bits: list[tuple[int, int] | None] = [(value, bit) for bit in range(self.widths[value])]
            if made.b is not None and not made.a_minus:
                extended = origins[made.a] + [origins[made.a][-1] if self.signed[made.a] else None] * made.shift
                bits[: made.shift] = extended[: made.shift]
                if self.adder_bits[value] == 0:
                    bits[made.shift :] = origins[made.b][: self.widths[value] - made.shift]
            origins.append(bits)
        return origins

    @cached_property
    def levels(self) -> list[int]:
        """Adders on the longest way from the inputs to each value."""
        levels = [0] * self.inputs
        for value, made in enumerate(self.sums, self.inputs):
            levels.append(max(levels[v] for v in made.operands) + int(self.adder_bits[value] > 0))
        return levels

    @property
    def depth(self) -> int:
        """Adders on the longest way from the inputs to an output."""
        return max((self.levels[t.value] for t in self.outputs if t is not None), default=0)

    @property
    def cost(self) -> int:
        """Bits of all adders: about the LUTs of the graph."""
        return sum(self.adder_bits)

    def run(self, x: IntArray) -> IntArray:
        """W x through the adders: int64 [batch, inputs] -> int64 [batch, outputs]."""
        values = np.zeros((self.values, len(x)), np.int64)
        values[: self.inputs] = x.T
        for value, made in enumerate(self.sums, self.inputs):
            values[value] = _apply(made, values)
        y = np.zeros((len(x), len(self.outputs)), np.int64)
        for row, term in enumerate(self.outputs):
            if term is not None:
                y[:, row] = values[term.value] << term.shift
        return y

    def prove(self, matrix: IntArray) -> AdderGraph:
        """Itself, if it computes `matrix` [outputs, inputs]: every coefficient of every row. NotExact names the row."""
        if self.matrix.shape != matrix.shape:
            raise NotExact("adder graph", f"must have the shape {matrix.shape} of its matrix", self.matrix.shape)
        wrong = np.flatnonzero((self.matrix != matrix).any(axis=1))
        if wrong.size:
            row = int(wrong[0])
            column = int(np.flatnonzero(self.matrix[row] != matrix[row])[0])
            raise NotExact(
                "adder graph",
                f"the weight of output {row} and input {column} must be {matrix[row, column]}",
                self.matrix[row, column],
            )
        return self


def sum_bits(made: Sum, width: int, a_width: int, a_signed: bool) -> int:
    """Bits of the adder that makes `made`, a value of `width` bits, from an `a` of `a_width` bits.

    The bits of a below those of b pass through unless a is subtracted; where b starts above an unsigned a, the two
    only stand side by side.
    """
    if made.b is None or made.a_minus:
        return width
    if made.shift >= a_width and not a_signed and not made.b_minus:
        return 0
    return width - made.shift


def _apply(made: Sum, rows: IntArray) -> IntArray:
    a = -rows[made.a] if made.a_minus or made.b is None else rows[made.a]
    if made.b is None:
        return a
    b = rows[made.b] << made.shift
    return a - b if made.b_minus else a + b
