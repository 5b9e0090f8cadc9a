"""CIFAR's binary version: data_batch_1.bin to data_batch_5.bin and test_batch.bin, rows of a label and three planes."""

from __future__ import annotations

from pathlib import PurePosixPath

import numpy as np

from lutwright.data.archive import Files
from lutwright.data.dataset import DataSet, Part, assemble
from lutwright.errors import BadData

TITLE = "CIFAR-10's binary version (data_batch_1.bin, ..)"
SIDE = 32
TRAIN = tuple(f"data_batch_{number}" for number in range(1, 6))
TEST = "test_batch"
_META = "batches.meta.txt"
_ROW = 1 + 3 * SIDE * SIDE


def folders(files: Files, ending: str) -> dict[str, list[str]]:
    """The folders in `files` with a batch of that ending, to the names of all that lies in them."""
    batches = {batch + ending for batch in (*TRAIN, TEST)}
    found = {str(PurePosixPath(name).parent) for name in files.names if PurePosixPath(name).name in batches}
    return {folder: [n for n in files.names if str(PurePosixPath(n).parent) == folder] for folder in sorted(found)}


def beside(files: Files, names: list[str], wanted: list[str], optional: str = "") -> dict[str, bytes]:
    """The contents of the files `wanted`, and of `optional` if it is there, by last name; BadData for a missing one."""
    paths = {PurePosixPath(name).name: name for name in names}
    for name in wanted:
        if name not in paths:
            raise BadData(files.where, f"the file {name} must be beside the others", "missing", "Get the whole set.")
    there = [name for name in (*wanted, optional) if name in paths]
    content = files.read([paths[name] for name in there])
    return {name: content[paths[name]] for name in there}


def places(files: Files) -> dict[str, list[str]]:
    """The data sets in `files`: folder to the names of the files there."""
    return folders(files, ".bin")


def read(files: Files, names: list[str], title: str) -> DataSet:
    """Return the data set; BadData where a batch is missing or is not whole rows. Planes become [N, 32, 32, 3]."""
    content = beside(files, names, [f"{batch}.bin" for batch in (*TRAIN, TEST)], _META)
    class_names = tuple(content.pop(_META, b"").decode("utf-8", "replace").split())
    parts = [_rows(content[f"{batch}.bin"], f"data file '{batch}.bin'") for batch in (*TRAIN, TEST)]
    train = Part(
        files.where, np.concatenate([p.images for p in parts[:-1]]), np.concatenate([p.labels for p in parts[:-1]])
    )
    return assemble(title, train, parts[-1], class_names)


def _rows(raw: bytes, where: str) -> Part:
    if not raw or len(raw) % _ROW:
        raise BadData(where, f"must be one or more rows of {_ROW} bytes", f"{len(raw)} bytes", "Get the file again.")
    table = np.frombuffer(raw, np.uint8).reshape(-1, _ROW)
    return Part(where, table[:, 1:].reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1), table[:, 0])
