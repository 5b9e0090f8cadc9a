"""Brevitas networks of the conformance tests: small, each with something in it that real networks have."""

import torch
from brevitas import nn as qnn
from brevitas.core.restrict_val import RestrictValueType
from brevitas.quant import (
    Int8ActPerTensorFixedPoint,
    Int8ActPerTensorFloat,
    Int8Bias,
    Int8WeightPerChannelFloat,
    Int8WeightPerTensorFixedPoint,
    Int8WeightPerTensorFloat,
    Int32Bias,
    ShiftedUint8ActPerTensorFloat,
    ShiftedUint8WeightPerTensorFloat,
    SignedBinaryActPerTensorConst,
    SignedBinaryWeightPerTensorConst,
    TruncTo8bit,
    Uint8ActPerTensorFixedPoint,
    Uint8ActPerTensorFloat,
)
from torch import nn

FIXED = {"weight_quant": Int8WeightPerTensorFixedPoint}
FLOAT = {"weight_quant": Int8WeightPerTensorFloat}
PER_CHANNEL = {"weight_quant": Int8WeightPerChannelFloat}


def image_input(bits=8):
    """A quantiser of pixels in [0, 1): scale 2^-bits."""
    return qnn.QuantIdentity(
        act_quant=Uint8ActPerTensorFixedPoint, bit_width=bits, scaling_impl_type="const", scaling_init=1 - 2.0**-bits
    )


def float_input(bits=8):
    """A signed quantiser of any scale."""
    return qnn.QuantIdentity(act_quant=Int8ActPerTensorFloat, bit_width=bits, return_quant_tensor=True)


def relu(bits=4, fixed=False, last=False):
    """An unsigned quantiser behind a ReLU; the last one of a network hands out plain floats."""
    quant = Uint8ActPerTensorFixedPoint if fixed else Uint8ActPerTensorFloat
    return qnn.QuantReLU(act_quant=quant, bit_width=bits, return_quant_tensor=not last)


def signed(bits=4, last=False):
    """A signed quantiser; the last one of a network hands out plain floats."""
    return qnn.QuantIdentity(act_quant=Int8ActPerTensorFloat, bit_width=bits, return_quant_tensor=not last)


def conv(ins, outs, kernel=3, stride=1, padding=None, bits=4, groups=1, bias=False, **quant):
    padding = kernel // 2 if padding is None else padding
    quant = quant or PER_CHANNEL
    return qnn.QuantConv2d(
        ins, outs, kernel, stride, padding, groups=groups, bias=bias, weight_bit_width=bits, **quant
    )  # fmt: skip


def linear(ins, outs, bits=4, bias=False, **quant):
    return qnn.QuantLinear(ins, outs, bias=bias, weight_bit_width=bits, **(quant or FLOAT))


class Residual(nn.Module):
    """One block of ResNet-20: two convolutions and a sum; a 1x1 convolution beside it where the shape changes."""

    def __init__(self, ins, outs, stride, shared, bits):
        super().__init__()
        self.conv1, self.bn1, self.act1 = conv(ins, outs, stride=stride, bits=bits), nn.BatchNorm2d(outs), relu(bits)
        self.conv2, self.bn2 = conv(outs, outs, bits=bits), nn.BatchNorm2d(outs)
        same = stride == 1 and ins == outs
        self.beside = None if same else nn.Sequential(conv(ins, outs, 1, stride, bits=bits), nn.BatchNorm2d(outs))
        self.shared = shared if same else signed(bits)
        self.out = relu(bits)

    def forward(self, x):
        y = self.shared(self.bn2(self.conv2(self.act1(self.bn1(self.conv1(x))))))
        x = self.shared(x if self.beside is None else self.beside(x))
        return self.out(y + x)


