"""The user's cache: each fetched data set as one uncompressed .npz, whole or not there, checked whenever it is read."""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path

import numpy as np
import platformdirs

from lutwright import resources
from lutwright.data.catalogue import Entry
from lutwright.data.dataset import DataSet
from lutwright.data.npz import OURS, arrays
from lutwright.errors import BadData, BadOption, OutputError

VARIABLE = "LUTWRIGHT_DATA"
"""The environment variable that names another folder than the user's cache."""


def cache_folder() -> Path:
    """Return the folder of the cache, which need not be there yet; BadOption for one inside lutwright itself."""
    chosen = os.environ.get(VARIABLE, "")
    folder = Path(chosen).absolute() if chosen else platformdirs.user_cache_path("lutwright", appauthor=False) / "data"
    home = resources.room("hw").parent
    if folder.resolve().is_relative_to(home.resolve()):
        fix = "Most sets may not be passed on; keep them out of the repository."
        raise BadOption(f"environment variable {VARIABLE}", f"must be a folder outside '{home}'", f"'{folder}'", fix)
    return folder


def packed_path(entry: Entry) -> Path:
    """Return where the data set lies in the cache; another version of its contents would have another name."""
    return cache_folder() / f"{entry.name}-{entry.sha256[:12]}.npz"


def load_packed(entry: Entry) -> DataSet:
    """Return the data set from the cache; BadData where it is not there, damaged or changed."""
    path, again = packed_path(entry), f"Run `lutwright data get {entry.name}`."
    if not path.is_file():
        raise BadData(f"data set '{entry.name}'", f"must be in the cache ('{path.parent}')", "absent", again)
    where = f"data file '{path}'"
    try:
        found = arrays(path, where, OURS)
    except BadData as error:
        raise BadData(where, error.rule, error.found, again) from error
    if len(found) != len(OURS):
        raise BadData(where, f"must hold {', '.join(OURS)}", f"only {', '.join(found) or 'others'}", again)
    images, labels, test_images, test_labels = (found[name] for name in OURS)
    classes = len(entry.class_names)
    return entry.verified(DataSet(entry.name, images, labels, test_images, test_labels, classes), where, again)


def store(entry: Entry, data: DataSet) -> Path:
    """Write the data set into the cache, where it appears whole or not at all; OutputError where that is impossible.

    Two processes that store the same set at the same time write two files, and each puts the same bytes in place.
    """
    path = packed_path(entry)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("xb") as file:
            np.savez(file, **{name: getattr(data, name) for name in OURS})
        os.replace(partial, path)
    except OSError as error:
        fix = f"Free space, or choose another folder with {VARIABLE}."
        raise OutputError(
            f"cache '{path.parent}'", f"could not be written ({error.strerror or error})", fix=fix
        ) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    return path
