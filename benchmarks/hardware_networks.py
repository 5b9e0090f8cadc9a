"""The networks that are built as hardware in the benchmarks, as pipelines, and what the cost model is held against."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
from brevitas import nn as qnn
from brevitas.quant import Int8WeightPerTensorFixedPoint, Uint8ActPerTensorFixedPoint
from hardware_layers import Layers
from networks import RECIPES, Recipe, Residual, convolution, made, pixels, relu
from torch import nn

from lutwright.boards import Board
from lutwright.dataflow.choose import choose
from lutwright.dataflow.folding import Fold, fold_graph
from lutwright.dataflow.lower import Target, lower
from lutwright.dataflow.stage import Pipeline
from lutwright.emit.project import hardware_graph, plan_project
from lutwright.ir.graph import Graph
from lutwright.numerics.quantiser import IntArray
from lutwright.resources import room

SEED = 1
LEVELS = 2
"""Levels of adders between two registers."""


@dataclass(frozen=True, eq=False)
class Design:
    """A network folded for `interval` clocks a frame."""

    title: str
    graph: Graph
    pipeline: Pipeline


_FIXED = {"weight_quant": Int8WeightPerTensorFixedPoint}

# ---- networks --------------------------------------------------------------------------------------------------------


def plain_digits() -> nn.Module:
    """networks.digits without batch norms: every scale a power of two, as tools that only shift can have it."""

    def layer(ins: int, outs: int) -> nn.Module:
        conv = qnn.QuantConv2d(ins, outs, 3, padding=1, bias=False, weight_bit_width=4, **_FIXED)
        return nn.Sequential(conv, _shifted(4), nn.MaxPool2d(2))

    head = qnn.QuantLinear(64, 10, bias=False, weight_bit_width=4, **_FIXED)
    return nn.Sequential(pixels(5), layer(1, 8), layer(8, 16), nn.Flatten(), head)


def _shifted(bits: int) -> nn.Module:
    return qnn.QuantReLU(act_quant=Uint8ActPerTensorFixedPoint, bit_width=bits, return_quant_tensor=True)


def residual() -> nn.Module:
    """Two residual blocks, 8 and 16 channels of 4 bits, on 16 x 16 pixels."""
    shared = [qnn.QuantIdentity(bit_width=4, return_quant_tensor=True) for _ in range(2)]
    blocks = [Residual(8, 8, shared[0]), Residual(8, 16, shared[1])]
    head = qnn.QuantLinear(16, 10, bias=False, weight_bit_width=4)
    return nn.Sequential(pixels(8), convolution(3, 8), relu(), *blocks, nn.MaxPool2d(8), nn.Flatten(), head)


def separable() -> nn.Module:
    """Depthwise and 1x1 convolutions in turn, 4 bits, on 16 x 16 pixels."""
    layers: list[nn.Module] = [pixels(8), convolution(3, 8), relu()]
    for ins, outs, stride in ((8, 16, 1), (16, 24, 2)):
        layers += [convolution(ins, ins, 3, stride, groups=ins), relu(), convolution(ins, outs, 1), relu()]
    return nn.Sequential(
        *layers, nn.MaxPool2d(8), nn.Flatten(), qnn.QuantLinear(24, 10, bias=False, weight_bit_width=4)
    )


_OWN: Mapping[str, Recipe] = {
    "plain-digits": Recipe("digits CNN, 8x8", (1, 8, 8), plain_digits),
    "residual": Recipe("residual, 3x16x16", (3, 16, 16), residual),
    "separable": Recipe("depthwise, 3x16x16", (3, 16, 16), separable),
}


@functools.cache
def network(name: str) -> Graph:
    """The integer graph for hardware of a network here, of networks.RECIPES, or of the model "mnist-mux"."""
    if name == "mlp":
        return mlp()
    if name == "mnist-mux":
        return hardware_graph(room("examples") / "models" / "mnist-mux.onnx")
    model = made((_OWN | dict(RECIPES))[name], SEED)[1]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name.replace('-', '_')}.onnx"
        onnx.save(model, path)
        return hardware_graph(path)


def design(
    name: str, interval: int, block_bits: int = 512, folds: Mapping[str, Fold] | None = None, levels: int = LEVELS
) -> Design:
    """The network `name` at `interval` clocks a frame. folds: layers folded otherwise. levels: see Target."""
    graph = network(name)
    chosen = fold_graph(graph, interval) | dict(folds or {})
    return Design(name, graph, lower(graph, chosen, Target(interval, levels, block_bits)))


def board_files(name: str, interval: int, board: Board) -> tuple[dict[str, bytes], int]:
    """The sources and memory files of the project of `name` on `board` at `interval` clocks a frame or fewer.

    Its top is board_top; with them the clocks a frame that the folding has.
    """
    graph = network(name)
    choice = choose(graph, board, board.clock.mhz * 1e6 / interval)
    files = plan_project(graph, choice, board, b"").files
    rtl = {Path(path).name: data for path, data in files.items() if path.startswith("rtl/")}
    return rtl, choice.pipeline.interval


# ---- layers by themselves -------------------------------------------------------------------------------------------


def mlp() -> Graph:
    """16-64-32-32-5 with weights and activations of 6 bits, as jet taggers have it; scales are powers of two."""
    layers = Layers((1, 1, 16), 6, seed=SEED).add("Flatten")
    for outputs in (64, 32, 32):
        layers.dense(outputs, 6).step(6, "even")
    return layers.dense(5, 6).graph("mlp")


def layer_design(kind: str, bits: int, interval: int, engine: str) -> Design:
    """One 3x3 layer, 16 -> 16 channels on 16 x 16 pixels of 4 bits. kind: "dense" or "mux"; engine: of folding.py."""
    graph = Layers((16, 16, 16), 4, seed=SEED).conv(16, 3, bits, mux=kind == "mux").ready(f"{kind}_{engine}")
    (name,) = (node.name for node in graph.nodes if node.op == "Conv")
    folds = {name: Fold(16, 144, "unrolled")} if engine == "unrolled" else fold_graph(graph, interval)
    weights = f"{bits} bits" if bits > 1 else "a sign"
    what = "dense" if kind == "dense" else "one weight a kernel"
    return Design(f"{what}, {weights}, {engine}", graph, lower(graph, folds, Target(interval, LEVELS)))


# ---- what the cost model is held against -----------------------------------------------------------------------------


@dataclass(frozen=True)
class HeldOut:
    """A network at `interval` clocks a frame that nothing is calibrated on. dsp: products in DSP blocks."""

    title: str
    name: str
    interval: int
    dsp: bool = False

    def design(self, block_bits: int) -> Design:
        """As hardware; block_bits: from how many bits on memories go to block RAM."""
        folds = fold_graph(network(self.name), self.interval) if self.dsp else {}
        dsp = {node: replace(fold, engine="dsp") for node, fold in folds.items() if fold.engine == "folded"}
        return design(self.name, self.interval, block_bits, dsp)


HELD_OUT = (
    HeldOut("mnist-mux, 784 clocks", "mnist-mux", 784),
    HeldOut("mnist-mux, 3136 clocks", "mnist-mux", 3136),
    HeldOut("digits CNN, 64 clocks", "digits", 64),
    HeldOut("digits CNN, 256 clocks", "digits", 256),
    HeldOut("digits CNN, 1024 clocks", "digits", 1024),
    HeldOut("digits CNN in DSPs, 1024 clocks", "digits", 1024, True),
    HeldOut("residual, 2048 clocks", "residual", 2048),
    HeldOut("depthwise, 1024 clocks", "separable", 1024),
)
"""None of their stages is calibrated on."""


def random_codes(graph: Graph, frames: int, seed: int) -> IntArray:
    """int64 [frames, *input shape] of the graph, uniform over its range."""
    x = graph.tensors[graph.input]
    return np.random.default_rng(seed).integers(x.low, x.high + 1, (frames, *x.shape))
