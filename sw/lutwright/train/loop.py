"""The training phases: learn the positions, harden them, fine-tune what they carry.

Deterministic on one kind of machine: every random draw comes from the recipe's seed, torch may use only its
deterministic algorithms, and exactly one thread computes, because the order of a float sum depends on how
many threads share it. (Another processor may pick other vector instructions, so other sums, so other weights.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import update_bn

from lutwright.errors import TrainingFailed
from lutwright.train.data import DataSet, presented
from lutwright.train.layers import MuxConv2d
from lutwright.train.model import build, mux_layers, plain, power_norms
from lutwright.train.norm import PowerNorm2d
from lutwright.train.recipe import Augment, Recipe

_EVALUATION_BATCH = 500


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to, as shown on screen and kept as history.

    phase:       "sal" (positions are learnt) or "tune" (positions are frozen).
    epoch:       1 .. epochs, counted within the phase.
    loss:        mean training loss.
    accuracy:    fraction of the test images classified right after the epoch; never used to choose anything.
    temperature: of the positions' softmax after the epoch; None where no position is being learnt.
    """

    phase: str
    epoch: int
    epochs: int
    loss: float
    accuracy: float
    temperature: float | None

    def record(self) -> dict[str, Any]:
        """Return the epoch as plain values for JSON."""
        return asdict(self)


Progress = Callable[[Epoch], None]


@contextmanager
def reproducible(seed: int) -> Iterator[None]:
    """Compute with one thread, deterministic algorithms and random numbers from `seed`; then restore all three."""
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[]):
        try:
            torch.set_num_threads(1)
            torch.use_deterministic_algorithms(True)
            torch.manual_seed(seed)
            yield
        finally:
            torch.use_deterministic_algorithms(strict)
            torch.set_num_threads(threads)


def fit(recipe: Recipe, data: DataSet, progress: Progress) -> nn.Sequential:
    """Train the network of `recipe` on `data`; return it plain (Brevitas's own layers only) and in eval mode.

    `progress` is called after every epoch. TrainingFailed where the loss is not finite.
    """
    with reproducible(recipe.seed):
        images, labels = torch.from_numpy(presented(data.train_images)), torch.from_numpy(data.train_labels)
        network = build(recipe, (images.shape[1], images.shape[2], images.shape[3]), data.classes)
        plan = recipe.schedule
        for phase, epochs, lr in (("sal", plan.sal_epochs, plan.lr), ("tune", plan.tune_epochs, plan.tune_lr)):
            if phase == "tune":
                for layer in mux_layers(network):
                    layer.harden()
                for norm in power_norms(network):
                    norm.harden()
            _Phase(phase, epochs, lr, network, recipe).run(images, labels, data, progress)
        return plain(network)


class _Phase:
    """One phase's optimiser, learning rate and temperature."""

    def __init__(self, name: str, epochs: int, lr: float, network: nn.Sequential, recipe: Recipe) -> None:
        self.name, self.epochs, self.network, self.recipe = name, epochs, network, recipe
        self.optimiser = torch.optim.Adam(network.parameters(), lr=lr)
        self.layers, self.norms = mux_layers(network), power_norms(network)
        self.clipped: list[MuxConv2d | PowerNorm2d] = [*self.layers, *self.norms]
        self.learning = [layer for layer in self.layers if layer.attention is not None]

    def run(self, images: Tensor, labels: Tensor, data: DataSet, progress: Progress) -> None:
        """Train for all the phase's epochs."""
        batch = self.recipe.schedule.batch
        total = self.epochs * math.ceil(len(images) / batch)
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimiser, total)
        growth = (self.recipe.attention.t_final / self.recipe.attention.t_init) ** (1.0 / total)
        for epoch in range(1, self.epochs + 1):
            self.network.train()
            if self.name == "tune" and epoch > self.epochs * (1 - self.recipe.schedule.hold):
                for layer in self.layers:
                    layer.hold()
            losses = []
            for chosen in torch.randperm(len(images)).split(batch):
                losses.append(self._step(images[chosen], labels[chosen], epoch))
                cosine.step()
                for layer in self.learning:
                    layer.temperature *= growth
            if epoch == self.epochs and not any(norm.hard for norm in self.norms):
                self._settle(images)
            accuracy = evaluate(self.network, data)
            temperature = self.learning[0].temperature if self.learning else None
            progress(Epoch(self.name, epoch, self.epochs, sum(losses) / len(losses), accuracy, temperature))

    def _step(self, images: Tensor, labels: Tensor, epoch: int) -> float:
        logits = self.network(augmented(images, self.recipe.augment))
        loss = functional.cross_entropy(logits, labels, label_smoothing=self.recipe.schedule.label_smoothing)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise TrainingFailed(
                f"recipe '{self.recipe.name}', phase {self.name}, epoch {epoch}",
                "the loss must be finite",
                value,
                "Lower the learning rate.",
            )
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        for layer in self.clipped:
            layer.clip()
        return value

    def _settle(self, images: Tensor) -> None:
        """Measure the batch norms' statistics anew: a running mean lags behind weights that still change sign."""
        update_bn((augmented(part, self.recipe.augment) for part in images.split(_EVALUATION_BATCH)), self.network)


def augmented(images: Tensor, how: Augment) -> Tensor:
    """Return `images`, float32 [N, C, H, W], each turned, scaled and shifted by a random amount; zeros come in."""
    if not (how.shift or how.rotate or how.scale):
        return images
    count, _, rows, columns = images.shape
    draw = torch.rand(4, count) * 2 - 1
    angle, zoom = draw[0] * math.radians(how.rotate), 1 + draw[1] * how.scale
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    right, down = draw[2] * how.shift * 2 / columns, draw[3] * how.shift * 2 / rows
    affine = torch.stack([torch.stack([cos, -sin, right], dim=1), torch.stack([sin, cos, down], dim=1)], dim=1)
    grid = functional.affine_grid(affine, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


def evaluate(network: nn.Module, data: DataSet) -> float:
    """Return the fraction of the test images that `network` classifies right, in eval mode; ties: the lowest class."""
    network.eval()
    right = 0
    with torch.no_grad():
        for start in range(0, len(data.test_images), _EVALUATION_BATCH):
            part = slice(start, start + _EVALUATION_BATCH)
            found = network(torch.from_numpy(presented(data.test_images[part]))).argmax(dim=1)
            right += int((found == torch.from_numpy(data.test_labels[part])).sum())
    return right / len(data.test_images)
