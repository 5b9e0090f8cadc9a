"""Folding: how many outputs (PE) and inputs (SIMD) each weighted layer works on at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lutwright.dataflow.clocks import Rows, Windows, border_before
from lutwright.dataflow.kinds import in_step, is_depthwise, is_mux
from lutwright.errors import DoesNotFit
from lutwright.ir.graph import Graph, Node, Tensor
from lutwright.ir.window_shape import is_point, is_row
from lutwright.numerics.quantiser import IntArray


@dataclass(frozen=True)
class Fold:
    """PE outputs x SIMD inputs a clock, by one of ENGINES; of a multiplexer SIMD counts input channels."""

    pe: int
    simd: int
    engine: str = "folded"

    @property
    def mux(self) -> bool:
        """Whether a multiplexer picks one weight a kernel."""
        return self.engine == "mux"


ENGINES = ("folded", "mux", "depthwise", "unrolled", "dsp")
"""folded: PE x SIMD products a clock. dsp: the same, one product or two in each DSP block. mux: a multiplexer for each
pair of channels. depthwise: each channel by itself. unrolled: a whole window in a clock, every weight in the wiring."""

MOST_DIGITS = 8_000
"""Nonzero signed digits of a matrix up to which the unrolled engine is taken where a layer is not folded: its adders
are shared pair by pair, which takes seconds there and minutes beyond."""


def divisors(n: int) -> list[int]:
    """The divisors of `n`, ascending."""
    return [d for d in range(1, n + 1) if n % d == 0]


def fold_graph(graph: Graph, interval: int) -> dict[str, Fold]:
    """The smallest fold of each Conv and Dense of `graph` that takes at most `interval` clocks a frame.

    Raises DoesNotFit naming the layer that cannot be so fast.
    """
    return {node.name: _fold(graph, node, interval) for node in graph.nodes if node.op in ("Conv", "Dense")}


def _fold(graph: Graph, node: Node, interval: int) -> Fold:
    out = graph.tensors[node.output]
    w = node.attrs["weights"]
    mux = is_mux(node)
    engine = "mux" if mux else "folded"
    inputs = w.shape[3] if mux else int(np.prod(w.shape[1:]))
    pixels = out.words // out.channels
    if pixels > interval:
        raise DoesNotFit(
            f"node '{node.name}' ({node.op})",
            f"makes {pixels} pixels a frame, so the interval must be at least that",
            interval,
            "Ask for fewer frames a second.",
        )
    x = graph.tensors[node.inputs[0]]
    if is_depthwise(node):
        return _fold_depthwise(node, x, out, interval)
    possible = [
        Fold(pe, simd, engine) for pe in divisors(w.shape[0]) for simd in _inputs_at_a_time(x, node, mux, interval)
    ]
    fastest = min(clocks(node, x, out, fold) for fold in possible)
    choices = [fold for fold in possible if clocks(node, x, out, fold) <= max(interval, fastest)]
    least = min(_lanes(f, mux, w.shape[0], inputs) for f in choices)
    cheapest = [f for f in choices if _lanes(f, mux, w.shape[0], inputs) == least]
    if mux:
        return min(cheapest, key=lambda f: _around(f, w.shape[1], x.channels, x.type.width, out.type.width))
    # Few outputs at a time, since each brings an accumulator and a requantiser.
    best = min(cheapest, key=lambda f: f.pe)
    whole = (best.pe, best.simd) == (w.shape[0], inputs)
    return replace(best, engine="unrolled") if whole and signed_digits(w) <= MOST_DIGITS else best


def clocks(node: Node, x: Tensor, out: Tensor, fold: Fold) -> int:
    """Clocks a frame of the Conv or Dense `node` with `fold`: those of its engine, or of the window before it."""
    w = node.attrs["weights"]
    inputs = x.channels if fold.mux else int(np.prod(w.shape[1:]))
    times, parts = w.shape[0] // fold.pe, inputs // fold.simd
    engine = out.words // out.channels * times * parts
    if node.op == "Dense" or is_point(node):
        return engine
    if is_row(node):
        rows = Rows.of(node, x, out)
        return rows.handed(times) if fold.engine == "depthwise" else rows.clocks(times * parts)
    if parts == 1 and (times == 1 if fold.engine == "depthwise" else in_step(node, times)):
        windows = Windows.of(node, x, out, border_before(node, x, out, w.shape[1] - 2))
        return max(engine, windows.held(times))
    windows = Windows.of(node, x, out, border_before(node, x, out, w.shape[1] - 1))
    if fold.engine == "depthwise":
        return max(engine, windows.folded(times, 1))
    taps = 1 if fold.mux else w.shape[1] * w.shape[2]
    groups = x.channels // max(1, fold.simd // taps)
    return max(engine, windows.folded(groups, times, max(1, taps // fold.simd)))


def signed_digits(weights: IntArray) -> int:
    """Nonzero digits of all weights in canonical signed digits: the terms of their sums without any sharing."""
    w = np.abs(weights)
    return int(np.bitwise_count(w ^ (3 * w)).sum())


def _inputs_at_a_time(x: Tensor, node: Node, mux: bool, interval: int) -> list[int]:
    """The SIMD that `node` can have: whole windows of a group of channels, or a part of the window of one channel.

    The groups of all pixels must come in within the interval. A window of one row is held whole: any part of it.
    """
    if node.op == "Dense":
        return divisors(x.channels)
    if is_row(node):
        return divisors(x.channels * (1 if mux else node.attrs["weights"].shape[2]))
    pixels = x.words // x.channels
    groups = [g for g in divisors(x.channels) if pixels * (x.channels // g) <= interval or g == x.channels]
    if mux:
        return groups
    taps = int(np.prod(node.attrs["weights"].shape[1:3]))
    parts = [taps // r for r in divisors(taps) if r > 1] if 1 in groups else []
    return sorted({*parts, *(taps * g for g in groups)})


def _fold_depthwise(node: Node, x: Tensor, out: Tensor, interval: int) -> Fold:
    """All taps at a time of the fewest channels that keep up, or of all channels."""
    taps = int(np.prod(node.attrs["weights"].shape[1:]))
    folds = [Fold(pe, taps, "depthwise") for pe in divisors(out.channels)]
    return next((fold for fold in folds if clocks(node, x, out, fold) <= interval), folds[-1])


def _lanes(fold: Fold, mux: bool, outputs: int, inputs: int) -> float:
    """Cost of the lanes. Unfolded, a weight is a constant, and its lane costs a third of one with a multiplier."""
    constant = not mux and (outputs // fold.pe) * (inputs // fold.simd) == 1
    return fold.pe * fold.simd * (1 / 3 if constant else 1)


def _around(fold: Fold, k: int, channels: int, bits: int, acc_bits: int) -> float:
    """LUTs around the lanes of a multiplexer layer: its window, accumulators and requantisers; 20 for a block RAM.

    With all channels at a time the window is in registers; with groups of them it is in memories (window_folded),
    but every output has to be accumulated.
    """
    if fold.simd == channels:
        pixel = channels * bits
        blocks = -(-(k - 1) * pixel // 36)
        return 150 + 1.2 * pixel + 0.75 * pixel * (k * k + k + 2) + 25 * fold.pe + 20 * blocks
    group = fold.simd * bits
    blocks = k * -(-group // 36) + -(-(k - 1) * k * group // 36)
    return 110 + 1.1 * k * k * group + (25 + 2 * acc_bits) * fold.pe + 3 * fold.pe * fold.simd + 20 * blocks


def fastest_interval(graph: Graph) -> int:
    """Clocks a frame at one pixel a clock: the most pixels that any image of the graph has."""
    pixels = [t.shape[0] * t.shape[1] if len(t.shape) == 3 else 1 for t in graph.tensors.values()]
    return max(pixels)
