"""The learner as a torch.nn.Module: its buffers are the state, its answers those of the reference, bit by bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lutwright.errors import BadFeatures, BadState
from lutwright.learn.codes import check_range, check_shape, check_versions
from lutwright.learn.config import LearnerConfig
from lutwright.learn.result import Status
from lutwright.learn.rule import draw
from lutwright.learn.state import EXAMPLES_MAX, State, check

_INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
_CELLS = 1 << 23  # distances at a time


class LearnerModule(nn.Module):
    """A learner behind a network: `forward` predicts, `learn` learns; nothing in it has a gradient.

    config: its parameters. Features are integer tensors [B, d], or [B, R, d] for R versions each, on the module's
    device. BadFeatures for others. The buffers y, r, n, examples, pointer and lfsr are int64, as in `State`.
    """

    y: Tensor
    r: Tensor
    n: Tensor
    examples: Tensor
    pointer: Tensor
    lfsr: Tensor

    def __init__(self, config: LearnerConfig) -> None:
        super().__init__()
        self.config = config
        for name, value in _tensors(State.empty(config)).items():
            self.register_buffer(name, value)

    def forward(self, x: Tensor) -> Tensor:
        """Return the predicted classes, int64 [B]; 0 where no class is known."""
        return self.votes(x).argmax(dim=1)

    @torch.no_grad()
    def votes(self, x: Tensor) -> Tensor:
        """Return the votes for each class, int64 [B, C]; all 0 where no class is known."""
        versions = self._versions(x)
        votes = versions.new_zeros(len(versions), self.config.classes)
        if not bool((self.examples > 0).any()):
            return votes
        found = self._nearest(versions.flatten(0, 1)).reshape(len(versions), -1)
        return votes.scatter_add_(1, found, torch.ones_like(found))

    @torch.no_grad()
    def learn(self, x: Tensor, labels: Tensor) -> Tensor:
        """Learn examples one after the other, each version as an example; return the Status of each, int64 [B].

        labels: int64 [B], each 0 or more.
        """
        versions = self._versions(x)
        if labels.shape != versions.shape[:1] or labels.dtype not in _INTEGERS or bool((labels < 0).any()):
            found = f"{labels.dtype} {list(labels.shape)}"
            raise BadFeatures("classes", f"must be integers of 0 or more, {len(versions)} of them", found)
        status = [self._example(example, int(label)) for example, label in zip(versions, labels, strict=True)]
        return torch.tensor(status, device=x.device)

    def forget(self, label: int) -> Status:
        """Forget class `label`; FULL where there is no room for it."""
        if label < 0:
            raise BadFeatures("class", "must be 0 or more", label)
        if label >= self.config.classes:
            return Status.FULL
        for memory in (self.y, self.r, self.n, self.examples, self.pointer):
            memory[label] = 0
        return Status(0)

    def clear(self) -> None:
        """Forget all classes, and begin the random choices anew."""
        self.take(State.empty(self.config))

    def state(self) -> State:
        """Return a copy of what it knows, as the reference holds it."""
        found = State.empty(self.config)
        for name in ("y", "r", "n", "examples", "pointer"):
            getattr(found, name)[...] = getattr(self, name).cpu().numpy()
        found.lfsr = int(self.lfsr)
        return found

    def take(self, state: State) -> None:
        """Take up what a learner of the same parameters knows; BadState where it cannot be so."""
        check(state, self.config, "learner's state")
        for name, value in _tensors(state).items():
            getattr(self, name).copy_(value)

    def get_extra_state(self) -> dict[str, Any]:
        """Return the parameters, for a state dictionary."""
        return dict(vars(self.config))

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Raise BadState where a state dictionary is of a learner with other parameters."""
        for name in self.config.differences(LearnerConfig(**state)):
            rule = f"must be of a learner with {name} = {getattr(self.config, name)}"
            raise BadState("learner's state", rule, state[name])

    def _versions(self, x: Tensor) -> Tensor:
        """Return the codes int64 [B, R, P, w] on the grid of the anchors."""
        if x.dtype not in _INTEGERS or x.ndim not in (2, 3):
            rule = f"must be integer codes [B, {self.config.features}] or [B, R, {self.config.features}]"
            raise BadFeatures("features", rule, f"{x.dtype} {list(x.shape)}", "Quantise them first.")
        check_shape(tuple(x.shape), self.config)
        low, high = x.aminmax()
        check_range(int(low), int(high), self.config)
        x = x.unsqueeze(1) if x.ndim == 2 else x
        check_versions(x.shape[1], self.config)
        return (x.to(torch.int64) << self.config.fraction_bits).unflatten(2, (self.config.subspaces, self.config.width))

    def _nearest(self, x: Tensor) -> Tensor:
        """Return the class of the nearest anchor in each subspace, int64 [n, P], for `x` [n, P, w]."""
        used = (self.n > 0).flatten(0, 1).t().unsqueeze(1)  # [P, 1, M]
        y = self.y.flatten(0, 1).transpose(0, 1)  # [P, M, w]
        size = max(1, _CELLS // used.numel())
        parts = [self._keys(part.transpose(0, 1), y) for part in x.split(size)]
        best = [key.masked_fill(~used, _most(key.dtype)).argmin(dim=2) for key in parts]
        return torch.cat(best, dim=1).t().div(self.config.anchors, rounding_mode="floor")

    def _keys(self, x: Tensor, y: Tensor) -> Tensor:
        """Return numbers [P, n, M] in the order of the distances of `x` [P, n, w] and `y` [P, M, w], exactly.

        Floats are exact here: all partial sums are integers below 2**24, or 2**53.
        """
        bits, l1 = self.config.distance_bits, self.config.distance == "l1"
        if l1 and bits <= 53:
            kind = torch.float32 if bits <= 24 else torch.float64
            return torch.cdist(x.to(kind), y.to(kind), p=1)
        if bits <= 50:
            anchors = y.to(torch.float64)
            return torch.baddbmm((anchors**2).sum(2).unsqueeze(1), x.to(torch.float64), anchors.mT, alpha=-2)
        return torch.stack([((part.unsqueeze(1) - y) ** 2).sum(2) for part in x.unbind(1)], dim=1)

    def _example(self, versions: Tensor, label: int) -> int:
        if label >= self.config.classes:
            return int(Status.FULL)
        held = False
        for version in versions:
            held |= self._learn_version(version, label)
        return int(Status.SATURATED) if held else 0

    def _learn_version(self, x: Tensor, label: int) -> bool:
        """Learn one version [P, w]; return whether a counter was full."""
        rows = torch.arange(self.config.subspaces, device=x.device)
        place = (torch.tensor(label), self._choice(x, label), rows)
        y, r, n = self.y[place], self.r[place], self.n[place]
        full = n == self.config.count_max
        more = (n + 1).unsqueeze(1)
        t = r + x - y
        step = t.div(more, rounding_mode="floor")
        still = full.unsqueeze(1)
        self.y[place] = torch.where(still, y, y + step)
        self.r[place] = torch.where(still, r, t - step * more)
        self.n[place] = n + ~full
        stopped = int(self.examples[label]) == EXAMPLES_MAX
        self.examples[label] += not stopped
        return stopped or bool(full.any())

    def _choice(self, x: Tensor, label: int) -> Tensor:
        """Return the anchors that learn, int64 [P]; the pointer or the generator moves on."""
        config, counts = self.config, self.n[label]
        if config.policy == "round-robin":
            found = self.pointer[label].repeat(config.subspaces)
            self.pointer[label] = (found[0] + 1) % config.anchors
            return found
        if config.policy == "random":
            drawn, lfsr = draw(int(self.lfsr), config.anchors, config.subspaces)
            self.lfsr.fill_(lfsr)
            return torch.from_numpy(drawn).to(x.device)
        difference = x - self.y[label]
        cost = (difference.abs() if config.distance == "l1" else difference**2).sum(2)
        cost = cost * counts if config.policy == "weighted" else cost
        return cost.masked_fill(counts == 0, -1).argmin(dim=0)


def _tensors(state: State) -> dict[str, Tensor]:
    arrays = {name: np.ascontiguousarray(value) for name, value in vars(state).items() if name != "lfsr"}
    return {name: torch.from_numpy(value.copy()) for name, value in arrays.items()} | {"lfsr": torch.tensor(state.lfsr)}


def _most(kind: torch.dtype) -> float:
    return float("inf") if kind.is_floating_point else torch.iinfo(kind).max
