"""Multiplexer convolutions: SAL by hand, every policy and quantiser, and what hardening leaves."""

import math

import numpy as np
import pytest
import torch

from lutwright.errors import BadLayer
from lutwright.train.layers import MuxConv2d
from lutwright.train.names import KINDS, POLICIES, SHARED
from lutwright.train.positions import selection
from lutwright.train.weights import at_least


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
    chosen = selection(layer.positions.attention, 2.0).view(3, 2, 3, 3)
    wanted = torch.nn.functional.conv2d(image, chosen * codes, padding=1)
    assert torch.allclose(layer(image), wanted, atol=1e-6)


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_harden_keeps_exactly_one_nonzero_code(bits):
    torch.manual_seed(bits)
    layer = MuxConv2d(5, 7, 3, weight_bits=bits)
    with torch.no_grad():
        layer.weight[0].zero_()  # a weight of zero must not vanish
    best = layer.positions.attention.argmax(dim=-1)
    layer.harden()
    assert layer.positions is None
    assert torch.equal(layer.mask.view(7, 5, 9).int().argmax(dim=-1), best)
    codes = layer.plain().quant_weight().int().numpy()
    assert (np.count_nonzero(codes.reshape(7, 5, 9), axis=-1) == 1).all()
    assert abs(codes).max() <= 2 ** (bits - 1) - 1


def test_plain_layer_computes_the_same():
    torch.manual_seed(0)
    layer = MuxConv2d(3, 4, 3, weight_bits=3)
    layer.harden()
    layer.harden()  # a second time changes nothing
    image = torch.randint(0, 16, (2, 3, 6, 6)) / 16
    plain = layer.plain()
    assert type(plain).__module__.startswith("brevitas")
    assert torch.equal(layer(image), plain(image))


def test_frozen_positions_carry_no_gradient_elsewhere():
    layer = MuxConv2d(2, 2, 3, weight_bits=2)
    layer.harden()
    layer(torch.rand(1, 2, 4, 4)).sum().backward()
    assert (layer.weight.grad[~layer.mask] == 0).all()


def test_held_weights_get_no_gradient():
    layer = MuxConv2d(2, 2, 3, weight_bits=2)
    layer.harden()
    layer.hold()
    image = torch.rand(1, 2, 4, 4, requires_grad=True)
    layer(image).sum().backward()
    assert layer.weight.grad is None and image.grad is not None


def test_clip_bounds_the_float_copy():
    layer = MuxConv2d(2, 2, 3, weight_bits=2)
    with torch.no_grad():
        layer.weight.mul_(10)
    layer.clip()
    assert layer.weight.abs().max() == 1.0


# ---- every policy with every quantiser -------------------------------------------------------------------------------

SHAPES = {
    "same": {},
    "two kept": {"kept": 2},
    "stride": {"stride": 2},
    "groups": {"groups": 2},
    "row": {"kernel_size": (1, 5)},
}


def trained(policy, weights, **options):
    """A small layer after a few steps towards nothing in particular, hardened, and images on a grid."""
    torch.manual_seed(5)
    layer = MuxConv2d(4, 6, **{"kernel_size": 3, "policy": policy, "weights": weights} | options)
    layer.positions.begin(4)
    images = torch.randint(0, 16, (2, 4, 9, 9)) / 16
    optimiser = torch.optim.SGD(layer.parameters(), lr=0.01)
    for _ in range(4):
        optimiser.zero_grad()
        layer(images).square().mean().backward()
        optimiser.step()
        layer.clip()
        layer.positions.advance()
    layer.harden()
    return layer, images


@pytest.mark.parametrize("weights", KINDS)
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("shape", SHAPES)
def test_hardened_layer_and_its_plain_one(policy, weights, shape):
    options = SHAPES[shape]
    if policy in SHARED and "groups" in options:
        with pytest.raises(BadLayer, match="positions shared by an input channel's outputs need groups = 1, not 2"):
            MuxConv2d(4, 6, 3, policy=policy, **options)
        return
    layer, images = trained(policy, weights, **options)
    plain = layer.plain().eval()
    codes = plain.quant_weight().int().numpy().reshape(6, layer.in_channels // layer.groups, -1)
    count = np.count_nonzero(codes, axis=-1)
    kept = options.get("kept", 1)
    assert (count <= kept).all() and (weights == "ternary" or (count == kept).all())
    assert (np.array(codes != 0) <= layer.mask.flatten(2).numpy()).all()
    if policy in SHARED:
        assert (layer.mask == layer.mask[:1]).all()
    if weights == "binary-mean":  # a float scale: sums in another order differ in their last bits
        assert torch.allclose(layer(images), plain(images), rtol=0, atol=1e-5)
    else:
        assert torch.equal(layer(images), plain(images))


@pytest.mark.parametrize("policy", SHARED)
def test_separable_forward_is_the_convolution(policy):
    torch.manual_seed(1)
    layer = MuxConv2d(3, 5, 3, stride=2, policy=policy)
    image = torch.rand(2, 3, 8, 8)
    for _ in range(2):
        wanted = torch.nn.functional.conv2d(image, layer.quant_weight(), stride=2, padding=1)
        assert torch.allclose(layer(image), wanted, atol=1e-6)
        layer.harden()


def test_two_weights_are_the_two_largest():
    layer = MuxConv2d(3, 2, 3, policy="magnitude", kept=2)
    order = layer.weight.detach().abs().flatten(2).argsort(dim=-1, descending=True)[..., :2]
    layer.harden()
    assert (layer.mask.flatten(2).gather(2, order)).all()


def test_binary_mean_is_the_mean_of_those_kept():
    layer, _ = trained("sal", "binary-mean")
    kept = (layer.weight.abs() * layer.mask).flatten(1).sum(1) / layer.mask.flatten(1).sum(1)
    scale = layer.plain().quant_weight().scale.flatten()
    assert torch.allclose(scale, kept, rtol=1e-6) and len(set(scale.tolist())) == 6


def test_power_of_two_weights():
    layer, _ = trained("sal", "power-of-two", weight_bits=5)
    assert set(np.unique(layer.plain().quant_weight().int().abs().numpy())) <= {0, 1, 2, 4, 8}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"kernel_size": 1}, "a kernel must have more than one weight to choose from, not 1x1. Keep it dense."),
        ({"kept": 9}, r"of the 9 weights of a kernel 1 .. 8 can be kept, not 9"),
        ({"kept": 0}, r"of the 9 weights of a kernel 1 .. 8 can be kept, not 0"),
        ({"policy": "best"}, "the position policy must be one of sal, .*, not 'best'"),
        ({"weights": "float"}, "the weight quantiser must be one of uniform, .*, not 'float'"),
        ({"weight_bits": 9}, "weights must have 2 to 8 bits, not 9"),
    ],
)
def test_refused(options, told):
    with pytest.raises(BadLayer, match=rf"layer 'x': {told}"):
        MuxConv2d(4, 6, **{"kernel_size": 3, "name": "layer 'x'"} | options)
