"""The float operations between an integer tensor and the next quantiser, run in the model's own arithmetic.

A chain maps integers [n, C] to floats [n, C], channel by channel. It is only ever run to find the steps of a step
function (numerics.steps) and at the edges of a graph, never on activations inside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np

from lutwright.numerics.quantiser import FloatArray, IntArray, is_power_of_two

# Floats [n, C] and parameters, each [1] or [C] in the same float type, to floats [n, C].
Function = Callable[..., FloatArray]


@dataclass(frozen=True, eq=False)
class FloatOp:
    """One operation of the model.

    parameters: float64 arrays [1] or [C]; they are cast to the arithmetic before `function` sees them.
    sign:       int64 [1] or [C]: +1 where the operation never falls, -1 where it never rises, 0 where nothing is
                known; IEEE multiplication, addition and comparison are monotone even though they round.
    gain:       float64 [1] or [C] where the operation only multiplies by a constant, otherwise None.
    exact:      whether every library computes the same float32 of the same float32 (no transcendental function).
    line:       "*", "/", "+" or "-" where the operation is that one with parameters[0] ("-": taken from it).
    """

    name: str
    function: Function
    parameters: tuple[FloatArray, ...] = ()
    sign: IntArray = field(default_factory=lambda: np.ones(1, np.int64))
    gain: FloatArray | None = None
    exact: bool = True
    line: str = ""

    def run(self, x: FloatArray) -> FloatArray:
        """The operation in the float type of `x`."""
        return np.asarray(self.function(x, *(p.astype(x.dtype) for p in self.parameters)))

    @property
    def varies(self) -> bool:
        """Whether the operation differs between channels."""
        return any(map(_differs, self.parameters))

    def select(self, columns: IntArray) -> FloatOp:
        """The operation for other channels: new channel i is the old channel columns[i]."""
        gain = None if self.gain is None else _pick(self.gain, columns)
        picked = tuple(_pick(p, columns) for p in self.parameters)
        return replace(self, parameters=picked, sign=_pick(self.sign, columns), gain=gain)


def _differs(array: FloatArray) -> bool:
    return array.size > 1 and bool((array != array.reshape(-1)[0]).any())


def _pick(array: Any, columns: IntArray) -> Any:
    return array if array.size == 1 else array[columns]


@dataclass(frozen=True, eq=False)
class Chain:
    """`ops` after value = integer * scale; scale float64 [1] or [C], never 0."""

    scale: FloatArray
    ops: tuple[FloatOp, ...] = ()

    @property
    def last(self) -> str:
        """The model's node of the last operation."""
        return self.ops[-1].name if self.ops else ""

    @property
    def varies(self) -> bool:
        """Whether the channels differ in anything."""
        return _differs(self.scale) or any(op.varies for op in self.ops)

    @property
    def sign(self) -> IntArray:
        """int64 [1] or [C]: +1 rising, -1 falling, 0 not known, over the whole chain."""
        total = np.sign(self.scale).astype(np.int64)
        for op in self.ops:
            total = total * op.sign
        return total

    @property
    def gain(self) -> FloatArray | None:
        """scale times every gain where the chain only multiplies; otherwise None."""
        total = self.scale
        for op in self.ops:
            if op.gain is None:
                return None
            with np.errstate(over="ignore"):  # who takes it for a scale looks whether it is one
                total = total * op.gain
        return total

    @property
    def lines(self) -> list[tuple[Fraction, Fraction]] | None:
        """(gain, offset) with value = integer * gain + offset exactly, one pair or one a channel; None where curved."""
        if not all(op.line for op in self.ops):
            return None
        given = np.stack(np.broadcast_arrays(self.scale, *(op.parameters[0] for op in self.ops)))
        if not np.isfinite(given).all():
            return None
        unique, where = np.unique(given, axis=1, return_inverse=True)
        made = []
        for scale, *constants in unique.T.tolist():
            gain, offset = Fraction(scale), Fraction(0)
            for op, by in zip(self.ops, constants, strict=True):
                gain, offset = _line(op.line, gain, offset, Fraction(by))
            made.append((gain, offset))
        return None if any(gain == 0 for gain, _ in made) else [made[i] for i in where.reshape(-1)]

    def then(self, op: FloatOp) -> Chain:
        """This chain with `op` after it."""
        return Chain(self.scale, (*self.ops, op))

    def select(self, columns: IntArray) -> Chain:
        """The chain for other channels: new channel i is the old channel columns[i]."""
        return Chain(_pick(self.scale, columns), tuple(op.select(columns) for op in self.ops))

    def run(self, acc: IntArray, kind: type[np.floating[Any]]) -> FloatArray:
        """Floats of integers [..., C], every operation in float type `kind`."""
        with np.errstate(all="ignore"):
            x = acc.astype(kind) * self.scale.astype(kind)
        return self.after(x)

    def after(self, x: FloatArray) -> FloatArray:
        """The operations alone, on floats [..., C]."""
        with np.errstate(all="ignore"):  # a function may pass float's range far from any code
            for op in self.ops:
                x = op.run(x)
        return x


