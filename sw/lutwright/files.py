"""Writing files so that what is there is whole: a file or a folder appears under its name only when it is complete."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lutwright.errors import OutputError


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Turn an operating-system error under `path` into OutputError."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"output '{path}'",
            f"could not be written ({error.strerror or error})",
            fix="Free space or choose another place; nothing half-written was left.",
        ) from error


def check_writable(path: Path) -> None:
    """Raise OutputError where a file `path` can be seen not to be writable, before the work that it is to hold."""
    if not path.name or path.is_dir():
        raise OutputError(f"output '{path}'", "must be a file", "a folder", "Name a file in it.")
    there = next(folder for folder in (*path.absolute().parents,) if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        found = "read-only" if there.is_dir() else "a file"
        raise OutputError(f"output '{path}'", f"'{there}' must be a folder to write to", found, "Choose another place.")


def write_file(path: Path, data: bytes | str) -> None:
    """Write `data` (text as UTF-8) to `path`, through a temporary file beside it and one rename."""
    raw = data.encode() if isinstance(data, str) else data
    partial = path.with_name(f".{path.name}.partial")
    with _named(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(raw)
            os.replace(partial, path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


@contextmanager
def new_folder(path: Path, marker: str | None = None) -> Iterator[Path]:
    """Yield an empty folder that becomes `path` when the block ends well, and vanishes when it does not.

    An existing `path` is replaced only if it is empty or holds the file `marker`, so that a slip of the
    keyboard cannot delete a home folder; otherwise OutputError.
    """
    if path.exists():
        if not path.is_dir():
            raise OutputError(f"output '{path}'", "must be a folder", "a file", "Choose another --out.")
        ours = marker is not None and (path / marker).is_file()
        if not ours and any(path.iterdir()):
            raise OutputError(
                f"output '{path}'",
                f"must be empty or an earlier result (with {marker})",
                "a folder with other files",
                "Choose another --out.",
            )
    partial = path.with_name(f".{path.name}.partial")
    with _named(path):
        try:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            yield partial
            if path.exists():
                shutil.rmtree(path)
            os.replace(partial, path)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise


def write_tree(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write every `files[relative path]` under `folder`."""
    for name in sorted(files):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(files[name])
