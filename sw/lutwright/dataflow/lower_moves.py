"""Lowering of what compares, sums or moves words: pools, concatenation, padding, rearrangements, scores."""

from __future__ import annotations

import numpy as np

from lutwright.dataflow.gathering import gathering, most_lanes, word_index
from lutwright.dataflow.lower_macs import pad_image, padded_window
from lutwright.dataflow.lower_points import align, sums_stream
from lutwright.dataflow.lowering import Lowering
from lutwright.dataflow.stage import Parameter, Stream, Vector
from lutwright.ir.graph import Node
from lutwright.ir.window_shape import is_tiled, kernel_of, window_size
from lutwright.numerics.ranges import type_of


def pool(work: Lowering, node: Node) -> None:
    """Maximum or sum of windows: one running value each where they do not overlap, else a window and a tree."""
    work.begin(node)
    x, out = work.graph.tensors[node.inputs[0]], work.graph.tensors[node.output]
    if is_tiled(node, x.shape):
        (_max_pool if node.op == "MaxPool" else _sum_pool)(work, node)
    else:
        lowest = 0 if node.op == "SumPool" or not work.stream.signed else -(1 << (work.stream.bits - 1))
        padded_window(work, node, x.channels, lowest)
        before = work.stream
        most = node.op == "MaxPool"
        stream = Stream(x.channels, before.bits, before.signed, before.beats) if most else sums_stream(out, x.channels)
        (rows, columns), (kh, kw) = window_size(node, x.shape), kernel_of(node)
        told: dict[str, Parameter] = {"PE": x.channels, "ROWS": rows, "COLUMNS": columns, "KH": kh, "KW": kw}
        told |= {"BITS": before.bits, "SIGNED": int(before.signed), "MAX": int(most), "OUT_BITS": stream.bits}
        work.add(node.name, "window_pool", node, stream, stream.beats, node.output, **told)
    work.finish(node.output, node)


