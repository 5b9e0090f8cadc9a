"""The frozen features of a data set, computed once and kept in the user's cache."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from backbone_net import WEIGHTS, Extract, extractor, pretrained
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from lutwright.data.cache import cache_folder
from lutwright.data.catalogue import entry_of
from lutwright.data.dataset import DataSet
from lutwright.data.load import load_entry
from lutwright.errors import BadOption

_BATCH = 64
_RULE = "bicubic; (pixel - 127) / 128; 1"  # the last is the version of what makes the features
_SAID = 20  # seconds between two lines about how far it is


@dataclass(frozen=True, eq=False)
class Features:
    """Features float32 [N, 1280] and labels int64 [N] for training and for the test, as they come out of the backbone.

    digest: SHA-256 (hexadecimal) of all that they are made from.
    """

    train: NDArray[np.float32]
    train_labels: NDArray[np.int64]
    test: NDArray[np.float32]
    test_labels: NDArray[np.int64]
    digest: str

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.train_labels.max()) + 1


def features(name: str, size: int, examples: int, queries: int) -> Features:
    """The features of data set `name`, resized to `size` by `size` pixels; of each class its first images.

    examples, queries: images of a class for training and for the test, or all where it has fewer.
    Raises BadData where the data set is not in the cache, BadOption, ToolMissing, ToolFailed.
    """
    for option, value in (("size", size), ("examples", examples), ("queries", queries)):
        if value < 1:
            raise BadOption(f"--{option}", "must be 1 or more", value)
    entry = entry_of(name)
    text = f"{entry.sha256} {WEIGHTS.sha256} {_RULE} {size} {examples} {queries}"
    digest = hashlib.sha256(text.encode()).hexdigest()
    path = cache_folder() / f"{name}-lite0-{size}-{digest[:12]}.npz"
    if not path.is_file():
        _keep(path, _computed(load_entry(entry), extractor(pretrained(), size), size, examples, queries))
    with np.load(path) as kept:
        return Features(*(kept[key] for key in _KEYS), digest)


_KEYS = ("train", "train_labels", "test", "test_labels")


def _computed(
    data: DataSet, extract: Extract, size: int, examples: int, queries: int
) -> dict[str, NDArray[np.generic]]:
    train, test = first_of_each(data.train_labels, examples), first_of_each(data.test_labels, queries)
    parts = (
        of_images(data.train_images[train], extract, size),
        data.train_labels[train],
        of_images(data.test_images[test], extract, size),
        data.test_labels[test],
    )
    return dict(zip(_KEYS, parts, strict=True))


def _keep(path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    """Write a file that appears whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with partial.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    os.replace(partial, path)


def first_of_each(labels: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Row numbers of the first `count` of each label, or all where there are fewer, ascending."""
    own = [np.flatnonzero(labels == label)[:count] for label in np.unique(labels)]
    return np.sort(np.concatenate(own))


def of_images(images: NDArray[np.uint8], extract: Extract, size: int) -> NDArray[np.float32]:
    """Features float32 [N, 1280] of images uint8 [N, H, W, 1 or 3]."""
    found, said = [], time.monotonic()
    for start in range(0, len(images), _BATCH):
        found.append(extract(prepared(images[start : start + _BATCH], size).numpy()))
        if time.monotonic() - said > _SAID:
            said = time.monotonic()
            print(f"features of {start + _BATCH:,} of {len(images):,} images", file=sys.stderr)
    return np.concatenate(found)


def prepared(images: NDArray[np.uint8], size: int) -> Tensor:
    """Images uint8 [N, H, W, 1 or 3] as the backbone sees them: float32 [N, 3, size, size], (pixel - 127) / 128.

    They are stretched by bicubic interpolation, whatever their shape; grey becomes three equal channels.
    """
    pixels = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).float()
    resized = functional.interpolate(pixels, (size, size), mode="bicubic", align_corners=False).clamp(0, 255)
    return ((resized - 127) / 128).expand(-1, 3, -1, -1).contiguous()
