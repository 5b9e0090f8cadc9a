"""External data: tensors whose bytes lie in files beside the ONNX file.

A model names those files itself, so the names are not trusted: only regular files in the model's own folder are read.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO

import onnx
from onnx import TensorProto

from lutwright.errors import BadModel
from lutwright.frontend.tensors import MOST_BYTES, stored_bytes

_KEEP = "Save the data beside the model and name it by a relative path."


@contextlib.contextmanager
def open_regular(path: Path, where: str) -> Iterator[tuple[BinaryIO, int]]:
    """Open `path` for reading; yields the file and its size in bytes. BadModel where it is no readable regular file.

    Devices and pipes are recognised after opening, without waiting for a writer.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError as error:
        raise BadModel(where, "must be a file", "missing", "Check the path.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadModel(where, "must be a readable file", f"unreadable ({reason})", "Check the path.") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            found = "a folder" if stat.S_ISDIR(status.st_mode) else "a device or pipe"
            raise BadModel(where, "must be a file", found, "Check the path.")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            yield file, status.st_size
    finally:
        os.close(descriptor)


def read_external(model: onnx.ModelProto, folder: Path) -> None:
    """Bring the external data of every tensor of `model` inside of it; `folder` is where the ONNX file lies.

    Raises BadModel, naming the tensor, where a location leaves the folder or is no regular file, where offset or
    length do not fit the file or the tensor, or where all of it is over 2 GB.
    """
    outside = [pair for pair in _tensors(model.graph) if pair[0].data_location == TensorProto.EXTERNAL]
    total = 0  # all of it is added up before any is read: many tensors may name the same file
    for tensor, where in outside:
        total += stored_bytes(tensor, where)
        if total > MOST_BYTES:
            raise BadModel(where, f"external data must have at most {MOST_BYTES} bytes", total, "Use a smaller model.")
    for tensor, where in outside:
        tensor.raw_data = _data(tensor, where, folder)
        tensor.ClearField("external_data")
        tensor.ClearField("data_location")


def _tensors(graph: onnx.GraphProto) -> Iterator[tuple[TensorProto, str]]:
    """Every tensor that may lie outside, with how messages call it."""
    for tensor in graph.initializer:
        yield tensor, f"initialiser '{tensor.name}'"
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t, f"node '{node.name or node.output[0]}' ({node.op_type})"


def _data(tensor: TensorProto, where: str, folder: Path) -> bytes:
    entries = {entry.key: entry.value for entry in tensor.external_data}
    if len(entries) != len(tensor.external_data):
        raise BadModel(where, "external data must say each key once", "one twice", "Save the model again.")
    path = _inside(entries.get("location", ""), where, folder)
    need = stored_bytes(tensor, where)
    offset, length = _number(entries, "offset", 0, where), _number(entries, "length", need, where)
    if length != need:
        rule = f"external data must have the {need} bytes that type and shape say"
        raise BadModel(where, rule, length, "Save the model again.")
    with open_regular(path, where) as (file, size):
        if offset + length > size:
            rule = f"external data must lie inside of its file of {size} bytes"
            raise BadModel(where, rule, f"at {offset} to {offset + length}", "Bring the whole data file.")
        file.seek(offset)
        data = file.read(length)
    if len(data) != length:
        raise BadModel(where, f"external data must have {length} bytes", len(data), "Bring the whole data file.")
    return data


def _inside(location: str, where: str, folder: Path) -> Path:
    """The file `location`, which must stay in `folder` also after every link is followed."""
    kinds = (PurePosixPath(location), PureWindowsPath(location))
    if not location or any(p.is_absolute() or p.drive or p.root or ".." in p.parts for p in kinds):
        rule = "external data must have a relative location without '..'"
        raise BadModel(where, rule, repr(location) if location else "an empty one", _KEEP)
    try:
        root = folder.resolve()
        path = (root / location).resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise BadModel(where, "external data must have a usable location", repr(location), _KEEP) from error
    if not path.is_relative_to(root):
        raise BadModel(where, "external data must lie in the model's folder", f"outside by {location!r}", _KEEP)
    return path


def _number(entries: dict[str, str], key: str, default: int, where: str) -> int:
    text = entries.get(key)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise BadModel(where, f"{key} of external data must be a number of bytes", repr(text), "Save the model again.")
    return int(text)
