"""The packet of a network with several outputs: for a link that answers each frame with one message.

The outputs follow each other in the order of the model, each in bytes. Every one but the first has a FIFO that holds
a whole frame of it: so each output of a frame is taken whenever it comes, and none can keep another one waiting.
"""

from __future__ import annotations

import numpy as np

from lutwright.dataflow.cost import DMA_SHELL, SHELL, Cost, cost
from lutwright.dataflow.stage import Link, Outlet, Parameter, Pipeline, Stage, Stream, Vector

_BLOCK_BITS = 512  # a FIFO of more bits than this is in block RAM


def packet_bytes(pipeline: Pipeline) -> int:
    """Bytes of all outputs of one frame."""
    return sum(outlet.stream.bytes * outlet.stream.beats for outlet in pipeline.outlets)


def core_stream(outlet: Outlet) -> Stream:
    """What a port of the core carries: beats of whole bytes."""
    return Stream(outlet.stream.bytes, 8, False, outlet.stream.beats)


def packet_stages(pipeline: Pipeline) -> tuple[Stage, ...]:
    """The stages behind the outlets of `pipeline`, each of which is taken from link core_<name>; none for one outlet.

    The last of them, "packet", sends the bytes.
    """
    if len(pipeline.outlets) == 1:
        return ()
    stages: list[Stage] = []
    ends = []
    for index, outlet in enumerate(pipeline.outlets):
        link, stream = Link(f"core_{outlet.name}"), core_stream(outlet)
        if index:
            stages.append(_fifo(outlet.name, link, stream))
            link = Link(stages[-1].name)
        if stream.lanes > 1:
            stages.append(_bytes(outlet.name, link, stream))
            link = Link(stages[-1].name)
        ends.append((link, Stream(1, 8, False, stream.beats * stream.lanes)))
    beats = np.array([stream.beats for _, stream in ends])
    made = Stream(1, 8, False, int(beats.sum()))
    told: dict[str, Parameter] = {"WIDTH": 8, "INPUTS": len(ends), "BEATS": Vector(beats, 32)}
    links, takes = tuple(link for link, _ in ends), tuple(stream for _, stream in ends)
    return (*stages, Stage("packet", "concat", "", "", told, links, takes, made, made.beats))


def _fifo(name: str, link: Link, stream: Stream) -> Stage:
    depth = max(2, stream.beats)
    told = {"WIDTH": stream.width, "DEPTH": depth, "BLOCK": int(depth * stream.width > _BLOCK_BITS)}
    return Stage(f"fifo_{name}", "fifo", "", "", told, (link,), (stream,), stream, stream.beats)


def _bytes(name: str, link: Link, stream: Stream) -> Stage:
    made = Stream(1, 8, False, stream.beats * stream.lanes)
    told = {"WIDTH": 8, "RATIO": stream.lanes}
    return Stage(f"bytes_{name}", "width_down", "", "", told, (link,), (stream,), made, made.beats)


def shell_cost(pipeline: Pipeline, link: str = "uart") -> Cost:
    """The shell of a board around `pipeline`: for a serial line with its buffer of two frames, for AXI DMA ("dma")
    without the DMA, which is the vendor's."""
    buffer = Cost(blocks=((2 * pipeline.source.bytes * pipeline.source.beats, 8),))
    return sum((cost(stage) for stage in packet_stages(pipeline)), DMA_SHELL if link == "dma" else SHELL + buffer)
