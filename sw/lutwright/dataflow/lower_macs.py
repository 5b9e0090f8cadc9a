"""Lowering of weighted layers: a convolution or dense layer becomes a window or a replay memory, and a MAC engine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lutwright.dataflow.binary import has_signs
from lutwright.dataflow.clocks import Rows, Windows, border_before
from lutwright.dataflow.complement import complemented, pays
from lutwright.dataflow.folding import Fold
from lutwright.dataflow.kinds import are_powers, in_step, is_complement, kept, power_codes, shares_taps
from lutwright.dataflow.lower_points import add_offset, sums_stream
from lutwright.dataflow.lowering import Lowering
from lutwright.dataflow.stage import Parameter, Stream, Vector
from lutwright.dataflow.unrolled import unroll
from lutwright.ir.graph import Node, Tensor
from lutwright.ir.ops import infer
from lutwright.ir.window_shape import is_point, is_row, window_size
from lutwright.numerics.quantiser import IntArray
from lutwright.numerics.ranges import type_of


def conv(work: Lowering, node: Node) -> None:
    """A window and one of the engines: multiplexers, depthwise, or PE x SIMD."""
    work.begin(node)
    x, out, fold = work.graph.tensors[node.inputs[0]], _sums(work, node), work.folds[node.name]
    if fold.engine == "unrolled":
        if not is_point(node):
            padded_window(work, node, x.channels)
        _unrolled(work, node, x, out)
    elif fold.engine == "depthwise":
        _depthwise(work, node, x, out, fold)
    elif fold.mux:
        _mux(work, node, x, out, fold)
    else:
        _dense_conv(work, node, x, out, fold)
    _bias(work, node, out)
    work.finish(node.output, node)


def dense(work: Lowering, node: Node) -> None:
    """PE x SIMD, behind a replay memory where a vector is needed several times and not held whole."""
    work.begin(node)
    x, out, fold = work.graph.tensors[node.inputs[0]], _sums(work, node), work.folds[node.name]
    matrix = node.attrs["weights"]
    if fold.engine == "unrolled":
        _unrolled(work, node, x, out)
    else:
        _take_signs(work, node)
        _vectors(work, node, fold, matrix)
        _folded_mac(work, node, matrix, out, fold, fold.simd == matrix.shape[1])
    _bias(work, node, out)
    work.finish(node.output, node)


def _take_signs(work: Lowering, node: Node) -> None:
    """Where weights and activations are -1 and 1 only, the activations of `here` become one bit each."""
    if _is_binary(work, node):
        before = work.stream
        stream = Stream(before.lanes, 1, False, before.beats)
        work.add(f"{node.name}_signs", "signs", node, stream, stream.beats, LANES=before.lanes, BITS=before.bits)


def _is_binary(work: Lowering, node: Node) -> bool:
    return has_signs(node) and node.inputs[0] in work.signs


def _vectors(work: Lowering, node: Node, fold: Fold, matrix: IntArray) -> None:
    """`here` as vectors of SIMD inputs a beat, each vector as often as its outputs are made a few at a time."""
    work.lanes(node, fold.simd)
    beats, times = matrix.shape[1] // fold.simd, matrix.shape[0] // fold.pe
    if times == 1 or beats == 1:
        return
    before = work.stream
    stream = Stream(fold.simd, before.bits, before.signed, before.beats * times)
    told: dict[str, Parameter] = {"WIDTH": stream.width, "BEATS": beats, "TIMES": times}
    told["BLOCK"] = work.in_block(2 * beats * stream.width)
    work.add(f"{node.name}_replay", "replay", node, stream, stream.beats, **told)


def _mux(work: Lowering, node: Node, x: Tensor, out: Tensor, fold: Fold) -> None:
    times = node.attrs["weights"].shape[0] // fold.pe
    whole = is_row(node) or (fold.simd == x.channels and in_step(node, times))
    if whole:
        padded_window(work, node, fold.simd, engine=times * (x.channels // fold.simd))
    else:
        _padded_window_folded(work, node, fold.simd, times)
    _mux_mac(work, node, x, out, fold, whole)


def _dense_conv(work: Lowering, node: Node, x: Tensor, out: Tensor, fold: Fold) -> None:
    """All channels at a time out of registers, or groups of them out of memories (window_folded)."""
    w = node.attrs["weights"]
    outputs, taps, channels = w.shape[0], w.shape[1] * w.shape[2], w.shape[3]
    matrix = w.reshape(outputs, -1)
    times = outputs // fold.pe
    _take_signs(work, node)
    hold = fold.simd == taps * channels
    if is_point(node):
        _vectors(work, node, fold, matrix)
    elif is_row(node):
        hold = True
        padded_window(work, node, channels, engine=times * (matrix.shape[1] // fold.simd))
    elif hold and in_step(node, times):
        padded_window(work, node, channels, engine=times)
    else:
        group = max(1, fold.simd // taps)
        hold = False
        _padded_window_folded(work, node, group, times, max(1, taps // fold.simd))
        work.lanes(node, fold.simd, "_taps")
        matrix = w.reshape(outputs, taps, channels // group, group).transpose(0, 2, 1, 3).reshape(outputs, -1)
    _folded_mac(work, node, matrix, out, fold, hold)


def _adds_bias(work: Lowering, node: Node) -> bool:
    """Whether the bias is a stage of its own; the one of complemented signs comes out of the multiplexers."""
    return "bias" in node.attrs and not (work.folds[node.name].mux and is_complement(node))


def _sums(work: Lowering, node: Node) -> Tensor:
    """What the MAC of a Conv or Dense makes: the node's output, or the sums before its bias, called ""."""
    if not _adds_bias(work, node):
        return work.graph.tensors[node.output]
    attrs = {key: value for key, value in node.attrs.items() if key != "bias"}
    bare = replace(node, output="", attrs=attrs)
    return infer(bare, [work.graph.tensors[name] for name in node.inputs], np.ones(1))


