"""Crops and flips: their order, pixel by pixel, and what cannot be."""

import numpy as np
import pytest

from lutwright.errors import BadFeatures
from lutwright.learn import Views, views


def image(rows=5, columns=7, channels=2):
    return np.arange(rows * columns * channels, dtype=np.uint8).reshape(rows, columns, channels)


@pytest.mark.parametrize(
    ("preset", "corners", "flips"),
    [
        ("1", [(1, 1)], False),
        ("flip", [(1, 1)], True),
        ("5crop", [(0, 0), (0, 3), (2, 0), (2, 3), (1, 1)], False),
        ("10crop", [(0, 0), (0, 3), (2, 0), (2, 3), (1, 1)], True),
    ],
)
def test_presets(preset, corners, flips):
    made, x = views(preset, (5, 7), (3, 4)), image()
    expected = []
    for row, column in corners:
        part = x[row : row + 3, column : column + 4]
        expected += [part, part[:, ::-1]] if flips else [part]
    found = made.of(x)
    assert found.dtype == np.uint8 and found.shape == (made.count, 3, 4, 2) == (len(expected), 3, 4, 2)
    assert np.array_equal(found, np.stack(expected))


def test_offsets_in_any_order_and_batches():
    made = Views((5, 7), (2, 2), ((3, 5), (0, 0), (3, 5)), flips=True)
    batch = np.stack([image(), image() + 1])
    found = made.of(batch)
    assert found.shape == (2, 6, 2, 2, 2) and made.count == 6
    assert np.array_equal(found[1], made.of(batch[1]))
    assert np.array_equal(found[:, 4:], found[:, :2])
    assert found[0, 1, 0, 0].tolist() == image()[3, 6].tolist()  # first pixel of a flipped crop: its last column


def test_a_crop_may_be_the_whole_image():
    assert np.array_equal(views("1", (5, 7)).of(image()), image()[None])
    assert np.array_equal(views("flip", (5, 7)).of(image())[1], image()[:, ::-1])
    assert views("10crop", (5, 7)).offsets == ((0, 0),) * 5


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: views("2crop", (5, 7)), "versions: must be one of 1, flip, 5crop, 10crop, not '2crop'"),
        (lambda: views("1", (5, 7), (6, 7)), "versions: a crop must have 1 .. 5 rows, not 6"),
        (lambda: views("1", (5, 7), (5, 0)), "versions: a crop must have 1 .. 7 columns, not 0"),
        (lambda: Views((5, 7), (2, 2), ()), "versions: must be one crop or more, not none"),
        (lambda: Views((5, 7), (2, 2), ((4, 0),)), "a crop must lie in the image of (5, 7), not at (4, 0) with (2, 2)"),
        (lambda: Views((5, 7), (2, 2), ((0, -1),)), "a crop must lie in the image of (5, 7)"),
        (
            lambda: views("1", (5, 7)).of(image(7, 5)),
            "images: must have the shape [..., 5, 7, channels], not [7, 5, 2]",
        ),
        (
            lambda: views("1", (5, 7)).of(image()[..., 0]),
            "images: must have the shape [..., 5, 7, channels], not [5, 7]",
        ),
    ],
)
def test_what_cannot_be(make, words):
    with pytest.raises(BadFeatures) as caught:
        make()
    assert words in str(caught.value)
