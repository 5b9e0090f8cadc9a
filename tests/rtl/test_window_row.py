"""The window of one row against numpy: idle x backpressure, a reset in mid-row, clocks a row."""

import numpy as np
import pytest
from streams import check


def windows(x, k, stride, left, columns, simd):
    """[rows, width, channels] -> beats in the layout of the cell."""
    rows, width, channels = x.shape
    padded = np.zeros((rows, left + width + columns * stride + k, channels), np.int64)
    padded[:, left : left + width] = x
    seen = np.stack([padded[:, c * stride : c * stride + k] for c in range(columns)], axis=1)
    groups = seen.reshape(rows * columns, k, channels // simd, simd).transpose(0, 2, 1, 3)
    return groups.reshape(rows * columns, -1)


@pytest.mark.parametrize(
    ("width", "channels", "simd", "k", "stride", "left", "columns", "clocks"),
    [
        (8, 1, 1, 3, 1, 1, 8, 8),  # the usual one: padding merged with pixels
        (8, 4, 2, 3, 1, 0, 6, 8),
        (7, 2, 2, 5, 1, 2, 7, 7),
        (2, 1, 1, 7, 1, 3, 2, 3),  # a row shorter than its padding
        (1, 1, 1, 3, 1, 1, 1, 1),
        (1, 2, 1, 5, 1, 4, 5, 5),  # the whole row in every window
        (6, 1, 1, 3, 1, 2, 8, 8),  # more padding than can be merged
        (9, 1, 1, 3, 2, 1, 5, 9),
        (9, 2, 1, 2, 3, 0, 3, 9),  # pixels between the windows, one left over
        (9, 1, 1, 1, 2, 0, 4, 9),
        (5, 1, 1, 4, 2, 2, 3, 5),
        (6, 1, 1, 4, 3, 3, 3, 7),  # the window of the padding comes when that of column 0 does
    ],
)
def test_window_row(width, channels, simd, k, stride, left, columns, clocks, tmp_path):
    x = np.random.default_rng(1).integers(0, 8, (11, width, channels))
    parameters = {
        "CHANNELS": channels,
        "BITS": 3,
        "SIMD": simd,
        "WIDTH": width,
        "K": k,
        "STRIDE": stride,
        "PAD_L": left,
        "OUT_W": columns,
    }
    expected = windows(x, k, stride, left, columns, simd)
    beats = x.reshape(-1, channels)
    check("window_row", parameters, beats, 3, expected, 3, tmp_path, rate=(columns, clocks))