def _bias(work: Lowering, node: Node, sums: Tensor) -> None:
    """The stage that adds the bias to `sums`, where there is one."""
    if _adds_bias(work, node):
        add_offset(work, node, f"{node.name}_bias", sums, np.ones(1, np.int64), node.attrs["bias"])


# ---- windows ---------------------------------------------------------------------------------------------------------


def padded_window(work: Lowering, node: Node, simd: int, value: int = 0, engine: int = 1, beats: int = 1) -> None:
    """The window of a Conv or pool on `here`, all channels at a time, in groups of `simd`.

    What the window cell cannot pad itself (wide padding, a border that is not 0, a single row) a pad cell does before.
    engine: clocks for which what follows holds a window. beats: of a window of a row, behind a width_down that follows.
    """
    x, out = work.graph.tensors[node.inputs[0]], work.graph.tensors[node.output]
    work.lanes(node, x.channels)
    if is_row(node):
        _row_window(work, node, x, simd, value, engine, beats)
        return
    k = window_size(node, x.shape)[0]
    windows = _bordered(work, node, k - 2, value)
    pixel = x.channels * work.stream.bits
    before = work.stream
    stream = Stream(k * k * x.channels, before.bits, before.signed, out.shape[0] * out.shape[1])
    work.add(
        f"{node.name}_window",
        "window",
        node,
        stream,
        windows.held(engine),
        CHANNELS=x.channels,
        BITS=before.bits,
        SIMD=simd,
        **_sizes(windows),
        BLOCK=work.in_block(windows.width * (k - 1) * pixel),
    )


