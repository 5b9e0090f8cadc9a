"""Reading an ONNX file: what is in it is checked before anything is done with it."""

from __future__ import annotations

import lzma
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from lutwright.errors import BadModel
from lutwright.frontend.external import MOST_BYTES, open_regular, read_external
from lutwright.frontend.structure import check_structure, in_order, read_for
from lutwright.frontend.tensors import check_types, constant_node, constants

__all__ = ["constant_node", "constants", "content_of", "in_order", "load_model", "read_for"]

_XZ = b"\xfd7zXZ\0"


def load_model(path: Path) -> onnx.ModelProto:
    """Return the model in the ONNX file `path`, plain or xz-compressed, its external data (files beside it) inside.

    The model is a graph of standard and QONNX nodes by the rules of `check_structure`; tensors are not looked into
    (`constants` does that). Raises BadModel where the file is missing, over 2 GB, no ONNX, cut off, hostile or
    inconsistent, UnsupportedOp where it holds functions, subgraphs or sparse tensors.
    """
    where = f"model '{path}'"
    model = _parsed(content_of(path), where)
    for node in model.graph.node:
        if node.domain == "com.microsoft" and node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            node.domain = ""  # onnxruntime's own, for 4 and 16 bits, before ONNX had them; they mean the same
    check_structure(model, where)
    check_types(model.graph)
    read_external(model, path.parent)
    return model


def content_of(path: Path) -> bytes:
    """Return the ONNX file `path` without the compression that it may have; BadModel as `load_model` says."""
    where = f"model '{path}'"
    with open_regular(path, where) as (file, size):
        if size > MOST_BYTES:
            raise _too_large(where, size)
        content = file.read()
    return _unpacked(content, where) if content.startswith(_XZ) else content


def _unpacked(content: bytes, where: str) -> bytes:
    stream = lzma.LZMADecompressor(lzma.FORMAT_XZ)
    try:
        found = stream.decompress(content, MOST_BYTES + 1)
    except lzma.LZMAError as error:
        raise BadModel(where, "must be a whole xz file", "damaged", "Copy it again.") from error
    if len(found) > MOST_BYTES:
        raise _too_large(where, f"more than {MOST_BYTES}")
    if not stream.eof:
        raise BadModel(where, "must be a whole xz file", "cut off", "Copy it again.")
    return found


def _too_large(where: str, found: object) -> BadModel:
    return BadModel(where, f"must have at most {MOST_BYTES} bytes", found, "Use a smaller model.")


def _parsed(content: bytes, where: str) -> onnx.ModelProto:
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except (DecodeError, RecursionError, MemoryError) as error:
        raise BadModel(where, "must be a whole ONNX file", "damaged or cut off", "Export the model again.") from error
    return model
