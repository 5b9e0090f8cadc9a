"""A data set of the user's own: which of the known layouts a file or folder has, and the set in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lutwright.data import cifar_binary, cifar_pickle, cifar_png, idx, images, npz, orl_faces, spoken_digits
from lutwright.data.archive import Files, open_files
from lutwright.data.dataset import DataSet
from lutwright.errors import BadData

PATH_PREFIX = "path:"


@dataclass(frozen=True)
class Layout:
    """A way to keep a data set in files.

    places: the data sets of that layout among the files: where, and the names of the files that belong to it.
    read:   the data set, out of these names; its name is the last argument.
    """

    title: str
    places: Callable[[Files], dict[str, list[str]]]
    read: Callable[[Files, list[str], str], DataSet]


_SPECIFIC = tuple(
    Layout(room.TITLE, room.places, room.read)
    for room in (npz, idx, cifar_binary, cifar_pickle, cifar_png, orl_faces, spoken_digits)
)
LAYOUTS = (*_SPECIFIC, Layout(images.TITLE, images.places, images.read))  # images last: other sets may hold some


def read_path(path: Path) -> DataSet:
    """Return the data set in a folder, archive or file; its name is the last part of the path, without endings.

    BadData where nothing is there, nothing known is in it, more than one data set is, or the files are damaged.
    """
    files = open_files(path)
    title = path.absolute().name.split(".")[0] or "data"
    for layouts in (LAYOUTS[:-1], LAYOUTS[-1:]):
        found = [(layout, place, names) for layout in layouts for place, names in layout.places(files).items()]
        if len(found) > 1:
            shown = ", ".join(place for _, place, _ in found[:5])
            raise BadData(files.where, "must hold one data set", f"{len(found)} ({shown})", "Name the folder of one.")
        if found:
            layout, _, names = found[0]
            return layout.read(files, names, title)
    known = "; ".join(layout.title for layout in LAYOUTS)
    raise BadData(files.where, f"must have a known layout ({known})", "another")