def _max_pool(work: Lowering, node: Node) -> None:
    x, out, before = work.graph.tensors[node.inputs[0]], work.graph.tensors[node.output], work.stream
    folds = x.channels // before.lanes
    stream = Stream(before.lanes, before.bits, before.signed, out.words // before.lanes)
    work.add(
        node.name,
        "max_pool",
        node,
        stream,
        before.beats,
        node.output,
        PE=before.lanes,
        NF=folds,
        BITS=before.bits,
        SIGNED=int(before.signed),
        HEIGHT=x.shape[0],
        WIDTH=x.shape[1],
        KH=node.attrs["kernel"][0],
        KW=node.attrs["kernel"][1],
        BLOCK=work.in_block(out.shape[1] * folds * stream.width),
    )


def _sum_pool(work: Lowering, node: Node) -> None:
    x, out, before = work.graph.tensors[node.inputs[0]], work.graph.tensors[node.output], work.stream
    folds = x.channels // before.lanes
    stream = sums_stream(out, before.lanes)
    work.add(
        node.name,
        "sum_pool",
        node,
        stream,
        before.beats,
        node.output,
        PE=before.lanes,
        NF=folds,
        BITS=before.bits,
        SIGNED=int(before.signed),
        HEIGHT=x.shape[0],
        WIDTH=x.shape[1],
        KH=node.attrs["kernel"][0],
        KW=node.attrs["kernel"][1],
        OUT_BITS=stream.bits,
        BLOCK=work.in_block(out.shape[1] * folds * stream.width),
    )


def concat(work: Lowering, node: Node) -> None:
    """Beats of one branch after the other: a pixel, a row or an image of each."""
    out, axis = work.graph.tensors[node.output], node.attrs["axis"]
    ends = align(work, node, out)
    bits = max(end.stream.bits + int(not end.stream.signed) for end in ends)
    signed = any(end.stream.signed for end in ends)
    bits = bits if signed else max(end.stream.bits for end in ends)
    made = []
    for index, end in enumerate(ends):
        work.here = end
        work.extend(node, bits, signed, str(index))
        made.append(work.here)
    lanes = ends[0].stream.lanes
    beats = [_turn(work, node, name, axis) // lanes for name in node.inputs]
    stream = Stream(lanes, bits, signed, out.words // lanes)
    told: dict[str, Parameter] = {"WIDTH": stream.width, "INPUTS": len(made), "BEATS": Vector(np.array(beats), 32)}
    work.add(node.name, "concat", node, stream, stream.beats, node.output, {}, tuple(made), **told)
    work.finish(node.output, node)


def _turn(work: Lowering, node: Node, name: str, axis: int) -> int:
    """Words of an input that come in one turn."""
    return int(np.prod(work.graph.tensors[name].shape[axis:]))


def pad(work: Lowering, node: Node) -> None:
    """A border around the image."""
    work.begin(node)
    x, value = work.graph.tensors[node.inputs[0]], node.attrs["value"]
    before = work.stream
    need = type_of(min(value, 0), max(value, 0))
    signed = before.signed or value < 0
    bits = max(before.bits + int(signed and not before.signed), need.width + int(signed and not need.signed))
    work.extend(node, bits, signed)
    pad_image(work, node, (x.shape[0], x.shape[1]), node.attrs["pads"], value)
    work.finish(node.output, node)


def gather(work: Lowering, node: Node) -> None:
    """Resize, DepthToSpace or Reorder: blocks of beats picked out of a memory."""
    work.begin(node)
    x = work.graph.tensors[node.inputs[0]]
    lanes = most_lanes(word_index(node, x), int(np.gcd(x.channels, work.graph.tensors[node.output].shape[-1])))
    work.lanes(node, lanes)
    picked, before = gathering(node, x, lanes), work.stream
    stream = Stream(lanes, before.bits, before.signed, picked.blocks * picked.sent)
    bits = max(1, (picked.taken - 1).bit_length())
    told: dict[str, Parameter] = {"WIDTH": before.width, "IN_BEATS": picked.taken, "OUT_BEATS": picked.sent}
    told["BLOCK"] = work.in_block(2 * picked.taken * before.width)
    told["BLOCK_INDEX"] = work.in_block(picked.sent * bits)
    files = {}
    if told["BLOCK_INDEX"]:
        told["FILE"] = f"{node.name}_index.mem"
        files[f"{node.name}_index.mem"] = Vector(picked.index[:, None], bits)
    else:
        told["INDEX"] = Vector(picked.index, bits)
    cycles = picked.blocks * max(picked.taken, picked.sent)
    work.add(node.name, "gather", node, stream, cycles, node.output, files, **told)
    work.finish(node.output, node)


def flatten(work: Lowering, node: Node) -> None:
    """Nothing to do: the stream already carries rows, columns and channels in that order."""
    work.begin(node)
    work.finish(node.output, node)


def arg_max(work: Lowering, node: Node) -> None:
    """The place of the largest, of each pixel."""
    work.begin(node)
    x, out = work.graph.tensors[node.inputs[0]], work.graph.tensors[node.output]
    work.lanes(node, 1)
    stream = Stream(1, max(1, (x.channels - 1).bit_length()), False, out.words)
    told: dict[str, Parameter] = {"N": x.channels, "BITS": work.stream.bits, "SIGNED": int(work.stream.signed)}
    work.add(node.name, "argmax", node, stream, x.words, node.output, **told)
    work.finish(node.output, node)


def top_k(work: Lowering, node: Node) -> None:
    """The places of the K largest, of each pixel."""
    work.begin(node)
    x, out = work.graph.tensors[node.inputs[0]], work.graph.tensors[node.output]
    work.lanes(node, 1)
    stream = Stream(1, max(1, (x.channels - 1).bit_length()), False, out.words)
    told: dict[str, Parameter] = {"N": x.channels, "K": node.attrs["k"], "BITS": work.stream.bits}
    told["SIGNED"] = int(work.stream.signed)
    work.add(node.name, "top_k", node, stream, x.words + out.words, node.output, **told)
    work.finish(node.output, node)
