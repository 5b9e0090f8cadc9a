"""Named models of the conformance tests: what Brevitas ships and small networks of our own, as users would export them.

Every model is built from seeds, with batch norms whose statistics are those of data (and then disturbed), some gains
negative. `build(name)` makes one; it is kept for the session.
"""

import contextlib
import functools
import io
import logging
import tempfile
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import finn
import nets
import numpy as np
import onnx
import torch
from brevitas.export import export_onnx_qcdq, export_qonnx
from brevitas_examples.bnn_pynq.models import model_with_cfg
from brevitas_examples.bnn_pynq.models.resnet import QuantBasicBlock, QuantResNet
from brevitas_examples.imagenet_classification.models.mobilenetv1 import MobileNet
from brevitas_examples.imagenet_classification.models.vgg import make_layers
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.channels_last import ConvertToChannelsLastAndClean
from qonnx.transformation.general import GiveReadableTensorNames, GiveUniqueNodeNames
from qonnx.transformation.insert_topk import InsertTopK
from qonnx.util.cleanup import cleanup_model
from torch import nn

Sampler = Callable[[np.random.Generator, int], np.ndarray]


@dataclass(frozen=True, eq=False)
class Example:
    """A model under test.

    module:   what it was exported from, in eval mode; None where it is made by hand.
    model:    the ONNX model.
    sample:   (rng, n) -> float32 [n, *input shape] of likely inputs.
    declared: the type of an unquantised input, as on the command line; "" where the model says it.
    ends:     the least and largest input where the model does not quantise it, or None.
    external: whether a file of it shall have its tensors outside.
    """

    name: str
    module: nn.Module | None
    model: onnx.ModelProto
    sample: Sampler
    declared: str = ""
    ends: tuple[float, float] | None = None
    external: bool = False


def pixels(*shape: int) -> Sampler:
    """Images of 8-bit pixels in [0, 1)."""
    return lambda rng, n: (rng.integers(0, 256, (n, *shape)) / 256).astype(np.float32)


def normal(*shape: int) -> Sampler:
    """Normally distributed floats."""
    return lambda rng, n: rng.normal(size=(n, *shape)).astype(np.float32)


def integers(low: int, high: int, *shape: int) -> Sampler:
    """Whole numbers in [low, high]."""
    return lambda rng, n: rng.integers(low, high + 1, (n, *shape)).astype(np.float32)


# ---- export ---------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def quiet():
    """Keep the exporters' progress and warnings out of the tests' output."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def raw(module, shape, **options):
    """QONNX as Brevitas writes it."""
    return export_qonnx(module, input_shape=shape, dynamo=False, **options)


def clean(module, shape):
    """QONNX behind qonnx-cleanup."""
    return cleanup_model(ModelWrapper(raw(module, shape))).model


def dynamo(module, shape):
    """QONNX by PyTorch's newer exporter, as Brevitas writes it."""
    return export_qonnx(module, input_shape=shape, dynamo=True)


def qcdq(module, shape):
    """QuantizeLinear, Clip and DequantizeLinear; Brevitas only writes it to a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "qcdq.onnx"
        export_onnx_qcdq(module, input_shape=shape, export_path=str(path), dynamo=False)
        return onnx.load(path)


def free_batch(module, shape):
    """QONNX whose batch is a name."""
    axes = {"input": {0: "batch"}, "output": {0: "batch"}}
    return raw(module, shape, input_names=["input"], output_names=["output"], dynamic_axes=axes)


def channels_last(module, shape):
    """QONNX with qonnx's channels-last layers; the input stays channels first."""
    model = ModelWrapper(clean(module, shape)).transform(ConvertToChannelsLastAndClean(False))
    return model.transform(GiveUniqueNodeNames()).model


def all_channels_last(module, shape):
    """The same with a channels-last input."""
    model = ModelWrapper(clean(module, shape)).transform(ConvertToChannelsLastAndClean(True))
    return model.transform(GiveUniqueNodeNames()).model


def with_top_k(module, shape):
    """QONNX whose output is the index of the largest score, by qonnx's InsertTopK."""
    model = ModelWrapper(clean(module, shape)).transform(InsertTopK(1)).transform(GiveUniqueNodeNames())
    return model.transform(GiveReadableTensorNames()).model  # qonnx names new tensors at random


# ---- weights and statistics -----------------------------------------------------------------------------------------


def settle(module: nn.Module, sample: Sampler, rng: np.random.Generator) -> None:
    """Collect the statistics of batch norms and quantisers on random data; then disturb the batch norms."""
    norms = [m for m in module.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 0.5
    module.train()
    with torch.no_grad():
        for _ in range(3):
            module(torch.from_numpy(sample(rng, 8)))
    for norm in norms:
        spread = norm.running_var.sqrt()
        norm.running_mean += spread * tensor(rng.normal(0, 0.3, norm.num_features))
        norm.running_var *= tensor(rng.uniform(0.5, 2, norm.num_features))
        signs = np.where(rng.random(norm.num_features) < 0.2, -1.0, 1.0)
        norm.weight.data = tensor(signs * rng.uniform(0.4, 1.6, norm.num_features))
        norm.bias.data = tensor(rng.normal(0, 0.3, norm.num_features))
    module.eval()


def tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))


