"""CIFAR's Python version, which is what torchvision keeps: pickles, read without running anything that is in them.

A pickle may call any function that it names. Here it can name only the four that a numpy array needs, and even these
are stand-ins that note what they are given; the array is then made here, of bytes whose number was checked. It may use
no more opcodes than such a file needs, none of which takes more memory than the file is long.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lutwright.data.archive import Files
from lutwright.data.cifar_binary import SIDE, TEST, TRAIN, beside, folders
from lutwright.data.dataset import DataSet, Part, assemble
from lutwright.errors import BadData

TITLE = "CIFAR-10's Python version (cifar-10-batches-py)"
_META = "batches.meta"
_PIXELS = 3 * SIDE * SIDE


def places(files: Files) -> dict[str, list[str]]:
    """The data sets in `files`: folder to the names of the files there."""
    return folders(files, "")


def read(files: Files, names: list[str], title: str) -> DataSet:
    """Return the data set; BadData where a batch is missing or damaged, or more than arrays, lists and numbers."""
    content = beside(files, names, [*TRAIN, TEST], _META)
    parts = [_part(content[batch], f"data file '{batch}'") for batch in (*TRAIN, TEST)]
    train = Part(
        files.where, np.concatenate([p.images for p in parts[:-1]]), np.concatenate([p.labels for p in parts[:-1]])
    )
    return assemble(title, train, parts[-1], _class_names(content[_META]) if _META in content else ())


def _part(raw: bytes, where: str) -> Part:
    table = _loaded(raw, where)
    data, labels = table.get("data"), table.get("labels")
    if not isinstance(data, _Array) or not isinstance(labels, list) or not all(isinstance(n, int) for n in labels):
        raise BadData(where, "must hold 'data' (an array) and 'labels' (a list of integers)", sorted(map(str, table)))
    pixels = data.plain(where)
    if pixels.shape != (len(labels), _PIXELS):
        raise BadData(where, f"'data' must be [{len(labels)}, {_PIXELS}], one row for each label", list(pixels.shape))
    wrong = [label for label in labels if not 0 <= label < 256]
    if wrong:
        raise BadData(where, "labels must be 0 to 255", wrong[0])
    return Part(where, pixels.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1), np.array(labels, np.int64))


def _class_names(raw: bytes) -> tuple[str, ...]:
    names = _loaded(raw, f"data file '{_META}'").get("label_names")
    if not isinstance(names, list) or not all(isinstance(name, str | bytes) for name in names):
        raise BadData(f"data file '{_META}'", "must hold 'label_names', a list of strings", type(names).__name__)
    return tuple(name if isinstance(name, str) else name.decode("latin-1") for name in names)


def _loaded(raw: bytes, where: str) -> dict[Any, Any]:
    """The dictionary in a pickle, its keys as strings."""
    try:
        _check_opcodes(raw)
        table = _Unpickler(io.BytesIO(raw), encoding="bytes").load()
    except _Refused as error:
        fix = "Use the binary version (cifar-10-binary), which needs no pickle."
        raise BadData(
            where, "must be a pickle of arrays, lists, strings and numbers only", f"one of {error}", fix
        ) from error
    except Exception as error:  # a damaged pickle can raise anything
        detail = f"{type(error).__name__}: {error}"
        raise BadData(where, f"must be a whole pickle ({detail})", fix="Get the file again.") from error
    if not isinstance(table, dict):
        raise BadData(where, "must be the pickle of a dictionary", type(table).__name__)
    return {key.decode("latin-1") if isinstance(key, bytes) else key: value for key, value in table.items()}


class _Refused(Exception):
    """A global or an opcode that a pickle asks for and does not get."""


_OPCODES = {
    *("PROTO", "STOP", "MARK", "GLOBAL", "REDUCE", "BUILD", "BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET"),
    *("EMPTY_DICT", "SETITEM", "SETITEMS", "EMPTY_LIST", "APPEND", "APPENDS"),
    *("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "NONE", "NEWTRUE", "NEWFALSE"),
    *("BININT", "BININT1", "BININT2", "LONG1"),
    *("SHORT_BINSTRING", "BINSTRING", "SHORT_BINBYTES", "BINBYTES", "BINUNICODE"),
}


def _check_opcodes(raw: bytes) -> None:
    for opcode, argument, _ in pickletools.genops(raw):
        far = opcode.name.endswith("PUT") and isinstance(argument, int) and argument > len(raw)
        if opcode.name not in _OPCODES or far:  # Python's list of what was put is as long as the highest number
            raise _Refused(f"the opcode {opcode.name}")


class _Array:
    """Stands in for numpy.ndarray: notes the state that a pickle sets."""

    state: object = None

    def __setstate__(self, state: object) -> None:
        self.state = state

    def plain(self, where: str) -> NDArray[np.uint8]:
        """The array, which must be of unsigned bytes in C order and whole."""
        match self.state:
            case (_, tuple() as shape, _Type(name=("u1" | b"u1")), False | 0, bytes() as raw) if _fits(shape, len(raw)):
                return np.frombuffer(raw, np.uint8).reshape(shape)
        raise BadData(where, "'data' must be a whole array of unsigned bytes in C order", "another array")


class _Type:
    """Stands in for numpy.dtype."""

    def __init__(self, name: object = None, *_: object) -> None:
        self.name = name

    def __setstate__(self, state: object) -> None:
        """Alignment and byte order, which mean nothing for bytes."""


def _fits(shape: tuple[Any, ...], size: int) -> bool:
    return len(shape) == 2 and all(isinstance(n, int) and n >= 0 for n in shape) and shape[0] * shape[1] == size


def _reconstruct(*_: object) -> _Array:
    return _Array()


def _encode(text: str, *_: object) -> bytes:
    return text.encode("latin-1")  # how Python 3 writes bytes for Python 2


_GLOBALS = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _encode,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _GLOBALS:
            raise _Refused(f"{module}.{name}")
        return _GLOBALS[module, name]
