"""ONNX tensors as numpy arrays, sizes checked before memory is taken."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto

from lutwright.errors import BadModel, UnsupportedOp

MOST_BYTES = 2 << 30
_MOST_AXES = 16

_NIBBLES = (TensorProto.INT4, TensorProto.UINT4)  # two to a byte, the first in the low half

# Element type -> numpy's type and the field that holds the values where they are not raw bytes.
_STORED: dict[int, tuple[type[np.generic], str]] = {
    TensorProto.FLOAT: (np.float32, "float_data"),
    TensorProto.DOUBLE: (np.float64, "double_data"),
    TensorProto.BOOL: (np.bool_, "int32_data"),
    TensorProto.INT8: (np.int8, "int32_data"),
    TensorProto.UINT8: (np.uint8, "int32_data"),
    TensorProto.INT16: (np.int16, "int32_data"),
    TensorProto.UINT16: (np.uint16, "int32_data"),
    TensorProto.INT32: (np.int32, "int32_data"),
    TensorProto.UINT32: (np.uint32, "uint64_data"),
    TensorProto.INT64: (np.int64, "int64_data"),
    TensorProto.UINT64: (np.uint64, "uint64_data"),
    **{kind: (onnx.helper.tensor_dtype_to_np_dtype(kind).type, "int32_data") for kind in _NIBBLES},
}
# The type of the values of each field.
_WIDE: dict[str, type[np.generic]] = {
    "float_data": np.float32,
    "double_data": np.float64,
    "int32_data": np.int32,
    "int64_data": np.int64,
    "uint64_data": np.uint64,
}
_FIXES: dict[int, str] = {
    TensorProto.STRING: "Remove the text from the model.",
    TensorProto.COMPLEX64: "Compute with real numbers.",
    TensorProto.COMPLEX128: "Compute with real numbers.",
    **{
        number: "Quantise to integers; float4 and float8 are not done."
        for name, number in TensorProto.DataType.items()
        if name.startswith(("FLOAT8", "FLOAT4"))
    },
    **{
        number: "Store 2-bit values as int8 or uint8."
        for name, number in TensorProto.DataType.items()
        if name in ("INT2", "UINT2")
    },
}


def check_type(element_type: int, where: str) -> None:
    """UnsupportedOp, naming `where` and the type, unless it is float32, float64, bool or an integer of 4 to 64 bits."""
    if element_type in _STORED:
        return
    names: dict[int, str] = {value: name for name, value in TensorProto.DataType.items()}
    raise UnsupportedOp(
        where,
        "the element type must be float32, float64, bool or an integer of 4 to 64 bits",
        names.get(element_type, f"number {element_type}").lower(),
        _FIXES.get(element_type, "Convert the model to float32."),
    )


def check_types(graph: onnx.GraphProto) -> None:
    """check_type for every initialiser, naming the first node that reads it: what a person can replace."""
    for tensor in graph.initializer:
        if tensor.data_type in _STORED:
            continue
        reader = next((node for node in graph.node if tensor.name in node.input), None)
        if reader is None:
            check_type(tensor.data_type, f"initialiser '{tensor.name}'")
        else:
            _refuse_constant(tensor, reader)


def _refuse_constant(tensor: TensorProto, reader: onnx.NodeProto) -> None:
    names: dict[int, str] = {value: name for name, value in TensorProto.DataType.items()}
    kind = names.get(tensor.data_type, f"number {tensor.data_type}").lower()
    raise UnsupportedOp(
        f"node '{reader.name or reader.output[0]}' ({reader.op_type})",
        f"constant '{tensor.name}' must be of float32, float64, bool or an integer type of 4 to 64 bits",
        f"{kind} of {tuple(tensor.dims)}",
        _FIXES.get(tensor.data_type, "Convert the model to float32."),
    )


def stored_bytes(tensor: TensorProto, where: str) -> int:
    """Bytes that the elements of `tensor` take, from its type and shape alone.

    Raises BadModel where the shape is negative or over 2 GB, UnsupportedOp where the element type is not done.
    """
    check_type(tensor.data_type, where)
    dims = list(tensor.dims)
    count = math.prod(dims)
    bytes_each = np.dtype(_STORED[tensor.data_type][0]).itemsize
    if len(dims) > _MOST_AXES or any(not 0 <= n <= MOST_BYTES for n in dims) or count * bytes_each > MOST_BYTES:
        rule = f"the shape must have at most {_MOST_AXES} sizes, none negative, of {MOST_BYTES} bytes in all"
        raise BadModel(where, rule, dims[: _MOST_AXES + 1], "Export the model again.")
    return count * bytes_each


def array_of(tensor: TensorProto, where: str) -> NDArray[Any]:
    """`tensor` as an array of its own type and shape; `where` is how messages call it.

    Raises BadModel where values and shape do not agree, a value does not fit the type or is NaN or infinite, or the
    data was not read in; UnsupportedOp where the element type is not done.
    """
    size = stored_bytes(tensor, where)
    if tensor.data_location == TensorProto.EXTERNAL:
        raise BadModel(where, "must be inside of the model", "external data", "Read the model with load_model.")
    if tensor.HasField("segment"):
        raise BadModel(where, "must be in one piece", "a segment", "Export the model again.")
    kind, field = _STORED[tensor.data_type]
    filled = [name for name in (*_WIDE, "raw_data", "string_data") if len(getattr(tensor, name))]
    allowed = {field, "raw_data"}
    if len(filled) > 1 or not allowed.issuperset(filled):
        raise BadModel(where, f"must hold its values in raw_data or {field}", " and ".join(filled))
    if tensor.data_type in _NIBBLES:
        flat = _nibbles(tensor, kind, where)
    else:
        flat = _raw(tensor, kind) if "raw_data" in filled else _typed(tensor, kind, field, where)
    if flat is None or flat.nbytes != size:
        raise BadModel(where, "must hold as many values as its shape says", "another number", "Export the model again.")
    if flat.dtype.kind == "f" and not np.isfinite(flat).all():
        raise BadModel(where, "must be finite", "NaN or infinity in it", "Train the model again.")
    return flat.reshape(tuple(tensor.dims))


def _raw(tensor: TensorProto, kind: type[np.generic]) -> NDArray[Any] | None:
    """The values of raw_data, which is little-endian; None where its bytes are no whole number of them."""
    stored = np.dtype(np.uint8 if kind is np.bool_ else kind).newbyteorder("<")
    if len(tensor.raw_data) % stored.itemsize:
        return None
    return np.frombuffer(tensor.raw_data, stored).astype(kind)


def _typed(tensor: TensorProto, kind: type[np.generic], field: str, where: str) -> NDArray[Any]:
    """The values of `field`, which may be wider than the type."""
    wide = np.array(getattr(tensor, field), _WIDE[field])
    narrow = wide.astype(kind)
    if wide.dtype.kind != "f" and not np.array_equal(narrow, wide):
        name = np.dtype(kind).name
        raise BadModel(where, f"every value must fit into {name}", "a larger one", "Export the model again.")
    return narrow


def _nibbles(tensor: TensorProto, kind: type[np.generic], where: str) -> NDArray[Any] | None:
    """The values of a tensor of 4 bits, as `kind`; None where there are too few or too many bytes."""
    count = math.prod(tensor.dims)
    packed = _raw(tensor, np.uint8) if tensor.raw_data else _typed(tensor, np.uint8, "int32_data", where)
    if packed is None or packed.size != (count + 1) // 2:
        return None
    halves = np.stack([packed & 15, packed >> 4], axis=-1).reshape(-1)[:count].astype(np.int8)
    if tensor.data_type == TensorProto.INT4:
        halves = np.where(halves > 7, halves - 16, halves).astype(np.int8)
    return halves.astype(kind)


def is_integer(kind: np.dtype[Any]) -> bool:
    """Whether this is an integer type of `array_of`."""
    return kind.kind in "iu" or kind.name in ("int4", "uint4")


def limits(kind: np.dtype[Any]) -> tuple[int, int]:
    """The least and the greatest value of an integer type of `array_of`; ValueError for any other type."""
    if kind.name in ("int4", "uint4"):
        return (-8, 7) if kind.name == "int4" else (0, 15)
    return int(np.iinfo(kind).min), int(np.iinfo(kind).max)


def constants(graph: onnx.GraphProto) -> dict[str, NDArray[Any]]:
    """The initialisers of `graph` by name, as `array_of` makes and checks them; together at most 2 GB."""
    values: dict[str, NDArray[Any]] = {}
    total = 0
    for tensor in graph.initializer:
        where = f"initialiser '{tensor.name}'"
        total += stored_bytes(tensor, where)
        if total > MOST_BYTES:
            raise BadModel(where, f"constants must have at most {MOST_BYTES} bytes", total, "Use a smaller model.")
        values[tensor.name] = array_of(tensor, where)
    return values


def constant_node(node: onnx.NodeProto) -> NDArray[Any] | None:
    """What a node Constant puts out; None where `node` is another operator.

    value: as the tensor says; value_float(s): float32 [] or [n]; value_int(s): int64 [] or [n].
    Raises BadModel where it has no value, several or one that is not finite; UnsupportedOp where the value is text,
    sparse or of an element type that is not done.
    """
    if node.op_type != "Constant" or node.domain not in ("", "ai.onnx"):
        return None
    where = f"node '{node.name or node.output[0]}' (Constant)"
    if len(node.attribute) != 1:
        raise BadModel(where, "must have one attribute", len(node.attribute), "Export the model again.")
    attribute = node.attribute[0]
    if attribute.name == "value" and attribute.HasField("t"):
        return array_of(attribute.t, where)
    if attribute.name in ("value_float", "value_floats"):
        found = np.array(attribute.f if attribute.name == "value_float" else list(attribute.floats), np.float32)
        if not np.isfinite(found).all():
            raise BadModel(where, "must be finite", "NaN or infinity", "Train the model again.")
        return found
    if attribute.name in ("value_int", "value_ints"):
        return np.array(attribute.i if attribute.name == "value_int" else list(attribute.ints), np.int64)
    raise UnsupportedOp(where, "must hold numbers", attribute.name, "Remove the node from the model.")
