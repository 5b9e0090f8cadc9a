"""Random changes of training images."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from lutwright.train.recipe import Augment


def augmented(images: Tensor, how: Augment) -> Tensor:
    """Return `images`, float32 [N, C, H, W], each changed by random amounts; zeros come in."""
    if how.shift or how.rotate or how.scale:
        images = _warped(images, how)
    if how.crop:
        images = _cropped(images, how.crop)
    if how.flip:
        mirrored = torch.rand(len(images)) < 0.5
        images = torch.where(mirrored.to(images.device).view(-1, 1, 1, 1), images.flip(-1), images)
    return images


def _warped(images: Tensor, how: Augment) -> Tensor:
    count, _, rows, columns = images.shape
    draw = torch.rand(4, count) * 2 - 1
    angle, zoom = draw[0] * math.radians(how.rotate), 1 + draw[1] * how.scale
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    right, down = draw[2] * how.shift * 2 / columns, draw[3] * how.shift * 2 / rows
    affine = torch.stack([torch.stack([cos, -sin, right], dim=1), torch.stack([sin, cos, down], dim=1)], dim=1)
    grid = functional.affine_grid(affine.to(images.device), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


def _cropped(images: Tensor, margin: int) -> Tensor:
    count, channels, rows, columns = images.shape
    padded = functional.pad(images, (margin, margin, margin, margin))
    corner = torch.randint(0, 2 * margin + 1, (2, count)).to(images.device)
    down = corner[0].view(-1, 1, 1, 1) + torch.arange(rows, device=images.device).view(1, 1, -1, 1)
    right = corner[1].view(-1, 1, 1, 1) + torch.arange(columns, device=images.device).view(1, 1, 1, -1)
    each = torch.arange(count, device=images.device).view(-1, 1, 1, 1)
    return padded[each, torch.arange(channels, device=images.device).view(1, -1, 1, 1), down, right]
