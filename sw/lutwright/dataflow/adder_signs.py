"""The signs of an adder graph: for each sum, whether it is made as it is or as its opposite.

An adder subtracts one operand at no cost, but not both, and the low bits of an operand that is not shifted pass it
only where that operand is added. So a sum may be cheaper made as its opposite, which its users then subtract.
"""

from __future__ import annotations

from collections.abc import Sequence

from lutwright.dataflow.adder_build import Builder, Raw
from lutwright.dataflow.adders import AdderGraph, Sum, Term, sum_bits
from lutwright.numerics.quantiser import IntArray
from lutwright.numerics.ranges import type_of

_SWEEPS = 20


def signed_graph(build: Builder, outputs: Sequence[Term | None], low: IntArray, high: IntArray) -> AdderGraph:
    """The graph of `build` with its signs chosen, without what no output needs. low, high: int64 [inputs]."""
    signs = _Signs(build, outputs, low, high)
    signs.improve()
    return _assemble(build, outputs, signs.minus, low, high)


class _Signs:
    """The choice so far: minus[v] where value v is made as its opposite."""

    def __init__(self, build: Builder, outputs: Sequence[Term | None], low: IntArray, high: IntArray) -> None:
        self.inputs, self.sums = build.inputs, build.sums
        self.minus = [False] * (build.inputs + len(build.sums))
        self.types = self._types(low, high)
        self.users: list[list[int]] = [[] for _ in self.minus]
        for value, raw in enumerate(self.sums, self.inputs):
            for operand in {raw.a, raw.b}:
                self.users[operand].append(value)
        self.wanted: list[list[bool]] = [[] for _ in self.minus]
        for term in outputs:
            if term is not None and term.negative not in self.wanted[term.value]:
                self.wanted[term.value].append(term.negative)

    def _types(self, low: IntArray, high: IntArray) -> list[tuple[tuple[int, bool], tuple[int, bool]]]:
        """Width and sign of each value and of its opposite."""
        graph = AdderGraph(low, high, tuple(Sum(r.a, r.b, r.shift, False, r.subtract) for r in self.sums), ())
        types = []
        for lowest, highest in zip(*(ends.tolist() for ends in graph.ranges), strict=True):
            plain, opposite = type_of(lowest, highest), type_of(-highest, -lowest)
            types.append(((plain.width, plain.signed), (opposite.width, opposite.signed)))
        return types

    def improve(self) -> None:
        """Turn one sum after the other, or a sum with one of its operands, last first, as long as that is cheaper."""
        for _ in range(_SWEEPS):
            turned = False
            for value in range(len(self.minus) - 1, self.inputs - 1, -1):
                raw = self.sums[value - self.inputs]
                pairs = [(value, operand) for operand in sorted({raw.a, raw.b}) if operand >= self.inputs]
                turned |= any(self._turn(values) for values in [(value,), *pairs])
            if not turned:
                break

    def _turn(self, values: Sequence[int]) -> bool:
        """Turn `values` if that is cheaper; whether it was."""
        around = sorted({*values, *(user for value in values for user in self.users[value])})
        before = self._cost(around, values)
        for _ in range(2):
            for value in values:
                self.minus[value] = not self.minus[value]
            if self._cost(around, values) < before:
                return True
        return False

    def _cost(self, around: Sequence[int], values: Sequence[int]) -> int:
        """Adder bits of the sums `around`, and of the negations of those outputs that are `values`."""
        negations = sum(self.types[v][0][0] for v in values for wanted in self.wanted[v] if wanted != self.minus[v])
        return sum(self._bits(value) for value in around) + negations

    def _bits(self, value: int) -> int:
        made = _with_signs(self.sums[value - self.inputs], value, self.minus)
        width = self.types[value][self.minus[value]][0]
        a_width, a_signed = self.types[made.a][self.minus[made.a]]
        both = a_width + 1 if made.a_minus and made.b_minus else 0
        return sum_bits(made, width, a_width, a_signed) + both


def _with_signs(raw: Raw, value: int, minus: Sequence[bool]) -> Sum:
    """`raw` as the sum that makes `value` with the signs `minus`; both operands may have a minus."""
    a_minus = minus[value] != minus[raw.a]
    b_minus = (minus[value] != minus[raw.b]) != raw.subtract
    if raw.shift == 0 and a_minus and not b_minus:
        return Sum(raw.b, raw.a, 0, False, True)
    return Sum(raw.a, raw.b, raw.shift, a_minus, b_minus)


def _assemble(
    build: Builder, outputs: Sequence[Term | None], minus: Sequence[bool], low: IntArray, high: IntArray
) -> AdderGraph:
    """The graph of the sums that outputs need, numbered anew, with the negations that are left over."""
    needed = _needed(build, outputs)
    number = {value: value for value in range(build.inputs)}
    opposite: dict[int, int] = {}
    sums: list[Sum] = []

    def append(made: Sum) -> int:
        sums.append(made)
        return build.inputs + len(sums) - 1

    def negated(value: int) -> int:
        if value not in opposite:
            opposite[value] = append(Sum(number[value]))
        return opposite[value]

    for value in sorted(needed):
        made = _with_signs(build.sums[value - build.inputs], value, minus)
        assert made.b is not None
        if made.a_minus and made.b_minus:
            number[value] = append(Sum(negated(made.a), number[made.b], made.shift, False, True))
        else:
            number[value] = append(Sum(number[made.a], number[made.b], made.shift, made.a_minus, made.b_minus))
    terms: list[Term | None] = []
    for term in outputs:
        if term is not None:
            turned = term.negative != minus[term.value]
            term = Term(negated(term.value) if turned else number[term.value], term.shift)
        terms.append(term)
    return AdderGraph(low, high, tuple(sums), tuple(terms))


def _needed(build: Builder, outputs: Sequence[Term | None]) -> set[int]:
    """The sums from which an output is reached."""
    needed: set[int] = set()
    waiting = [term.value for term in outputs if term is not None]
    while waiting:
        value = waiting.pop()
        if value >= build.inputs and value not in needed:
            needed.add(value)
            raw = build.sums[value - build.inputs]
            waiting += [raw.a, raw.b]
    return needed
