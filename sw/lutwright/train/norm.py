"""Batch norm whose gains become powers of two, so that hardware needs an adder and a shift behind an accumulator."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_LEAST_WEIGHT = 1e-3  # a weight of zero would have no logarithm, a negative one would turn the steps round


def nearest_power(gain: Tensor) -> Tensor:
    """Return 2 ** round(log2 |gain|), float32, the shape of `gain`: nearest in the exponent, so 1.42 becomes 2."""
    return torch.exp2(torch.round(torch.log2(gain.abs())))


def shared_power(gain: Tensor) -> Tensor:
    """Return the one power of two nearest the geometric mean of |gain|, float32, repeated to the shape of `gain`."""
    mean = torch.log2(gain.abs()).mean()
    return torch.exp2(torch.round(mean)).expand_as(gain)


class PowerNorm2d(nn.BatchNorm2d):
    """A batch norm whose gain weight / sqrt(running_var + eps) `harden` replaces by a positive power of two.

    Until then it is PyTorch's own. Afterwards it computes gain * x + bias from what it holds, in training too: what
    is trained is then what is exported, and of the parameters only the bias still learns.

    Arguments: channels; shared, whether all channels get the same power.
    """

    def __init__(self, channels: int, *, shared: bool) -> None:
        super().__init__(channels)
        self.shared, self.hard = shared, False

    def train(self, mode: bool = True) -> PowerNorm2d:
        """Set the mode as usual; a hardened one stays in eval mode, so that it measures no batch any more."""
        super().train(mode and not self.hard)
        return self

    def clip(self) -> None:
        """Keep the weights positive, after each optimiser step; a hardened one's stand."""
        if not self.hard:
            with torch.no_grad():
                self.weight.clamp_(min=_LEAST_WEIGHT)

    def harden(self) -> None:
        """Round the gains, fold the mean into the bias and freeze all but the bias; a second call changes nothing."""
        if self.hard:
            return
        assert self.running_mean is not None and self.running_var is not None
        with torch.no_grad():
            gain = self.weight / torch.sqrt(self.running_var + self.eps)
            power = shared_power(gain) if self.shared else nearest_power(gain)
            self.bias.sub_(self.running_mean * power)
            self.weight.copy_(power)
            self.running_mean.zero_()
            # In float32 1 - eps rounds, but (1 - eps) + eps is 1 again: the weight is the gain to the last bit.
            self.running_var.fill_(1.0).sub_(self.eps)
        self.weight.requires_grad_(False)
        self.hard = True
        self.eval()

    def plain(self) -> nn.BatchNorm2d:
        """Return PyTorch's own batch norm with the same values."""
        layer = nn.BatchNorm2d(self.num_features)
        layer.load_state_dict(self.state_dict())
        return layer
