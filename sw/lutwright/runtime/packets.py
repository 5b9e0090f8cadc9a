"""What a board answers to a frame, as integers: its outputs one behind the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lutwright.dataflow.stage import Pipeline
from lutwright.ir.graph import Graph
from lutwright.numerics.packing import from_bytes
from lutwright.numerics.quantiser import IntArray


def places(pipeline: Pipeline) -> dict[str, slice]:
    """Output -> its bytes in the answer to a frame."""
    found: dict[str, slice] = {}
    start = 0
    for outlet in pipeline.outlets:
        stop = start + outlet.stream.bytes * outlet.stream.beats
        found[outlet.name] = slice(start, stop)
        start = stop
    return found


def unpack(graph: Graph, pipeline: Pipeline, answers: Sequence[bytes]) -> dict[str, IntArray]:
    """Output -> its integers int64 [n, ...] out of `answers`, those to n frames, each as long as it must be.

    They are in the layout of the model's output; indices, which have none, in that of their tensor.
    """
    found: dict[str, IntArray] = {}
    for output, outlet, place in zip(graph.outputs, pipeline.outlets, places(pipeline).values(), strict=True):
        stream = outlet.stream
        raw = np.frombuffer(b"".join(answer[place] for answer in answers), np.uint8).reshape(-1, stream.bytes)
        words = from_bytes(raw, stream.lanes, stream.bits, stream.signed)
        words = words.reshape(len(answers), *graph.tensors[outlet.tensor].shape)
        found[outlet.name] = words if output.exit is None else output.exit.view.to_model(words)
    return found
