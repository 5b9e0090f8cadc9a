"""What layers are by their weights: several weights a kernel, taps that outputs share, powers of two."""

import numpy as np
import pytest
from graphs import Maker

from lutwright.dataflow.kinds import are_powers, is_mux, kept, power_codes, shares_taps


def conv(weights):
    m = Maker(np.random.default_rng(0), (6, 6, weights.shape[3]), 4)
    m.add("Conv", weights=weights, stride=(1, 1), pads=(0, 0, 0, 0), groups=1)
    return m.nodes[0]


def sparse(k, most, high, shared=False, outputs=4):
    """Kernels of k x k that keep `most` weights of 1 to `high`."""
    rng = np.random.default_rng(1)
    order = rng.permuted(np.tile(np.arange(k * k)[:, None], (1 if shared else outputs, 1, 3)), axis=1)
    w = rng.integers(1, high + 1, (outputs, k * k, 3)) * (order < most)
    w[0, w[0] != 0] = high
    return w.reshape(outputs, k, k, 3)


@pytest.mark.parametrize(
    ("k", "most", "high", "shared", "mux"),
    [
        (3, 1, 1, False, True),
        (3, 2, 1, False, True),
        (3, 3, 1, False, False),  # nine products of one bit cost less than three multiplexers
        (3, 4, 7, False, True),
        (3, 4, 1, True, True),
        (3, 5, 127, False, False),  # more than the cell should have
        (2, 2, 1, False, False),
        (5, 3, 7, False, True),
    ],
)
def test_multiplexers_where_they_pay(k, most, high, shared, mux):
    node = conv(sparse(k, most, high, shared))
    assert (kept(node), shares_taps(node), is_mux(node)) == (most, shared, mux)


def test_the_same_taps_everywhere_need_no_multiplexer():
    w = np.zeros((4, 3, 3, 2), np.int64)
    w[:, 1, 1], w[:, 0, 2] = 3, -2
    assert not is_mux(conv(w))


def test_powers_of_two():
    w = np.array([0, 1, -1, 2, -4, 8])
    codes, bits = power_codes(w)
    assert are_powers(w) and bits == 4
    assert codes.tolist() == [0, 1, 0b1001, 2, 0b1011, 4]
    assert not are_powers(np.array([1, 3]))
    assert not are_powers(np.array([0, 1, -1]))  # those need no shift
