"""The networks that the benchmarks measure, as Brevitas modules with seeded weights and disturbed batch norms."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import onnx
import torch
from brevitas import nn as qnn
from brevitas.export import export_qonnx
from brevitas.quant import (
    Int8ActPerTensorFloat,
    Int8WeightPerChannelFloat,
    Int8WeightPerTensorFixedPoint,
    Int32Bias,
    TruncTo8bit,
    Uint8ActPerTensorFixedPoint,
    Uint8ActPerTensorFloat,
)
from brevitas_examples.bnn_pynq.models import model_with_cfg
from brevitas_examples.imagenet_classification.models.mobilenetv1 import MobileNet
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.cleanup import cleanup_model
from torch import Tensor, nn


@dataclass(frozen=True)
class Recipe:
    """A network: what it is, its input shape without the batch, and the function that makes it untrained.

    timed: its speed is measured. converted: its conversion is. cached: Brevitas's quant_inference_mode can run it.
    """

    title: str
    shape: tuple[int, ...]
    make: Callable[[], nn.Module]
    timed: bool = True
    converted: bool = False
    cached: bool = True


def pixels(bits: int) -> nn.Module:
    """The quantiser of an image in [0, 1): scale 2^-bits."""
    return qnn.QuantIdentity(
        act_quant=Uint8ActPerTensorFixedPoint, bit_width=bits, scaling_impl_type="const", scaling_init=1 - 2.0**-bits
    )


def convolution(ins: int, outs: int, kernel: int = 3, stride: int = 1, **more: Any) -> nn.Module:
    """A convolution of 4-bit weights that keeps the size at stride 1, and its batch norm."""
    options = {"weight_quant": Int8WeightPerChannelFloat, "bias": False, "weight_bit_width": 4, **more}
    return nn.Sequential(qnn.QuantConv2d(ins, outs, kernel, stride, kernel // 2, **options), nn.BatchNorm2d(outs))


def relu() -> nn.Module:
    """ReLU and a 4-bit quantiser of any scale."""
    return qnn.QuantReLU(act_quant=Uint8ActPerTensorFloat, bit_width=4, return_quant_tensor=True)


# ---- digits ----------------------------------------------------------------------------------------------------------


def digits() -> nn.Module:
    """8x8 images of 5 bits, two convolutions of 8 and 16 channels, 4-bit weights and codes, scales powers of two."""
    fixed = {"weight_quant": Int8WeightPerTensorFixedPoint}

    def layer(ins: int, outs: int) -> nn.Module:
        act = qnn.QuantReLU(act_quant=Uint8ActPerTensorFixedPoint, bit_width=4, return_quant_tensor=True)
        return nn.Sequential(convolution(ins, outs, **fixed), act, nn.MaxPool2d(2))

    head = qnn.QuantLinear(64, 10, bias=False, weight_bit_width=4, **fixed)
    return nn.Sequential(pixels(5), layer(1, 8), layer(8, 16), nn.Flatten(), head)


# ---- ResNet-20 -------------------------------------------------------------------------------------------------------


class Residual(nn.Module):
    """Two convolutions and a sum. `shared` quantises both sides of it, also those of the next block of equal shape."""

    def __init__(self, ins: int, outs: int, shared: nn.Module) -> None:
        super().__init__()
        stride = 1 if ins == outs else 2
        self.path = nn.Sequential(convolution(ins, outs, 3, stride), relu(), convolution(outs, outs))
        self.beside = nn.Identity() if ins == outs else convolution(ins, outs, 1, stride)
        self.shared, self.out = shared, relu()

    def forward(self, x: Tensor) -> Tensor:
        """[batch, ins, rows, columns] to [batch, outs, rows / stride, columns / stride]."""
        return self.out(self.shared(self.path(x)) + self.shared(self.beside(x)))


def resnet20() -> nn.Module:
    """ResNet-20 for 32x32 images: 16, 32 and 64 channels, weights and codes of 4 bits."""
    layers, ins = [pixels(8), convolution(3, 16), relu()], 16
    for outs in (16, 32, 64):
        shared = qnn.QuantIdentity(act_quant=Int8ActPerTensorFloat, bit_width=4, return_quant_tensor=True)
        for _ in range(3):
            layers.append(Residual(ins, outs, shared))
            ins = outs
    pool = qnn.TruncAvgPool2d(8, trunc_quant=TruncTo8bit, float_to_int_impl_type="FLOOR")
    return nn.Sequential(*layers, pool, nn.Flatten(), qnn.QuantLinear(64, 10, bias=True, bias_quant=Int32Bias))


# ---- of brevitas_examples --------------------------------------------------------------------------------------------


def cnv() -> nn.Module:
    """CNV with weights and codes of 2 bits."""
    return model_with_cfg("cnv_2w2a", pretrained=False)[0]


def mobilenet() -> nn.Module:
    """MobileNet v1 of 4 bits with a quarter of the channels, behind a quantiser of 8-bit pixels."""
    channels = [[8], [16], [32, 32], [64, 64], [128] * 6, [256, 256]]
    return nn.Sequential(pixels(8), MobileNet(channels, False, 4, 4, last_layer_bit_width=4))


RECIPES: Mapping[str, Recipe] = {
    "digits": Recipe("digits CNN, 1x8x8", (1, 8, 8), digits),
    "cnv": Recipe("CNV 2W2A, 3x32x32", (3, 32, 32), cnv, converted=True),
    # Brevitas 0.13 ends in an AttributeError where quant_inference_mode meets a TruncAvgPool2d
    "resnet20": Recipe("ResNet-20 4W4A, 3x32x32", (3, 32, 32), resnet20, cached=False),
    "mobilenet": Recipe("MobileNet-v1 0.25 4W4A, 3x224x224", (3, 224, 224), mobilenet, timed=False, converted=True),
}


# ---- making them -----------------------------------------------------------------------------------------------------


def build(name: str, seed: int) -> tuple[nn.Module, onnx.ModelProto]:
    """The network called `name` in eval mode, and the file that qonnx-cleanup makes of its export for a batch of 1."""
    return made(RECIPES[name], seed)


def made(recipe: Recipe, seed: int) -> tuple[nn.Module, onnx.ModelProto]:
    """As `build`, of any recipe."""
    with torch.random.fork_rng(devices=[]), _quiet():
        torch.manual_seed(seed)
        module = recipe.make()
        _settle(module, recipe.shape)
        raw = export_qonnx(module, input_shape=(1, *recipe.shape), dynamo=False)
        return module.eval(), cleanup_model(ModelWrapper(raw)).model


def images(shape: tuple[int, ...], count: int) -> Tensor:
    """float32 [count, *shape] in [0, 1): areas of one colour, a tint for the whole image and noise, by torch's seed.

    A vector is normally distributed.
    """
    if len(shape) == 1:
        return torch.randn(count, *shape)
    channels, rows, columns = shape
    cell = rows // 4
    areas = torch.rand(count, channels, 4, columns // cell).repeat_interleave(cell, 2).repeat_interleave(cell, 3)
    return 0.5 * areas + 0.4 * torch.rand(count, channels, 1, 1) + 0.1 * torch.rand(count, *shape)


def _settle(module: nn.Module, shape: tuple[int, ...]) -> None:
    """Collect the statistics of batch norms and quantisers on random images; then disturb the batch norms.

    A bias of the last layer is set so that no class leads on average: untrained networks see one class everywhere.
    """
    norms = [m for m in module.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 0.5
    module.train()
    with torch.no_grad():
        for _ in range(3):
            module(images(shape, 4))
        for norm in norms:
            mean, variance = norm.running_mean, norm.running_var
            assert mean is not None and variance is not None
            mean += 0.3 * variance.sqrt() * torch.randn(norm.num_features)
            variance *= 0.5 + 1.5 * torch.rand(norm.num_features)
            falling = torch.rand(norm.num_features) < 0.2
            norm.weight.copy_((0.4 + 1.2 * torch.rand(norm.num_features)) * torch.where(falling, -1.0, 1.0))
            norm.bias.copy_(0.3 * torch.randn(norm.num_features))
        module.eval()
        last = [m for m in module.modules() if isinstance(m, nn.Linear)][-1]
        if last.bias is not None:
            last.bias.sub_(module(images(shape, 64)).mean(0))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporters' progress and warnings out of the benchmark's output."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
