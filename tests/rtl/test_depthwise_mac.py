"""The depthwise engine against numpy: idle x backpressure, a reset in the middle, clocks a window."""

import numpy as np
import pytest
from streams import check

from lutwright.numerics.packing import literal

RNG = np.random.default_rng


@pytest.mark.parametrize(
    ("pe", "nf", "taps", "x_bits", "signed", "w_bits", "every"),
    [
        (1, 1, 1, 4, 0, 4, 1),
        (2, 1, 9, 4, 0, 4, 1),  # constant weights, by table
        (2, 1, 9, 5, 1, 4, 2),  # constant weights, multiplied
        (2, 3, 9, 4, 0, 3, 3),
        (1, 5, 4, 3, 1, 2, 1),  # -1, 0, 1
        (3, 2, 1, 4, 1, 4, 2),
        (1, 2, 6, 8, 0, 8, 4),
    ],
)
def test_depthwise_mac(pe, nf, taps, x_bits, signed, w_bits, every, tmp_path):
    rng = RNG(1)
    channels = nf * pe
    # Two bits hold -1, 0 and 1 only.
    w = rng.integers(-(1 << (w_bits - 1)) + (w_bits == 2), 1 << (w_bits - 1), (channels, taps))
    low, high = (-(1 << (x_bits - 1)), 1 << (x_bits - 1)) if signed else (0, 1 << x_bits)
    x = rng.integers(low, high, (14, taps, channels))
    x[0], x[1] = low, high - 1
    x[2] = np.where(w.T < 0, low, high - 1)
    x[3] = np.where(w.T > 0, low, high - 1)
    y = np.einsum("ntc,ct->nc", x, w)
    bits = x_bits + w_bits + (taps - 1).bit_length()
    # Beat n holds channels n*PE + p of every tap.
    beats = x.reshape(14, taps, nf, pe).transpose(0, 2, 1, 3).reshape(-1, taps * pe)
    parameters = {
        "PE": pe,
        "NF": nf,
        "TAPS": taps,
        "X_BITS": x_bits,
        "X_SIGNED": signed,
        "W_BITS": w_bits,
        "P_BITS": x_bits + w_bits,
        "ACC_BITS": bits,
        "EVERY": every,
        "WEIGHTS": literal(w, w_bits),
    }
    check("depthwise_mac", parameters, beats, x_bits, y.reshape(-1, pe), bits, tmp_path, rate=(nf, nf))
