"""Batch norm with powers of two for gains: the rounding law by hand, what hardening keeps, what still learns."""

import numpy as np
import pytest
import torch
from torch import nn

from lutwright.train.norm import PowerNorm2d, nearest_power, shared_power


def gains(norm):
    return (norm.weight / torch.sqrt(norm.running_var + norm.eps)).detach().numpy()


@pytest.fixture(params=[False, True], ids=["each", "shared"])
def measured(request):
    """A norm of 4 channels that has seen data of unlike spread, in training mode."""
    torch.manual_seed(5)
    norm = PowerNorm2d(4, shared=request.param)
    with torch.no_grad():
        norm.weight.uniform_(0.5, 3.0)
        norm.bias.uniform_(-1.0, 1.0)
    for _ in range(50):
        norm(torch.randn(16, 4, 3, 3) * torch.tensor([0.2, 1.0, 3.0, 9.0]).view(4, 1, 1) + 2.0)
    return norm


@pytest.mark.parametrize(
    ("gain", "power"),
    [
        (1.0, 1.0),
        (1.41, 1.0),
        (1.42, 2.0),
        (2.8, 2.0),
        (2.9, 4.0),
        (0.75, 1.0),
        (0.7, 0.5),
        (0.36, 0.5),
        (0.35, 0.25),
        (-3.0, 4.0),
        (1e-3, 2.0**-10),
    ],
)
def test_nearest_power_by_hand(gain, power):
    # The borders lie at 2 ** (k + 1/2): 1.4142.., 2.8284.., 0.7071.., 0.3535..
    assert nearest_power(torch.tensor([gain])).tolist() == [power]


def test_shared_power_by_hand():
    assert shared_power(torch.tensor([1.0, 2.0, 4.0, 4.0])).tolist() == [2.0] * 4  # exponents 0 1 2 2, mean 1.25
    assert shared_power(torch.tensor([0.25, 16.0, 8.0])).tolist() == [4.0] * 3  # exponents -2 4 3, mean 1.67


def test_before_hardening_it_is_pytorchs_own(measured):
    own = nn.BatchNorm2d(4)
    own.load_state_dict(measured.state_dict())
    image = torch.randn(8, 4, 5, 5)
    assert torch.equal(measured(image), own(image))
    assert torch.equal(measured.running_var, own.running_var)


def test_hardened_gains_are_the_rounded_ones(measured):
    exponents = np.log2(gains(measured))
    wanted = np.full(4, round(float(exponents.mean()))) if measured.shared else np.round(exponents)
    measured.harden()
    assert gains(measured).tolist() == (2.0**wanted).tolist()  # to the last bit
    assert measured.running_mean.tolist() == [0.0] * 4
    measured.harden()
    assert gains(measured).tolist() == (2.0**wanted).tolist()


def test_hardening_keeps_the_value_at_the_mean(measured):
    mean, bias = measured.running_mean.clone(), measured.bias.detach().clone()
    measured.harden()
    assert torch.allclose(measured(mean.view(1, 4, 1, 1)).flatten(), bias, atol=1e-5)


def test_hardened_measures_nothing_and_only_its_bias_learns(measured):
    measured.harden()
    before = {name: value.clone() for name, value in measured.state_dict().items()}
    assert not measured.train().training
    image = torch.randn(8, 4, 3, 3, requires_grad=True)
    measured(image).sum().backward()
    measured.clip()
    assert all(torch.equal(value, before[name]) for name, value in measured.state_dict().items())
    assert measured.weight.grad is None and measured.bias.grad.tolist() == [72.0] * 4
    assert image.grad[0, :, 0, 0].tolist() == measured.weight.tolist()


def test_plain_is_pytorchs_own_with_the_same_values(measured):
    measured.harden()
    plain = measured.plain().eval()
    assert type(plain) is nn.BatchNorm2d
    image = torch.randn(2, 4, 3, 3)
    assert torch.equal(plain(image), measured(image))


def test_hardened_computes_one_product_and_one_sum(measured):
    measured.harden()
    image = torch.randn(2, 4, 3, 3)
    wanted = image * measured.weight.view(4, 1, 1) + measured.bias.view(4, 1, 1)
    assert torch.equal(measured(image), wanted)


def test_clip_keeps_weights_positive(measured):
    with torch.no_grad():
        measured.weight[:] = torch.tensor([-1.0, 0.0, 0.5, 2.0])
    measured.clip()
    assert measured.weight.tolist() == pytest.approx([1e-3, 1e-3, 0.5, 2.0])


def test_clip_leaves_a_small_power_alone():
    norm = PowerNorm2d(1, shared=False)
    with torch.no_grad():
        norm.weight.fill_(2.0**-12)
    norm.harden()
    norm.clip()
    assert norm.weight.tolist() == [2.0**-12]
