"""Weight quantisers by hand."""

import pytest
import torch

from lutwright.train.weights import bits_of, quantised

WEIGHTS = [-1.0, -0.6, -0.3, -0.1, -0.0, 0.0, 0.05, 0.2, 0.4, 0.8, 1.0]


@pytest.mark.parametrize(
    ("kind", "bits", "zero", "wanted"),
    [
        ("uniform", 4, True, [-7, -5, -2, -1, 0, 0, 0, 2, 3, 6, 7]),
        ("uniform", 4, False, [-7, -5, -2, -1, 1, 1, 1, 2, 3, 6, 7]),
        ("power-of-two", 4, True, [-4, -4, -2, -1, 0, 0, 0, 2, 4, 4, 4]),
        ("power-of-two", 4, False, [-4, -4, -2, -1, 1, 1, 1, 2, 4, 4, 4]),
        ("ternary", 4, True, [-1, -1, -1, 0, 0, 0, 0, 0, 1, 1, 1]),
        ("ternary", 4, False, [-1, -1, -1, 0, 0, 0, 0, 0, 1, 1, 1]),
        ("binary", 4, True, [-1, -1, -1, -1, 1, 1, 1, 1, 1, 1, 1]),
    ],
)
@pytest.mark.parametrize("reach", [1.0, 0.25])
def test_integers(kind, bits, zero, wanted, reach):
    step = reach * 2.0 ** (1 - bits_of(kind, bits))
    found = quantised(torch.tensor(WEIGHTS) * reach, kind, bits, reach, zero=zero) / step
    assert found.tolist() == wanted


def test_binary_mean_is_the_sign():
    assert quantised(torch.tensor(WEIGHTS), "binary-mean", 4, 1.0, zero=False).tolist() == [-1.0] * 4 + [1.0] * 7


@pytest.mark.parametrize("kind", ["uniform", "power-of-two", "ternary", "binary", "binary-mean"])
def test_gradients_pass_straight_through(kind):
    weight = torch.tensor(WEIGHTS, requires_grad=True)
    (quantised(weight, kind, 4, 1.0, zero=False) * torch.arange(11)).sum().backward()
    assert weight.grad.tolist() == list(range(11))
