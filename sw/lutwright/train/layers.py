"""The multiplexer convolution in Brevitas, its one kept position a kernel learnt by a Shift Attention Layer."""

from __future__ import annotations

from typing import Any

import torch
from brevitas.nn import QuantConv2d
from brevitas.quant.fixed_point import Int8WeightPerTensorFixedPoint
from torch import Tensor, nn

_EPSILON = 1e-6  # keeps an A whose k*k values are all equal from dividing by zero


def selection(attention: Tensor, temperature: float) -> Tensor:
    """Return P = softmax(T * A / std(A)) over the last axis, float32, the shape of `attention` [Cout, Cin, k*k].

    The standard deviation is the unbiased one over the k*k positions of a kernel; gradients pass through it.
    """
    spread = attention.std(dim=-1, keepdim=True, unbiased=True) + _EPSILON
    return torch.softmax(temperature * attention / spread, dim=-1)


def at_least(weight: Tensor, floor: float) -> Tensor:
    """Return `weight` with every magnitude raised to `floor`; sign(0) = +1. The gradient passes straight through."""
    raised = torch.where(weight < 0, weight.clamp(max=-floor), weight.clamp(min=floor))
    return weight + (raised - weight).detach()


class MuxWeight(Int8WeightPerTensorFixedPoint):
    """Signed narrow weights with the constant scale 2 ** (1 - bits): the batch norm that follows takes up any factor.

    A constant scale, so that the smallest non-zero code, to which kept weights are raised, does not move.
    """

    scaling_impl_type = "const"
    scaling_const = 1.0


class MuxConv2d(QuantConv2d):
    """A convolution that keeps one weight in each k x k kernel, no bias, same size.

    weight:    float32 [Cout, Cin, k, k] in [-1, 1], the float copy behind the quantised weights.
    attention: float32 [Cout, Cin, k*k], A; a parameter until `harden`, then None.
    kept:      bool [Cout, Cin, k, k], the one position of each kernel after `harden`, before that None.

    While positions are learnt y = conv(x, P * Q(W)), Q being the weight quantiser. Q never yields zero, so after
    `harden` every kernel has exactly one non-zero integer.

    Arguments: weight_bits, 2..8; t_init, the temperature to begin with. Weights start uniform in [-1, 1], A in [0, 1].
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        weight_bits: int,
        t_init: float,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            padding=kernel_size // 2,
            bias=False,
            weight_quant=MuxWeight,
            weight_bit_width=weight_bits,
        )
        nn.init.uniform_(self.weight, -1.0, 1.0)
        self.floor = 2.0 ** (1 - weight_bits)
        self.temperature = t_init
        self.attention: nn.Parameter | None
        self.attention = nn.Parameter(torch.rand(out_channels, in_channels, kernel_size**2))
        self.kept: Tensor | None
        self.register_buffer("kept", None)

    def quant_weight(self, *_: Any, **__: Any) -> Tensor:
        """Return the weights that multiply, float32 [Cout, Cin, k, k]; Brevitas's forward calls this."""
        quantised = self.weight_quant(at_least(self.weight, self.floor)).value
        if self.attention is not None:
            return selection(self.attention, self.temperature).view_as(quantised) * quantised
        return quantised * self._mask()

    def clip(self) -> None:
        """Clip the float copy to [-1, 1], after each optimiser step, so that no weight drifts out of reach."""
        with torch.no_grad():
            self.weight.clamp_(-1.0, 1.0)

    def hold(self) -> None:
        """Let the weights learn no more. Narrow ones would go on flipping between two codes at any learning rate."""
        self.weight.requires_grad_(False)

    def harden(self) -> None:
        """Keep the position with the largest attention in each kernel, with factor 1, and freeze it."""
        if self.attention is None:
            return
        chosen = nn.functional.one_hot(self.attention.detach().argmax(dim=-1), self.attention.shape[-1])
        self.kept = chosen.view_as(self.weight).bool()
        self.attention = None

    def plain(self) -> QuantConv2d:
        """Return Brevitas's own QuantConv2d with the same integer weights; `harden` must have been called."""
        layer = plain_mux(self.in_channels, self.out_channels, self.kernel_size[0], int(self.weight_quant.bit_width()))
        with torch.no_grad():
            layer.weight.copy_(at_least(self.weight, self.floor) * self._mask())
        return layer

    def _mask(self) -> Tensor:
        assert self.kept is not None, "harden() comes first"
        return self.kept


def plain_mux(in_channels: int, out_channels: int, kernel_size: int, weight_bits: int) -> QuantConv2d:
    """Return the QuantConv2d that a trained MuxConv2d becomes: its weight holds the zeros itself."""
    return QuantConv2d(
        in_channels,
        out_channels,
        kernel_size,
        padding=kernel_size // 2,
        bias=False,
        weight_quant=MuxWeight,
        weight_bit_width=weight_bits,
    )
