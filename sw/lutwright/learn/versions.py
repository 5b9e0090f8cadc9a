"""The versions of an image from which a learner learns and predicts: crops and flips, in the order of the hardware."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lutwright.errors import BadFeatures

PRESETS = ("1", "flip", "5crop", "10crop")
"""Centre; centre and its flip; corners and centre; these and their flips."""


@dataclass(frozen=True)
class Views:
    """Crops of an image, and their flips.

    image:   (rows, columns) of the image.
    crop:    (rows, columns) of a version.
    offsets: the (row, column) in the image of each crop's first pixel, in order.
    flips:   whether each crop is followed by itself with its columns in reverse.

    The order is: for each offset, as it is, then (where `flips`) flipped. BadFeatures where a crop is not in the image.
    """

    image: tuple[int, int]
    crop: tuple[int, int]
    offsets: tuple[tuple[int, int], ...]
    flips: bool = False

    def __post_init__(self) -> None:
        if not self.offsets:
            raise BadFeatures("versions", "must be one crop or more", "none")
        for side, whole, axis in zip(self.crop, self.image, ("rows", "columns"), strict=True):
            if not 1 <= side <= whole:
                raise BadFeatures("versions", f"a crop must have 1 .. {whole} {axis}", side)
        for offset in self.offsets:
            if any(not 0 <= at <= whole - side for at, side, whole in zip(offset, self.crop, self.image, strict=True)):
                found = f"at {offset} with {self.crop}"
                raise BadFeatures("versions", f"a crop must lie in the image of {self.image}", found)

    @property
    def count(self) -> int:
        """How many versions there are, R."""
        return len(self.offsets) * (1 + self.flips)

    def of(self, images: NDArray[Any]) -> NDArray[Any]:
        """Return the versions of `images` [..., H, W, channels]: [..., R, rows, columns, channels], same dtype."""
        if images.ndim < 3 or images.shape[-3:-1] != self.image:
            raise BadFeatures("images", f"must have the shape [..., {self.image[0]}, {self.image[1]}, channels]",
                              list(images.shape))  # fmt: skip
        found = []
        for row, column in self.offsets:
            part = images[..., row : row + self.crop[0], column : column + self.crop[1], :]
            found += [part, part[..., ::-1, :]] if self.flips else [part]
        return np.stack(found, axis=-4)


def views(preset: str, image: tuple[int, int], crop: tuple[int, int] | None = None) -> Views:
    """Return one of PRESETS for images of (rows, columns); `crop` None: a crop is the image. Raises BadFeatures.

    "1": the centre. "flip": the centre, flipped. "5crop": top left, top right, bottom left, bottom right, centre.
    "10crop": each of these five, flipped. The centre is at half of what is over, rounded down.
    """
    if preset not in PRESETS:
        raise BadFeatures("versions", f"must be one of {', '.join(PRESETS)}", repr(preset))
    crop = crop or image
    down, right = image[0] - crop[0], image[1] - crop[1]
    centre = (down // 2, right // 2)
    corners = ((0, 0), (0, right), (down, 0), (down, right))
    offsets = (*corners, centre) if preset in ("5crop", "10crop") else (centre,)
    return Views(image, crop, offsets, preset in ("flip", "10crop"))
