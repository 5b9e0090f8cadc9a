"""What happens between the batches and the epochs of a phase; each is of use in a training loop of one's own too."""

from __future__ import annotations

from torch import nn

from lutwright.train.layers import MuxConv2d
from lutwright.train.norm import PowerNorm2d
from lutwright.train.positions import Sal


def mux_layers(network: nn.Module) -> list[MuxConv2d]:
    """Return the multiplexer layers still in training, in order."""
    return [module for module in network.modules() if isinstance(module, MuxConv2d)]


def power_norms(network: nn.Module) -> list[PowerNorm2d]:
    """Return the batch norms in training whose gains are, or shall be, powers of two, in order."""
    return [module for module in network.modules() if isinstance(module, PowerNorm2d)]


class Callback:
    """Does nothing. `begin` with a phase, `epoch` before each (counted from 1), `batch` after each optimiser step."""

    def begin(self, epochs: int, batches: int) -> None:
        """A phase begins: of so many epochs, and so many batches in all."""

    def epoch(self, number: int) -> None:
        """An epoch begins, 1 .. epochs."""

    def batch(self) -> None:
        """The optimiser made a step."""


class Choosing(Callback):
    """Moves the policies on: SAL's temperature, the schedule of those that prune."""

    def __init__(self, network: nn.Module) -> None:
        self.policies = [layer.positions for layer in mux_layers(network) if layer.positions is not None]

    def begin(self, epochs: int, batches: int) -> None:
        """Tell every policy how long it has."""
        for policy in self.policies:
            policy.begin(batches)

    def batch(self) -> None:
        """Tell every policy that a batch has passed."""
        for policy in self.policies:
            policy.advance()

    @property
    def temperature(self) -> float | None:
        """SAL's temperature now; None where no layer has one."""
        return next((policy.temperature for policy in self.policies if isinstance(policy, Sal)), None)


class Hardening(Callback):
    """Decides the positions, and rounds the gains that shall be powers of two, as the phase begins."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    def begin(self, epochs: int, batches: int) -> None:
        """Harden every layer that still can be."""
        layers: list[MuxConv2d | PowerNorm2d] = [*mux_layers(self.network), *power_norms(self.network)]
        for layer in layers:
            layer.harden()


class Holding(Callback):
    """Lets the mux weights stand still in the last `fraction` of the phase's epochs."""

    def __init__(self, network: nn.Module, fraction: float) -> None:
        self.network, self.fraction, self.first = network, fraction, 0.0

    def begin(self, epochs: int, batches: int) -> None:
        """Note after which epoch."""
        self.first = epochs * (1 - self.fraction)

    def epoch(self, number: int) -> None:
        """Hold, if it is time."""
        if number > self.first:
            for layer in mux_layers(self.network):
                layer.hold()


class Clipping(Callback):
    """Keeps mux weights within reach and batch norm weights positive."""

    def __init__(self, network: nn.Module) -> None:
        self.layers: list[MuxConv2d | PowerNorm2d] = [*mux_layers(network), *power_norms(network)]

    def batch(self) -> None:
        """Clip all."""
        for layer in self.layers:
            layer.clip()
