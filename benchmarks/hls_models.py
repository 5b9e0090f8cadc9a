"""The networks of the hls4ml benchmark: bnn_pynq's TFC and CNV, the MNIST demo, the digits CNN, a jet-tagging MLP."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch
from brevitas import nn as qnn
from brevitas_examples.bnn_pynq.models import model_with_cfg
from networks import Recipe, digits, images, made
from numpy.typing import NDArray
from torch import nn

from lutwright.check.inputs import load_frames
from lutwright.check.opened import Opened, open_proto
from lutwright.frontend.load import load_model
from lutwright.resources import room

DEMO = "mnist-mux"
DEFAULT = "fixed<16,6>"


@dataclass(frozen=True)
class Measured:
    """A network of the benchmark. recipe: how it is made, None for the committed demo. frames: to compare.

    parallel: plain hls4ml gets io_parallel, which is what its users take for dense networks.
    precisions: that hls4ml is given where it infers none: its default, None where it is not run, and a wider one.
    """

    title: str
    recipe: Recipe | None
    frames: int
    parallel: bool = False
    precisions: tuple[str | None, str] = (DEFAULT, "fixed<48,16>")


def jet() -> nn.Module:
    """16-64-32-32-5 with weights and codes of 6 bits, as in jet tagging."""
    layers: list[nn.Module] = [qnn.QuantIdentity(bit_width=6, return_quant_tensor=True)]
    for ins, outs in ((16, 64), (64, 32), (32, 32)):
        layers += [qnn.QuantLinear(ins, outs, bias=True, weight_bit_width=6), qnn.QuantReLU(bit_width=6)]
    return nn.Sequential(*layers, qnn.QuantLinear(32, 5, bias=True, weight_bit_width=6))


def _bnn(name: str) -> nn.Module:
    return model_with_cfg(name, pretrained=False)[0]


def _of_bnn_pynq(kind: str, shape: tuple[int, ...], frames: int, **more: Any) -> dict[str, Measured]:
    found = {}
    for bits in ("1w1a", "1w2a", "2w2a"):
        name, title = f"{kind}_{bits}", f"{kind.upper()} {bits.upper()}, {'x'.join(map(str, shape))}"
        found[name] = Measured(title, Recipe(title, shape, functools.partial(_bnn, name)), frames, **more)
    return found


NETWORKS: Mapping[str, Measured] = {
    **_of_bnn_pynq("tfc", (1, 28, 28), 1000, parallel=True),
    DEMO: Measured("MNIST demo, 1x28x28", None, 1000),
    "digits": Measured("digits CNN, 1x8x8", Recipe("digits", (1, 8, 8), digits), 1000),
    "jet": Measured("jet-tagging MLP 16-64-32-32-5, 6 bits", Recipe("jet", (16,), jet), 1000, True),
    # A frame takes hls4ml's C model up to twelve seconds.
    **_of_bnn_pynq("cnv", (3, 32, 32), 20, precisions=(None, "fixed<32,12>")),
}


def model_file(name: str, seed: int) -> onnx.ModelProto:
    """The QONNX file of network `name`; weights by `seed`, those of the demo as trained."""
    recipe = NETWORKS[name].recipe
    if recipe is None:
        return load_model(room("examples") / "models" / f"{name}.onnx")
    return made(recipe, seed)[1]


def opened_model(name: str, seed: int) -> Opened:
    """The model of network `name`, opened."""
    return open_proto(model_file(name, seed), name.replace("-", "_"))


def frames_of(name: str, opened: Opened, count: int, seed: int) -> NDArray[np.float32]:
    """float32 [count, *shape] for network `name`: MNIST test images for the demo, images by torch's seed, or drawn."""
    recipe = NETWORKS[name].recipe
    if recipe is None:
        return load_frames(opened, "mnist5k", count, seed).x
    if len(recipe.shape) == 1:
        return load_frames(opened, "", count, seed).x
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return images(recipe.shape, count).numpy()
