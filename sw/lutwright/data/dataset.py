"""What a data set is, and the rules that all of them keep."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lutwright.errors import BadData

PIXEL_STEP = 1.0 / 256.0

MOST_BYTES = 4 << 30
"""The most that one file of a data set, or all its pixels, may come to when unpacked."""


@dataclass(frozen=True)
class DataSet:
    """Images and labels, split for good into training and test.

    train_images, test_images: uint8 [N, H, W, C] (NHWC), pixels 0..255; a sequence is an image of one row.
    train_labels, test_labels: int64 [N], 0 .. classes - 1.
    class_names: one for each class; empty where the number is all there is.
    """

    name: str
    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]
    classes: int
    class_names: tuple[str, ...] = ()


class Part(NamedTuple):
    """Images and labels as a file has them, not yet checked; `where` names the file or folder."""

    where: str
    images: NDArray[Any]
    labels: NDArray[Any]


def presented(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return uint8 images [N, H, W, C] as a model sees them: float32 [N, C, H, W], pixel / 256, exact."""
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)).astype(np.float32) * np.float32(PIXEL_STEP)


def assemble(name: str, train: Part, test: Part, class_names: tuple[str, ...] = ()) -> DataSet:
    """Make a data set of two parts: images uint8 [N, H, W] or [N, H, W, C], labels of any integer type [N] or [N, 1].

    There are as many classes as names, or where there are none as the highest training label says. BadData for
    another type or shape, images of two sizes, a label out of range, and a class without an image in either part.
    """
    train_images, train_labels = _images(train), _labels(train)
    test_images, test_labels = _images(test), _labels(test)
    if test_images.shape[1:] != train_images.shape[1:]:
        size = train_images.shape[1:]
        raise BadData(
            test.where, f"test images must have the size of the training images {size}", test_images.shape[1:]
        )
    classes = len(class_names) or int(train_labels.max()) + 1
    if classes < 2:
        raise BadData(train.where, "there must be two classes or more", classes)
    for part, labels in ((train, train_labels), (test, test_labels)):
        _check_classes(part.where, labels, classes)
    return DataSet(name, train_images, train_labels, test_images, test_labels, classes, class_names)


def _images(part: Part) -> NDArray[np.uint8]:
    images = part.images
    if images.dtype != np.uint8:
        fix = "Scale the pixels to 0..255, round them, and store them as uint8."
        raise BadData(part.where, "images must be of type uint8", images.dtype, fix)
    if images.ndim not in (3, 4) or not images.size:
        rule = "images must be [number, rows, columns] or [number, rows, columns, channels], none of them 0"
        raise BadData(part.where, rule, list(images.shape))
    return np.ascontiguousarray(images if images.ndim == 4 else images[..., np.newaxis])


def _labels(part: Part) -> NDArray[np.int64]:
    labels, count = part.labels, len(part.images)
    if labels.dtype.kind not in "iu":
        raise BadData(part.where, "labels must be integers", labels.dtype)
    if labels.shape not in ((count,), (count, 1)):
        raise BadData(part.where, f"labels must be {count}, one for each image", list(labels.shape))
    return np.ascontiguousarray(labels.reshape(count).astype(np.int64))


def _check_classes(where: str, labels: NDArray[np.int64], classes: int) -> None:
    wrong = labels[(labels < 0) | (labels >= classes)]
    if wrong.size:
        raise BadData(where, f"labels must be 0 to {classes - 1}", int(wrong[0]), "Count the classes from 0.")
    there = np.unique(labels)
    if there.size != classes:
        shown = ", ".join(str(label) for label in there[:20]) + (", .." if there.size > 20 else "")
        fix = "Count the classes from 0, without gaps, and give both parts images of each."
        raise BadData(where, f"every class 0 to {classes - 1} must have an image", f"only {shown}", fix)


def digest(data: DataSet) -> str:
    """SHA-256 (hexadecimal) of the shapes, pixels and labels, whatever file they came from."""
    total = hashlib.sha256()
    for array in (data.train_images, data.train_labels, data.test_images, data.test_labels):
        plain = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False))
        total.update(f"{plain.dtype.str}{plain.shape}".encode())
        total.update(plain.data)
    return total.hexdigest()
