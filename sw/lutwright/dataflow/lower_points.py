"""Lowering of what works on each word by itself: step functions, offsets, additions."""

from __future__ import annotations

import numpy as np

from lutwright.dataflow.lowering import End, Lowering
from lutwright.dataflow.stage import Parameter, Stream, Vector
from lutwright.ir.graph import Node, Tensor
from lutwright.numerics.quantiser import IntArray
from lutwright.numerics.ranges import type_of
from lutwright.numerics.requantise import Lookup, Multiply, Requantise, Threshold
from lutwright.numerics.steps import Table


def sums_stream(out: Tensor, lanes: int) -> Stream:
    """The stream of accumulators, which are two's complement whatever their range."""
    return Stream(lanes, type_of(min(out.low, -1), out.high).width, True, out.words // lanes)


def step(work: Lowering, node: Node) -> None:
    """A step function in the form that was fitted, or as thresholds, or as a table."""
    _begin_signed(work, node)
    steps = node.attrs["steps"]
    form = node.attrs["form"] or (Lookup(steps) if isinstance(steps, Table) else Threshold(steps))
    stream = work.tensor_stream(work.graph.tensors[node.output], work.stream.lanes)
    _requantise(work, node, node.name, work.graph.tensors[node.inputs[0]], form, stream)
    work.finish(node.output, node)


def affine(work: Lowering, node: Node) -> None:
    """A gain and an offset for each channel."""
    _begin_signed(work, node)
    add_offset(work, node, node.name, work.graph.tensors[node.inputs[0]], node.attrs["gain"], node.attrs["offset"])
    work.finish(node.output, node)


def _begin_signed(work: Lowering, node: Node) -> None:
    """Take the input of `node` in two's complement: codes without a sign get one bit more."""
    work.begin(node)
    if not work.stream.signed:
        work.extend(node, work.stream.bits + 1, True)


def add_offset(work: Lowering, node: Node, name: str, x: Tensor, gain: IntArray, offset: IntArray) -> None:
    """x * gain + offset as a requantisation that shifts and clips nothing; the results travel like accumulators."""
    out = work.graph.tensors[node.output]
    gain, offset = (np.broadcast_to(a, x.channels) for a in (gain, offset))
    stream = sums_stream(out, work.stream.lanes)
    # The bounds of all channels together, so that nothing needs a clip; what comes out fits into the stream.
    ends = np.concatenate([x.low * gain + offset, x.high * gain + offset])
    _requantise(work, node, name, x, Multiply(gain, offset, 0, int(ends.min()), int(ends.max())), stream)


def _requantise(work: Lowering, node: Node, name: str, x: Tensor, form: Requantise, stream: Stream) -> None:
    """The cell of `form` on `x`, which makes the node's output as `stream`."""
    out = work.graph.tensors[node.output]
    pe, acc_bits = work.stream.lanes, work.stream.bits
    shared: dict[str, Parameter] = {"PE": pe, "NF": x.channels // pe, "ACC_BITS": acc_bits, "CODE_BITS": stream.bits}
    files: dict[str, Vector] = {}
    if isinstance(form, Multiply):
        cell, told = "requantise_affine", _affine(form, x)
    elif isinstance(form, Threshold):
        cell, told = "requantise_threshold", _thresholds(form, acc_bits, out)
    else:
        cell = "requantise_table"
        told, files = _table(work, name, form.table, out, pe)
    work.add(name, cell, node, stream, stream.beats, node.output, files, **shared, **told)
    # The register slice ends the chain of ready signals at every layer.
    work.add(f"{name}_slice", "skid", node, stream, stream.beats, node.output, WIDTH=stream.width)


def _affine(form: Multiply, x: Tensor) -> dict[str, Parameter]:
    powers = form.form == "shift"
    low, high = x.low * form.multiplier, x.high * form.multiplier
    sums = np.concatenate([low + form.offset, high + form.offset])
    low_sum, high_sum = int(sums.min()), int(sums.max())
    ends = np.concatenate([sums, low, high, [form.code_low, form.code_high]])
    multipliers = np.array([int(m).bit_length() - 1 for m in form.multiplier]) if powers else form.multiplier
    m_bits = type_of(int(multipliers.min()), int(multipliers.max())).width
    if not powers:
        m_bits = type_of(min(int(multipliers.min()), -1), int(multipliers.max())).width
    offset_bits = type_of(min(int(form.offset.min()), -1), int(form.offset.max())).width
    inside = low_sum >> form.shift >= form.code_low and high_sum >> form.shift <= form.code_high
    clip: dict[str, Parameter] = {"CODE_LOW": form.code_low, "CODE_HIGH": form.code_high}
    return {
        "POWERS": int(powers),
        "M_BITS": m_bits,
        "OFFSET_BITS": offset_bits,
        "SUM_BITS": max(offset_bits, type_of(min(int(ends.min()), -1), int(ends.max())).width) + 1,
        "SHIFT": form.shift,
        **({"EVEN": 1} if form.even else {}),
        **({"CLIP": 0} if inside else clip),
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


def _table(
    work: Lowering, name: str, table: Table, out: Tensor, pe: int
) -> tuple[dict[str, Parameter], dict[str, Vector]]:
    """Parameters and files of a table; one that all channels share may go to block RAM."""
    bits = out.type.width
    shared = bool((table.codes == table.codes[0]).all())
    rows = table.codes[:1] if shared else table.codes.reshape(-1, pe, table.codes.shape[1]).transpose(1, 0, 2)
    told: dict[str, Parameter] = {"LOW": table.low, "DEPTH": int(table.codes.shape[1]), "SHARED": int(shared)}
    if shared and work.in_block(rows.size * bits):
        file = f"{name}_codes.mem"
        return {**told, "BLOCK": 1, "FILE": file}, {file: Vector(rows.reshape(-1, 1), bits)}
    return {**told, "BLOCK": 0, "TABLE": Vector(rows, bits)}, {}


# ---- additions of branches -------------------------------------------------------------------------------------------


def add(work: Lowering, node: Node) -> None:
    """a * gain + b * gain of two branches, at the lanes of the narrower one where that keeps up."""
    out = work.graph.tensors[node.output]
    ends = align(work, node, out)
    gains = [np.broadcast_to(gain, out.channels) for gain in node.attrs["gains"]]
    bits = type_of(min(-1, *(int(g.min()) for g in gains)), max(int(g.max()) for g in gains)).width
    lanes = ends[0].stream.lanes
    stream = sums_stream(out, lanes)
    a, b = (end.stream for end in ends)
    work.add(
        node.name,
        "stream_add",
        node,
        stream,
        stream.beats,
        node.output,
        {},
        ends,
        PE=lanes,
        NF=out.channels // lanes,
        A_BITS=a.bits,
        A_SIGNED=int(a.signed),
        B_BITS=b.bits,
        B_SIGNED=int(b.signed),
        GAIN_BITS=bits,
        A_GAINS=Vector(gains[0], bits),
        B_GAINS=Vector(gains[1], bits),
        OUT_BITS=stream.bits,
    )
    work.finish(node.output, node)


def align(work: Lowering, node: Node, out: Tensor) -> tuple[End, ...]:
    """The inputs of `node` with the same number of elements a beat: as few as still keep up with the interval."""
    ends = [work.take(node, index) for index in range(len(node.inputs))]
    tensors = [work.graph.tensors[name] for name in node.inputs]
    lanes = common_lanes(work, [end.stream.lanes for end in ends], [t.channels for t in tensors], out)
    made = []
    for index, end in enumerate(ends):
        work.here = end
        work.lanes(node, lanes, str(index))
        made.append(work.here)
    return tuple(made)


def common_lanes(work: Lowering, lanes: list[int], channels: list[int], out: Tensor) -> int:
    """Elements a beat that divide the channels of all branches: those of the narrowest, or more if it is too slow."""
    most = int(np.gcd.reduce(channels)) if len(out.shape) == 3 else int(np.gcd.reduce(lanes))
    choices = [d for d in range(1, most + 1) if most % d == 0]
    fast = [d for d in choices if out.words // d <= work.target.interval]
    wanted = int(np.gcd.reduce([most, *lanes]))
    return min((d for d in fast if d >= wanted), default=max(choices))
