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


@dataclass(frozen=True)
class Quantiser:
    """A uniform quantiser with one scale.

    scale: positive float32 value of one code step. bits: 1 to 32. rounding: a key of ROUNDING.
    narrow drops the lowest code of a signed quantiser, the highest of an unsigned one.
    """

    scale: float
    zero_point: int
    bits: int
    signed: bool
    narrow: bool
    rounding: str = "ROUND"

    @property
    def low(self) -> int:
        """Lowest code."""
        return -(1 << (self.bits - 1)) + int(self.narrow) if self.signed else 0

    @property
    def high(self) -> int:
        """Highest code."""
        return (1 << (self.bits - 1)) - 1 if self.signed else (1 << self.bits) - 1 - int(self.narrow)

    def codes(self, x: FloatArray) -> IntArray:
        """Quantise floats of any shape to int64 codes, in the float type of `x`."""
        kind = x.dtype.type
        y = x / kind(self.scale)
        if self.zero_point:
            y = y + kind(self.zero_point)
        y = np.clip(y, kind(self.low), kind(self.high))
        return ROUNDING[self.rounding](y).astype(np.int64)

    def values(self, codes: IntArray, kind: type[np.floating] = np.float32) -> FloatArray:
        """The floats (of type `kind`) that `codes` stand for."""
        return np.asarray((codes - self.zero_point).astype(kind) * kind(self.scale))


def is_power_of_two(scale: float) -> bool:
    """Whether `scale` is 2 to an integer power, so that multiplying by it rounds nothing."""
    return scale > 0 and float(np.frexp(scale)[0]) == 0.5
