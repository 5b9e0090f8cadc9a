"""Which weights of a kernel are kept: the position policies of a multiplexer convolution."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from lutwright.errors import BadLayer
from lutwright.train.names import POLICIES, SHARED, Policy, Pruning
from lutwright.train.schedules import kept_of, sparsity

_EPSILON = 1e-6  # keeps an A whose k*k values are all equal from dividing by zero


def selection(attention: Tensor, temperature: float) -> Tensor:
    """Return P = softmax(T * A / std(A)) over the last axis, float32, the shape of `attention` [Cout, Cin, k*k].

    The standard deviation is the unbiased one over the k*k positions of a kernel; gradients pass through it.
    """
    spread = attention.std(dim=-1, keepdim=True, unbiased=True) + _EPSILON
    return torch.softmax(temperature * attention / spread, dim=-1)


def pattern(outs: int, ins: int, window: int, kept: int, *, shared: bool) -> Tensor:
    """Return fixed positions, bool [outs, ins, window], `kept` in each kernel, spread evenly over the window.

    shared: the same for all outputs of an input channel, so that the hardware needs one multiplexer an input only.
    """
    first = torch.arange(ins).unsqueeze(0) if shared else torch.arange(outs).unsqueeze(1) + torch.arange(ins)
    places = (first.expand(outs, ins).unsqueeze(-1) + torch.arange(kept) * window // kept) % window
    return torch.zeros(outs, ins, window, dtype=torch.bool).scatter_(2, places, True)


class Positions(nn.Module):
    """A policy at work in one layer: factors while positions are undecided, in the end `kept` positions a kernel.

    Arguments: shape (Cout, Cin, k*k); kept, 1 .. k*k.
    dense: whether weights may be zero while undecided, as those of a dense layer may.
    """

    dense = False

    def __init__(self, shape: tuple[int, int, int], kept: int) -> None:
        super().__init__()
        self.shape, self.kept = shape, kept
        self.batches = self.batch = 0

    def begin(self, batches: int) -> None:
        """Say how many batches there are until the positions are decided."""
        self.batches, self.batch = batches, 0

    def advance(self) -> None:
        """One batch was trained."""
        self.batch += 1

    @property
    def done(self) -> float:
        """The fraction of the batches trained, 0..1."""
        return self.batch / self.batches if self.batches else 0.0

    def factors(self, weight: Tensor) -> Tensor:
        """Return what each weight is multiplied by now, float32 [Cout or 1, Cin, k*k]; `weight` is [Cout, Cin, k*k]."""
        raise NotImplementedError

    def chosen(self, weight: Tensor) -> Tensor:
        """Return the positions to keep, bool [Cout, Cin, k*k], exactly `kept` a kernel."""
        raise NotImplementedError

    def get_extra_state(self) -> dict[str, Any]:
        """Return what a checkpoint needs beside the parameters."""
        return {"batches": self.batches, "batch": self.batch}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take up what `get_extra_state` returned."""
        self.batches, self.batch = state["batches"], state["batch"]