class ResNet(nn.Module):
    """ResNet-20 for 32x32 images where blocks is 3 and width 16."""

    def __init__(self, width=16, blocks=3, bits=4, classes=10, pixels=32):
        super().__init__()
        self.input = image_input()
        self.conv, self.bn, self.act = conv(3, width, bits=bits), nn.BatchNorm2d(width), relu(bits)
        layers, ins = [], width
        for outs in (width, 2 * width, 4 * width):
            shared = signed(bits)
            for index in range(blocks):
                stride = 2 if index == 0 and outs != width else 1
                layers.append(Residual(ins, outs, stride, shared, bits))
                shared, ins = layers[-1].shared, outs
        self.layers = nn.Sequential(*layers)
        self.pool = qnn.TruncAvgPool2d(pixels // 4, trunc_quant=TruncTo8bit, float_to_int_impl_type="FLOOR")
        self.head = linear(ins, classes, 8, True, weight_quant=Int8WeightPerTensorFloat, bias_quant=Int32Bias)

    def forward(self, x):
        x = self.layers(self.act(self.bn(self.conv(self.input(x)))))
        return self.head(self.pool(x).flatten(1))


class EarlyExit(nn.Module):
    """A classifier of 8x8 digits with a second head behind its first layer, which puts out scores of its own."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(image_input(5), conv(1, 8), nn.BatchNorm2d(8), relu(4), nn.MaxPool2d(2))
        self.early = nn.Sequential(nn.Flatten(), linear(128, 10, bias=True, **FLOAT))
        self.second = nn.Sequential(conv(8, 16), nn.BatchNorm2d(16), relu(4), nn.MaxPool2d(2))
        self.late = nn.Sequential(nn.Flatten(), linear(64, 10))

    def forward(self, x):
        x = self.first(x)
        return self.late(self.second(x)), self.early(x)


class Backbone(nn.Module):
    """Features that are put out and read on, and the class of them; the image between them is put out as well."""

    def __init__(self):
        super().__init__()
        self.image = nn.Sequential(float_input(5), conv(2, 6), nn.BatchNorm2d(6), relu(4, last=True))
        self.features = nn.Sequential(
            conv(6, 8, stride=2), nn.BatchNorm2d(8), relu(3, last=True), nn.MaxPool2d(2), nn.Flatten()
        )
        self.head = linear(32, 5)

    def forward(self, x):
        image = self.image(x)
        features = self.features(image)
        return features, self.head(features).argmax(1), image


def multiplexed(net, seed=0):
    """`net` with one weight, at a random place, left in each kernel of its convolutions behind the first."""
    rng = torch.Generator().manual_seed(seed)
    for layer in [m for m in net.modules() if isinstance(m, qnn.QuantConv2d) and m.kernel_size != (1, 1)][1:]:
        places = torch.rand(layer.weight.flatten(2).shape, generator=rng).argmax(2, keepdim=True)
        kept = torch.zeros_like(layer.weight.flatten(2)).scatter_(2, places, 1)
        layer.weight.data *= kept.view_as(layer.weight)
    return net


def digits():
    """8x8 digits, 4-bit weights and codes; every scale is a power of two."""
    return nn.Sequential(
        image_input(5),
        conv(1, 8, **FIXED), nn.BatchNorm2d(8), relu(4, True), nn.MaxPool2d(2),
        conv(8, 16, **FIXED), nn.BatchNorm2d(16), relu(4, True), nn.MaxPool2d(2),
        nn.Flatten(), linear(64, 10, **FIXED),
    )  # fmt: skip


def biases(quant):
    """A bias in each layer: as floats, or quantised at the scale of the sums."""
    return nn.Sequential(
        float_input(),
        conv(2, 5, bias=True, weight_quant=Int8WeightPerChannelFloat, bias_quant=quant), relu(5),
        conv(5, 4, 2, 2, 0, bias=True, weight_quant=Int8WeightPerTensorFloat, bias_quant=quant), relu(3),
        nn.Flatten(), linear(64, 7, bias=True, weight_quant=Int8WeightPerTensorFloat, bias_quant=quant),
    )  # fmt: skip


def bipolar():
    """Weights and activations of -1 and +1, as BipolarQuant."""

    def sign():
        return qnn.QuantIdentity(act_quant=SignedBinaryActPerTensorConst)

    one = {"weight_quant": SignedBinaryWeightPerTensorConst}
    return nn.Sequential(
        sign(), qnn.QuantConv2d(2, 6, 3, padding=1, bias=False, **one), nn.BatchNorm2d(6), sign(), nn.MaxPool2d(2),
        qnn.QuantConv2d(6, 6, 3, bias=False, **one), nn.BatchNorm2d(6), sign(),
        nn.Flatten(), qnn.QuantLinear(24, 4, bias=False, **one),
    )  # fmt: skip


class Curves(nn.Module):
    """Sigmoid, tanh, leaky and hard functions in front of quantisers."""

    def __init__(self):
        super().__init__()
        self.input = float_input(6)
        self.convs = nn.ModuleList(conv(n, 3, bits=3) for n in (2, 3, 3, 3))
        self.curves = nn.ModuleList([nn.Sigmoid(), nn.Tanh(), nn.LeakyReLU(0.1), nn.Hardtanh(-0.7, 0.9)])
        self.quants = nn.ModuleList([relu(4), signed(4), signed(5), signed(3, last=True)])

    def forward(self, x):
        x = self.input(x)
        for layer, curve, quant in zip(self.convs, self.curves, self.quants, strict=True):
            x = quant(curve(layer(x)))
        return x


class Dense(nn.Module):
    """A dense block: each layer reads everything before it, joined."""

    def __init__(self):
        super().__init__()
        self.input = float_input()
        self.layers = nn.ModuleList(nn.Sequential(conv(2 + 3 * n, 3, bits=4), nn.BatchNorm2d(3)) for n in range(3))
        self.joint = relu(4)
        self.pool = nn.AvgPool2d(2)
        self.out = relu(5)
        self.head = linear(11 * 9, 5)

    def forward(self, x):
        x = self.joint(self.input(x))
        for layer in self.layers:
            x = torch.cat([x, self.joint(layer(x))], 1)
        return self.head(self.out(self.pool(x)).flatten(1))


class Inception(nn.Module):
    """Four branches side by side, joined: 1x1, 3x3, 5x5 and a pool; one quantiser for all."""

    def __init__(self):
        super().__init__()
        self.input, self.joint = float_input(), relu(4)
        self.branches = nn.ModuleList([
            conv(3, 2, 1), nn.Sequential(conv(3, 2, 1), relu(4), conv(2, 3, 3)), conv(3, 2, 5),
            nn.Sequential(nn.MaxPool2d(3, 1, 1), conv(3, 1, 1)),
        ])  # fmt: skip
        self.head = conv(8, 4, 1)

    def forward(self, x):
        x = self.input(x)
        return self.head(torch.cat([self.joint(branch(x)) for branch in self.branches], 1)).mean((2, 3))


class SuperResolution(nn.Module):
    """Twice the size in each direction: a convolution to 4 times the channels, then pixels shuffled."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            image_input(), conv(1, 6, 3, bias=True), relu(4), conv(6, 4, 3), relu(6, last=True), nn.PixelShuffle(2),
        )  # fmt: skip

    def forward(self, x):
        return self.net(x)


