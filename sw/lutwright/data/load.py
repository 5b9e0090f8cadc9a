"""A data set by its name or its path."""

from __future__ import annotations

from pathlib import Path

from lutwright.data.cache import load_packed
from lutwright.data.catalogue import ENTRIES, Entry, entry_of
from lutwright.data.dataset import DataSet
from lutwright.data.detect import PATH_PREFIX, read_path
from lutwright.data.mnist5k import load_mnist5k


def load(source: str) -> DataSet:
    """Return data set `source`, with the same split on every machine.

    source: a name of the catalogue; or "path:" and the path of a folder, archive or file of the user's own. The prefix
    may be left out where the path has a slash in it or something lies there.

    BadData for an unknown name, a set that is not in the cache, and files that are damaged or of no known layout;
    ToolMissing where a package that is needed to read it is not installed.
    """
    if source.startswith(PATH_PREFIX):
        return read_path(Path(source.removeprefix(PATH_PREFIX)))
    if source not in ENTRIES and ("/" in source or Path(source).exists()):
        return read_path(Path(source))
    return load_entry(entry_of(source))


def load_entry(entry: Entry) -> DataSet:
    """Return the data set of `entry`, checked against its hash."""
    if entry.package.manager != "installed":
        return load_packed(entry)
    fix = f"Install the package again ({entry.package.label} was tested)."
    return entry.verified(load_mnist5k(), f"package '{entry.package.name}'", fix)