class Sal(Positions):
    """The Shift Attention Layer (Hacene et al., arXiv 1905.12300): P = softmax(T * A / std(A)), T grows batch by batch.

    shared: one A for all outputs of an input channel.
    For more than one kept weight, P is multiplied by their number and held to at most 1 (ours).
    """

    def __init__(
        self, shape: tuple[int, int, int], kept: int, *, shared: bool, t_init: float = 20.0, t_final: float = 70.0
    ) -> None:
        super().__init__(shape, kept)
        self.attention = nn.Parameter(torch.rand(1 if shared else shape[0], *shape[1:]))
        self.temperature, self.t_init, self.t_final = t_init, t_init, t_final

    def begin(self, batches: int) -> None:
        """Set the factor by which T grows a batch."""
        super().begin(batches)
        self.temperature = self.t_init

    def advance(self) -> None:
        """T <- T * (t_final / t_init) ** (1 / batches)."""
        super().advance()
        self.temperature *= (self.t_final / self.t_init) ** (1.0 / max(1, self.batches))

    def factors(self, weight: Tensor) -> Tensor:
        """Return P, times `kept` where that is above 1."""
        soft = selection(self.attention, self.temperature)
        return soft if self.kept == 1 else (soft * self.kept).clamp(max=1.0)

    def chosen(self, weight: Tensor) -> Tensor:
        """Return the positions of the largest A; ties to the lowest position."""
        return largest(self.attention.detach(), self.kept).expand(self.shape)

    def get_extra_state(self) -> dict[str, Any]:
        """Return the temperature as well."""
        return super().get_extra_state() | {"temperature": self.temperature}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take up the temperature as well."""
        super().set_extra_state(state)
        self.temperature = state["temperature"]


class Fixed(Positions):
    """Positions fixed from the start, even over the window and shared by the outputs: a shift network."""

    def __init__(self, shape: tuple[int, int, int], kept: int, *, shared: bool = True) -> None:
        super().__init__(shape, kept)
        self.mask: Tensor
        self.register_buffer("mask", pattern(*shape, kept, shared=shared))

    def factors(self, weight: Tensor) -> Tensor:
        """Return 1 at the kept positions, else 0."""
        return self.mask.to(weight.dtype)

    def chosen(self, weight: Tensor) -> Tensor:
        """Return the fixed positions."""
        return self.mask


class Guided(Fixed):
    """Positions fixed by a pattern that differs from pair to pair, and the other weights fade out.

    The deterministic policy of guided pruning (Hacene et al., arXiv 1812.11337); how the others fade is ours: they are
    multiplied by 1 - sparsity, which the schedule takes from 1 to 0, so a dense network hands its work over.
    """

    dense = True

    def __init__(self, shape: tuple[int, int, int], kept: int, *, schedule: Pruning = "one-cycle") -> None:
        super().__init__(shape, kept, shared=False)
        self.schedule = schedule

    def factors(self, weight: Tensor) -> Tensor:
        """Return 1 at the kept positions, elsewhere what the schedule has left."""
        return torch.where(self.mask, 1.0, 1.0 - sparsity(self.schedule, self.done, 1.0)).to(weight.dtype)


class Magnitude(Positions):
    """A dense layer whose smallest weights go, kernel by kernel, as the schedule says."""

    dense = True

    def __init__(self, shape: tuple[int, int, int], kept: int, *, schedule: Pruning = "agp") -> None:
        super().__init__(shape, kept)
        self.schedule = schedule

    def factors(self, weight: Tensor) -> Tensor:
        """Return 1 for the largest weights of each kernel that may still stand, else 0."""
        standing = kept_of(self.schedule, self.done, self.shape[2], self.kept)
        return largest(weight.detach().abs(), standing).to(weight.dtype)

    def chosen(self, weight: Tensor) -> Tensor:
        """Return the positions of the largest weights; ties to the lowest position."""
        return largest(weight.detach().abs(), self.kept)


def largest(values: Tensor, count: int) -> Tensor:
    """Return where the `count` largest of the last axis are, bool; ties to the lowest index."""
    order = torch.sort(values, dim=-1, descending=True, stable=True).indices[..., :count]
    return torch.zeros(values.shape, dtype=torch.bool, device=values.device).scatter_(-1, order, True)


def check_layer(policy: Policy, shape: tuple[int, int, int], kept: int, groups: int, where: str) -> None:
    """Raise BadLayer where `policy` cannot choose `kept` positions in kernels of shape (Cout, Cin / groups, k*k)."""
    if policy not in POLICIES:
        raise BadLayer(where, f"the position policy must be one of {', '.join(POLICIES)}", repr(policy))
    if shape[2] < 2:
        raise BadLayer(where, "a kernel must have more than one weight to choose from", "1x1", "Keep it dense.")
    if not 1 <= kept < shape[2]:
        raise BadLayer(where, f"of the {shape[2]} weights of a kernel 1 .. {shape[2] - 1} can be kept", kept)
    if groups > 1 and policy in SHARED:
        fix = "Take sal, guided or magnitude."
        raise BadLayer(where, "positions shared by an input channel's outputs need groups = 1", groups, fix)


def positions(
    policy: Policy,
    shape: tuple[int, int, int],
    kept: int = 1,
    *,
    t_init: float = 20.0,
    t_final: float = 70.0,
    schedule: Pruning | None = None,
) -> Positions:
    """Return `policy` for one layer of kernels (Cout, Cin / groups, k*k); `schedule` None is the policy's own."""
    if policy in ("sal", "sal-shared", "sal-tied"):
        return Sal(shape, kept, shared=policy != "sal", t_init=t_init, t_final=t_final)
    if policy == "shift":
        return Fixed(shape, kept)
    if policy == "guided":
        return Guided(shape, kept, schedule=schedule or "one-cycle")
    return Magnitude(shape, kept, schedule=schedule or "agp")
