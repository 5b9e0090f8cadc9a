"""The multiplexer convolution in Brevitas: of each kernel only a few weights are kept, as a rule one."""

from __future__ import annotations

from typing import Any

import torch
from brevitas.nn import QuantConv2d
from brevitas.quant.fixed_point import Int8WeightPerTensorFixedPoint
from brevitas.quant.scaled_int import Int8WeightPerChannelFloat
from torch import Tensor, nn

from lutwright.errors import BadLayer
from lutwright.train.names import KINDS, SHARED, Kind, Policy, Pruning
from lutwright.train.positions import Positions, check_layer, positions
from lutwright.train.weights import at_least, bits_of, quantised

Pair = int | tuple[int, int]


class MuxWeight(Int8WeightPerTensorFixedPoint):
    """Signed narrow weights with a constant scale: the batch norm that follows takes up any factor.

    A constant scale, so that the smallest non-zero code, to which kept weights are raised, does not move.
    """

    scaling_impl_type = "const"
    scaling_const = 1.0


class MuxMeanWeight(Int8WeightPerChannelFloat):
    """Signed narrow weights of two bits, each output channel with a scale of its own that is a parameter."""

    scaling_impl_type = "parameter"
    bit_width = 2


class MuxConv2d(QuantConv2d):
    """A convolution that keeps `kept` weights of each kernel, at positions that a policy chooses.

    weight:    float32 [Cout, Cin / groups, kh, kw] in [-reach, reach], the float copy behind the quantised weights;
               [Cout, Cin, 1, 1] under the policy sal-tied, where all positions of a kernel have one weight (ours).
    positions: the policy at work, a `Positions`, until `harden`; then None.
    mask:      bool [Cout, Cin / groups, kh, kw]: the positions kept, after `harden`; before that None.

    While positions are undecided y = conv(x, F * Q(W)), F the policy's factors (for SAL its softmax P) and Q the
    weight quantiser. Where F is the same for all outputs and there is one weight a kernel, that is a depthwise
    convolution by F and a pointwise one by Q(W), and is computed as such: a third of the time. After `harden` each
    kernel has exactly `kept` integers other than zero (ternary: at most).

    Arguments: as of torch's Conv2d, padding None being kernel // 2 (the same size at stride 1); policy, one of
    `POLICIES`; weights, one of `KINDS`; weight_bits, 2..8; t_init and t_final, SAL's temperatures; schedule, of guided
    and magnitude; reach, a power of two; name, of the layer in errors. Weights start uniform in [-reach, reach].
    BadLayer where the policy or the quantiser cannot take the layer.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        *,
        stride: Pair = 1,
        padding: Pair | None = None,
        groups: int = 1,
        bias: bool = False,
        policy: Policy = "sal",
        kept: int = 1,
        weights: Kind = "uniform",
        weight_bits: int = 4,
        t_init: float = 20.0,
        t_final: float = 70.0,
        schedule: Pruning | None = None,
        reach: float = 1.0,
        name: str = "MuxConv2d",
    ) -> None:
        rows, columns = _pair(kernel_size)
        shape = (out_channels, in_channels // groups, rows * columns)
        check_layer(policy, shape, kept, groups, name)
        _check_weights(weights, weight_bits, name)
        super().__init__(
            in_channels,
            out_channels,
            (rows, columns),
            stride=_pair(stride),
            padding=(rows // 2, columns // 2) if padding is None else _pair(padding),
            groups=groups,
            bias=bias,
            weight_quant=MuxWeight,
            weight_bit_width=bits_of(weights, weight_bits),
        )
        if policy == "sal-tied":
            self.weight = nn.Parameter(torch.empty(out_channels, in_channels, 1, 1))
        nn.init.uniform_(self.weight, -reach, reach)
        self.tied, self.shared = policy == "sal-tied", policy in SHARED and (policy == "sal-tied" or kept == 1)
        self.kind, self.bits, self.reach, self.layer = weights, bits_of(weights, weight_bits), reach, name
        self.positions: Positions | None
        self.positions = positions(policy, shape, kept, t_init=t_init, t_final=t_final, schedule=schedule)
        self.mask: Tensor | None
        self.register_buffer("mask", None)

    def forward(self, x: Tensor) -> Any:
        """Map float32 [N, Cin, H, W] to [N, Cout, H', W']."""
        value, factors = self._parts()
        if not self.shared or not (self.tied or self.positions is None):
            weight = self._scaled(value * factors)
            return nn.functional.conv2d(x, weight, self.bias, self.stride, self.padding, 1, self.groups)
        if not self.tied:
            value = (value * factors).sum((2, 3), keepdim=True)  # all but one are zero
        each = factors.transpose(0, 1).contiguous()
        moved = nn.functional.conv2d(x, each, None, self.stride, self.padding, 1, self.in_channels)
        return nn.functional.conv2d(moved, self._scaled(value), self.bias)

    def quant_weight(self, *_: Any, **__: Any) -> Tensor:
        """Return the weights that multiply, float32 [Cout, Cin / groups, kh, kw]; Brevitas's forward calls this."""
        value, factors = self._parts()
        return self._scaled(value * factors)

    def _parts(self) -> tuple[Tensor, Tensor]:
        """Return Q(W), shaped as weight, and F, [Cout or 1, Cin / groups, kh, kw]."""
        zero = self.positions is not None and self.positions.dense
        value = quantised(self.weight, self.kind, self.bits, self.reach, zero=zero)
        if self.positions is None:
            assert self.mask is not None
            return value, (self.mask[:1] if self.shared else self.mask).to(value.dtype)
        factors = self.positions.factors(self.weight.flatten(2))
        return value, factors.view(*factors.shape[:2], *self.kernel_size)

    def _scaled(self, value: Tensor) -> Tensor:
        return value * self.mean().view(-1, 1, 1, 1) if self.kind == "binary-mean" else value

    def _final(self) -> Tensor:
        """The weights that Brevitas's quantiser turns into the same integers; uniform ones keep their fractions."""
        assert self.mask is not None
        if self.kind == "uniform":
            return at_least(self.weight, self.reach * 2.0 ** (1 - self.bits)) * self.mask
        return self.quant_weight()

    def mean(self) -> Tensor:
        """Return the mean magnitude of the weights, of those kept after `harden`, float32 [Cout]; never zero."""
        size = self.weight.abs().flatten(1)
        kept = torch.ones_like(size) if self.mask is None or self.tied else self.mask.flatten(1).to(size.dtype)
        return ((size * kept).sum(1) / kept.sum(1)).clamp(min=2.0**-20)

    def clip(self) -> None:
        """Clip the float copy to [-reach, reach], after each optimiser step, so that no weight drifts out of reach."""
        with torch.no_grad():
            self.weight.clamp_(-self.reach, self.reach)

    def hold(self) -> None:
        """Let the weights learn no more. Narrow ones would go on flipping between two codes at any learning rate."""
        self.weight.requires_grad_(False)

    def harden(self) -> None:
        """Keep the positions that the policy chooses, with factor 1, and freeze them; a second call changes nothing."""
        if self.positions is None:
            return
        self.mask = self.positions.chosen(self.weight.flatten(2))
        self.mask = self.mask.reshape(*self.weight.shape[:2], *self.kernel_size).clone()
        self.positions = None

    def plain(self) -> QuantConv2d:
        """Return Brevitas's own QuantConv2d with the same integer weights; `harden` must have been called."""
        assert self.mask is not None, "harden() comes first"
        layer = plain_mux(
            self.in_channels,
            self.out_channels,
            (self.kernel_size[0], self.kernel_size[1]),
            stride=(self.stride[0], self.stride[1]),
            padding=(int(self.padding[0]), int(self.padding[1])),
            groups=self.groups,
            bias=self.bias is not None,
            weights=self.kind,
            weight_bits=self.bits,
            reach=self.reach,
        )
        with torch.no_grad():
            layer.weight.copy_(self._final())
            if self.bias is not None and layer.bias is not None:
                layer.bias.copy_(self.bias)
            if self.kind == "binary-mean":
                scale = layer.weight_quant.tensor_quant.scaling_impl.value
                scale.copy_(self.mean().view_as(scale))
        return layer.to(self.weight.device)


