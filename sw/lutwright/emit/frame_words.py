"""Frames and results as the bytes of a board's link: beats of whole bytes, the first element in the low bits."""

from __future__ import annotations

from lutwright.dataflow.stage import Pipeline, Stream
from lutwright.ir.execute import execute_outputs
from lutwright.ir.graph import Graph
from lutwright.numerics.packing import to_bytes
from lutwright.numerics.quantiser import IntArray


def frame_words(pipeline: Pipeline, codes: IntArray) -> list[bytes]:
    """Input codes [n, ...shape] as the bytes of one frame each."""
    stream = pipeline.source
    raw = to_bytes(codes.reshape(-1, stream.lanes), stream.bits)
    return [bytes(row) for row in raw.reshape(codes.shape[0], stream.beats * stream.bytes)]


def result_words(graph: Graph, pipeline: Pipeline, codes: IntArray) -> list[bytes]:
    """What `pipeline` must answer to each frame, by the integer executor: its outputs, one behind the other."""
    words = execute_outputs(graph, codes)
    parts = [_packed(one, outlet.stream) for one, outlet in zip(words, pipeline.outlets, strict=True)]
    return [b"".join(frame) for frame in zip(*parts, strict=True)]


def _packed(values: IntArray, stream: Stream) -> list[bytes]:
    """The frames [n, ...shape] of one output as the bytes of its beats."""
    size = stream.bytes
    rows = values.reshape(-1, stream.lanes)
    words = [sum((int(v) & ((1 << stream.bits) - 1)) << (i * stream.bits) for i, v in enumerate(row)) for row in rows]
    if stream.lanes == 1 and stream.signed:
        words = [int(row[0]) & ((1 << 8 * size) - 1) for row in rows]
    packed = b"".join(word.to_bytes(size, "little") for word in words)
    each = size * stream.beats
    return [packed[i : i + each] for i in range(0, len(packed), each)]
