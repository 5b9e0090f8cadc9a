"""Lowering: the integer graph and a fold for each layer become a pipeline of cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import gcd

import numpy as np

from lutwright.dataflow.buffers import pool_arrivals, queue_depth
from lutwright.dataflow.folding import Fold
from lutwright.dataflow.stage import Parameter, Pipeline, Stage, Stream, Vector
from lutwright.dataflow.supported import is_complement, require_cells
from lutwright.errors import UnsupportedOp
from lutwright.ir.graph import Graph, Node, Tensor
from lutwright.ir.ops import infer
from lutwright.numerics.quantiser import IntArray
from lutwright.numerics.ranges import type_of
from lutwright.numerics.requantise import Multiply, Threshold


@dataclass(frozen=True)
class Target:
    """What a pipeline is made for.

    interval: clocks a frame. adder_levels: levels of adders between two registers.
    block_bits: ROMs and memories of more bits than this go to block RAM.
    """

    interval: int
    adder_levels: int
    block_bits: int = 512


class Lowering:
    """Collects the stages of one graph; `here` is the stream after the last of them."""

    def __init__(self, graph: Graph, folds: dict[str, Fold], target: Target) -> None:
        """folds: one for each Conv and Dense, by node name. target: FIFOs are sized for its interval."""
        self.graph = graph
        self.folds = folds
        self.target = target
        self.stages: list[Stage] = []
        tensor = graph.tensors[graph.input]
        self.here = Stream(
            tensor.channels if len(tensor.shape) == 3 else 1,
            tensor.type.width,
            tensor.type.signed,
            tensor.words // (tensor.channels if len(tensor.shape) == 3 else 1),
        )

    def add(
        self,
        name: str,
        cell: str,
        node: Node,
        stream: Stream,
        cycles: int,
        tensor: str = "",
        files: dict[str, Vector] | None = None,
        /,
        **parameters: Parameter,
    ) -> None:
        """Append an instance of `cell`."""
        self.stages.append(Stage(name, cell, node.name, tensor, parameters, self.here, stream, cycles, files or {}))
        self.here = stream

    def lanes(self, node: Node, lanes: int) -> None:
        """Convert the stream to `lanes` elements a beat."""
        common = gcd(lanes, self.here.lanes)
        if common < self.here.lanes:
            ratio = self.here.lanes // common
            made = Stream(common, self.here.bits, self.here.signed, self.here.beats * ratio)
            self.add(f"{node.name}_narrow", "width_down", node, made, made.beats, WIDTH=made.width, RATIO=ratio)
        if common < lanes:
            ratio = lanes // common
            made = Stream(lanes, self.here.bits, self.here.signed, self.here.beats // ratio)
            self.add(f"{node.name}_widen", "width_up", node, made, self.here.beats, WIDTH=self.here.width, RATIO=ratio)

    def service(self, node: Node) -> float:
        """Clocks that the stages after `node` take for one of its frames, up to the next pool."""
        later = self.graph.nodes[self.graph.nodes.index(node) + 1 :]
        busy = 0
        for after in later:
            if after.op in ("Conv", "Dense"):
                out, w, fold = self.graph.tensors[after.output], after.attrs["weights"], self.folds[after.name]
                inputs = w.shape[-1] if fold.mux or w.ndim == 2 else int(np.prod(w.shape[1:]))
                pixels = out.words // out.channels
                times = 1 if after.op == "Dense" else w.shape[0] // fold.pe  # a replay memory takes its vector at once
                busy = max(busy, pixels * times * (inputs // fold.simd))
            if after.op == "MaxPool":
                break
        return float(busy)

    def tensor_stream(self, tensor: Tensor, lanes: int) -> Stream:
        """The stream that carries `tensor`, `lanes` elements a beat."""
        return Stream(lanes, tensor.type.width, tensor.type.signed, tensor.words // lanes)


def lower(graph: Graph, folds: dict[str, Fold], target: Target) -> Pipeline:
    """The pipeline of `graph` with `folds` for `target`; UnsupportedOp names what no cell does."""
    require_cells(graph)
    work = Lowering(graph, folds, target)
    for node in graph.nodes:
        LOWER[node.op](work, node)
    return Pipeline(graph.name, tuple(work.stages))


def _conv(work: Lowering, node: Node) -> None:
    w, stride, pads = node.attrs["weights"], node.attrs["stride"][0], node.attrs["pads"]
    x, out, fold = work.graph.tensors[node.inputs[0]], _sums(work, node), work.folds[node.name]
    if fold.mux and fold.simd < x.channels:
        _window_folded(work, node, fold)
        _mux_mac(work, node, x, out, fold)
        _bias(work, node, out)
        return
    work.lanes(node, x.channels)
    if w.shape[1] > 1:
        _window(work, node, fold.simd if fold.mux else x.channels)
    elif stride != 1 or any(pads):
        raise UnsupportedOp(
            f"node '{node.name}' (Conv)",
            "a 1x1 kernel must have stride 1 and no padding",
            f"stride {stride}, pads {list(pads)}",
        )
    (_mux_mac if fold.mux else _folded_mac)(work, node, x, out, fold)
    _bias(work, node, out)


def _adds_bias(node: Node) -> bool:
    """Whether the bias is a stage of its own; the one of complemented signs comes out of the multiplexers."""
    return "bias" in node.attrs and not (node.op == "Conv" and is_complement(node))


def _sums(work: Lowering, node: Node) -> Tensor:
    """What the MAC of a Conv or Dense makes: the node's output, or the sums before its bias, called ""."""
    if not _adds_bias(node):
        return work.graph.tensors[node.output]
    attrs = {key: value for key, value in node.attrs.items() if key != "bias"}
    bare = replace(node, output="", attrs=attrs)
    return infer(bare, [work.graph.tensors[name] for name in node.inputs], np.ones(1))


