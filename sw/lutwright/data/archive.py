"""The files in a folder or in an archive, by name, whichever of the two it is."""

from __future__ import annotations

import contextlib
import io
import lzma
import os
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lutwright.data.dataset import MOST_BYTES
from lutwright.errors import BadData

_DEPTH = 4  # folders below the one that was named; data lies at most that deep in every known layout
_ARCHIVE = re.compile(r"\.(tar|tar\.\w+|tgz|zip|whl|deb)$")
_DEB_MAGIC = b"!<arch>\n"
_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, OSError, RuntimeError)

Reader = Callable[[Collection[str]], Iterator[tuple[str, bytes]]]


@dataclass(frozen=True)
class Files:
    """What a folder or an archive holds.

    where:   the folder or archive, for messages.
    names:   sorted relative paths with "/"; a folder ends in "/". Hidden files are left out.
    each:    yields (name, content) of the files that are asked for, in whatever order is fast.
    """

    where: str
    names: tuple[str, ...]
    each: Reader

    def read(self, names: Collection[str]) -> dict[str, bytes]:
        """Return the contents of the files `names`, all of which must be among the names."""
        return dict(self.each(set(names)))


def open_files(path: Path) -> Files:
    """Return the files of a folder, a zip (or wheel), a tar with any compression or a Debian package.

    Any other file stands for itself. BadData where `path` is missing, unreadable or damaged; damage further inside
    shows when the contents are read.
    """
    if path.is_dir():
        return _opened(f"data folder '{path}'", lambda: _folder_names(path), _folder_reader(path))
    where = f"data file '{path}'"
    if not path.is_file():
        raise BadData(f"data '{path}'", "must be a file or a folder", "missing", "Check the path.")
    with _named(where):
        with path.open("rb") as file:
            start = file.read(len(_DEB_MAGIC))
        if start == _DEB_MAGIC:
            return _tar(where, io.BytesIO(_deb_data(path, where)))
        if zipfile.is_zipfile(path) and path.suffix != ".npz":
            return _opened(where, lambda: _zip_names(path), _zip_reader(path, where))
        if tarfile.is_tarfile(path):
            return _tar(where, path)
    if _ARCHIVE.search(path.name):
        raise BadData(where, "must be a whole archive", "something else", "Get the file again.")
    return Files(where, (path.name,), _folder_reader(path.parent))


def _opened(where: str, names: Callable[[], Iterator[str]], reader: Reader) -> Files:
    """Files out of every name there is; hidden ones and Python's caches are left out."""
    with _named(where):
        found = sorted({name for name in names() if not _is_hidden(name)})
    return Files(where, tuple(found), reader)


@contextlib.contextmanager
def _named(where: str) -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        detail = getattr(error, "strerror", None) or error or type(error).__name__
        raise BadData(where, f"must be readable and whole ({detail})", fix="Get the file again.") from error


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)


def _checked_size(where: str, name: str, size: int) -> None:
    if size > MOST_BYTES:
        raise BadData(where, f"file '{name}' must hold at most {MOST_BYTES} bytes", size)


def _folder_names(folder: Path) -> Iterator[str]:
    for here, folders, files in os.walk(folder, onerror=_raise):
        inside = Path(here).relative_to(folder)
        folders[:] = [name for name in folders if not name.startswith(".")] if len(inside.parts) < _DEPTH else []
        yield from ((inside / name).as_posix() + "/" for name in folders)
        yield from ((inside / name).as_posix() for name in files)


def _raise(error: OSError) -> None:
    raise error


def _folder_reader(folder: Path) -> Reader:
    def each(names: Collection[str]) -> Iterator[tuple[str, bytes]]:
        for name in sorted(names):
            where = f"data file '{folder / name}'"
            with _named(where):
                _checked_size(where, name, (folder / name).stat().st_size)
                content = (folder / name).read_bytes()
            yield name, content

    return each


def _zip_names(path: Path) -> Iterator[str]:
    with zipfile.ZipFile(path) as archive:
        yield from archive.namelist()


def _zip_reader(path: Path, where: str) -> Reader:
    def each(names: Collection[str]) -> Iterator[tuple[str, bytes]]:
        with _named(where), zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if entry.filename in names:
                    _checked_size(where, entry.filename, entry.file_size)
                    yield entry.filename, archive.read(entry)

    return each


def _tar(where: str, source: Path | io.BytesIO) -> Files:
    def opened() -> tarfile.TarFile:
        if isinstance(source, Path):
            return tarfile.open(source, "r:*")
        source.seek(0)
        return tarfile.open(fileobj=source, mode="r:*")

    def names() -> Iterator[str]:
        with opened() as archive:
            for member in archive:
                if member.isreg() or member.isdir():
                    yield _tar_name(member)

    def each(wanted: Collection[str]) -> Iterator[tuple[str, bytes]]:
        with _named(where), opened() as archive:
            for member in archive:
                if member.isreg() and _tar_name(member) in wanted:
                    _checked_size(where, member.name, member.size)
                    content = archive.extractfile(member)
                    assert content is not None  # isreg() says so
                    yield _tar_name(member), content.read()

    return _opened(where, names, each)


def _tar_name(member: tarfile.TarInfo) -> str:
    return member.name.removeprefix("./") + ("/" if member.isdir() else "")


def _deb_data(path: Path, where: str) -> bytes:
    """The member data.tar.* of a Debian package, which is an ar archive: a 60-byte header before each member."""
    with path.open("rb") as file:
        file.seek(len(_DEB_MAGIC))
        while len(header := file.read(60)) == 60:
            name = header[:16].decode("ascii", "replace").rstrip(" /")
            digits = header[48:58].strip()
            if header[58:] != b"`\n" or not digits.isdigit():
                break
            size = int(digits)
            if name == "data.tar.zst":
                fix = "Unpack it with dpkg-deb -x FILE FOLDER and give the folder."
                raise BadData(where, "must be packed with gzip, bzip2 or xz", "zstd", fix)
            if name.startswith("data.tar"):
                _checked_size(where, name, size)
                content = file.read(size)
                if len(content) < size:
                    raise EOFError(f"{len(content)} bytes of '{name}', not {size}")
                return content
            file.seek(size + size % 2, os.SEEK_CUR)
    raise BadData(where, "must be a whole Debian package (with a member data.tar)", "something else", "Get it again.")
