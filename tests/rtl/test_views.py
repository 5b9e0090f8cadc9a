"""Crops and flips in hardware: those of lutwright.learn.versions, word for word, at the rate of the formula."""

import numpy as np
import pytest
from streams import RUNS, play, words

from lutwright.errors import BadLearner
from lutwright.learn import Views, views
from lutwright.learn.clocks import view_clocks
from lutwright.learn.versions import PRESETS
from lutwright.numerics.packing import literal

USER = 5
# Resets at many points besides: while the first image comes in, in a view, between two of them.
RESETS = [{"idle": 0.1, "stall": 0.1, "seed": after, "reset_after": after} for after in (2, 9, 24, 101)]


def parameters(made):
    """Those of the cell that say which views."""
    tops, lefts = np.array(made.offsets).T
    return {
        "HEIGHT": made.image[0],
        "WIDTH": made.image[1],
        "CROP_H": made.crop[0],
        "CROP_W": made.crop[1],
        "CROPS": len(made.offsets),
        "TOP": literal(tops, 32),
        "LEFT": literal(lefts, 32),
        "FLIP": int(made.flips),
    }


def beats(images, users, simd, bits):
    """Words of images int [n, rows, columns, channels]: beats of `simd` channels, and users int [n, ...] above each."""
    split = images.reshape(len(images), -1, simd)
    low = [int(word, 16) for word in words(split.reshape(-1, simd), bits)]
    high = np.broadcast_to(users.reshape(len(images), -1), split.shape[:2]).reshape(-1)
    return [f"{word | int(user) << (simd * bits):x}" for word, user in zip(low, high, strict=True)]


def marked(made, images, users, simd, bits):
    """The beats that must come out, m_last the highest bit, then m_user."""
    found = made.of(images)
    side = np.zeros((len(images), made.count, found[0, 0].size // simd), int)
    side[..., -1] |= 2 << USER
    side[:, -1] |= 1 << USER
    side |= users[:, None, None]
    width = simd * bits + USER + 2
    made_words = beats(found.reshape(-1, *found.shape[2:]), side.reshape(-1, side.shape[2]), simd, bits)
    return [f"{int(word, 16):0{-(-width // 4)}x}" for word in made_words]


def check(made, work, channels=1, simd=1, bits=4, frames=2, block=0, images=4):
    rng = np.random.default_rng(1)
    x = rng.integers(0, 1 << bits, (images, *made.image, channels))
    pixel_beats = channels // simd
    side = rng.integers(0, 1 << USER, (images, x[0].size // simd))  # only that of the first beat counts
    expected = marked(made, x, side[:, 0], simd, bits)
    job = {
        "inputs": ["s_data", "s_user"],
        "outputs": ["m_data", "m_user", "m_last"],
        "beats": beats(x, side, simd, bits),
        "expected": expected,
        "runs": RUNS + RESETS,
        "drain": 60,
        "limit": 100 * (len(expected) + x.size) + 5000,
        "rate": {"beats": len(expected) // images, "clocks": view_clocks(made, pixel_beats, frames)},
    }
    cell = {"CHANNELS": channels, "SIMD": simd, "BITS": bits, "USER": USER, "FRAMES": frames, "BLOCK": block}
    play("tb_stream", "views", cell | parameters(made), job, work)


@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize("preset", PRESETS)
def test_presets(preset, frames, tmp_path):
    check(views(preset, (4, 6), (3, 4)), tmp_path, channels=2, bits=3, frames=frames, block=frames - 1)


@pytest.mark.parametrize(
    ("preset", "image", "crop"),
    [
        ("10crop", (1, 1), (1, 1)),
        ("1", (1, 1), (1, 1)),
        ("flip", (1, 5), (1, 3)),
        ("10crop", (5, 1), (2, 1)),
        ("10crop", (3, 4), (1, 1)),  # a view is one beat
        ("10crop", (4, 3), (4, 3)),  # crops as large as the image
        ("flip", (3, 5), (3, 5)),
        ("5crop", (3, 5), (3, 2)),  # as large in one direction
        ("5crop", (5, 3), (1, 3)),
        ("1", (6, 5), (2, 2)),  # the image takes longer than its views
    ],
)
@pytest.mark.parametrize("frames", [1, 2])
def test_sizes(preset, image, crop, frames, tmp_path):
    check(views(preset, image, crop), tmp_path, frames=frames)


@pytest.mark.parametrize(("channels", "simd", "bits"), [(6, 2, 1), (3, 1, 5), (3, 3, 2)])
def test_groups_of_channels(channels, simd, bits, tmp_path):
    check(views("10crop", (3, 4), (2, 3)), tmp_path, channels=channels, simd=simd, bits=bits)


@pytest.mark.parametrize("flips", [False, True])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_list_of_crops(seed, flips, tmp_path):
    rng = np.random.default_rng(seed)
    image = tuple(rng.integers(4, 8, 2).tolist())
    crop = tuple(int(rng.integers(1, side - 1)) for side in image)
    offsets = [
        [int(rng.integers(0, whole - side + 1)) for whole, side in zip(image, crop, strict=True)] for _ in range(3)
    ]
    made = Views(image, crop, tuple(map(tuple, offsets)), flips)
    check(made, tmp_path, channels=seed, frames=1 + seed % 2, block=1)


def test_clocks():
    made = views("10crop", (28, 28), (24, 24))
    assert view_clocks(made) == 10 * 24 * 24
    assert view_clocks(made, beats=3, frames=1) == 3 * (10 * 24 * 24 + 28 * 28)
    assert view_clocks(views("1", (28, 28), (24, 24))) == 28 * 28


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"beats": 0}, "views: a pixel must have one beat or more, not 0."),
        ({"frames": 3}, "views: must have a memory of 1 or 2 frames, not 3."),
    ],
)
def test_no_such_cell(options, words):
    with pytest.raises(BadLearner) as error:
        view_clocks(views("1", (3, 3)), **options)
    assert str(error.value) == words
