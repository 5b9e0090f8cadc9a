"""The Brevitas network that a recipe describes."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from brevitas.nn import QuantConv2d, QuantIdentity, QuantLinear, QuantReLU
from brevitas.quant.fixed_point import Int8WeightPerTensorFixedPoint
from torch import Tensor, nn

from lutwright.errors import BadRecipe
from lutwright.train.activations import ActQuant, Codes, InputQuant, SignedCodes, SumQuant
from lutwright.train.layers import MuxConv2d, plain_mux
from lutwright.train.norm import PowerNorm2d
from lutwright.train.recipe import Average, Block, Conv, Dense, Mux, Pool, Recipe, sides

Modules = OrderedDict[str, nn.Module]


class Residual(nn.Module):
    """act(path(x) + beside(x)); both sides are codes, float32 [N, C, H, W] on their quantisers' grids."""

    def __init__(self, path: nn.Module, beside: nn.Module, act: nn.Module) -> None:
        super().__init__()
        self.path, self.beside, self.act = path, beside, act

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output, float32 [N, C', H / stride, W / stride]."""
        return self.act(self.path(x) + self.beside(x))


@dataclass
class _Builder:
    """The network so far, and the shape of what leaves it."""

    recipe: Recipe
    channels: int
    rows: int
    columns: int
    trained: bool
    modules: Modules = field(default_factory=OrderedDict)

    @property
    def unquantised(self) -> bool:
        """Whether nothing is quantised."""
        return self.recipe.positions.policy == "float"

    def convolution(self, layer: Conv, mux: bool, stride: int, name: str) -> nn.Conv2d:
        """Return a convolution from the channels there are to `layer.out`."""
        how, kernel = self.recipe.positions, sides(layer.kernel)
        if how.policy == "float":
            padding = (kernel[0] // 2, kernel[1] // 2)
            return nn.Conv2d(self.channels, layer.out, kernel, (stride, stride), padding, bias=False)
        if not mux or how.policy == "dense":
            return dense_conv(self.channels, layer.out, kernel, stride, layer.weight_bits)
        if self.trained:
            weights, bits = how.weights, layer.weight_bits
            return plain_mux(self.channels, layer.out, kernel, stride=stride, weights=weights, weight_bits=bits)
        return MuxConv2d(
            self.channels,
            layer.out,
            kernel,
            stride=stride,
            policy=how.policy,
            kept=how.kept,
            weights=how.weights,
            weight_bits=layer.weight_bits,
            t_init=self.recipe.attention.t_init,
            t_final=self.recipe.attention.t_final,
            schedule=how.schedule,
            name=f"recipe '{self.recipe.name}', layer '{name}'",
        )

    def norm(self, channels: int) -> nn.BatchNorm2d:
        """Return the batch norm that the recipe asks for."""
        if self.trained or self.recipe.norm == "batch":
            return nn.BatchNorm2d(channels)
        return PowerNorm2d(channels, shared=self.recipe.norm == "power-of-two-shared")

    def codes(self, bits: int) -> nn.Module:
        """Return a quantised ReLU."""
        if self.unquantised:
            return nn.ReLU()
        return QuantReLU(act_quant=ActQuant, bit_width=bits) if self.trained else Codes(bits)

    def signed(self, bits: int) -> nn.Module:
        """Return a quantiser of what a block adds up."""
        if self.unquantised:
            return nn.Identity()
        return QuantIdentity(act_quant=SumQuant, bit_width=bits) if self.trained else SignedCodes(bits)

    def add_conv(self, layer: Conv, number: int) -> None:
        """Add a convolution, its norm and its activation."""
        name = f"conv{number}"
        self.modules[name] = self.convolution(layer, isinstance(layer, Mux), layer.stride, name)
        self.modules[f"bn{number}"] = self.norm(layer.out)
        self.modules[f"act{number}"] = self.codes(layer.act_bits)
        self.move(layer.out, layer.stride)

    def add_block(self, layer: Block, number: int) -> None:
        """Add a residual block."""
        name = f"block{number}"
        beside = self._beside(layer)
        path: Modules = OrderedDict(conv1=self.convolution(layer, True, layer.stride, f"{name}.conv1"))
        path["bn1"], path["act1"] = self.norm(layer.out), self.codes(layer.act_bits)
        self.move(layer.out, layer.stride)
        path["conv2"] = self.convolution(layer, True, 1, f"{name}.conv2")
        path["bn2"], path["codes"] = self.norm(layer.out), self.signed(layer.act_bits + 1)
        act = self.codes(layer.act_bits)
        self.modules[name] = Residual(nn.Sequential(path), beside, act)

    def _beside(self, layer: Block) -> nn.Module:
        if layer.stride == 1 and layer.out == self.channels:
            return nn.Identity()
        beside = self.convolution(layer.model_copy(update={"kernel": 1}), False, layer.stride, "beside")
        parts: Modules = OrderedDict(conv=beside)
        parts["bn"], parts["codes"] = self.norm(layer.out), self.signed(layer.act_bits + 1)
        return nn.Sequential(parts)

    def add_pool(self, layer: Pool, number: int, index: int) -> None:
        """Add a max pool; BadRecipe where it leaves nothing."""
        high, wide = sides(layer.size)
        self.rows, self.columns = self.rows // high, self.columns // wide
        if not self.rows or not self.columns:
            where = f"recipe '{self.recipe.name}', key 'layers.{index}'"
            raise BadRecipe(where, "pooling must leave at least one row and column", "none")
        self.modules[f"pool{number}"] = nn.MaxPool2d(high if high == wide else (high, wide))

    def add_dense(self, layer: Dense, classes: int) -> None:
        """Add the last layer."""
        features, quant = self.channels * self.rows * self.columns, Int8WeightPerTensorFixedPoint
        self.modules["flatten"] = nn.Flatten()
        self.modules["fc"] = (
            nn.Linear(features, classes, bias=False)
            if self.unquantised
            else QuantLinear(features, classes, bias=False, weight_quant=quant, weight_bit_width=layer.weight_bits)
        )

    def move(self, channels: int, stride: int) -> None:
        """Note the shape behind a convolution of the same size at stride 1."""
        self.channels, self.rows, self.columns = channels, -(-self.rows // stride), -(-self.columns // stride)


def build(recipe: Recipe, input_shape: tuple[int, int, int], classes: int, *, trained: bool = False) -> nn.Sequential:
    """Return the network of `recipe`; modules are called input, conv1, bn1, act1, pool1, block1 .. flatten, fc.

    input_shape: (channels, rows, columns) of one image.
    trained:     make plain QuantConv2d and BatchNorm2d, ready for a saved state; else MuxConv2d and, where the recipe
                 asks for it, PowerNorm2d, to be trained.

    The forward maps float32 [N, C, H, W] to float32 logits [N, classes]. Every activation quantiser's output is a
    plain float tensor on its quantiser's grid: no layer needs more than the values. BadRecipe where pooling leaves
    nothing of an image, BadLayer where the policy cannot take a layer.
    """
    made = _Builder(recipe, *input_shape, trained)
    if not made.unquantised:
        made.modules["input"] = QuantIdentity(act_quant=InputQuant, bit_width=recipe.input_bits)
    convs = blocks = pools = 0
    for index, layer in enumerate(recipe.layers):
        if isinstance(layer, Block):
            blocks += 1
            made.add_block(layer, blocks)
        elif isinstance(layer, Conv):
            convs += 1
            made.add_conv(layer, convs)
        elif isinstance(layer, Pool):
            pools += 1
            made.add_pool(layer, pools, index)
        elif isinstance(layer, Average):
            made.modules["average"] = nn.AvgPool2d((made.rows, made.columns))
            made.rows = made.columns = 1
        else:
            made.add_dense(layer, classes)
    return nn.Sequential(made.modules)


def plain(network: nn.Sequential) -> nn.Sequential:
    """Return a trained, hardened network of Brevitas's and PyTorch's own layers; those it has already are shared."""
    made = plain_module(network)
    assert isinstance(made, nn.Sequential)
    return made.eval()


def plain_module(module: nn.Module) -> nn.Module:
    """Return `module` with every layer that is only for training made plain; the rest is shared with it."""
    if isinstance(module, MuxConv2d | PowerNorm2d | Codes | SignedCodes):
        return module.plain()
    if isinstance(module, nn.Sequential):
        return nn.Sequential(OrderedDict((name, plain_module(part)) for name, part in module.named_children()))
    if isinstance(module, Residual):
        return Residual(plain_module(module.path), plain_module(module.beside), plain_module(module.act))
    return module


def dense_conv(ins: int, outs: int, kernel: tuple[int, int], stride: int, bits: int) -> QuantConv2d:
    """Return a dense convolution of the same size at stride 1, weights on a power-of-two grid, no bias."""
    return QuantConv2d(
        ins,
        outs,
        kernel,
        stride=(stride, stride),
        padding=(kernel[0] // 2, kernel[1] // 2),
        bias=False,
        weight_quant=Int8WeightPerTensorFixedPoint,
        weight_bit_width=bits,
    )
