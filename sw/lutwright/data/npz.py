"""A data set in one .npz file: x_train, y_train, x_test, y_test, or train_images, train_labels and so on."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from lutwright.data.archive import Files
from lutwright.data.dataset import MOST_BYTES, DataSet, Part, assemble
from lutwright.errors import BadData

TITLE = "one .npz file of arrays (x_train, y_train, x_test, y_test)"
OURS = ("train_images", "train_labels", "test_images", "test_labels")
_KERAS = ("x_train", "y_train", "x_test", "y_test")
_NAMES = "class_names"


def places(files: Files) -> dict[str, list[str]]:
    """The .npz file that `files` is, if it is one; one among others in a folder has to be named itself."""
    return {name: [name] for name in files.names if len(files.names) == 1 and name.endswith(".npz")}


def holds_data_set(path: Path) -> bool:
    """Whether the file at `path` has the arrays of a data set, going by their names alone."""
    try:
        with zipfile.ZipFile(path) as archive:
            there = {name.removesuffix(".npy") for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile):
        return False
    return there >= {*OURS} or there >= {*_KERAS}


def read(files: Files, names: list[str], title: str) -> DataSet:
    """Return the data set in the file; BadData where arrays are missing or of another type, shape or length.

    Images are uint8 [N, H, W] or [N, H, W, C] (channels last), labels any integers [N] or [N, 1]. An array class_names
    of strings may be there.
    """
    where = f"data file '{names[0]}'"
    found = arrays(io.BytesIO(files.read(names)[names[0]]), where, (*OURS, *_KERAS, _NAMES))
    for keys in (OURS, _KERAS):
        if found.keys() >= {*keys}:
            part = [found[key] for key in keys]
            return assemble(
                title, Part(where, part[0], part[1]), Part(where, part[2], part[3]), _class_names(found, where)
            )
    fix = "Write it with numpy.savez(file, x_train=.., y_train=.., x_test=.., y_test=..)."
    raise BadData(where, f"must hold {', '.join(_KERAS)}", f"only {', '.join(found) or 'others'}", fix)


def _class_names(found: dict[str, NDArray[Any]], where: str) -> tuple[str, ...]:
    names = found.get(_NAMES, np.empty(0, "U1"))
    if names.dtype.kind != "U" or names.ndim != 1:
        raise BadData(where, f"{_NAMES} must be a list of strings", f"{names.dtype} of {names.ndim} dimensions")
    return tuple(str(name) for name in names)


def arrays(source: Path | BinaryIO, where: str, names: Collection[str]) -> dict[str, NDArray[Any]]:
    """Return those of the arrays `names` that the .npz `source` holds; BadData unless it is whole, of plain arrays."""
    try:
        with zipfile.ZipFile(source) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size <= MOST_BYTES:
            with np.load(source, allow_pickle=False) as stored:
                return {name: stored[name] for name in names if name in stored}
    except Exception as error:  # numpy, zipfile and what unpacks each raise their own
        raise BadData(where, "must be a whole .npz file of plain arrays", f"damaged ({error})") from error
    raise BadData(where, f"must hold at most {MOST_BYTES} bytes", size)
