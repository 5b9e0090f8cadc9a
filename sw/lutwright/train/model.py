"""The Brevitas network that a recipe describes."""

from __future__ import annotations

from collections import OrderedDict

from brevitas.nn import QuantConv2d, QuantIdentity, QuantLinear, QuantReLU
from brevitas.quant.fixed_point import Int8WeightPerTensorFixedPoint, Uint8ActPerTensorFixedPoint
from torch import nn

from lutwright.errors import BadRecipe
from lutwright.train.layers import MuxConv2d, plain_mux
from lutwright.train.norm import PowerNorm2d
from lutwright.train.recipe import Conv, Dense, Mux, Pool, Recipe

Modules = OrderedDict[str, nn.Module]


class InputQuant(Uint8ActPerTensorFixedPoint):
    """Unsigned codes with the constant scale 2 ** -bits: pixels arrive as p / 256, in [0, 1)."""

    scaling_impl_type = "const"
    max_val = 1.0


class ActQuant(Uint8ActPerTensorFixedPoint):
    """Unsigned codes with the constant scale 4 * 2 ** -bits.

    A batch norm stands in front: its output has unit variance at first, so four deviations are kept, and its own
    factor learns the rest. A constant keeps Brevitas from measuring percentiles, which took a third of the time.
    """

    scaling_impl_type = "const"
    max_val = 4.0


def build(recipe: Recipe, input_shape: tuple[int, int, int], classes: int, *, trained: bool = False) -> nn.Sequential:
    """Return the network of `recipe`; modules are called input, conv1, bn1, act1, pool1, .. flatten, fc.

    input_shape: (channels, rows, columns) of one image.
    trained:     make plain QuantConv2d and BatchNorm2d, ready for a saved state; else MuxConv2d and, where the recipe
                 asks for it, PowerNorm2d, to be trained.

    The forward maps float32 [N, C, H, W] to float32 logits [N, classes]. Every activation quantiser's output is a
    plain float tensor on its quantiser's grid: no layer needs more than the values. BadRecipe where pooling leaves
    nothing of an image.
    """
    channels, rows, columns = input_shape
    modules: Modules = OrderedDict(input=QuantIdentity(act_quant=InputQuant, bit_width=recipe.input_bits))
    weighted = pools = 0
    for index, layer in enumerate(recipe.layers):
        if isinstance(layer, Conv):
            weighted += 1
            modules[f"conv{weighted}"] = _conv(layer, channels, None if trained else recipe.attention.t_init)
            modules[f"bn{weighted}"] = nn.BatchNorm2d(layer.out) if trained else _norm(recipe, layer.out)
            modules[f"act{weighted}"] = QuantReLU(act_quant=ActQuant, bit_width=layer.act_bits)
            channels = layer.out
        elif isinstance(layer, Pool):
            pools += 1
            rows, columns = rows // layer.size, columns // layer.size
            if not rows or not columns:
                raise BadRecipe(
                    f"recipe '{recipe.name}', key 'layers.{index}'",
                    "pooling must leave at least one row and column",
                    "none",
                )
            modules[f"pool{pools}"] = nn.MaxPool2d(layer.size)
        else:
            _add_dense(modules, layer, channels * rows * columns, classes)
    return nn.Sequential(modules)


def plain(network: nn.Sequential) -> nn.Sequential:
    """Return a trained, hardened network, MuxConv2d and PowerNorm2d made plain; other modules are shared with it."""
    return nn.Sequential(
        OrderedDict(
            (name, module.plain() if isinstance(module, MuxConv2d | PowerNorm2d) else module)
            for name, module in network.named_children()
        )
    ).eval()


def _norm(recipe: Recipe, channels: int) -> nn.BatchNorm2d:
    if recipe.norm == "batch":
        return nn.BatchNorm2d(channels)
    return PowerNorm2d(channels, shared=recipe.norm == "power-of-two-shared")


def _conv(layer: Conv, channels: int, t_init: float | None) -> QuantConv2d:
    if isinstance(layer, Mux):
        if t_init is None:
            return plain_mux(channels, layer.out, layer.kernel, layer.weight_bits)
        return MuxConv2d(channels, layer.out, layer.kernel, layer.weight_bits, t_init)
    return QuantConv2d(
        channels,
        layer.out,
        layer.kernel,
        padding=layer.kernel // 2,
        bias=False,
        weight_quant=Int8WeightPerTensorFixedPoint,
        weight_bit_width=layer.weight_bits,
    )


def _add_dense(modules: Modules, layer: Dense, features: int, classes: int) -> None:
    modules["flatten"] = nn.Flatten()
    modules["fc"] = QuantLinear(
        features, classes, bias=False, weight_quant=Int8WeightPerTensorFixedPoint, weight_bit_width=layer.weight_bits
    )


def mux_layers(network: nn.Module) -> list[MuxConv2d]:
    """Return the multiplexer layers still in training, in order."""
    return [module for module in network.modules() if isinstance(module, MuxConv2d)]


def power_norms(network: nn.Module) -> list[PowerNorm2d]:
    """Return the batch norms in training whose gains are, or shall be, powers of two, in order."""
    return [module for module in network.modules() if isinstance(module, PowerNorm2d)]
