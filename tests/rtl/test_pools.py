"""Sum pool and window pool against numpy: idle x backpressure, a reset in the middle, clocks a frame."""

import numpy as np
import pytest
from streams import check

RNG = np.random.default_rng


def numbers(rng, shape, bits, signed):
    """Random integers of `bits` bits; the first of all is the lowest everywhere, the second the highest."""
    low, high = (-(1 << (bits - 1)), 1 << (bits - 1)) if signed else (0, 1 << bits)
    x = rng.integers(low, high, shape)
    x[0], x[1] = low, high - 1
    return x


@pytest.mark.parametrize(
    ("pe", "nf", "h", "w", "kh", "kw", "signed", "block"),
    [
        (1, 1, 4, 4, 2, 2, 0, 0),
        (1, 1, 1, 1, 1, 1, 1, 0),  # nothing to add
        (2, 1, 5, 7, 2, 3, 1, 1),  # a row and a column left over
        (1, 2, 4, 3, 3, 1, 0, 1),
        (2, 3, 3, 4, 1, 2, 1, 0),
        (1, 1, 3, 3, 3, 3, 0, 0),  # global, one word
        (2, 3, 4, 3, 4, 3, 1, 1),  # global, NF words
    ],
)
def test_sum_pool(pe, nf, h, w, kh, kw, signed, block, tmp_path):
    x = numbers(RNG(1), (5, h, w, nf * pe), 4, signed)
    down, across = h // kh, w // kw
    y = x[:, : down * kh, : across * kw].reshape(5, down, kh, across, kw, -1).sum(axis=(2, 4))
    bits = 5 + (kh * kw - 1).bit_length() - signed
    parameters = {
        "PE": pe,
        "NF": nf,
        "BITS": 4,
        "SIGNED": signed,
        "HEIGHT": h,
        "WIDTH": w,
        "KH": kh,
        "KW": kw,
        "OUT_BITS": bits,
        "BLOCK": block,
    }
    rate = (down * across * nf, h * w * nf)
    check("sum_pool", parameters, x.reshape(-1, pe), 4, y.reshape(-1, pe), bits, tmp_path, rate=rate)


@pytest.mark.parametrize("maximum", [1, 0])
@pytest.mark.parametrize(
    ("pe", "window", "pool", "bits", "signed"),
    [
        (1, (1, 1), (1, 1), 4, 0),
        (2, (1, 2), (1, 2), 3, 1),
        (3, (2, 2), (2, 2), 1, 0),
        (2, (3, 3), (3, 3), 4, 1),
        (1, (3, 3), (2, 3), 4, 0),
        (2, (4, 4), (4, 1), 3, 1),
        (1, (2, 2), (1, 1), 4, 1),
        (1, (5, 4), (5, 4), 2, 1),
    ],
)
def test_window_pool(pe, window, pool, bits, signed, maximum, tmp_path):
    (rows, columns), (kh, kw) = window, pool
    x = numbers(RNG(2), (40, rows, columns, pe), bits, signed)
    seen = x[:, :kh, :kw].reshape(40, kh * kw, pe)
    y = seen.max(axis=1) if maximum else seen.sum(axis=1)
    out_bits = bits if maximum else bits + (1 - signed) + (kh * kw - 1).bit_length()
    parameters = {
        "PE": pe,
        "ROWS": rows,
        "COLUMNS": columns,
        "KH": kh,
        "KW": kw,
        "BITS": bits,
        "SIGNED": signed,
        "MAX": maximum,
        "OUT_BITS": out_bits,
    }
    check("window_pool", parameters, x.reshape(40, -1), bits, y, out_bits, tmp_path, rate=(1, 1))
