"""The optimiser of a phase, its learning rate batch by batch."""

from __future__ import annotations

import math

import torch
from torch import nn

from lutwright.train.recipe import Schedule


def optimiser_of(network: nn.Module, plan: Schedule, lr: float) -> torch.optim.Optimizer:
    """Return Adam, or SGD with momentum; only parameters of two and more axes decay."""
    parameters = list(network.parameters())
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": plan.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    if plan.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=lr, momentum=plan.momentum, nesterov=plan.momentum > 0)
    return torch.optim.Adam(groups, lr=lr)


def rate_of(
    optimiser: torch.optim.Optimizer, batches: int, warm_up: float
) -> torch.optim.lr_scheduler.CosineAnnealingLR | torch.optim.lr_scheduler.LambdaLR:
    """Return the schedule of the learning rate: a cosine to zero over `batches`, behind a linear climb if asked for."""
    if not warm_up:
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, batches)
    climb = max(1, round(batches * warm_up))

    def factor(batch: int) -> float:
        if batch < climb:
            return (batch + 1) / climb
        return 0.5 * (1 + math.cos(math.pi * (batch - climb) / max(1, batches - climb)))

    return torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
