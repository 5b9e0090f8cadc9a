"""The state of a lowering: the streams that carry the tensors made so far, and the stages that make them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from math import gcd

from lutwright.dataflow.binary import sign_tensors
from lutwright.dataflow.folding import Fold
from lutwright.dataflow.stage import Link, Parameter, Stage, Stream, Vector
from lutwright.dataflow.unrolled import Unrolled
from lutwright.ir.graph import Graph, Node, Tensor


@dataclass(frozen=True)
class Target:
    """What a pipeline is made for.

    interval: clocks a frame. adder_levels: levels of adders between two registers.
    block_bits: ROMs and memories of more bits than this go to block RAM. dsp_bits: of the operands of a DSP block.
    """

    interval: int
    adder_levels: int
    block_bits: int = 512
    dsp_bits: int = 18


@dataclass(frozen=True)
class End:
    """An open end: where a stream begins, and what it carries."""

    link: Link
    stream: Stream


class Lowering:
    """Collects the stages of one graph. `here` is the stream that a node works on, its own stages appended as it goes.

    depths: for an edge (tensor, node that reads it) the beats that must be able to wait there; see buffers.py.
    signs: the tensors that hold only -1 and 1; without, as far as `graph` itself tells.
    """

    def __init__(
        self,
        graph: Graph,
        folds: dict[str, Fold],
        target: Target,
        depths: dict[tuple[str, str], int],
        signs: frozenset[str] | None = None,
    ) -> None:
        self.graph, self.folds, self.target, self.depths = graph, folds, target, depths
        self.stages: list[Stage] = []
        self.signs = sign_tensors(graph) if signs is None else signs
        self.readers = Counter(name for node in graph.nodes for name in node.inputs)
        self.readers.update(output.tensor for output in graph.outputs)
        tensor = graph.tensors[graph.input]
        lanes = tensor.channels if len(tensor.shape) == 3 else 1
        self.source = self.tensor_stream(tensor, lanes)
        self.ends: dict[str, list[End]] = {}
        self.here = End(Link(), self.source)
        self.finish(graph.input, None)

    @property
    def stream(self) -> Stream:
        """What `here` carries."""
        return self.here.stream

    def take(self, node: Node, index: int = 0) -> End:
        """One end of the stream that carries input `index` of `node`, behind the FIFO that its edge needs."""
        tensor = node.inputs[index]
        end = self.ends[tensor].pop(0)
        depth = self.depths.get((tensor, node.name), 0)
        if depth < 2:
            return end
        name = f"{node.name}_fifo" if len(node.inputs) == 1 else f"{node.name}_fifo{index}"
        return self._fifo(name, node, end, depth)

    def _fifo(self, name: str, node: Node, end: End, depth: int) -> End:
        here, self.here = self.here, end
        block = int(depth * end.stream.width > self.target.block_bits)
        self.add(name, "fifo", node, end.stream, end.stream.beats, WIDTH=end.stream.width, DEPTH=depth, BLOCK=block)
        made, self.here = self.here, here
        return made

    def begin(self, node: Node) -> None:
        """Work on the only input of `node`."""
        self.here = self.take(node)

    def finish(self, tensor: str, node: Node | None) -> None:
        """`here` carries `tensor` whole; where several nodes read it, it forks."""
        readers = self.readers[tensor]
        if readers <= 1:
            self.ends[tensor] = [self.here]
            return
        name = f"{node.name if node else self.graph.input}_fork"
        owner = node or self.graph.nodes[0]
        stream = self.stream
        self.add(name, "stream_fork", owner, stream, stream.beats, WIDTH=stream.width, OUTPUTS=readers)
        self.stages[-1] = replace(self.stages[-1], ports=readers)
        self.ends[tensor] = [End(Link(name, port), stream) for port in range(readers)]

    def add(
        self,
        name: str,
        cell: str,
        node: Node,
        stream: Stream,
        cycles: int,
        tensor: str = "",
        files: dict[str, Vector] | None = None,
        ends: tuple[End, ...] = (),
        /,
        **parameters: Parameter,
    ) -> None:
        """Append an instance of `cell` behind `ends`, or behind `here`."""
        ends = ends or (self.here,)
        links, takes = tuple(end.link for end in ends), tuple(end.stream for end in ends)
        self.stages.append(Stage(name, cell, node.name, tensor, parameters, links, takes, stream, cycles, files or {}))
        self.here = End(Link(name), stream)

    def add_unrolled(self, layer: Unrolled, node: Node, stream: Stream, tensor: str) -> None:
        """Append the generated module of `layer`, called as the node."""
        self.add(node.name, layer.name, node, stream, stream.beats, tensor)
        self.stages[-1] = replace(self.stages[-1], made=layer)

    def lanes(self, node: Node, lanes: int, suffix: str = "") -> None:
        """Convert `here` to `lanes` elements a beat.

        A FIFO goes behind a width_up, which could take nothing while a beat of it waits.
        """
        common = gcd(lanes, self.stream.lanes)
        waiting = next((s for s in self.stages if s.name == self.here.link.stage and s.cell == "fifo"), None)
        if waiting is not None and common == self.stream.lanes < lanes:
            self.stages.remove(waiting)
            self.here = End(waiting.inputs[0], waiting.takes[0])
            self.lanes(node, lanes, suffix)
            depth = -(-int(str(waiting.parameters["DEPTH"])) * common // lanes) + 1
            self.here = self._fifo(waiting.name, node, self.here, depth)
            return
        if common < self.stream.lanes:
            ratio = self.stream.lanes // common
            made = Stream(common, self.stream.bits, self.stream.signed, self.stream.beats * ratio)
            name = f"{node.name}_narrow{suffix}"
            self.add(name, "width_down", node, made, made.beats, WIDTH=made.width, RATIO=ratio)
        if common < lanes:
            ratio, before = lanes // common, self.stream
            made = Stream(lanes, before.bits, before.signed, before.beats // ratio)
            name = f"{node.name}_widen{suffix}"
            self.add(name, "width_up", node, made, before.beats, WIDTH=before.width, RATIO=ratio)

    def extend(self, node: Node, bits: int, signed: bool, suffix: str = "") -> None:
        """Convert `here` to elements of `bits` bits, two's complement if `signed`; it must lose nothing."""
        before = self.stream
        if (before.bits, before.signed) == (bits, signed):
            return
        made = Stream(before.lanes, bits, signed, before.beats)
        told: dict[str, Parameter] = {"LANES": before.lanes, "IN_BITS": before.bits, "IN_SIGNED": int(before.signed)}
        self.add(f"{node.name}_extend{suffix}", "extend", node, made, made.beats, OUT_BITS=bits, **told)

    def tensor_stream(self, tensor: Tensor, lanes: int) -> Stream:
        """The stream that carries `tensor`, `lanes` elements a beat."""
        return Stream(lanes, tensor.type.width, tensor.type.signed, tensor.words // lanes)

    def in_block(self, bits: int) -> int:
        """Whether a memory of so many bits goes to block RAM, as a parameter."""
        return int(bits > self.target.block_bits)
