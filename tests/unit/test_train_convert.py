"""An existing torch model, its convolutions turned into multiplexer convolutions in one call."""

import numpy as np
import pytest
import torch
from brevitas.nn import QuantConv2d
from torch import nn

from lutwright.errors import BadLayer
from lutwright.train.callbacks import Choosing, Clipping
from lutwright.train.convert import harden, multiplex, plain
from lutwright.train.layers import MuxConv2d


class Small(nn.Module):
    def __init__(self, quant=nn.Conv2d):
        super().__init__()
        self.stem = quant(3, 4, 3, padding=1)
        self.body = nn.Sequential(quant(4, 6, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU())
        self.beside = quant(4, 6, 1, stride=2)
        self.tail = nn.ModuleDict({"conv": quant(6, 6, 5, padding=2, groups=2)})

    def forward(self, x):
        x = self.stem(x)
        return self.tail["conv"](self.body(x) + self.beside(x)).mean((2, 3))


def mux_names(model):
    return [name for name, module in model.named_modules() if isinstance(module, MuxConv2d)]


@pytest.mark.parametrize("quant", [nn.Conv2d, QuantConv2d])
def test_every_convolution_larger_than_one_pixel(quant):
    torch.manual_seed(0)
    model = Small(quant)
    made = multiplex(model, policy="magnitude", keep=["stem"])
    assert mux_names(made) == ["body.0", "tail.conv"] and not mux_names(model)
    layer = made.get_submodule("body.0")
    assert torch.equal(layer.weight, model.body[0].weight) and layer.stride == (2, 2) and layer.bias is None
    assert torch.equal(made.tail["conv"].bias, model.tail["conv"].bias) and made.tail["conv"].groups == 2
    assert layer.reach / 2 < layer.weight.abs().max() <= layer.reach


def test_magnitude_starts_from_what_the_model_computes():
    torch.manual_seed(0)
    model = Small().eval()
    made = multiplex(model, policy="magnitude", weight_bits=8)
    images = torch.rand(2, 3, 8, 8)
    assert torch.allclose(made(images), model(images), atol=0.05)


@pytest.mark.parametrize(
    ("keep", "left"),
    [(["body"], ["stem", "tail.conv"]), (["*.conv", "stem"], ["body.0"]), (["t*", "body.?"], ["stem"])],
)
def test_names_with_stars(keep, left):
    assert mux_names(multiplex(Small(), keep=keep)) == left


def test_trained_in_a_loop_of_ones_own():
    torch.manual_seed(0)
    model = multiplex(Small(), policy="sal", keep=["stem"], weights="binary", t_init=1.0, t_final=50.0)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    callbacks = [Choosing(model), Clipping(model)]
    for callback in callbacks:
        callback.begin(1, 5)
    for _ in range(5):
        optimiser.zero_grad()
        model(torch.rand(4, 3, 8, 8)).square().sum().backward()
        optimiser.step()
        for callback in callbacks:
            callback.batch()
    assert callbacks[0].temperature == pytest.approx(50.0)
    harden(model).eval()
    made = plain(model)
    assert not mux_names(made) and mux_names(model) == ["body.0", "tail.conv"]
    kernels = made.get_submodule("body.0").quant_weight().int().numpy().reshape(6, 4, 9)
    assert (np.count_nonzero(kernels, axis=-1) == 1).all()
    images = torch.randint(0, 16, (2, 3, 8, 8)) / 16
    assert torch.allclose(made(images), model(images), atol=1e-5)


def test_a_convolution_by_itself():
    made = multiplex(nn.Conv2d(2, 3, 3))
    assert isinstance(made, MuxConv2d) and isinstance(plain(harden(made)), QuantConv2d)


def test_weights_of_zero():
    layer = nn.Conv2d(2, 3, 3)
    nn.init.zeros_(layer.weight)
    assert multiplex(layer).reach == 1.0


@pytest.mark.parametrize(
    ("model", "options", "told"),
    [
        (Small(), {"keep": ["stam"]}, "keep, 'stam': must name a module of the model, not none. There are stem, body,"),
        (Small(), {"keep": ["stem", "body", "tail"]}, "the model: must have a convolution larger than 1x1"),
        (nn.Linear(2, 2), {}, "the model: must have a convolution larger than 1x1"),
        (Small(), {"policy": "sal-shared"}, "layer 'tail.conv': positions shared by an input channel's outputs"),
        (nn.Sequential(nn.Conv2d(1, 1, 3, dilation=2)), {}, r"layer '0': dilation must be 1, not \(2, 2\)"),
        (nn.Sequential(nn.Conv2d(1, 1, 3, padding="same")), {}, "layer '0': padding must be given in pixels"),
        (nn.Sequential(nn.Conv2d(1, 1, 3, padding_mode="reflect")), {}, "layer '0': padding must be given in pixels"),
    ],
)
def test_refused(model, options, told):
    with pytest.raises(BadLayer, match=told):
        multiplex(model, **options)


def test_weights_that_are_not_finite():
    model = Small()
    nn.init.constant_(model.stem.weight, float("nan"))
    with pytest.raises(BadLayer, match="layer 'stem': weights must be finite, not nan"):
        multiplex(model)