def _row_window(work: Lowering, node: Node, x: Tensor, simd: int, value: int, engine: int, beats: int) -> None:
    """The windows of rows; a border that is not 0 a pad cell puts on before."""
    rows = Rows.of(node, x, work.graph.tensors[node.output])
    if value and any(node.attrs["pads"]):
        beside = max(0, (rows.columns - 1) * rows.stride + rows.k - rows.left - rows.width)
        pad_image(work, node, (rows.height, rows.width), (0, rows.left, 0, beside), value)
        rows = replace(rows, width=rows.width + rows.left + beside, left=0)
    before = work.stream
    stream = Stream(rows.k * x.channels, before.bits, before.signed, rows.height * rows.columns)
    work.add(
        f"{node.name}_window",
        "window_row",
        node,
        stream,
        rows.handed(beats) if beats > 1 else rows.clocks(engine),
        CHANNELS=x.channels,
        BITS=before.bits,
        SIMD=simd,
        WIDTH=rows.width,
        K=rows.k,
        STRIDE=rows.stride,
        PAD_L=rows.left,
        OUT_W=rows.columns,
    )


def _bordered(work: Lowering, node: Node, most: int, value: int = 0) -> Windows:
    """Put the border around `here` that the window cannot, see clocks.border_before; the windows that are left over."""
    x, out = work.graph.tensors[node.inputs[0]], work.graph.tensors[node.output]
    border = border_before(node, x, out, most, value)
    if any(border):
        pad_image(work, node, (x.shape[0], x.shape[1]), border, value)
    return Windows.of(node, x, out, border)


def pad_image(work: Lowering, node: Node, size: tuple[int, int], pads: tuple[int, ...], value: int) -> None:
    """A border of `value` around the image of `here`, by a pad cell."""
    before = work.stream
    folds = before.beats // (size[0] * size[1])
    rows, columns = size[0] + pads[0] + pads[2], size[1] + pads[1] + pads[3]
    stream = Stream(before.lanes, before.bits, before.signed, rows * columns * folds)
    tensor = node.output if node.op == "Pad" else ""
    work.add(
        f"{node.name}_pad" if not tensor else node.name,
        "pad",
        node,
        stream,
        stream.beats,
        tensor,
        WIDTH=before.width,
        NF=folds,
        HEIGHT=size[0],
        COLUMNS=size[1],
        PAD_T=pads[0],
        PAD_L=pads[1],
        PAD_B=pads[2],
        PAD_R=pads[3],
        VALUE=Vector(np.full(before.lanes, value), before.bits),
    )


def _padded_window_folded(work: Lowering, node: Node, simd: int, times: int, parts: int = 1) -> None:
    """The window served in groups of `simd` channels, all of them `times` times, out of memories and not registers.

    parts: clocks for which what follows holds each beat.
    """
    x, out = work.graph.tensors[node.inputs[0]], work.graph.tensors[node.output]
    k, channels = node.attrs["weights"].shape[1], x.channels
    work.lanes(node, simd)
    windows = _bordered(work, node, k - 1)
    before = work.stream
    nf, sf, bits = times, channels // simd, before.bits
    cycles = windows.folded(sf, nf, parts)
    stream = Stream(k * k * simd, bits, before.signed, out.shape[0] * out.shape[1] * nf * sf)
    work.add(
        f"{node.name}_window",
        "window_folded",
        node,
        stream,
        cycles,
        CHANNELS=channels,
        BITS=bits,
        SIMD=simd,
        NF=nf,
        **_sizes(windows),
        BLOCK=work.in_block(windows.width * sf * simd * bits),
        HISTORY=work.in_block(sf * (k - 1) * k * simd * bits),
    )


def _sizes(windows: Windows) -> dict[str, Parameter]:
    """Parameters that window and window_folded share."""
    return {
        "HEIGHT": windows.height,
        "WIDTH": windows.width,
        "K": windows.k,
        "STRIDE": windows.stride,
        "PAD_T": windows.top,
        "PAD_L": windows.left,
        "OUT_H": windows.rows,
        "OUT_W": windows.columns,
    }


# ---- engines ---------------------------------------------------------------------------------------------------------


