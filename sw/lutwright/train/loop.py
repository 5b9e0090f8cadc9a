"""The training phases: decide the positions, harden them, fine-tune what they carry.

Deterministic on one kind of machine: every random draw comes from the recipe's seed, torch may use only its
deterministic algorithms, and exactly so many threads compute as the recipe says, because the order of a float sum
depends on how many share it. (Another processor may pick other vector instructions, so other sums, so other weights.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import update_bn

from lutwright.data import DataSet, presented
from lutwright.errors import BadCheckpoint, TrainingFailed
from lutwright.train import checkpoint
from lutwright.train.augment import augmented
from lutwright.train.callbacks import Callback, Choosing, Clipping, Hardening, Holding, power_norms
from lutwright.train.model import build, plain
from lutwright.train.names import SHARED
from lutwright.train.optimiser import optimiser_of, rate_of
from lutwright.train.recipe import Recipe

_EVALUATION_BATCH = 500
PHASES = ("sal", "tune")


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to, as shown on screen and kept as history.

    phase:       "sal" (positions are decided, by whatever policy) or "tune" (positions are frozen).
    epoch:       1 .. epochs, counted within the phase.
    loss:        mean training loss.
    accuracy:    fraction of the test images classified right after the epoch; never used to choose anything. None
                 where the recipe does not look after this epoch.
    temperature: of the positions' softmax after the epoch; None where no position is being learnt by SAL.
    """

    phase: str
    epoch: int
    epochs: int
    loss: float
    accuracy: float | None
    temperature: float | None

    def record(self) -> dict[str, Any]:
        """Return the epoch as plain values for JSON."""
        return asdict(self)


Progress = Callable[[Epoch], None]


@contextmanager
def reproducible(seed: int, threads: int = 1) -> Iterator[None]:
    """Compute with `threads`, deterministic algorithms and random numbers from `seed`; then restore all three."""
    before, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[]):
        try:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(True)
            torch.manual_seed(seed)
            yield
        finally:
            torch.use_deterministic_algorithms(strict)
            torch.set_num_threads(before)


def fit(recipe: Recipe, data: DataSet, progress: Progress, kept: Path | None = None) -> nn.Sequential:
    """Train the network of `recipe` on `data`; return it plain (Brevitas's own layers only) and in eval mode.

    progress: called after every epoch; after those of the checkpoint first, where there is one.
    kept:     the checkpoint: a file that is written after every epoch; where it exists, the training goes on from it
              to the same result as one that was never stopped. None keeps nothing.

    TrainingFailed where the loss is not finite (the last checkpoint stays), BadCheckpoint where it cannot be taken up.
    """
    with reproducible(recipe.seed, recipe.threads):
        network = build(recipe, _image_shape(data), data.classes)
        training = _Training(recipe, network, data, progress, kept)
        state = checkpoint.load(kept, recipe) if kept is not None and kept.exists() else None
        for name in PHASES:
            if state is None or PHASES.index(name) >= PHASES.index(state.phase):
                training.phase(name, state if state is not None and state.phase == name else None)
        return plain(network)


def _image_shape(data: DataSet) -> tuple[int, int, int]:
    _, rows, columns, channels = data.train_images.shape
    return channels, rows, columns


