"""Weights as signs and sizes: the codes, what the products lack, and where that pays."""

import numpy as np
import pytest

from lutwright.dataflow.complement import complemented, pays
from lutwright.dataflow.stage import Stream


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(
    ("values", "bits", "powers"),
    [(range(-7, 8), 4, False), ((-1, 0, 1), 2, False), ((-1, 1), 1, False), ((-8, 0, 1, 4), 4, True), ((0,), 2, False)],
)
def test_products_and_offsets_are_the_sums(values, bits, powers, signed):
    rng = np.random.default_rng(1)
    w = rng.choice(np.array(values), (5, 16))
    w[0, : len(values)] = values
    codes, w_bits, told = complemented(w, Stream(16, 3, signed, 1), 12)
    assert (w_bits, told["W_BITS"], told.get("POWERS", 0)) == (bits, bits, int(powers))
    x = rng.integers(-4 if signed else 0, 4 if signed else 8, 16)
    negative, size = codes >> (w_bits - 1), codes & ((1 << (w_bits - 1)) - 1)
    sizes = np.where(size > 0, 1 << np.maximum(size - 1, 0), 0) if powers else size if bits > 1 else np.ones_like(w)
    products = sizes * np.where(negative == 1, (-1 if signed else 7) - x, x)
    assert products.max() < 1 << (told["P_BITS"] - int(signed))
    assert products.min() >= (-(1 << (told["P_BITS"] - 1)) if signed else 0)
    assert ((products.sum(axis=1) + told["OFFSETS"].values - w @ x) % (1 << 12) == 0).all()
    assert told["OFFSETS"].values.min() >= 0 and told["OFFSETS"].values.max() < 1 << told["OFFSETS"].bits


def test_where_it_pays():
    assert pays(18, 4, 13) and pays(2, 5, 13) and not pays(1, 64, 13)
    assert pays(4, 1, 13) and not pays(3, 1, 13)  # a sum of one clock needs an adder for its first summand