def _bias(work: Lowering, node: Node, sums: Tensor) -> None:
    """The stage that adds the bias to `sums`, where there is one."""
    if _adds_bias(node):
        _offset(work, node, f"{node.name}_bias", sums, np.ones(1, np.int64), node.attrs["bias"])


def _affine_node(work: Lowering, node: Node) -> None:
    x = work.graph.tensors[node.inputs[0]]
    _offset(work, node, node.name, x, node.attrs["gain"], node.attrs["offset"])


def _offset(work: Lowering, node: Node, name: str, x: Tensor, gain: IntArray, offset: IntArray) -> None:
    """x * gain + offset as a requantisation that shifts and clips nothing; the results travel like accumulators."""
    out = work.graph.tensors[node.output]
    gain, offset = (np.broadcast_to(a, x.channels) for a in (gain, offset))
    stream = _acc_stream(out, work.here.lanes)
    _requantise(work, node, name, x, Multiply(gain, offset, 0, out.low, out.high), stream)


def _window(work: Lowering, node: Node, simd: int) -> None:
    w, stride, pads = node.attrs["weights"], node.attrs["stride"][0], node.attrs["pads"]
    x, out = work.graph.tensors[node.inputs[0]], work.graph.tensors[node.output]
    k, (height, width, channels) = w.shape[1], x.shape
    if max(pads[:2]) > k - 2 or min(height, width) < 2:
        raise UnsupportedOp(
            f"node '{node.name}' (Conv)",
            f"padding above and left must be at most {k - 2} on an image of 2x2 or more",
            f"pads {list(pads)} on {height}x{width}",
            "Use padding (k-1)/2.",
        )
    pixel = channels * work.here.bits
    below = max(0, (out.shape[0] - 1) * stride + k - pads[0] - height)
    beside = max(0, (out.shape[1] - 1) * stride + k - pads[1] - width)
    cycles = (height + max(0, below - 1)) * (width + max(0, beside - 1))
    stream = Stream(k * k * channels, work.here.bits, work.here.signed, out.shape[0] * out.shape[1])
    work.add(
        f"{node.name}_window",
        "window",
        node,
        stream,
        cycles,
        CHANNELS=channels,
        BITS=work.here.bits,
        SIMD=simd,
        HEIGHT=height,
        WIDTH=width,
        K=k,
        STRIDE=stride,
        PAD_T=pads[0],
        PAD_L=pads[1],
        OUT_H=out.shape[0],
        OUT_W=out.shape[1],
        BLOCK=int(width * (k - 1) * pixel > work.target.block_bits),
    )