def _line(line: str, gain: Fraction, offset: Fraction, by: Fraction) -> tuple[Fraction, Fraction]:
    """One operation on integer * gain + offset."""
    if line == "*":
        return gain * by, offset * by
    if line == "/":
        return gain / by, offset / by
    return (gain, offset + by) if line == "+" else (-gain, by - offset)


def powers_of_two(scale: FloatArray) -> bool:
    """Whether every entry is plus or minus a power of two, so that multiplying by it rounds nothing."""
    return all(is_power_of_two(abs(float(s))) for s in scale.reshape(-1))


def multiply(name: str, constant: FloatArray) -> FloatOp:
    """x * constant."""
    gain = constant.astype(np.float64)
    sign = np.sign(gain).astype(np.int64) + (gain == 0)
    return FloatOp(name, lambda x, c: x * c, (gain,), sign, _usable(gain), line="*")


def divide(name: str, constant: FloatArray) -> FloatOp:
    """x / constant; no entry may be 0."""
    value = constant.astype(np.float64)
    return FloatOp(name, lambda x, c: x / c, (value,), np.sign(value).astype(np.int64), 1.0 / value, line="/")


def _usable(gain: FloatArray) -> FloatArray | None:
    return gain if bool((gain != 0).all()) else None


def add(name: str, constant: FloatArray) -> FloatOp:
    """x + constant."""
    return FloatOp(name, lambda x, c: x + c, (constant.astype(np.float64),), line="+")


def subtract_from(name: str, constant: FloatArray) -> FloatOp:
    """constant - x."""
    return FloatOp(name, lambda x, c: c - x, (constant.astype(np.float64),), -np.ones(1, np.int64), line="-")


def batch_norm(
    name: str, weight: FloatArray, bias: FloatArray, mean: FloatArray, variance: FloatArray, epsilon: float
) -> FloatOp:
    """Batch normalisation in the order in which torch and onnxruntime compute it: one gain and one offset a channel."""

    def run(x: FloatArray, w: FloatArray, b: FloatArray, m: FloatArray, v: FloatArray) -> FloatArray:
        kind = x.dtype.type
        gain = w * (kind(1) / np.sqrt(v + kind(epsilon)))
        return np.asarray(x * gain + (b - m * gain))

    parameters = tuple(p.astype(np.float64) for p in (weight, bias, mean, variance))
    return FloatOp(name, run, parameters, np.sign(parameters[0]).astype(np.int64) + (parameters[0] == 0))


def clip(name: str, low: float, high: float) -> FloatOp:
    """x limited to [low, high]."""
    return FloatOp(name, lambda x: np.clip(x, x.dtype.type(low), x.dtype.type(high)))


def rising(name: str, function: Function, parameters: tuple[FloatArray, ...] = ()) -> FloatOp:
    """An operation that never falls, made of comparisons, additions and multiplications."""
    return FloatOp(name, function, parameters)


def curve(name: str, function: Function, exact: bool = False) -> FloatOp:
    """An operation of which nothing is known but that it is a function."""
    return FloatOp(name, function, (), np.zeros(1, np.int64), None, exact)
