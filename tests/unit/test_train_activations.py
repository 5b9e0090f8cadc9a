"""The fast activation quantisers against Brevitas's: the same values and the same gradients."""

import pytest
import torch

from lutwright.train.activations import Codes, SignedCodes


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("layer", [Codes, SignedCodes])
def test_values_and_gradients(layer, bits):
    torch.manual_seed(bits)
    fast, slow = layer(bits).train(), layer(bits).plain().train()
    # halves of a step as well, where rounding to even shows, and more than the codes can hold
    x = torch.cat([torch.randn(10_000) * 3, (torch.arange(-40, 40) + 0.5) * fast.scale])
    one, two = x.clone().requires_grad_(), x.clone().requires_grad_()
    a, b = fast(one), slow(two)
    assert torch.equal(a, b)
    weight = torch.rand(x.shape)
    (a * weight).sum().backward()
    (b * weight).sum().backward()
    assert torch.equal(one.grad[:10_000], two.grad[:10_000])


@pytest.mark.parametrize("layer", [Codes, SignedCodes])
def test_eval_is_brevitas_own(layer):
    x = torch.randn(100)
    assert torch.equal(layer(4).eval()(x), layer(4).plain().eval()(x))
    assert type(layer(4).plain()).__module__.startswith("brevitas")