def _window_folded(work: Lowering, node: Node, fold: Fold) -> None:
    """The window served one group of SIMD channels after the other, out of memories and not out of registers."""
    w, stride, pads = node.attrs["weights"], node.attrs["stride"][0], node.attrs["pads"]
    x, out = work.graph.tensors[node.inputs[0]], work.graph.tensors[node.output]
    k, (height, width, channels) = w.shape[1], x.shape
    if max(pads[:2]) > k - 1 or stride > k or min(height, width) < 2:
        raise UnsupportedOp(
            f"node '{node.name}' (Conv)",
            f"padding above and left must be at most {k - 1} and the stride at most {k}, on an image of 2x2 or more",
            f"pads {list(pads)}, stride {stride} on {height}x{width}",
            "Use padding (k-1)/2.",
        )
    work.lanes(node, fold.simd)
    nf, sf, bits = w.shape[0] // fold.pe, channels // fold.simd, work.here.bits
    columns = (out.shape[1] - 1) * stride + k - pads[1]
    merged = min(max(0, columns - width), k - 1 - pads[1], width)
    cycles = max(out.shape[0] * sf * (out.shape[1] * nf + columns - out.shape[1] - merged), height * width * sf)
    stream = Stream(k * k * fold.simd, bits, work.here.signed, out.shape[0] * out.shape[1] * nf * sf)
    work.add(
        f"{node.name}_window",
        "window_folded",
        node,
        stream,
        cycles,
        CHANNELS=channels,
        BITS=bits,
        SIMD=fold.simd,
        NF=nf,
        HEIGHT=height,
        WIDTH=width,
        K=k,
        STRIDE=stride,
        PAD_T=pads[0],
        PAD_L=pads[1],
        OUT_H=out.shape[0],
        OUT_W=out.shape[1],
        BLOCK=int(width * sf * fold.simd * bits > work.target.block_bits),
        HISTORY=int(sf * (k - 1) * k * fold.simd * bits > work.target.block_bits),
    )


def _lane_parameters(here: Stream, x: Tensor, w: IntArray, out: Tensor) -> tuple[dict[str, Parameter], int]:
    """Parameters that both MAC engines share, and the bits of a weight."""
    w_bits = max(2, type_of(min(int(w.min()), -1), max(int(w.max()), 1)).width)
    corners = [a * b for a in (x.low, x.high, 0) for b in (int(w.min()), int(w.max()))]
    p_bits = type_of(min(-1, *corners), max(corners)).width
    acc_bits = type_of(min(out.low, -1), out.high).width
    shared: dict[str, Parameter] = {
        "X_BITS": here.bits,
        "X_SIGNED": int(here.signed),
        "W_BITS": w_bits,
        "P_BITS": p_bits,
        "ACC_BITS": acc_bits,
    }
    return shared, w_bits


