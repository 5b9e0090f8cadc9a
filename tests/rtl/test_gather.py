"""Gather and pad against numpy: idle x backpressure, a reset in the middle, clocks a frame."""

import numpy as np
import pytest
from streams import check

from lutwright.numerics.packing import literal, memory_lines

RNG = np.random.default_rng


def orders():
    """(beats in, indices) of the uses of gather."""
    h, w = 3, 5
    raster = np.arange(h * w).reshape(h, w)
    nearest = raster[np.arange(2 * h) // 2][:, np.arange(2 * w) // 2]
    return {
        "one": (1, [0]),
        "one_often": (1, [0, 0, 0]),
        "one_of_many": (5, [3]),
        "identity": (4, range(4)),
        "reverse": (6, range(5, -1, -1)),
        "resize": (15, nearest.reshape(-1)),
        "transpose": (15, raster.T.reshape(-1)),
        "crop": (15, raster[1:, 1:4].reshape(-1)),
    }


@pytest.mark.parametrize("block", [0, 1])
@pytest.mark.parametrize("order", orders())
def test_gather(order, block, tmp_path):
    taken, index = orders()[order]
    index = np.array(index)
    blocks = RNG(1).integers(0, 32, (6, taken))
    bits = max(1, (taken - 1).bit_length())
    parameters = {"WIDTH": 5, "IN_BEATS": taken, "OUT_BEATS": len(index), "BLOCK": block, "BLOCK_INDEX": block}
    files = {}
    if block:
        parameters["FILE"] = '"index.mem"'
        files["index.mem"] = memory_lines(index[:, None], bits)
    else:
        parameters["INDEX"] = literal(index, bits)
    rate = (len(index), max(taken, len(index)))
    expected = blocks[:, index].reshape(-1, 1)
    check("gather", parameters, blocks.reshape(-1, 1), 5, expected, 5, tmp_path, files, rate=rate)


@pytest.mark.parametrize(
    ("nf", "h", "w", "pads"),
    [
        (1, 1, 1, (1, 1, 1, 1)),
        (1, 4, 3, (1, 1, 1, 1)),
        (3, 2, 3, (0, 2, 1, 0)),
        (2, 3, 2, (2, 0, 0, 1)),
        (2, 3, 2, (0, 0, 0, 0)),
    ],
)
def test_pad(nf, h, w, pads, tmp_path):
    images = RNG(2).integers(0, 64, (4, h, w, nf))
    top, left, below, right = pads
    expected = np.pad(images, ((0, 0), (top, below), (left, right), (0, 0)), constant_values=41)
    frame = expected[0].size
    parameters = {
        "WIDTH": 6,
        "NF": nf,
        "HEIGHT": h,
        "COLUMNS": w,
        "PAD_T": top,
        "PAD_L": left,
        "PAD_B": below,
        "PAD_R": right,
        "VALUE": "6'h29",
    }
    check("pad", parameters, images.reshape(-1, 1), 6, expected.reshape(-1, 1), 6, tmp_path, rate=(frame, frame))