@dataclass
class _Training:
    """A network, what it learns from, and whom to tell."""

    recipe: Recipe
    network: nn.Sequential
    data: DataSet
    progress: Progress
    kept: Path | None
    history: list[Epoch] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.images = torch.from_numpy(presented(self.data.train_images))
        if self.recipe.positions.policy in SHARED:  # depthwise convolutions are twice as fast with channels last
            self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            self.images = self.images.contiguous(memory_format=torch.channels_last)
        self.labels = torch.from_numpy(self.data.train_labels)

    def phase(self, name: str, state: checkpoint.Checkpoint | None) -> None:
        """Train all epochs of a phase, or those that a checkpoint has not seen."""
        plan = self.recipe.schedule
        epochs, lr = (plan.sal_epochs, plan.lr) if name == "sal" else (plan.tune_epochs, plan.tune_lr)
        batches = epochs * math.ceil(len(self.images) / plan.batch)
        callbacks: list[Callback] = []
        if name == "tune":
            callbacks.append(Hardening(self.network))
            callbacks.append(Holding(self.network, plan.hold))
        choosing = Choosing(self.network)
        callbacks += [choosing, Clipping(self.network)]
        for callback in callbacks:
            callback.begin(epochs, batches)
        choosing = choosing if name == "sal" else Choosing(nn.Sequential())
        optimiser = optimiser_of(self.network, plan, lr)
        rate = rate_of(optimiser, batches, plan.warm_up)
        done = self._take_up(state, optimiser, rate) if state is not None else 0
        for epoch in range(done + 1, epochs + 1):
            loss = self._epoch(name, epoch, optimiser, rate, callbacks)
            if epoch == epochs and not any(norm.hard for norm in power_norms(self.network)):
                self._settle()
            looks = epoch == epochs or epoch % plan.evaluate_every == 0
            accuracy = evaluate(self.network, self.data) if looks else None
            self._tell(Epoch(name, epoch, epochs, loss, accuracy, choosing.temperature))
            self._keep(name, epoch, optimiser, rate)

    def _epoch(
        self,
        name: str,
        epoch: int,
        optimiser: torch.optim.Optimizer,
        rate: torch.optim.lr_scheduler.LRScheduler,
        callbacks: list[Callback],
    ) -> float:
        self.network.train()
        for callback in callbacks:
            callback.epoch(epoch)
        losses = []
        for chosen in torch.randperm(len(self.images)).split(self.recipe.schedule.batch):
            losses.append(self._step(chosen, optimiser, f"phase {name}, epoch {epoch}"))
            for callback in callbacks:
                callback.batch()
            rate.step()
        return sum(losses) / len(losses)

    def _step(self, chosen: Tensor, optimiser: torch.optim.Optimizer, when: str) -> float:
        logits = self.network(augmented(self.images[chosen], self.recipe.augment))
        smoothing = self.recipe.schedule.label_smoothing
        loss = functional.cross_entropy(logits, self.labels[chosen], label_smoothing=smoothing)
        value = float(loss.detach())
        if not math.isfinite(value):
            fix = "Lower the learning rate."
            if self.kept is not None and self.kept.exists():
                fix += f" The last good epoch is in {self.kept}."
            raise TrainingFailed(f"recipe '{self.recipe.name}', {when}", "the loss must be finite", value, fix)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return value

    def _settle(self) -> None:
        """Measure the batch norms' statistics anew: a running mean lags behind weights that still change sign."""
        parts = (augmented(part, self.recipe.augment) for part in self.images.split(_EVALUATION_BATCH))
        update_bn(parts, self.network)

    def _tell(self, epoch: Epoch) -> None:
        self.history.append(epoch)
        self.progress(epoch)

    def _keep(
        self,
        name: str,
        epoch: int,
        optimiser: torch.optim.Optimizer,
        rate: torch.optim.lr_scheduler.LRScheduler,
    ) -> None:
        if self.kept is not None:
            state = checkpoint.Checkpoint(
                name,
                epoch,
                self.network.state_dict(),
                optimiser.state_dict(),
                {key: value for key, value in rate.state_dict().items() if key != "lr_lambdas"},
                torch.get_rng_state(),
                [past.record() for past in self.history],
            )
            checkpoint.save(self.kept, self.recipe, state)

    def _take_up(
        self,
        state: checkpoint.Checkpoint,
        optimiser: torch.optim.Optimizer,
        rate: torch.optim.lr_scheduler.LRScheduler,
    ) -> int:
        """Put everything back as it was after the checkpoint's epoch; return that epoch."""
        try:
            self.network.load_state_dict(state.network)
            optimiser.load_state_dict(state.optimiser)
            rate.load_state_dict({"lr_lambdas": [None]} | state.rate if _has_lambdas(rate) else state.rate)
            torch.set_rng_state(state.random)
            epochs = [Epoch(**record) for record in state.history]
        except (RuntimeError, ValueError, TypeError, LookupError) as error:
            detail = (str(error).splitlines() or [type(error).__name__])[0]
            rule = f"must hold the network of recipe '{self.recipe.name}' ({detail})"
            raise BadCheckpoint(f"checkpoint '{self.kept}'", rule, fix="Delete it to begin anew.") from error
        for epoch in epochs:
            self._tell(epoch)
        return state.epoch


def _has_lambdas(rate: torch.optim.lr_scheduler.LRScheduler) -> bool:
    return isinstance(rate, torch.optim.lr_scheduler.LambdaLR)


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
