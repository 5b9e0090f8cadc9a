"""Reading an ONNX file: what is in it is checked before anything is done with it."""

from __future__ import annotations

from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from lutwright.errors import BadModel
from lutwright.frontend.external import MOST_BYTES, open_regular, read_external
from lutwright.frontend.structure import check_structure, in_order, read_for
from lutwright.frontend.tensors import check_types, constant_node, constants

__all__ = ["constant_node", "constants", "in_order", "load_model", "read_for"]


def load_model(path: Path) -> onnx.ModelProto:
    """Return the model in the ONNX file `path`, its external data (files beside it) brought inside.

    The model is a graph of standard and QONNX nodes by the rules of `check_structure`; tensors are not looked into
    (`constants` does that). Raises BadModel where the file is missing, over 2 GB, no ONNX, cut off, hostile or
    inconsistent, UnsupportedOp where it holds functions, subgraphs or sparse tensors.
    """
    where = f"model '{path}'"
    model = _parsed(_content(path, where), where)
    for node in model.graph.node:
        if node.domain == "com.microsoft" and node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            node.domain = ""  # onnxruntime's own, for 4 and 16 bits, before ONNX had them; they mean the same
    check_structure(model, where)
    check_types(model.graph)
    read_external(model, path.parent)
    return model


def _content(path: Path, where: str) -> bytes:
    with open_regular(path, where) as (file, size):
        if size > MOST_BYTES:
            raise BadModel(where, f"must have at most {MOST_BYTES} bytes", size, "Use a smaller model.")
        return file.read()


def _parsed(content: bytes, where: str) -> onnx.ModelProto:
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except (DecodeError, RecursionError, MemoryError) as error:
        raise BadModel(where, "must be a whole ONNX file", "damaged or cut off", "Export the model again.") from error
    return model
