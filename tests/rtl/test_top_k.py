"""The k largest against numpy: many ties, idle x backpressure, a reset in the middle, clocks a vector."""

import numpy as np
import pytest
from streams import check

RNG = np.random.default_rng


@pytest.mark.parametrize(
    ("n", "k", "bits", "signed"),
    [(1, 1, 3, 1), (2, 1, 3, 0), (2, 2, 3, 1), (5, 5, 2, 1), (10, 3, 3, 1), (10, 3, 3, 0), (13, 8, 1, 0), (7, 4, 9, 1)],
)
def test_top_k(n, k, bits, signed, tmp_path):
    low, high = (-(1 << (bits - 1)), 1 << (bits - 1)) if signed else (0, 1 << bits)
    x = RNG(1).integers(low, high, (20, n))
    x[0], x[1], x[2], x[3] = low, high - 1, np.sort(x[2]), -np.sort(-x[3])
    index = np.argsort(-x, axis=1, kind="stable")[:, :k]
    parameters = {"N": n, "K": k, "BITS": bits, "SIGNED": signed}
    out_bits = max(1, (n - 1).bit_length())
    check("top_k", parameters, x.reshape(-1, 1), bits, index.reshape(-1, 1), out_bits, tmp_path, rate=(k, n))
