"""Activation quantisers of constant scale, fast in training."""

from __future__ import annotations

from typing import Any

import torch
from brevitas.nn import QuantIdentity, QuantReLU
from brevitas.quant.fixed_point import Int8ActPerTensorFixedPoint, Uint8ActPerTensorFixedPoint
from torch import Tensor

_REACH = 4.0  # deviations behind a batch norm that the codes hold


class InputQuant(Uint8ActPerTensorFixedPoint):
    """Unsigned codes with the constant scale 2 ** -bits: pixels arrive as p / 256, in [0, 1)."""

    scaling_impl_type = "const"
    max_val = 1.0


class ActQuant(Uint8ActPerTensorFixedPoint):
    """Unsigned codes with the constant scale 4 * 2 ** -bits.

    A batch norm stands in front: its output has unit variance at first, so four deviations are kept, and its own
    factor learns the rest. A constant keeps Brevitas from measuring percentiles, which took a third of the time.
    """

    scaling_impl_type = "const"
    max_val = _REACH


class SumQuant(Int8ActPerTensorFixedPoint):
    """Signed codes with the constant scale 8 * 2 ** -bits: what a residual block adds up, from -4 to almost 4."""

    scaling_impl_type = "const"
    min_val = -_REACH
    max_val = _REACH


class _Quantise(torch.autograd.Function):
    """round(x / scale), half to even, held to low .. high, times scale; the gradient passes where nothing was held.

    Vectorised passes in place: torch's own fused quantiser computes one element at a time.
    """

    @staticmethod
    def forward(context: Any, x: Tensor, scale: float, low: int, high: int, edges: tuple[float, float]) -> Tensor:
        context.save_for_backward(x)
        context.edges = edges
        return x.clamp(low * scale, high * scale).mul_(1.0 / scale).round_().mul_(scale)

    @staticmethod
    def backward(context: Any, *gradients: Any) -> Any:
        (x,) = context.saved_tensors
        return torch.ops.aten.hardtanh_backward(gradients[0], x, *context.edges), None, None, None, None


class Codes(QuantReLU):
    """Brevitas's QuantReLU with `ActQuant`; in training the same values and gradients in fewer passes.

    Brevitas's own takes about ten passes over an activation, this five. In eval mode it is Brevitas's.
    """

    def __init__(self, bits: int) -> None:
        super().__init__(act_quant=ActQuant, bit_width=bits)
        self.scale, self.top = _REACH * 2.0**-bits, 2**bits - 1

    def forward(self, x: Tensor) -> Any:
        """Map float32 of any shape to codes times the scale."""
        if not self.training:
            return super().forward(x)
        return _Quantise.apply(x, self.scale, 0, self.top, (0.0, (self.top + 0.5) * self.scale))

    def plain(self) -> QuantReLU:
        """Return Brevitas's own layer."""
        return QuantReLU(act_quant=ActQuant, bit_width=self.top.bit_length())


class SignedCodes(QuantIdentity):
    """The same for signed codes: Brevitas's QuantIdentity with `SumQuant`."""

    def __init__(self, bits: int) -> None:
        super().__init__(act_quant=SumQuant, bit_width=bits)
        self.scale, self.bits = _REACH * 2.0 ** (1 - bits), bits

    def forward(self, x: Tensor) -> Any:
        """Map float32 of any shape to codes times the scale."""
        if not self.training:
            return super().forward(x)
        half = 2 ** (self.bits - 1)
        return _Quantise.apply(x, self.scale, -half, half - 1, (-(half + 0.5) * self.scale, (half - 0.5) * self.scale))

    def plain(self) -> QuantIdentity:
        """Return Brevitas's own layer."""
        return QuantIdentity(act_quant=SumQuant, bit_width=self.bits)
