"""Small networks of one or two layers whose stages the cost model is calibrated on: every cell, over its parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from lutwright.dataflow.folding import Fold
from lutwright.dataflow.lower import Target, lower
from lutwright.dataflow.stage import Pipeline
from lutwright.ir.graph import Graph, Node, Output, Tensor
from lutwright.ir.ops import infer
from lutwright.ir.verify import verify
from lutwright.numerics.edge import Edge
from lutwright.numerics.quantiser import IntArray, Quantiser
from lutwright.numerics.requantise import Threshold, fit
from lutwright.numerics.steps import Steps, Table, find_steps
from lutwright.passes.complement_signs import complement_signs

NONE = (0, 0, 0, 0)
SAME = (1, 1, 1, 1)


class Layers:
    """A graph that grows by one node at a time; `here` is the tensor made last. Weights come from `seed`."""

    def __init__(self, shape: tuple[int, ...], bits: int, signed: bool = False, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.quantiser = Quantiser(1.0, 0, bits, signed, False)
        self.here = Tensor("input", shape, self.quantiser.low, self.quantiser.high, np.ones(1))
        self.nodes: list[Node] = []
        self.tensors = {"input": self.here}

    def add(self, op: str, *inputs: Tensor, **attrs: Any) -> Layers:
        """Node `op` on `inputs`, or on what was made last."""
        taken = inputs or (self.here,)
        name = f"{op.lower()}{len(self.nodes)}"
        node = Node(name, op, tuple(t.name for t in taken), f"{name}_out", attrs)
        self.here = infer(node, list(taken))
        self.nodes.append(node)
        self.tensors[self.here.name] = self.here
        return self

    def weights(self, bits: int, shape: tuple[int, ...]) -> IntArray:
        """int64 in the symmetric range of `bits` bits; one bit: -1 and +1."""
        if bits == 1:
            return self.rng.choice(np.array([-1, 1]), shape)
        top = (1 << (bits - 1)) - 1
        return self.rng.integers(-top, top + 1, shape)

    def conv(
        self, outputs: int, kernel: int, bits: int, stride: int = 1, pads: Any = None, mux: bool = False
    ) -> Layers:
        """A square convolution, by default padded to its size. mux: one weight a kernel."""
        ins = self.here.channels
        w = self.weights(bits, (outputs, kernel, kernel, ins))
        if mux:
            one = np.zeros((outputs, kernel * kernel, ins), np.int64)
            taps = self.rng.integers(0, kernel * kernel, (outputs, 1, ins))
            np.put_along_axis(one, taps, np.where(w == 0, 1, w)[:, :1, 0], axis=1)
            w = one.reshape(w.shape)
        pads = (kernel // 2,) * 4 if pads is None else pads
        return self.add("Conv", weights=w, stride=(stride, stride), pads=pads, groups=1)

    def depthwise(self, kernel: int, bits: int, stride: int = 1) -> Layers:
        """A convolution of each channel by itself, padded to its size."""
        channels = self.here.channels
        w = self.weights(bits, (channels, kernel, kernel, 1))
        return self.add("Conv", weights=w, stride=(stride, stride), pads=(kernel // 2,) * 4, groups=channels)

    def dense(self, outputs: int, bits: int) -> Layers:
        """A dense layer."""
        return self.add("Dense", weights=self.weights(bits, (outputs, self.here.channels)))

    def step(self, bits: int, form: str) -> Layers:
        """A quantiser to unsigned codes. form: "shift", "even" (ties to even), "multiply", "threshold" or "table"."""
        low, high, channels = self.here.low, self.here.high, self.here.channels
        top, spread = (1 << bits) - 1, max(1, high - low)
        if form == "table":
            codes = self.rng.integers(0, top + 1, (1, spread + 1)).repeat(channels, axis=0)
            return self.add("Step", steps=Table(codes, low, high), form=None)
        gain = (1 << bits) / spread * self.rng.uniform(0.7, 3, channels)
        offset = self.rng.uniform(-2, 1 << bits, channels)
        if form == "even":
            gain, offset = 2.0 ** -np.round(np.log2(spread / (4 << bits))), np.zeros(channels)
        gain = 2.0 ** np.round(np.log2(gain)) if form == "shift" else gain

        def chain(acc: IntArray) -> IntArray:
            return np.clip(np.rint(acc * gain + offset), 0, top).astype(np.int64)

        steps = find_steps(chain, channels, low, high, "step", monotone=True)
        assert isinstance(steps, Steps)
        return self.add("Step", steps=steps, form=Threshold(steps) if form == "threshold" else fit(steps, "step"))

    def pool(self, op: str, kernel: int, stride: int) -> Layers:
        """A pool without padding."""
        return self.add(op, kernel=(kernel, kernel), stride=(stride, stride), pads=NONE)

    def graph(self, name: str = "layers") -> Graph:
        """What was made."""
        edge = Edge.of(self.quantiser)
        return verify(Graph(name, tuple(self.nodes), self.tensors, "input", (Output(self.here.name),), edge, {}))

    def ready(self, name: str) -> Graph:
        """What was made, with the signs of multiplexers as the cells take them."""
        return complement_signs(self.graph(name))

    def pipeline(self, folds: Sequence[Fold], levels: int, block_bits: int) -> tuple[Graph, Pipeline]:
        """As hardware, one fold for each Conv and Dense in order."""
        graph = self.ready("layers")
        layers = [node.name for node in graph.nodes if node.op in ("Conv", "Dense")]
        told = dict(zip(layers, folds, strict=True))
        return graph, lower(graph, told, Target(1 << 20, levels, block_bits))


def samples(block_bits: int) -> Iterator[tuple[Graph, Pipeline]]:
    """Networks with every cell over its parameters. block_bits: from how many bits on memories go to block RAM."""
    for made, folds, levels in (*_dense(), *_convolutions(), *_multiplexers(), *_depthwise(), *_vectors(), *_others()):
        yield made.pipeline(folds, levels, block_bits)


_Sample = tuple[Layers, tuple[Fold, ...], int]


def _dense() -> Iterator[_Sample]:
    """Folded products of several widths, and the replay memories and converters before them."""
    for x, w, pe, simd in (
        (4, 4, 2, 4),
        (8, 4, 1, 4),
        (6, 6, 2, 2),
        (2, 2, 4, 8),
        (4, 8, 1, 8),
        (1, 1, 4, 8),
        (3, 3, 1, 16),
    ):
        yield Layers((32,), x).dense(8, w).add("ArgMax"), (Fold(pe, simd),), 2
    yield Layers((64,), 5, True).dense(10, 4).add("TopK", k=2), (Fold(1, 2),), 1
    yield Layers((48,), 4).dense(12, 4).step(4, "threshold"), (Fold(3, 6),), 3
    yield Layers((24,), 4).dense(6, 4).step(3, "multiply"), (Fold(2, 24),), 2


def _convolutions() -> Iterator[_Sample]:
    """Dense convolutions: windows in registers and in memories, few and many folds."""
    yield Layers((12, 12, 1), 8).conv(6, 3, 4).step(4, "threshold").pool("MaxPool", 2, 2), (Fold(6, 9),), 2
    yield Layers((10, 10, 2), 5).conv(4, 3, 4).step(4, "threshold").pool("MaxPool", 2, 2), (Fold(1, 18),), 2
    yield Layers((8, 8, 4), 4).conv(8, 3, 3).step(3, "shift").pool("MaxPool", 2, 2), (Fold(2, 36),), 2
    yield Layers((8, 8, 4), 4).conv(8, 3, 4).step(4, "multiply"), (Fold(2, 9),), 2
    yield Layers((9, 9, 8), 3, True).conv(4, 3, 4, 2).step(4, "threshold"), (Fold(1, 18),), 2
    yield Layers((14, 14, 6), 4).conv(6, 3, 4).step(4, "threshold"), (Fold(1, 3),), 2
    yield Layers((10, 10, 3), 8).conv(8, 5, 3).step(4, "threshold"), (Fold(1, 25),), 2
    yield Layers((16, 16, 8), 4).conv(8, 1, 4).step(4, "shift"), (Fold(2, 8),), 2
    yield Layers((8, 8, 8), 2).conv(8, 3, 2).step(2, "threshold"), (Fold(2, 72),), 2
    yield Layers((8, 8, 8), 1).conv(8, 3, 1).step(1, "threshold"), (Fold(2, 72),), 3
    yield Layers((7, 7, 2), 6).conv(5, 3, 6).step(6, "multiply"), (Fold(5, 18, "unrolled"),), 2


def _multiplexers() -> Iterator[_Sample]:
    """One weight a kernel, of a sign and of more bits."""
    yield Layers((12, 12, 4), 4).conv(8, 3, 1, mux=True).step(4, "threshold"), (Fold(8, 4, "mux"),), 2
    yield Layers((12, 12, 8), 4).conv(8, 3, 1, mux=True).step(4, "shift"), (Fold(2, 8, "mux"),), 2
    yield Layers((8, 8, 16), 4).conv(16, 3, 1, mux=True).step(4, "threshold"), (Fold(4, 2, "mux"),), 2
    yield Layers((8, 8, 8), 4).conv(8, 3, 4, mux=True).step(4, "threshold"), (Fold(2, 8, "mux"),), 2
    yield Layers((8, 8, 16), 3).conv(16, 3, 3, mux=True).step(3, "multiply"), (Fold(1, 4, "mux"),), 2
    yield Layers((10, 10, 4), 8).conv(4, 5, 4, mux=True).step(4, "threshold"), (Fold(1, 4, "mux"),), 2


def _depthwise() -> Iterator[_Sample]:
    """Each channel by itself, and what stands around such layers."""
    yield Layers((8, 8, 8), 4).depthwise(3, 4).step(4, "threshold"), (Fold(2, 9, "depthwise"),), 2
    yield Layers((8, 8, 4), 4).depthwise(3, 4).step(4, "multiply"), (Fold(4, 9, "depthwise"),), 2
    yield Layers((8, 8, 16), 6, True).depthwise(3, 3).step(4, "shift"), (Fold(1, 9, "depthwise"),), 2
    yield Layers((9, 9, 6), 2).depthwise(5, 2).step(3, "threshold"), (Fold(3, 25, "depthwise"),), 2


def _vectors() -> Iterator[_Sample]:
    """Unrolled matrices."""
    yield Layers((16,), 4).dense(12, 4).step(4, "threshold"), (Fold(12, 16, "unrolled"),), 2
    yield Layers((12,), 6).dense(16, 6).step(6, "threshold"), (Fold(16, 12, "unrolled"),), 1
    yield Layers((24,), 1).dense(8, 3).step(2, "threshold"), (Fold(8, 24, "unrolled"),), 2


def _others() -> Iterator[_Sample]:
    """What moves, adds and compares."""
    for bits, channels in ((4, 8), (6, 3)):
        layers = Layers((8, 8, channels), bits, True)
        x = layers.here
        a = layers.step(4, "threshold").here
        b = layers.add("Affine", x, gain=np.array([3]), offset=np.array([1])).step(4, "multiply").here
        yield layers.add("Add", a, b, gains=(np.array([1]), np.array([1]))), (), 2
    layers = Layers((6, 6, 4), 4)
    x = layers.here
    a = layers.pool("MaxPool", 3, 1).here
    b = layers.add("SumPool", x, kernel=(3, 3), stride=(1, 1), pads=NONE).step(4, "table").here
    yield layers.add("Concat", a, b, axis=2), (), 2
    yield Layers((12, 12, 4), 4).pool("SumPool", 4, 4).step(4, "threshold"), (), 2
    yield Layers((8, 8, 16), 3).pool("SumPool", 8, 8).step(4, "multiply"), (), 2
    yield Layers((8, 8, 4), 5).add("DepthToSpace", block=2, mode="DCR").add("Pad", pads=SAME, value=0), (), 2
    yield Layers((6, 6, 8), 2).pool("MaxPool", 3, 3).step(2, "threshold"), (), 2
    weighted = Layers((8, 8, 6), 4)
    x = weighted.here
    a = weighted.step(4, "threshold").here
    gains = (weighted.rng.integers(2, 40, 6), weighted.rng.integers(2, 40, 6))
    yield weighted.add("Add", a, x, gains=gains), (), 2
