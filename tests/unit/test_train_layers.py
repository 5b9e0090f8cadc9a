"""The Shift Attention Layer against hand computations, and what hardening leaves."""

import math

import numpy as np
import pytest
import torch

from lutwright.train.layers import MuxConv2d, at_least, selection


def test_selection_by_hand():
    row = [0.1, 0.9, 0.4, 0.3]
    mean = sum(row) / 4
    std = math.sqrt(sum((value - mean) ** 2 for value in row) / 3) + 1e-6
    exps = [math.exp(5.0 * value / std) for value in row]
    wanted = [value / sum(exps) for value in exps]
    assert selection(torch.tensor([[row]]), 5.0)[0, 0].tolist() == pytest.approx(wanted, rel=1e-5)


def test_selection_of_equal_values_is_even():
    assert selection(torch.ones(2, 3, 9), 60.0).flatten().tolist() == pytest.approx([1 / 9] * 54)


def test_selection_lets_gradients_through_softmax_and_std():
    attention = torch.rand(2, 3, 9, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a: selection(a, 3.0), attention)


def test_hot_selection_is_one_position():
    found = selection(torch.rand(4, 4, 9, generator=torch.Generator().manual_seed(1)), 1e4)
    assert found.max(dim=-1).values.min() > 0.99


def test_at_least_raises_magnitudes_and_passes_gradients():
    weight = torch.tensor([-0.7, -0.1, -0.0, 0.0, 0.2, 0.9], requires_grad=True)
    raised = at_least(weight, 0.5)
    assert raised.tolist() == pytest.approx([-0.7, -0.5, 0.5, 0.5, 0.5, 0.9])
    raised.sum().backward()
    assert weight.grad.tolist() == [1.0] * 6


def test_soft_forward_is_the_papers_formula():
    torch.manual_seed(3)
    layer = MuxConv2d(2, 3, 3, weight_bits=4, t_init=2.0)
    image = torch.rand(1, 2, 5, 5)
    codes = (at_least(layer.weight, 1 / 8) * 8).round().clamp(-7, 7) / 8
    chosen = selection(layer.attention, 2.0).view(3, 2, 3, 3)
    wanted = torch.nn.functional.conv2d(image, chosen * codes, padding=1)
    assert torch.allclose(layer(image), wanted, atol=1e-6)


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_harden_keeps_exactly_one_nonzero_code(bits):
    torch.manual_seed(bits)
    layer = MuxConv2d(5, 7, 3, weight_bits=bits, t_init=1.0)
    with torch.no_grad():
        layer.weight[0].zero_()  # a weight of zero must not vanish
    best = layer.attention.argmax(dim=-1)
    layer.harden()
    assert layer.attention is None
    assert torch.equal(layer.kept.view(7, 5, 9).int().argmax(dim=-1), best)
    codes = layer.plain().quant_weight().int().numpy()
    assert (np.count_nonzero(codes.reshape(7, 5, 9), axis=-1) == 1).all()
    assert abs(codes).max() <= 2 ** (bits - 1) - 1


def test_plain_layer_computes_the_same():
    torch.manual_seed(0)
    layer = MuxConv2d(3, 4, 3, weight_bits=3, t_init=1.0)
    layer.harden()
    layer.harden()  # a second time changes nothing
    image = torch.randint(0, 16, (2, 3, 6, 6)) / 16
    plain = layer.plain()
    assert type(plain).__module__.startswith("brevitas")
    assert torch.equal(layer(image), plain(image))


def test_frozen_positions_carry_no_gradient_elsewhere():
    layer = MuxConv2d(2, 2, 3, weight_bits=2, t_init=1.0)
    layer.harden()
    layer(torch.rand(1, 2, 4, 4)).sum().backward()
    assert (layer.weight.grad[~layer.kept] == 0).all()


def test_held_weights_get_no_gradient():
    layer = MuxConv2d(2, 2, 3, weight_bits=2, t_init=1.0)
    layer.harden()
    layer.hold()
    image = torch.rand(1, 2, 4, 4, requires_grad=True)
    layer(image).sum().backward()
    assert layer.weight.grad is None and image.grad is not None


def test_clip_bounds_the_float_copy():
    layer = MuxConv2d(2, 2, 3, weight_bits=2, t_init=1.0)
    with torch.no_grad():
        layer.weight.mul_(10)
    layer.clip()
    assert layer.weight.abs().max() == 1.0