def made(name: str, make: Callable[[], nn.Module], sample: Sampler, export: Callable[..., Any], **more: Any) -> Example:
    """Build `make()` from the seed of `name` and export it with `export`, for a batch of 1 or `batch`."""
    seed = zlib.crc32(name.split("-")[0].encode())  # the same network in every form
    rng = np.random.default_rng(seed)
    batch = more.pop("batch", 1)
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(seed)
        module = make()
        settle(module, sample, rng)
        model = export(module, (batch, *sample(rng, 1).shape[1:]))
        module.eval()
    take = more.pop("take", sample)
    return Example(name, module, model, take, **more)


# ---- what Brevitas ships --------------------------------------------------------------------------------------------


class NarrowResNet(QuantResNet):
    """brevitas_examples' ResNet-18 with one block a stage and an eighth of the channels behind the first layer."""

    def __init__(self, **options):
        super().__init__(QuantBasicBlock, [1, 1, 1, 1], act_bit_width=4, weight_bit_width=4, **options)
        self.linear = nets.linear(
            64, 10, 8, True, bias_quant=nets.Int32Bias, weight_quant=nets.Int8WeightPerTensorFloat
        )

    def _make_layer(self, block, planes, *rest):
        return super()._make_layer(block, planes // 8, *rest)


def mobile_net(rounded: bool) -> nn.Module:
    """brevitas_examples' MobileNet v1 of 4 bits, cut to 8 to 32 channels and 32x32 images."""
    return MobileNet(
        [[8], [8], [16, 16], [32, 32]], False, 4, 4, rounded,
        last_layer_bit_width=8, avg_pool_kernel_size=4, num_classes=10,
    )  # fmt: skip


def vgg() -> nn.Module:
    """brevitas_examples' VGG layers, few of them, with its kind of classifier."""
    return nn.Sequential(
        nets.float_input(), make_layers([8, "M", 16, 16, "M"], True, 4),
        nets.qnn.TruncAvgPool2d(4, stride=1, bit_width=4),
        nn.Flatten(), nets.linear(16 * 25, 12, bias=True, **nets.PER_CHANNEL), nets.relu(4),
        nets.linear(12, 10, bias=True, **nets.FLOAT),
    )  # fmt: skip


def with_input(net: nn.Module) -> nn.Module:
    """`net` behind a quantiser of 8-bit pixels."""
    return nn.Sequential(nets.image_input(), net)


def shipped() -> dict[str, Callable[[], Example]]:
    """Builders of the networks in brevitas_examples, each raw and cleaned."""
    found: dict[str, tuple[Callable[[], nn.Module], Sampler, dict[str, Any]]] = {}
    for kind in ("tfc_1w1a", "tfc_1w2a", "tfc_2w2a", "sfc_1w1a", "sfc_1w2a", "sfc_2w2a", "lfc_1w1a", "lfc_1w2a"):
        found[kind] = (functools.partial(bnn, kind), pixels(1, 28, 28), {})
    for kind in ("cnv_1w1a", "cnv_1w2a", "cnv_2w2a"):
        found[kind] = (functools.partial(bnn, kind), pixels(3, 32, 32), {})
    colour, told = pixels(3, 32, 32), {"declared": "uint8:1/256", "ends": (0, 255 / 256)}
    found["resnet"] = (lambda: with_input(NarrowResNet()), colour, {})
    rounded = functools.partial(NarrowResNet, round_average_pool=True, first_maxpool=True)
    found["resnet_round"] = (lambda: with_input(rounded()), pixels(3, 64, 64), {})
    found["resnet_bare"] = (NarrowResNet, colour, told)
    found["mobilenet"] = (lambda: with_input(mobile_net(True)), colour, {})
    found["mobilenet_floor"] = (lambda: with_input(mobile_net(False)), colour, {})
    found["mobilenet_bare"] = (lambda: mobile_net(True), colour, told)
    found["vgg"] = (vgg, normal(3, 32, 32), {})
    return {
        f"{name}-{export.__name__}": functools.partial(made, f"{name}-{export.__name__}", make, sample, export, **more)
        for name, (make, sample, more) in found.items()
        for export in (raw, clean)
    }


def bnn(name: str) -> nn.Module:
    """A network of brevitas_examples.bnn_pynq, untrained."""
    return model_with_cfg(name, pretrained=False)[0]


# ---- what onnxruntime quantises --------------------------------------------------------------------------------------


class _Calibration(CalibrationDataReader):
    """Normally distributed frames."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.left = iter([{"input": normal(3, 12, 12)(rng, 1)} for _ in range(4)])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.left, None)


def runtime_qdq() -> onnx.ModelProto:
    """A float network quantised by onnxruntime: QDQ with zero points, weight scales per channel, biases of 32 bits."""
    with torch.random.fork_rng(devices=[]), quiet(), tempfile.TemporaryDirectory() as folder:
        torch.manual_seed(0)
        before, after = Path(folder) / "float.onnx", Path(folder) / "qdq.onnx"
        module, frame = nets.PlainResidual().eval(), torch.zeros(1, 3, 12, 12)
        torch.onnx.export(module, (frame,), before, input_names=["input"], opset_version=17, dynamo=False)
        types = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8}
        quantize_static(before, after, _Calibration(), QuantFormat.QDQ, per_channel=True, **types)
        return onnx.load(after)


# ---- our own --------------------------------------------------------------------------------------------------------


def own() -> dict[str, Callable[[], Example]]:
    """Builders of the networks in nets.py, in the forms that matter for each, and of the graphs in finn.py."""
    small, both = normal(2, 8, 8), (raw, clean)
    found: list[tuple[str, Callable[[], nn.Module], Sampler, tuple[Callable[..., Any], ...]]] = [
        ("digits", nets.digits, pixels(1, 8, 8), (*both, dynamo, with_top_k, channels_last)),
        ("resnet20", lambda: nets.ResNet(4), pixels(3, 32, 32), both),
        ("resnet20_mux", lambda: nets.multiplexed(nets.ResNet()), pixels(3, 32, 32), (clean,)),
        *((f"bias_{kind}", functools.partial(nets.biases, quant), small, both) for kind, quant in nets.BIASES.items()),
        ("bipolar", nets.bipolar, small, both),
        ("curves", nets.Curves, normal(2, 6, 6), both),
        ("dense", nets.Dense, normal(2, 6, 6), both),
        ("inception", nets.Inception, normal(3, 6, 6), both),
        ("super_resolution", nets.SuperResolution, pixels(1, 6, 6), both),
        ("keywords", nets.keyword_spotting, normal(1, 49, 10), (*both, dynamo)),
        ("signal", nets.signal, normal(2, 32), both),
        ("zero_points", nets.zero_points, normal(2, 6, 6), both),
        ("plain_average", nets.plain_average, small, both),
        ("quantised_average", nets.quantised_average, small, both),
        ("partial", nets.Partial, normal(3, 6, 6), both),
        ("upsampled", nets.upsampled, normal(2, 5, 5), both),
        ("early_exit", nets.EarlyExit, pixels(1, 8, 8), (*both, dynamo)),
        ("backbone", nets.Backbone, normal(2, 8, 8), both),
        ("qcdq", nets.qcdq, small, (qcdq, raw)),
    ]
    builders: dict[str, Callable[[], Example]] = {
        f"{name}-{export.__name__}": functools.partial(made, f"{name}-{export.__name__}", make, sample, export)
        for name, make, sample, exports in found
        for export in exports
    }
    for name, make, sample in (
        ("digits", nets.digits, pixels(1, 8, 8)),
        ("tfc_2w2a", functools.partial(bnn, "tfc_2w2a"), pixels(1, 28, 28)),
        ("quantised_average", nets.quantised_average, small),
    ):
        label = f"{name}-free_batch"
        builders[label] = functools.partial(made, label, make, sample, free_batch)
        label = f"{name}-batch_100"
        builders[label] = functools.partial(made, label, make, sample, raw, batch=100)
    told = {"declared": "uint8", "ends": (0, 255)}
    builders["normalised-raw"] = functools.partial(
        made, "normalised-raw", nets.Normalised, integers(0, 255, 3, 7, 7), raw, **told
    )
    builders["runtime_qdq"] = lambda: Example("runtime_qdq", None, runtime_qdq(), normal(3, 12, 12))
    builders["digits-external"] = functools.partial(
        made, "digits-external", nets.digits, pixels(1, 8, 8), clean, external=True
    )
    builders["digits-all_channels_last"] = functools.partial(
        made, "digits-all_channels_last", nets.digits, pixels(1, 8, 8), all_channels_last, take=pixels(8, 8, 1)
    )
    builders["finn_dense"] = lambda: Example("finn_dense", None, finn.dense(), integers(0, 255, 16), ends=(0, 255))
    builders["finn_layers"] = lambda: Example(
        "finn_layers", None, finn.layers(), integers(-8, 7, 6, 6, 2), ends=(-8, 7)
    )
    return builders


BUILDERS = shipped() | own()
NAMES = tuple(BUILDERS)


@functools.cache
def build(name: str) -> Example:
    """The model called `name`, made once a session; KeyError where there is none."""
    return BUILDERS[name]()