def keyword_spotting(channels=8, blocks=2):
    """DS-CNN on (1, 49, 10) speech features: depthwise and 1x1 convolutions in turn."""
    layers = [float_input(), conv(1, channels, (10, 4), (2, 2), (5, 1)), nn.BatchNorm2d(channels), relu(4)]
    for _ in range(blocks):
        layers += [conv(channels, channels, groups=channels), nn.BatchNorm2d(channels), relu(4)]
        layers += [conv(channels, channels, 1), nn.BatchNorm2d(channels), relu(4)]
    pool = qnn.TruncAvgPool2d((25, 5), trunc_quant=TruncTo8bit, float_to_int_impl_type="ROUND")
    return nn.Sequential(*layers, pool, nn.Flatten(), linear(channels, 12, 8))


def signal():
    """One-dimensional convolutions on 2 channels of 32 samples."""

    def layer(ins, outs, kernel, **more):
        return qnn.QuantConv1d(ins, outs, kernel, bias=False, weight_bit_width=4, **PER_CHANNEL, **more)

    return nn.Sequential(
        float_input(6), layer(2, 5, 3, padding=1), nn.BatchNorm1d(5), relu(4), nn.MaxPool1d(2),
        layer(5, 6, 5, stride=2, dilation=1), nn.BatchNorm1d(6), relu(4), nn.Flatten(), linear(36, 3),
    )  # fmt: skip


