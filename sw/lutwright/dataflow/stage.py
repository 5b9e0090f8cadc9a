"""Stages and streams: the hardware pipeline as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lutwright.dataflow.unrolled import Unrolled
from lutwright.numerics.quantiser import IntArray


@dataclass(frozen=True)
class Stream:
    """Beats of `lanes` elements of `bits` bits each; `beats` of them a frame. Element 0 in the low bits.

    The elements of a tensor travel in its own order: rows, columns, channels fastest.
    """

    lanes: int
    bits: int
    signed: bool
    beats: int

    @property
    def width(self) -> int:
        """Bits of a beat."""
        return self.lanes * self.bits

    @property
    def bytes(self) -> int:
        """Bytes of a beat on AXI4-Stream."""
        return -(-self.width // 8)


@dataclass(frozen=True, eq=False)
class Vector:
    """A parameter that is a packed vector: integers of `bits` bits each, element 0 in the low bits."""

    values: IntArray
    bits: int


Parameter = int | str | Vector


@dataclass(frozen=True)
class Link:
    """Where a stream begins: output `port` of stage `stage`; stage "" is the input of the pipeline."""

    stage: str = ""
    port: int = 0


@dataclass(frozen=True, eq=False)
class Stage:
    """One instance of a cell of hw/rtl.

    node: the graph's node that it belongs to. tensor: the tensor that its output stream carries whole, or "" (a
    window, or the half of something). inputs, takes: the streams that go in, and what they carry.
    stream: what comes out, on each of `ports` outputs alike. cycles: clocks a frame in which it is busy.
    files: memory files that it reads, name -> rows int64 [depth, elements] and bits of an element.
    made: the layer that a generated module `cell` computes, None where the cell is one of hw/rtl.
    loop: of a credit_gate and of a credit_store, the store from which the gate's credits come back.
    """

    name: str
    cell: str
    node: str
    tensor: str
    parameters: Mapping[str, Parameter]
    inputs: tuple[Link, ...]
    takes: tuple[Stream, ...]
    stream: Stream
    cycles: int
    files: Mapping[str, Vector] = field(default_factory=dict)
    ports: int = 1
    made: Unrolled | None = None
    loop: str = ""


@dataclass(frozen=True)
class Outlet:
    """A stream that comes out of a pipeline: output `name` of the graph, its `tensor`, and where the stream begins."""

    name: str
    tensor: str
    link: Link
    stream: Stream


@dataclass(frozen=True, eq=False)
class Pipeline:
    """Every stage of a network, each behind those that it takes from; `outlets` are the streams that come out."""

    name: str
    source: Stream
    stages: tuple[Stage, ...]
    outlets: tuple[Outlet, ...]

    def stage(self, name: str) -> Stage:
        """The stage called `name`."""
        return next(stage for stage in self.stages if stage.name == name)

    def maker(self, link: Link) -> Stage | None:
        """The stage that made the tensor that stream `link` carries, behind which a fork or converter may stand.

        None where it is the pipeline's input.
        """
        while link.stage:
            stage = self.stage(link.stage)
            if stage.tensor:
                return stage
            link = stage.inputs[0]
        return None

    @property
    def interval(self) -> int:
        """Clocks from one frame to the next in steady state: those of the slowest stage."""
        return max(stage.cycles for stage in self.stages)

    @property
    def slowest(self) -> Stage:
        """The stage that sets the interval."""
        return max(self.stages, key=lambda stage: stage.cycles)