def _acc_stream(out: Tensor, lanes: int) -> Stream:
    """Accumulators are two's complement whatever their range."""
    return Stream(lanes, type_of(min(out.low, -1), out.high).width, True, out.words // lanes)


def _by_fold(matrix: IntArray, pe: int, simd: int) -> IntArray:
    """[outputs, inputs] -> [NF, SF, PE, SIMD], the order of the weight ROMs."""
    outputs, inputs = matrix.shape
    return matrix.reshape(outputs // pe, pe, inputs // simd, simd).transpose(0, 2, 1, 3)


def _mux_mac(work: Lowering, node: Node, x: Tensor, out: Tensor, fold: Fold) -> None:
    w = node.attrs["weights"]  # [out, kh, kw, in]
    taps = w.shape[1] * w.shape[2]
    flat = w.reshape(w.shape[0], taps, w.shape[3])
    positions = np.abs(flat).argmax(axis=1)  # [out, in]
    kept = np.take_along_axis(flat, positions[:, None, :], axis=1)[:, 0]
    shared, w_bits = _lane_parameters(work.here, x, w, out)
    if is_complement(node):  # passes/complement_signs.py
        kept, w_bits = (kept < 0).astype(np.int64), 1
        shared |= {"SIGN_ONLY": 1, "W_BITS": 1, "P_BITS": work.here.bits + 1}
    nf, sf = w.shape[0] // fold.pe, w.shape[3] // fold.simd
    stream = _acc_stream(out, fold.pe)
    work.add(
        node.name,
        "mux_mac",
        node,
        stream,
        out.shape[0] * out.shape[1] * nf * sf,
        out.name,
        PE=fold.pe,
        SIMD=fold.simd,
        NF=nf,
        SF=sf,
        TAPS=taps,
        HOLD=int(sf == 1),
        EVERY=work.target.adder_levels,
        **shared,
        POSITIONS=Vector(_by_fold(positions, fold.pe, fold.simd), (taps - 1).bit_length()),
        WEIGHTS=Vector(_by_fold(kept, fold.pe, fold.simd), w_bits),
    )


def _folded_mac(work: Lowering, node: Node, x: Tensor, out: Tensor, fold: Fold) -> None:
    matrix = node.attrs["weights"].reshape(node.attrs["weights"].shape[0], -1)
    shared, w_bits = _lane_parameters(work.here, x, matrix, out)
    hold = int(node.op == "Conv")
    nf, sf = matrix.shape[0] // fold.pe, matrix.shape[1] // fold.simd
    words = _by_fold(matrix, fold.pe, fold.simd).reshape(nf * sf, -1)
    pixels = out.words // out.channels
    block = nf * sf > 1 and words.size * w_bits > max(512, work.target.block_bits)  # unfolded, they are constants
    weights: dict[str, Parameter] = {"BLOCK": int(block)}
    files: dict[str, Vector] = {}
    if weights["BLOCK"]:
        weights["FILE"] = f"{node.name}_weights.mem"
        files[f"{node.name}_weights.mem"] = Vector(words, w_bits)
    else:
        weights["WEIGHTS"] = Vector(words, w_bits)
    work.add(
        node.name,
        "folded_mac",
        node,
        _acc_stream(out, fold.pe),
        pixels * nf * sf,
        out.name,
        files,
        PE=fold.pe,
        SIMD=fold.simd,
        NF=nf,
        SF=sf,
        HOLD=hold,
        EVERY=work.target.adder_levels,
        **shared,
        **weights,
    )


def _dense(work: Lowering, node: Node) -> None:
    x, out, fold = work.graph.tensors[node.inputs[0]], _sums(work, node), work.folds[node.name]
    work.lanes(node, fold.simd)
    times = out.words // fold.pe
    if times > 1:
        stream = Stream(fold.simd, work.here.bits, work.here.signed, work.here.beats * times)
        work.add(
            f"{node.name}_replay",
            "replay",
            node,
            stream,
            stream.beats,
            WIDTH=stream.width,
            BEATS=work.here.beats,
            TIMES=times,
            BLOCK=int(2 * work.here.beats * stream.width > work.target.block_bits),
        )
    _folded_mac(work, node, x, out, fold)
    _bias(work, node, out)


def _step(work: Lowering, node: Node) -> None:
    form = node.attrs["form"] or Threshold(node.attrs["steps"])
    stream = work.tensor_stream(work.graph.tensors[node.output], work.here.lanes)
    _requantise(work, node, node.name, work.graph.tensors[node.inputs[0]], form, stream)


def _requantise(work: Lowering, node: Node, name: str, x: Tensor, form: Multiply | Threshold, stream: Stream) -> None:
    """The cell of `form` on `x`, which makes the node's output as `stream`."""
    out = work.graph.tensors[node.output]
    pe, acc_bits = work.here.lanes, work.here.bits
    shared: dict[str, Parameter] = {"PE": pe, "NF": x.channels // pe, "ACC_BITS": acc_bits, "CODE_BITS": stream.bits}
    if isinstance(form, Multiply):
        work.add(name, "requantise_affine", node, stream, stream.beats, node.output, **shared, **_affine(form, x))
    else:
        work.add(
            name,
            "requantise_threshold",
            node,
            stream,
            stream.beats,
            node.output,
            **shared,
            **_thresholds(form, acc_bits, out),
        )
    # The register slice ends the chain of ready signals at every layer.
    work.add(f"{name}_slice", "skid", node, stream, stream.beats, node.output, WIDTH=stream.width)


def _affine(form: Multiply, x: Tensor) -> dict[str, Parameter]:
    powers = form.form == "shift"
    low, high = x.low * form.multiplier, x.high * form.multiplier
    ends = np.concatenate(
        [
            np.minimum(low, high) + form.offset,
            np.maximum(low, high) + form.offset,
            low,
            high,
            [form.code_low, form.code_high],
        ]
    )
    multipliers = np.array([int(m).bit_length() - 1 for m in form.multiplier]) if powers else form.multiplier
    m_bits = type_of(int(multipliers.min()), int(multipliers.max())).width
    if not powers:
        m_bits = type_of(min(int(multipliers.min()), -1), int(multipliers.max())).width
    offset_bits = type_of(min(int(form.offset.min()), -1), int(form.offset.max())).width
    return {
        "POWERS": int(powers),
        "M_BITS": m_bits,
        "OFFSET_BITS": offset_bits,
        "SUM_BITS": max(offset_bits, type_of(min(int(ends.min()), -1), int(ends.max())).width) + 1,
        "SHIFT": form.shift,
        "CODE_LOW": form.code_low,
        "CODE_HIGH": form.code_high,
        "MULTIPLIERS": Vector(multipliers, m_bits),
        "OFFSETS": Vector(form.offset, offset_bits),
    }


def _thresholds(form: Threshold, acc_bits: int, out: Tensor) -> dict[str, Parameter]:
    steps = form.steps
    reached = steps.thresholds <= steps.high
    levels = max(1, int(reached.sum(axis=1).max()).bit_length())
    columns = (1 << levels) - 1
    padded = np.zeros((steps.channels, columns), np.int64)
    never = np.ones((steps.channels, columns), np.int64)
    width = min(columns, steps.thresholds.shape[1])
    padded[:, :width] = np.where(reached[:, :width], steps.thresholds[:, :width], 0)
    never[:, :width] = ~reached[:, :width]
    return {
        "LEVELS": levels,
        "THRESHOLDS": Vector(padded, acc_bits),
        "NEVER": Vector(never, 1),
        "BASES": Vector(steps.base, out.type.width),
        "FALLING": Vector((steps.direction < 0).astype(np.int64), 1),
    }


def _max_pool(work: Lowering, node: Node) -> None:
    x, out = work.graph.tensors[node.inputs[0]], work.graph.tensors[node.output]
    pe, bits = work.here.lanes, work.here.bits
    nf = x.channels // pe
    depth = out.shape[1] * nf
    stream = Stream(pe, bits, work.here.signed, out.words // pe)
    work.add(
        node.name,
        "max_pool",
        node,
        stream,
        work.here.beats,
        node.output,
        PE=pe,
        NF=nf,
        BITS=bits,
        SIGNED=int(work.here.signed),
        HEIGHT=x.shape[0],
        WIDTH=x.shape[1],
        K=node.attrs["kernel"][0],
        BLOCK=int(depth * stream.width > work.target.block_bits),
    )
    # A pool sends a row of pixels in a burst and then nothing; what follows works at a steady rate.
    arrivals = pool_arrivals(x, node.attrs["kernel"][0], nf, work.target.interval / (x.shape[0] * x.shape[1] * nf))
    waiting = queue_depth(arrivals, work.service(node) / stream.beats)
    if waiting > 1:
        work.add(
            f"{node.name}_fifo",
            "fifo",
            node,
            stream,
            stream.beats,
            node.output,
            WIDTH=stream.width,
            DEPTH=waiting + 1,
            BLOCK=int((waiting + 1) * stream.width > work.target.block_bits),
        )


def _flatten(work: Lowering, node: Node) -> None:
    """Nothing to do: the stream already carries rows, columns and channels in that order."""


def _argmax(work: Lowering, node: Node) -> None:
    x, out = work.graph.tensors[node.inputs[0]], work.graph.tensors[node.output]
    work.lanes(node, 1)
    stream = Stream(1, max(1, (x.shape[0] - 1).bit_length()), False, out.words)
    work.add(
        node.name,
        "argmax",
        node,
        stream,
        x.shape[0],
        node.output,
        N=x.shape[0],
        BITS=work.here.bits,
        SIGNED=int(work.here.signed),
    )


LOWER: dict[str, Callable[[Lowering, Node], None]] = {
    "Affine": _affine_node,
    "ArgMax": _argmax,
    "Conv": _conv,
    "Dense": _dense,
    "Flatten": _flatten,
    "MaxPool": _max_pool,
    "Step": _step,
}
