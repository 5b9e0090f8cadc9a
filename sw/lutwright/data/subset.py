"""Some of a data set's classes, as a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lutwright.data.dataset import DataSet
from lutwright.errors import BadData, BadModel

CLASSES = "lutwright.classes"
"""What a model's metadata call the classes of the data set that it was trained on, where these are not all."""


def only(data: DataSet, classes: Sequence[int]) -> DataSet:
    """Return the images of `classes` in `data`, in their order there; classes[i] becomes class i.

    BadData for a class that `data` has not.
    """
    wrong = [label for label in classes if not 0 <= label < data.classes]
    if wrong:
        raise BadData(f"data set '{data.name}'", f"classes must be of 0 to {data.classes - 1}", wrong[0])
    train, test = (_renumbered(labels, classes, data.classes) for labels in (data.train_labels, data.test_labels))
    names = tuple(data.class_names[label] for label in classes) if data.class_names else ()
    return DataSet(
        data.name,
        data.train_images[train >= 0],
        train[train >= 0],
        data.test_images[test >= 0],
        test[test >= 0],
        len(classes),
        names,
    )


def trained_classes(metadata: Mapping[str, str]) -> tuple[int, ...]:
    """Return the classes that a model with `metadata` was trained on, in the order of its outputs; () for all.

    BadModel where it does not tell classes.
    """
    words = [word.strip() for word in metadata[CLASSES].split(",")] if CLASSES in metadata else []
    if not all(word.isascii() and word.isdigit() and len(word) < 9 for word in words):
        raise BadModel(f"metadata '{CLASSES}'", "must be numbers of classes, with commas between", metadata[CLASSES])
    return tuple(map(int, words))


def trained_part(data: DataSet, metadata: Mapping[str, str]) -> DataSet:
    """Return that part of `data` whose classes a model with `metadata` can answer with, numbered as its outputs.

    Raises BadModel, and BadData where `data` has not all of them.
    """
    classes = trained_classes(metadata)
    return only(data, classes) if classes else data


def _renumbered(labels: NDArray[np.int64], classes: Sequence[int], count: int) -> NDArray[np.int64]:
    """Return the place in `classes` of each of `labels` int64 [N], which are below `count`; -1 where it has none."""
    place = np.full(count, -1, np.int64)
    place[list(classes)] = np.arange(len(classes))
    return np.asarray(place[labels])