class Partial(nn.Module):
    """A cross-stage partial block: half of the channels go around a dilated convolution."""

    def __init__(self):
        super().__init__()
        self.input, self.joint = float_input(), relu(4)
        self.stem = conv(3, 6)
        dilated = {"padding": 2, "dilation": 2, "bias": False, "weight_bit_width": 4}
        self.inner = nn.Sequential(qnn.QuantConv2d(3, 3, 3, **dilated, **PER_CHANNEL), nn.BatchNorm2d(3))
        self.head = conv(6, 4, 1)

    def forward(self, x):
        x = self.joint(self.stem(self.input(x)))
        x = getattr(x, "value", x)
        kept, x = torch.chunk(x, 2, 1)
        return self.head(torch.cat([kept, self.joint(self.inner(x))], 1)).mean((2, 3))


class Normalised(nn.Module):
    """Pixels of 8 bits whose mean is taken off in floats in front of the first convolution, which does not pad."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1))
        first = conv(3, 6, 3, 2, 0, 8)
        self.net = nn.Sequential(first, nn.BatchNorm2d(6), relu(4), conv(6, 4, 1), nn.Flatten())

    def forward(self, x):
        return self.net((x / 255 - self.mean) / 0.226)


class PlainResidual(nn.Module):
    """A small residual network of floats, for a quantiser of others."""

    def __init__(self):
        super().__init__()
        self.first, self.inner = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.last, self.head = nn.Conv2d(8, 8, 3, padding=1), nn.Linear(8, 5)

    def forward(self, x):
        x = torch.relu(self.first(x))
        x = torch.relu(x + self.last(torch.relu(self.inner(x))))
        return self.head(nn.functional.max_pool2d(x, 2).mean((2, 3)))


def zero_points():
    """Quantisers that are not symmetric: unsigned codes with a zero point, for inputs, weights and activations."""
    shifted = {"act_quant": ShiftedUint8ActPerTensorFloat}
    return nn.Sequential(
        qnn.QuantIdentity(**shifted, bit_width=6),
        conv(2, 4, 3, padding=0, weight_quant=ShiftedUint8WeightPerTensorFloat), nn.BatchNorm2d(4),
        qnn.QuantIdentity(**shifted, bit_width=4),
        conv(4, 3, 1), qnn.QuantIdentity(**shifted, bit_width=4, return_quant_tensor=False),
    )  # fmt: skip


def plain_average():
    """Average pools as floats: in front of a quantiser, and over the whole image."""
    return nn.Sequential(
        float_input(5), nn.AvgPool2d(2), signed(4), conv(2, 4), relu(3), nn.AvgPool2d(3, 1, 1), relu(4),
        conv(4, 4), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    )  # fmt: skip


def quantised_average():
    """QONNX's Trunc behind an average pool, both in the middle and at the end."""

    def pool(kernel, mode, last=False):
        return qnn.TruncAvgPool2d(
            kernel, trunc_quant=TruncTo8bit, bit_width=5, float_to_int_impl_type=mode, return_quant_tensor=not last
        )  # fmt: skip

    return nn.Sequential(
        float_input(6), conv(2, 4), relu(6), pool(2, "ROUND"),
        conv(4, 4), relu(5), pool(4, "FLOOR", True), nn.Flatten(),
    )  # fmt: skip


def upsampled():
    """Nearest neighbours doubled and padded by hand."""
    return nn.Sequential(
        float_input(4), conv(2, 4), relu(4), nn.Upsample(scale_factor=2), nn.ZeroPad2d((1, 0, 2, 1)),
        conv(4, 2, 3, (2, 1), (0, 1)), signed(4, last=True),
    )  # fmt: skip


def qcdq():
    """What QCDQ export can say: 8-bit codes and narrower ones clipped."""
    return nn.Sequential(
        qnn.QuantIdentity(act_quant=Int8ActPerTensorFixedPoint, restrict_scaling_type=RestrictValueType.FP),
        conv(2, 4, bits=8, **FLOAT), relu(8), conv(4, 4, groups=2, bits=3), nn.BatchNorm2d(4), relu(3),
        nn.MaxPool2d(2), nn.Flatten(),
        linear(64, 5, 8, True, weight_quant=Int8WeightPerTensorFloat, bias_quant=Int32Bias),
    )  # fmt: skip


BIASES = {"float": None, "int32": Int32Bias, "int8": Int8Bias}