def _lane_parameters(here: Stream, x: Tensor, w: IntArray, out: Tensor) -> tuple[dict[str, Parameter], int]:
    """Parameters that the MAC engines share, and the bits of a weight."""
    w_bits = type_of(min(int(w.min()), -1), max(int(w.max()), 1)).width
    w_bits += int(w_bits == 2 and int(w.min()) == -2)  # product.sv takes two bits for -1, 0 and 1
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


def _acc_bits(shared: dict[str, Parameter]) -> int:
    """Bits of a sum, of what _lane_parameters gives."""
    return int(str(shared["ACC_BITS"]))


def _unrolled(work: Lowering, node: Node, x: Tensor, out: Tensor) -> None:
    """A window or vector in a clock, through a graph of adders."""
    w = node.attrs["weights"]
    matrix = w.reshape(w.shape[0], -1)
    work.lanes(node, matrix.shape[1])
    # A window may be padded, and a stream that is two's complement may carry a range without negative numbers.
    ends = (min(x.low, 0), max(x.high, 0)) if node.op == "Conv" else (x.low, x.high)
    bits, signed = work.stream.bits, work.stream.signed
    # The adders know of no padding: where it lies in every window, they could reach further than the tensor does.
    reach = np.stack([matrix * ends[0], matrix * ends[1]])
    furthest = type_of(min(int(reach.min(axis=0).sum(axis=1).min()), -1), int(reach.max(axis=0).sum(axis=1).max()))
    stream = sums_stream(out, out.channels)
    stream = replace(stream, bits=max(stream.bits, furthest.width))
    layer = unroll(f"{node.name}_unrolled", matrix, ends, bits, signed, stream.bits, work.target.adder_levels)
    work.add_unrolled(layer, node, stream, out.name)


