"""Step functions in float arithmetic, shown to be exact when they are made.

A kernel gets numbers [..., columns * channels] of its `kind` and may overwrite them. What runs fastest is tried first:

    Line        clip(floor(a * gain + offset)): four passes, no branch, no memory
    Count       base + direction * #{ j : a >= threshold j }: two passes a threshold
    Picked      a table over the accumulators
    Applied     the function itself, on int64
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from lutwright.ir.plan_storage import Kind, Numbers, kind_of
from lutwright.numerics.lines import demands, slopes
from lutwright.numerics.quantiser import FloatArray, IntArray
from lutwright.numerics.requantise import Multiply, Requantise, Threshold
from lutwright.numerics.steps import Steps, Table

Function = Steps | Table | Requantise

_FEW = 15  # thresholds that are counted one by one
_MOST_PICKED = 1 << 21  # entries of a table
_MOST_TRIED = 1 << 22  # thresholds of all channels; more are not tried as a line
# What a line may be tried in, by what holds the accumulators.
_FLOATS: dict[Kind, tuple[type[np.floating[Any]], ...]] = {
    np.float32: (np.float32, np.float64),
    np.float64: (np.float64,),
    np.int64: (),
}


class StepKernel(Protocol):
    """A step function on arrays."""

    @property
    def kind(self) -> Kind:
        """The type that `run` works in."""
        ...

    def run(self, x: Numbers, out: Numbers) -> None:
        """Write the codes of `x` [..., columns * channels], of type `kind`, to `out`; overwrites `x`."""
        ...


def make_step(function: Function, channels: int, columns: int, low: int, high: int) -> StepKernel:
    """The kernel of `function` on accumulators [low, high], for images of `columns` columns."""
    bound = max(abs(low), abs(high))
    if isinstance(function, Multiply):
        line = _multiply_line(function, bound, channels, columns)
        if line is not None:
            return line
    steps = function.steps if isinstance(function, Threshold) else function
    if isinstance(steps, Steps):
        fast = _line(steps, columns, low, high) or _count(steps, columns, bound)
        if fast is not None:
            return fast
    if kind_of(bound) is not np.int64 and (high - low + 1) * channels <= _MOST_PICKED:
        acc = np.repeat(np.arange(low, high + 1)[:, None], channels, axis=1)
        return Picked(kind_of(bound), function.apply(acc).T.reshape(-1), low, high - low + 1, channels)
    return Applied(function, channels)


# ---- Line ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Line:
    """clip(floor(a * gain + offset), low, high); gain and offset are scalars or [columns * channels].

    even: to the nearest, ties to even, instead of floor.
    """

    kind: Kind
    gain: Any
    offset: Any
    low: int
    high: int
    even: bool = False

    def run(self, x: Numbers, out: Numbers) -> None:
        """See StepKernel."""
        np.multiply(x, self.gain, out=x)
        np.add(x, self.offset, out=x)
        (np.rint if self.even else np.floor)(x, out=x)
        np.clip(x, self.low, self.high, out=out, casting="unsafe")


def tiled(values: Numbers, columns: int, kind: Kind) -> Any:
    """Values of each channel along a row of an image, or a scalar where all are equal."""
    if bool((values == values[0]).all()):
        return kind(values[0])
    return np.tile(values.astype(kind), columns)


def _multiply_line(form: Multiply, bound: int, channels: int, columns: int) -> Line | None:
    """The form as it is: a * m + o is an integer that the float holds, and 2**-shift only moves its exponent."""
    kind = kind_of(bound * int(np.abs(form.multiplier).max()) + int(np.abs(form.offset).max()) + (1 << form.shift))
    if kind is np.int64:
        return None
    unit = 2.0**-form.shift
    half = (1 << form.shift >> 1) if form.even else 0
    gain = np.broadcast_to(form.multiplier, channels) * unit
    offset = np.broadcast_to(form.offset - half, channels) * unit
    ends = form.code_low, form.code_high
    return Line(kind, tiled(gain, columns, kind), tiled(offset, columns, kind), *ends, form.even)


def _line(steps: Steps, columns: int, low: int, high: int) -> Line | None:
    """A line that equals `steps` on [low, high], shown by running it, or None.

    float multiplication by a constant, addition of one, floor and clip are monotone even though they round, and so are
    the steps. Where two monotone functions agree at both ends of a stretch on which one of them is constant, they agree
    on all of it. So it is enough to compare at low, at high, and on either side of each threshold.
    """
    gain = _gain(steps) if steps.thresholds.size <= _MOST_TRIED else None
    if gain is None:
        return None
    for kind in _FLOATS[kind_of(max(abs(low), abs(high)))]:
        rounded = gain.astype(kind)
        offset = _offsets(steps, rounded.astype(np.float64)).astype(kind)
        line = Line(kind, rounded, offset, steps.code_low, steps.code_high)
        if _equal(line, steps, low, high):
            return replace(line, gain=tiled(rounded, columns, kind), offset=tiled(offset, columns, kind))
    return None


def _gain(steps: Steps) -> FloatArray | None:
    """float64 [C]: for each channel a slope amid those that the thresholds allow; None where a channel has none."""
    lines = slopes(steps)
    if not bool(lines.possible.all()):
        return None
    low = np.maximum(lines.low_p / np.maximum(lines.low_q, 1), 0.0)
    limited = lines.high_q > 0
    high = np.where(limited, lines.high_p / np.where(limited, lines.high_q, 1), low + 2)
    gain = np.where(lines.free, 0.0, (low + high) / 2)
    falling = (steps.direction < 0) & (steps.base != steps.ends)
    return np.where(falling, -gain, gain)


def _offsets(steps: Steps, gain: FloatArray) -> FloatArray:
    """float64 [C]: for each channel the middle of the offsets that `gain` leaves."""
    offset = steps.base + 0.5
    for part, block in demands(steps):
        slope = np.abs(gain[part])[:, None]
        least = np.where(block.reach, block.reach_code - block.reach_at * slope, -np.inf).max(axis=1)
        most = np.where(block.stay, block.stay_code - block.stay_at * slope, np.inf).min(axis=1)
        both = np.isfinite(least) & np.isfinite(most)
        offset[part][both] = (least[both] + most[both]) / 2
    return np.asarray(offset)


def _equal(line: Line, steps: Steps, low: int, high: int) -> bool:
    """Whether `line` (of one column) equals `steps` at low, at high and around each threshold."""
    for points in _around_thresholds(steps, low, high):
        codes = np.empty(points.shape, line.kind)
        line.run(points.astype(line.kind), codes)
        if not np.array_equal(codes, steps.apply(points)):
            return False
    return True


def _around_thresholds(steps: Steps, low: int, high: int) -> Iterator[IntArray]:
    yield np.repeat([[low], [high]], steps.channels, axis=1)
    block = max(1, (1 << 20) // steps.channels)
    for start in range(0, steps.thresholds.shape[1], block):
        at = steps.thresholds[:, start : start + block].T
        yield np.clip(at, low, high)
        yield np.clip(at - 1, low, high)


# ---- the others ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Count:
    """base + direction * (thresholds passed); each list entry a scalar or [columns * channels]."""

    kind: Kind
    thresholds: list[Any]
    base: Any
    direction: Any

    def run(self, x: Numbers, out: Numbers) -> None:
        """See StepKernel."""
        passed = np.zeros(x.shape, np.uint8)
        for threshold in self.thresholds:
            np.add(passed, np.greater_equal(x, threshold).view(np.uint8), out=passed)
        np.multiply(passed, self.direction, out=x, casting="unsafe", dtype=self.kind)
        np.add(x, self.base, out=out, casting="unsafe")


def _count(steps: Steps, columns: int, bound: int) -> Count | None:
    """Comparisons are exact where the type holds accumulators and thresholds; those never passed are one higher."""
    ends = int(np.abs(steps.thresholds).max()), int(np.abs(steps.base).max()) + steps.thresholds.shape[1]
    kind = kind_of(max(bound, *ends))
    if steps.thresholds.shape[1] > _FEW:
        return None
    rows = [tiled(row, columns, kind) for row in steps.thresholds.T]
    return Count(kind, rows, tiled(steps.base, columns, kind), tiled(steps.direction, columns, kind))


@dataclass(frozen=True, eq=False)
class Picked:
    """codes[channel * span + a - low], int64 [channels * span]."""

    kind: Kind
    codes: IntArray
    low: int
    span: int
    channels: int

    def run(self, x: Numbers, out: Numbers) -> None:
        """See StepKernel."""
        index = x.reshape(-1, self.channels).astype(np.intp)
        index += np.arange(self.channels) * self.span - self.low
        out[...] = self.codes[index].reshape(x.shape)


class Applied:
    """The function on int64."""

    kind: Kind = np.int64

    def __init__(self, function: Function, channels: int) -> None:
        self.function = function
        self.channels = channels

    def run(self, x: Numbers, out: Numbers) -> None:
        """See StepKernel."""
        out[...] = self.function.apply(x.reshape(-1, self.channels)).reshape(x.shape)
