"""The uniform quantiser of QONNX (operator Quant): from floats to integer codes.

Semantics as in the QONNX specification: code = round(clip(x / scale + zero_point)),
value = (code - zero_point) * scale.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]
IntArray = NDArray[np.int64]


def _away_from_zero(x: FloatArray) -> FloatArray:
    return np.asarray(np.sign(x) * np.ceil(np.abs(x)))


def _half_away_from_zero(x: FloatArray) -> FloatArray:
    return np.asarray(np.sign(x) * np.floor(np.abs(x) + x.dtype.type(0.5)))


def _half_towards_zero(x: FloatArray) -> FloatArray:
    return np.asarray(np.sign(x) * np.ceil(np.abs(x) - x.dtype.type(0.5)))


# The rounding modes of the QONNX specification. ROUND is half to even, as in Brevitas and numpy.
ROUNDING: dict[str, Callable[[FloatArray], FloatArray]] = {
    "ROUND": np.rint,
    "HALF_EVEN": np.rint,
    "CEIL": np.ceil,
    "FLOOR": np.floor,
    "UP": _away_from_zero,
    "DOWN": np.trunc,
    "ROUND_TO_ZERO": np.trunc,
    "HALF_UP": _half_away_from_zero,
    "HALF_DOWN": _half_towards_zero,
}


@dataclass(frozen=True, eq=False)
class Quantiser:
    """A uniform quantiser, for a tensor or for each channel (last axis).

    scale: positive, a float or float64 [channels]: the value of one code step. zero_point: a float or float64
    [channels], the code that means 0. bits: 1 to 32. rounding: a key of ROUNDING. narrow drops the lowest code of a
    signed quantiser, the highest of an unsigned one. A signed quantiser of one bit gives -1 and 1, as in qonnx.
    """

    scale: float | FloatArray
    zero_point: float | FloatArray
    bits: int
    signed: bool
    narrow: bool
    rounding: str = "ROUND"

    @property
    def binary(self) -> bool:
        """Whether the codes are -1 and 1."""
        return self.signed and self.bits == 1

    @property
    def low(self) -> int:
        """Lowest code."""
        return -(1 << (self.bits - 1)) + int(self.narrow and not self.binary) if self.signed else 0

    @property
    def high(self) -> int:
        """Highest code."""
        if self.binary:
            return 1
        return (1 << (self.bits - 1)) - 1 if self.signed else (1 << self.bits) - 1 - int(self.narrow)

    @property
    def unit(self) -> int:
        """What one code step is in centred integers: 1, or a power of two where the zero point is no integer."""
        zero = np.asarray(self.zero_point, np.float64)
        return next((u for u in (1, 2, 4, 8, 16) if bool((zero * u == np.rint(zero * u)).all())), 0)

    def codes(self, x: FloatArray) -> IntArray:
        """Quantise floats [..., channels] to int64 codes, in the float type of `x`."""
        kind = x.dtype.type
        with np.errstate(over="ignore"):  # what passes float's range saturates
            y = x / np.asarray(self.scale, kind)
        zero = np.asarray(self.zero_point, kind)
        if zero.any():
            y = y + zero
        if self.binary:
            return np.where(y >= 0, 1, -1).astype(np.int64)
        y = np.clip(y, kind(self.low), kind(self.high))
        return ROUNDING[self.rounding](y).astype(np.int64)

    def centred(self, x: FloatArray) -> IntArray:
        """(code - zero_point) * unit: the integers whose value is integer * scale / unit."""
        offset = np.rint(np.asarray(self.zero_point, np.float64) * self.unit).astype(np.int64)
        return np.asarray(self.codes(x) * self.unit - offset)

    def values(self, codes: IntArray, kind: type[np.floating] = np.float32) -> FloatArray:
        """The floats (of type `kind`) that `codes` stand for."""
        return np.asarray((codes.astype(kind) - np.asarray(self.zero_point, kind)) * np.asarray(self.scale, kind))


def is_power_of_two(scale: float) -> bool:
    """Whether `scale` is 2 to an integer power, so that multiplying by it rounds nothing."""
    return scale > 0 and float(np.frexp(scale)[0]) == 0.5