def _by_fold(matrix: IntArray, pe: int, simd: int) -> IntArray:
    """[outputs, inputs, ...] -> [NF, SF, PE, SIMD, ...], the order of the weight ROMs."""
    outputs, inputs, *rest = matrix.shape
    return matrix.reshape(outputs // pe, pe, inputs // simd, simd, *rest).swapaxes(1, 2)


def _mux_mac(work: Lowering, node: Node, x: Tensor, out: Tensor, fold: Fold, whole: bool) -> None:
    """whole: a beat is the whole window, held until its outputs are made."""
    w = node.attrs["weights"]  # [out, kh, kw, in]
    taps = w.shape[1] * w.shape[2]
    positions, weights = _kept_weights(node)
    shared, w_bits = _lane_parameters(work.stream, x, w, out)
    if is_complement(node):  # passes/complement_signs.py
        weights, w_bits = (weights < 0).astype(np.int64), 1
        shared |= {"SIGN_ONLY": 1, "W_BITS": 1, "P_BITS": work.stream.bits + 1}
    nf, sf = w.shape[0] // fold.pe, w.shape[3] // fold.simd
    if nf * sf > 1 and not is_complement(node) and pays(fold.simd * positions.shape[2], sf, _acc_bits(shared)):
        weights, w_bits, told = complemented(weights, work.stream, _acc_bits(shared))
        shared |= told
    elif nf * sf > 1 and are_powers(weights):
        weights, w_bits = power_codes(weights)
        shared |= {"POWERS": 1, "W_BITS": w_bits}
    work.add(
        node.name,
        "mux_mac",
        node,
        sums_stream(out, fold.pe),
        out.shape[0] * out.shape[1] * nf * sf,
        out.name,
        PE=fold.pe,
        SIMD=fold.simd,
        NF=nf,
        SF=sf,
        TAPS=taps,
        KEPT=positions.shape[2],
        SHARED=int(shares_taps(node)),
        HOLD=int(whole),
        EVERY=work.target.adder_levels,
        **shared,
        POSITIONS=Vector(_by_fold(positions, fold.pe, fold.simd), (taps - 1).bit_length()),
        WEIGHTS=Vector(_by_fold(weights, fold.pe, fold.simd), w_bits),
    )


def _kept_weights(node: Node) -> tuple[IntArray, IntArray]:
    """Taps and weights of each pair of a multiplexer layer, int64 [out, in, kept]; weights of 0 fill up."""
    w = node.attrs["weights"]
    flat = w.reshape(w.shape[0], -1, w.shape[3])
    used = flat != 0
    if shares_taps(node):
        used = np.broadcast_to(used.any(axis=0), used.shape)
    order = np.argsort(~used, axis=1, kind="stable")[:, : kept(node)]
    weights = np.take_along_axis(flat, order, axis=1)
    # A pair that keeps fewer reads its first tap again: no multiplexer of its own.
    order = np.where(np.take_along_axis(used, order, axis=1), order, order[:, :1])
    return order.transpose(0, 2, 1), weights.transpose(0, 2, 1)


def _depthwise(work: Lowering, node: Node, x: Tensor, out: Tensor, fold: Fold) -> None:
    """Each channel by itself, PE of them at a time: the window comes in groups, out of memories unless it is a row."""
    w = node.attrs["weights"][..., 0]  # [channels, kh, kw]
    taps, nf = w.shape[1] * w.shape[2], w.shape[0] // fold.pe
    if is_point(node):
        work.lanes(node, fold.pe)
    elif nf > 1 and not is_row(node):
        _padded_window_folded(work, node, fold.pe, 1)
    else:
        padded_window(work, node, fold.pe, beats=nf)
        work.lanes(node, taps * fold.pe, "_groups")
    shared, w_bits = _lane_parameters(work.stream, x, w, out)
    if nf > 1 and pays(taps, 1, _acc_bits(shared)):
        w, w_bits, told = complemented(w, work.stream, _acc_bits(shared))
        shared |= told
    elif nf > 1 and are_powers(w):
        w, w_bits = power_codes(w)
        shared |= {"POWERS": 1, "W_BITS": w_bits}
    stream = sums_stream(out, fold.pe)
    work.add(
        node.name,
        "depthwise_mac",
        node,
        stream,
        stream.beats,
        out.name,
        PE=fold.pe,
        NF=nf,
        TAPS=taps,
        EVERY=work.target.adder_levels,
        **shared,
        WEIGHTS=Vector(w.reshape(w.shape[0], taps), w_bits),
    )


def _folded_mac(work: Lowering, node: Node, matrix: IntArray, out: Tensor, fold: Fold, hold: bool) -> None:
    """PE x SIMD on `here`, whose beats are SIMD inputs in the order of the columns of `matrix`.

    hold: a beat is a whole vector and stays for all of its outputs.
    """
    x = work.graph.tensors[node.inputs[0]]
    shared, w_bits = _lane_parameters(work.stream, x, matrix, out)
    p_bits = int(str(shared["P_BITS"]))
    if _is_binary(work, node):
        matrix, w_bits = (matrix < 0).astype(np.int64), 1
        shared |= {"BINARY": 1, "X_SIGNED": 0, "W_BITS": 1}
    elif fold.engine == "dsp":
        paired = fold.pe % 2 == 0 and p_bits + w_bits + 1 <= work.target.dsp_bits
        shared |= {"DSP": 2 if paired else 1}
    elif matrix.shape != (fold.pe, fold.simd) and pays(fold.simd, matrix.shape[1] // fold.simd, _acc_bits(shared)):
        matrix, w_bits, told = complemented(matrix, work.stream, _acc_bits(shared))
        shared |= told
    elif matrix.shape != (fold.pe, fold.simd) and are_powers(matrix):
        matrix, w_bits = power_codes(matrix)
        shared |= {"POWERS": 1, "W_BITS": w_bits}
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
        sums_stream(out, fold.pe),
        pixels * nf * sf,
        out.name,
        files,
        PE=fold.pe,
        SIMD=fold.simd,
        NF=nf,
        SF=sf,
        HOLD=int(hold),
        EVERY=work.target.adder_levels,
        **shared,
        **weights,
    )
