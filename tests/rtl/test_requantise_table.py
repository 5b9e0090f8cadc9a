"""The table form of requantisation against numpy: every accumulator, idle x backpressure, a reset in the middle."""

import numpy as np
import pytest
from streams import check

from lutwright.numerics.packing import literal, memory_lines

RNG = np.random.default_rng


@pytest.mark.parametrize(
    ("pe", "nf", "low", "depth", "bits", "acc_bits", "shared", "block"),
    [
        (1, 1, 0, 1, 3, 4, 0, 0),  # one accumulator, one code
        (1, 1, -5, 11, 4, 4, 0, 0),
        (2, 3, -20, 37, 5, 9, 0, 0),  # a table for each channel; neither side a power of two
        (3, 1, 7, 16, 1, 6, 0, 0),
        (1, 2, -32, 64, 4, 6, 0, 0),
        (2, 3, -20, 37, 5, 9, 1, 0),
        (2, 2, -20, 37, 5, 9, 1, 1),
        (1, 1, 3, 12, 9, 5, 1, 1),
    ],
)
def test_requantise_table(pe, nf, low, depth, bits, acc_bits, shared, block, tmp_path):
    rng = RNG(1)
    channels = pe * nf
    codes = rng.integers(0, 1 << bits, (1 if shared else channels, depth))
    # Every accumulator in every channel, each channel in an order of its own.
    acc = np.stack([rng.permutation(depth) for _ in range(channels)], axis=1)
    expected = codes[0, acc] if shared else codes[np.arange(channels), acc]
    parameters = {
        "PE": pe,
        "NF": nf,
        "ACC_BITS": acc_bits,
        "LOW": low,
        "DEPTH": depth,
        "CODE_BITS": bits,
        "SHARED": shared,
        "BLOCK": block,
    }
    files = {}
    if block:
        parameters["FILE"] = '"codes.mem"'
        files["codes.mem"] = memory_lines(codes.reshape(-1, 1), bits)
    elif shared:
        parameters["TABLE"] = literal(codes, bits)
    else:
        parameters["TABLE"] = literal(codes.reshape(nf, pe, depth).transpose(1, 0, 2), bits)
    rate = (1, 1) if depth > 2 else None  # too few beats to see a steady state
    beats, expected = (acc + low).reshape(-1, pe), expected.reshape(-1, pe)
    check("requantise_table", parameters, beats, acc_bits, expected, bits, tmp_path, files, rate=rate)
