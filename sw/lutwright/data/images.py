"""Folders of images, one a class: train/CLASS/*.png and test/CLASS/*.png, or CLASS/*.png and a constant split."""

from __future__ import annotations

import importlib.util
import io
import warnings
from collections.abc import Collection
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from lutwright.data.archive import Files
from lutwright.data.dataset import MOST_BYTES, DataSet, Part, assemble
from lutwright.data.split import split
from lutwright.errors import BadData, ToolMissing

TITLE = "a folder of images for each class (train/CLASS/*.png and test/CLASS/*.png, or CLASS/*.png)"
TEST_SHARE = 0.2
"""Of each class, where the folders name no test part."""

_ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".pgm", ".ppm"}
_FORMATS = ("PNG", "JPEG", "BMP", "PPM")  # the decoders of these run no other program
_PARTS = ("train", "test")
_MODES = {"1": "L", "L": "L", "RGB": "RGB", "P": "RGB"}

_Sorted = dict[tuple[str, str], list[str]]  # (part, or "" where there is none; class) to the names of its images


def places(files: Files) -> dict[str, list[str]]:
    """The data sets in `files` that are images in folders: where their classes begin, to all names below."""
    tops = _tops(files.names)
    return {str(top): [n for n in files.names if top in PurePosixPath(n).parents] for top in tops}


def _tops(names: Collection[str]) -> list[PurePosixPath]:
    """The folders of whole sets; what lies below such a folder belongs to it."""
    tops = {_top(name) for name in names if _is_image(name)}
    return sorted(top for top in tops if tops.isdisjoint(top.parents))


def _is_image(name: str) -> bool:
    return "/" in name and PurePosixPath(name).suffix.lower() in _ENDINGS


def _is_parted(name: str) -> bool:
    return PurePosixPath(name).parent.parent.name in _PARTS


def _top(image: str) -> PurePosixPath:
    """The folder of the whole set that `image` belongs to, by its own path."""
    place = PurePosixPath(image).parent.parent
    return place.parent if _is_parted(image) else place


def read(files: Files, names: list[str], title: str) -> DataSet:
    """Return the data set; its classes are numbered in the order of their names.

    Grey images become one channel, colour three. BadData for a class without images, a file that is no image, images
    of two sizes, and grey beside colour; ToolMissing without Pillow.
    """
    need_pillow()
    found = _sorted_out(names)
    class_names = _class_names(files.where, found)
    rows = [(name, part, class_names.index(label)) for (part, label), own in sorted(found.items()) for name in own]
    labels = np.array([label for _, _, label in rows])
    parts = np.array([part for _, part, _ in rows])
    train, test = split(labels, TEST_SHARE) if "" in parts else [np.flatnonzero(parts == part) for part in _PARTS]
    pixels = _pixels(files, [name for name, _, _ in rows])
    return assemble(
        title,
        Part(files.where, pixels[train], labels[train]),
        Part(files.where, pixels[test], labels[test]),
        class_names,
    )


def _sorted_out(names: list[str]) -> _Sorted:
    (top,) = _tops(names)
    parted = any(_is_parted(name) for name in names if _is_image(name))
    found: _Sorted = {}
    for name in names:
        inside = PurePosixPath(name).relative_to(top).parts
        part, inside = (inside[0], inside[1:]) if parted else ("", inside)
        ours, folder = not parted or part in _PARTS, name.endswith("/")
        if _is_image(name) and not (ours and len(inside) == 2):
            rule = "must be in train/CLASS or test/CLASS" if parted else "must be in a folder CLASS"
            raise BadData(f"image '{name}'", rule, "elsewhere", "Move or rename folders, or name the one to take.")
        if ours and folder and len(inside) == 1:
            found.setdefault((part, inside[0]), [])
        elif ours and not folder and len(inside) == 2:
            if not _is_image(name):
                rule = f"every file of a class must be an image ({', '.join(sorted(_ENDINGS))})"
                raise BadData(f"data file '{name}'", rule, "another file", "Move it elsewhere.")
            found.setdefault((part, inside[0]), []).append(name)
    return found


def _class_names(where: str, found: _Sorted) -> tuple[str, ...]:
    classes = {part: {label for p, label in found if p == part} for part in {part for part, _ in found}}
    for (part, label), names in sorted(found.items()):
        if not names:
            raise BadData(f"class folder '{part}/{label}'".replace("'/", "'"), "must hold images", "empty", "Fill it.")
    if "" in classes:
        if classes[""] <= {*_PARTS}:
            raise BadData(where, "train and test must hold a folder of images for each class", "images")
        return tuple(sorted(classes[""]))
    train, test = (classes.get(part, set()) for part in _PARTS)
    if train != test:
        rule = f"class '{min(train ^ test)}' must have a folder in both train and test"
        raise BadData(where, rule, f"only in {'train' if train - test else 'test'}")
    return tuple(sorted(train))


def _pixels(files: Files, names: list[str]) -> NDArray[np.uint8]:
    """The images `names` as uint8 [len(names), H, W, C]; all must have one size and one number of channels."""
    index = {name: row for row, name in enumerate(names)}
    pixels = np.empty(0, np.uint8)
    first = ""
    for name, raw in files.each(index.keys()):
        image = decoded(raw, f"image '{name}'")
        if not first:
            first, shape = name, image.shape
            if len(names) * image.size > MOST_BYTES:
                raise BadData(files.where, f"all pixels must fit {MOST_BYTES} bytes", len(names) * image.size)
            pixels = np.empty((len(names), *shape), np.uint8)
        if image.shape != shape:
            fix = "Give all images one size, and all grey or all colour."
            raise BadData(f"image '{name}'", f"must be {_size(shape)}, as '{first}' is", _size(image.shape), fix)
        pixels[index[name]] = image
    return pixels


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]} {'grey' if shape[2] == 1 else 'colour'}"


def need_pillow() -> None:
    """Raise ToolMissing where Pillow, which reads images, is not installed."""
    if importlib.util.find_spec("PIL") is None:
        raise ToolMissing("package 'Pillow'", "must be installed to read images", "absent", "pip install pillow.")


def decoded(raw: bytes, where: str) -> NDArray[np.uint8]:
    """The pixels of an image file, uint8 [H, W, 1] or [H, W, 3]; BadData unless it is whole, 8-bit, without alpha."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(raw), formats=_FORMATS) as image:
                mode = image.mode
                pixels = np.asarray(image.convert(_MODES[mode])) if mode in _MODES else None
    except Exception as error:  # each of Pillow's decoders raises its own
        raise BadData(where, f"must be a whole image ({error})", fix="Get the file again.") from error
    if pixels is None:
        raise BadData(where, "must be 8-bit grey or colour without transparency", f"mode {mode}", "Convert it.")
    return pixels.reshape(*pixels.shape[:2], -1)
