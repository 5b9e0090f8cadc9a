"""The compiled executor: an integer graph as a list of tasks on float buffers, exact by the ranges of its tensors.

Activations are float32 wherever every number that can occur is an integer below 2**24, which float32 holds; float64
below 2**53; int64 above. The ranges of a verified graph prove which, when the plan is made (plan_storage.kind_of).

A block of frames goes through all tasks while it is in the cache. A Conv or Dense and the operations on each element
behind it are one task, which works on chunks so small that the accumulators never leave the cache.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from threadpoolctl import ThreadpoolController

from lutwright.ir.graph import Graph, Node
from lutwright.ir.plan_moves import make_move
from lutwright.ir.plan_points import Point, make_point
from lutwright.ir.plan_storage import Halo, Layout, Workspace, canonical, layout_of
from lutwright.ir.plan_sums import Copied, Source, make_sums
from lutwright.ir.plan_tasks import Sinks, Stage, Task, Whole, split
from lutwright.numerics.quantiser import IntArray

_BLOCK_BYTES = 1 << 22  # the largest tensor of a block of frames
_POINTS = ("Step", "Affine", "Add")
_SUMS = ("Conv", "Dense")


class Plan:
    """A compiled graph; it can run in several threads at a time."""

    def __init__(self, graph: Graph) -> None:
        """graph: verified. What cannot be shown here to be exact in floats is done in int64."""
        made = _Compiler(graph)
        made.compile()
        self._tasks = tuple(made.tasks)
        self._layouts = tuple(made.buffers.layouts)
        self._shapes = {name: tensor.shape for name, tensor in graph.tensors.items()}
        self._input = graph.input
        self._most = max(1, _BLOCK_BYTES // max(_frame_bytes(layout) for layout in self._layouts))
        self._spare: deque[Workspace] = deque()

    def run(self, codes: IntArray, wanted: set[str]) -> dict[str, IntArray]:
        """Tensor name -> int64 [batch, ...shape] for input codes [batch, ...shape]."""
        results = {name: np.empty((codes.shape[0], *self._shapes[name]), np.int64) for name in wanted}
        if codes.shape[0] == 0:
            return results
        blocks = self._blocks(codes.shape[0])
        with _blas().limit(limits=1, user_api="blas"):
            if len(blocks) == 1:
                self._block(codes, results, *blocks[0])
            else:
                with ThreadPoolExecutor(os.cpu_count()) as pool:
                    list(pool.map(lambda block: self._block(codes, results, *block), blocks))
        return results

    def _blocks(self, frames: int) -> list[tuple[int, int]]:
        """Blocks that fit into the cache, as many for each thread."""
        threads = min(os.cpu_count() or 1, frames)
        return split(frames, -(-frames // (self._most * threads)) * threads)

    def _block(self, codes: IntArray, results: dict[str, IntArray], start: int, stop: int) -> None:
        frames = stop - start
        work = self._workspace(frames)
        buffer = work.buffers[0]  # the graph's input was the first to take one
        rows, columns, channels = buffer.layout.shape
        np.copyto(buffer.image(0, frames), codes[start:stop].reshape(frames, rows, columns, channels), casting="unsafe")
        sinks: Sinks = {}
        for name, array in results.items():
            rows, columns, channels = canonical(self._shapes[name])
            sinks[name] = array[start:stop].reshape(frames, rows, columns * channels)
        if self._input in sinks:
            results[self._input][start:stop] = codes[start:stop]
        for task in self._tasks:
            task.run(work, frames, sinks)
        self._spare.append(work)

    def _workspace(self, frames: int) -> Workspace:
        """A spare one that is large enough, or a new one."""
        try:
            work = self._spare.pop()
        except IndexError:
            return Workspace(self._layouts, frames)
        return work if work.frames >= frames else Workspace(self._layouts, frames)


@cache
def _blas() -> ThreadpoolController:
    """The BLAS libraries of this process; looking for them takes milliseconds."""
    return ThreadpoolController()


def _frame_bytes(layout: Layout) -> int:
    return int(np.prod(layout.shape)) * np.dtype(layout.kind).itemsize


# ---- making a plan ---------------------------------------------------------------------------------------------------


class _Buffers:
    """Gives each stored tensor a buffer; one that is read no more passes it on to the next tensor of its layout."""

    def __init__(self, graph: Graph) -> None:
        self.layouts: list[Layout] = []
        self.of: dict[str, int] = {}
        self._free: dict[Layout, list[int]] = {}
        halos = _halos(graph)
        self._needs = {name: layout_of(t, halos.get(name, (0, 0, 0, 0))) for name, t in graph.tensors.items()}

    def take(self, tensor: str) -> int:
        """The buffer that `tensor` is stored in from now on."""
        free = self._free.setdefault(self._needs[tensor], [])
        if not free:
            free.append(len(self.layouts))
            self.layouts.append(self._needs[tensor])
        self.of[tensor] = free.pop()
        return self.of[tensor]

    def give(self, tensor: str) -> None:
        """`tensor` is not read any more."""
        self._free[self._needs[tensor]].append(self.of.pop(tensor))


def _halos(graph: Graph) -> dict[str, Halo]:
    """For each tensor that a Conv reads, the widest of the paddings."""
    halos: dict[str, Halo] = {}
    for node in graph.nodes:
        if node.op == "Conv":
            have, pads = halos.get(node.inputs[0], (0, 0, 0, 0)), node.attrs["pads"]
            halos[node.inputs[0]] = (
                max(have[0], pads[0]),
                max(have[1], pads[1]),
                max(have[2], pads[2]),
                max(have[3], pads[3]),
            )
    return halos


@dataclass
class _Draft:
    """A stage in the making: `tensors` as in Stage, of which `nodes` make all but a copied one."""

    tensors: list[str]
    nodes: list[Node] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    others: list[int] = field(default_factory=list)


class _Compiler:
    """Turns the nodes of a verified graph into tasks."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.buffers = _Buffers(graph)
        self.tasks: list[Task] = []
        self.waiting = {name: [node.name for node in graph.consumers(name)] for name in graph.tensors}

    def compile(self) -> None:
        """Make the tasks; the graph's input takes the first buffer."""
        self.buffers.take(self.graph.input)
        done: set[str] = set()
        for node in self.graph.nodes:
            if node.name not in done:
                nodes = self._stage(node) if node.op in _POINTS + _SUMS else self._whole(node)
                done |= {member.name for member in nodes}
                self._release(nodes)

    def _whole(self, node: Node) -> list[Node]:
        tensors = [self.graph.tensors[name] for name in node.inputs]
        sources = tuple(self.buffers.of[name] for name in node.inputs)
        move = make_move(node, tensors, self.graph.tensors[node.output])
        self.tasks.append(Whole(move, sources, self.buffers.take(node.output), node.output))
        return [node]

    def _stage(self, node: Node) -> list[Node]:
        """A task of `node` and the operations on each element that only what it makes goes to."""
        source = self._source(node)
        if node.op in _SUMS:
            draft = _Draft([node.output], [node])
        else:
            draft = _Draft([node.inputs[0]])
            self._append(draft, node)
            draft.tensors[0] = ""
        while (after := self._next(draft.tensors[-1])) is not None:
            self._append(draft, after)
        last = draft.tensors[-1]
        target = self.buffers.take(last) if self.waiting[last] else -1
        rows = canonical(self.graph.tensors[last].shape)[0]
        tensors, points, others = tuple(draft.tensors), tuple(draft.points), tuple(draft.others)
        self.tasks.append(Stage(source, points, tensors, others, target, rows))
        return draft.nodes

    def _source(self, node: Node) -> Source:
        x, index = self.graph.tensors[node.inputs[0]], self.buffers.of[node.inputs[0]]
        layout = self.buffers.layouts[index]
        if node.op in _SUMS:
            return make_sums(node, x, self.graph.tensors[node.output], index, layout.halo)
        return Copied(layout.kind, _frame_bytes(layout) // layout.shape[0], index)

    def _next(self, tensor: str) -> Node | None:
        """The one reader of `tensor` if it works on each element and whatever else it reads is there."""
        readers = self.waiting[tensor]
        if len(readers) != 1:
            return None
        node = self.graph.node(readers[0])
        there = all(name == tensor or name in self.buffers.of for name in node.inputs)
        return node if node.op in _POINTS and there else None

    def _append(self, draft: _Draft, node: Node) -> None:
        """Add `node`, which gets the last tensor of `draft` as the chunk."""
        chunk = node.inputs.index(draft.tensors[-1])
        other = [name for name in node.inputs if name != draft.tensors[-1]]
        draft.points.append(make_point(node, [self.graph.tensors[name] for name in node.inputs], chunk))
        draft.others.append(self.buffers.of[other[0]] if other else -1)
        draft.nodes.append(node)
        draft.tensors.append(node.output)

    def _release(self, nodes: list[Node]) -> None:
        """Give back the buffers of tensors whose last readers were `nodes`."""
        names = {node.name for node in nodes}
        for tensor in {name for node in nodes for name in (*node.inputs, node.output)}:
            self.waiting[tensor] = [reader for reader in self.waiting[tensor] if reader not in names]
            if tensor in self.buffers.of and not self.waiting[tensor]:
                self.buffers.give(tensor)
