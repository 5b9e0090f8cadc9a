"""The IDX layout of MNIST: four files, plain or gzipped, as their makers and torchvision store them."""

from __future__ import annotations

import gzip
import io
import math
import re
import zlib
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from lutwright.data.archive import Files
from lutwright.data.dataset import MOST_BYTES, DataSet, Part, assemble
from lutwright.errors import BadData

TITLE = "IDX files (train-images-idx3-ubyte, ..)"
_NAME = re.compile(r"(?P<prefix>.+-)?(?P<part>train|t10k|test)-(?P<what>images|labels)[.-]idx[134]-ubyte(?P<gz>\.gz)?")
_BYTES = 0x08  # the code of unsigned bytes


def places(files: Files) -> dict[str, list[str]]:
    """The data sets in `files`: folder (and prefix, as in emnist-digits-) to the names of the files there."""
    found: dict[str, list[str]] = {}
    for name in files.names:
        path = PurePosixPath(name)
        if match := _NAME.fullmatch(path.name):
            found.setdefault(str(path.parent / (match["prefix"] or "")), []).append(name)
    return found


def read(files: Files, names: list[str], title: str) -> DataSet:
    """Return the data set in the files `names`; BadData where one of four is missing, damaged or of another type."""
    chosen: dict[tuple[str, str], str] = {}
    for name in sorted(names, reverse=True):  # a plain file comes behind its .gz and takes its place
        match = _NAME.fullmatch(PurePosixPath(name).name)
        assert match is not None  # it is how the name got here
        chosen["train" if match["part"] == "train" else "test", match["what"]] = name
    for part, what in (("train", "images"), ("train", "labels"), ("test", "images"), ("test", "labels")):
        if (part, what) not in chosen:
            file = f"{part.replace('test', 't10k')}-{what}-idx{'3' if what == 'images' else '1'}-ubyte"
            raise BadData(files.where, f"the file {file} must be beside the others", "missing", "Get it, or its .gz.")
    content = files.read(chosen.values())
    arrays = {key: array_of(content[name], f"data file '{name}'") for key, name in chosen.items()}
    train, test = (
        Part(f"data file '{chosen[part, 'labels']}'", arrays[part, "images"], arrays[part, "labels"])
        for part in ("train", "test")
    )
    return assemble(title, train, test)


def array_of(raw: bytes, where: str) -> NDArray[np.uint8]:
    """Return the uint8 array of an IDX file, gzipped or not; BadData unless it is whole and of unsigned bytes."""
    if raw[:2] == b"\x1f\x8b":
        raw = _unzipped(raw, where)
    if len(raw) < 4 or raw[:2] != b"\0\0" or not 1 <= raw[3] <= 4:
        raise BadData(where, "must start as an IDX file of 1 to 4 dimensions", f"with {raw[:4].hex() or 'nothing'}")
    if raw[2] != _BYTES:
        raise BadData(where, f"must hold unsigned bytes (type {_BYTES:#04x})", f"type {raw[2]:#04x}")
    start = 4 + 4 * raw[3]
    shape = [int.from_bytes(raw[i : i + 4], "big") for i in range(4, start, 4)]
    wanted = start + math.prod(shape)
    if len(raw) != wanted:
        raise BadData(where, f"must have {wanted} bytes, as its head says", len(raw), "Get the file again.")
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)


def _unzipped(raw: bytes, where: str) -> bytes:
    try:
        with gzip.open(io.BytesIO(raw)) as stream:
            content = stream.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise BadData(where, f"must be whole gzip data ({error})", fix="Get the file again.") from error
    if len(content) > MOST_BYTES:
        raise BadData(where, f"must hold at most {MOST_BYTES} bytes", "more")
    return content
