"""The weight quantisers of a multiplexer convolution: a float copy becomes integers times one scale."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lutwright.train.names import Kind


class _Through(torch.autograd.Function):
    """The value of the second argument, the gradient of the first."""

    @staticmethod
    def forward(_: Any, x: Tensor, value: Tensor) -> Tensor:
        return value

    @staticmethod
    def backward(_: Any, *gradients: Any) -> Any:
        return gradients[0], None


def straight_through(x: Tensor, value: Tensor) -> Tensor:
    """Return `value`; its gradient goes to `x` as if nothing had been done."""
    return _Through.apply(x, value)


def at_least(weight: Tensor, floor: float) -> Tensor:
    """Return `weight` with every magnitude raised to `floor`; sign(0) = +1. The gradient passes straight through."""
    raised = torch.where(weight < 0, weight.clamp(max=-floor), weight.clamp(min=floor))
    return straight_through(weight, raised)


def bits_of(kind: Kind, bits: int) -> int:
    """Return the width that `kind` really has: binary and ternary weights are signed integers of two bits."""
    return bits if kind in ("uniform", "power-of-two") else 2


def quantised(weight: Tensor, kind: Kind, bits: int, reach: float, *, zero: bool) -> Tensor:
    """Return `weight` on the grid of its quantiser, float32, the same shape; gradients pass straight through.

    weight: float32 in [-reach, reach]; reach, a power of two.
    bits:   2..8, of "uniform" and "power-of-two".
    zero:   whether the integer 0 may come out; where not, weights are raised to the least magnitude.

    uniform:      integers up to 2 ** (bits - 1) - 1 times reach * 2 ** (1 - bits), half to even.
    power-of-two: the same grid, only magnitudes 1, 2, 4 .. 2 ** (bits - 2); nearest in the exponent, half upwards.
    ternary:      -1, 0, +1 times reach / 2; zero below half of that, whatever `zero` says.
    binary:       sign(w) times reach / 2 (BinaryConnect, Courbariaux et al., arXiv 1511.00363).
    binary-mean:  sign(w); the caller multiplies by the mean of |w| (Binary-Weight-Network, arXiv 1603.05279).
    """
    bits = bits_of(kind, bits)
    step, top = reach * 2.0 ** (1 - bits), 2 ** (bits - 1) - 1
    if kind in ("binary", "binary-mean"):
        ones = torch.where(weight < 0, -1.0, 1.0)
        return straight_through(weight, ones * (step if kind == "binary" else 1.0))
    held = weight.detach()
    if not zero and kind != "ternary":
        held = at_least(held, step)
    if kind == "power-of-two":
        return straight_through(weight, _powers(held / step, 2 ** (bits - 2)) * step)
    return straight_through(weight, (held / step).round().clamp(-top, top) * step)


def _powers(units: Tensor, most: int) -> Tensor:
    """Return the power of two nearest in the exponent to each unit, 0 for those below sqrt(1/2)."""
    size = units.abs()
    power = torch.exp2(torch.floor(torch.log2(size.clamp(min=0.25)) + 0.5)).clamp(max=most)
    return torch.where(power < 1, 0.0, torch.copysign(power, units))