def plain_mux(
    in_channels: int,
    out_channels: int,
    kernel_size: Pair,
    *,
    stride: Pair = 1,
    padding: Pair | None = None,
    groups: int = 1,
    bias: bool = False,
    weights: Kind = "uniform",
    weight_bits: int = 4,
    reach: float = 1.0,
) -> QuantConv2d:
    """Return the QuantConv2d that a trained MuxConv2d becomes: its weight holds the zeros itself."""
    rows, columns = _pair(kernel_size)
    quantiser: dict[str, Any] = {"weight_quant": MuxWeight, "weight_bit_width": bits_of(weights, weight_bits)}
    if weights == "binary-mean":
        quantiser = {"weight_quant": MuxMeanWeight, "weight_scaling_init": torch.ones(out_channels, 1, 1, 1)}
    elif reach != 1.0:
        quantiser["weight_scaling_const"] = reach
    return QuantConv2d(
        in_channels,
        out_channels,
        (rows, columns),
        stride=_pair(stride),
        padding=(rows // 2, columns // 2) if padding is None else _pair(padding),
        groups=groups,
        bias=bias,
        **quantiser,
    )


def _pair(value: Pair) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def _check_weights(kind: Kind, bits: int, where: str) -> None:
    if kind not in KINDS:
        raise BadLayer(where, f"the weight quantiser must be one of {', '.join(KINDS)}", repr(kind))
    if not 2 <= bits <= 8:
        raise BadLayer(where, "weights must have 2 to 8 bits", bits)
