"""FIFO depths: how many beats wait at each edge of a pipeline that runs at its own interval.

Frames come in evenly, one each interval, and every node begins as soon as it can. What then waits on an edge is what
its FIFO must hold. An elastic pipeline whose FIFOs hold that much is never slower than this schedule (it is a marked
graph: more room never makes it slower), so that neither bursts nor branches of different length stop it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lutwright.dataflow.clocks import Rows, Windows
from lutwright.dataflow.gathering import gathering, most_lanes, word_index
from lutwright.dataflow.stage import Pipeline, Stage
from lutwright.ir.graph import Graph, Node, Tensor
from lutwright.ir.window_shape import window_size
from lutwright.numerics.quantiser import IntArray

_FRAMES = 3  # the first fills the pipeline
_STAGE_LATENCY = 4  # clocks from a beat to its result, of a cell without a tree; a memory may move to block RAM yet

Times = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Timing:
    """How a node works on one frame, in pixels (of a vector, in words).

    needs: for each input int64 [pixels out]: how many of its pixels must be there for each pixel that is sent.
    service: clocks a pixel sent. spacing: clocks a pixel taken. latency: clocks from the last pixel to the result.
    pauses: clocks more before each pixel of a frame, float64 [pixels], while padding passes; None for none.
    above: of those before the first pixel, the clocks that pass only once that pixel is there.
    room: for each pixel sent, how many pixels of the input may have been taken when it is begun, where the node has
    memories to be ahead; None where its last pixel stays in front of it until it begins.
    """

    needs: tuple[IntArray, ...]
    service: float
    spacing: float
    latency: float
    room: IntArray | None = None
    pauses: Times | None = None
    above: float = 0.0


def edge_depths(graph: Graph, pipeline: Pipeline) -> dict[tuple[str, str], int]:
    """(tensor, node that reads it) -> beats that wait there, for a `pipeline` of `graph` without FIFOs.

    A late result makes the other branch wait, an early one waits itself: the most of either is what is needed.
    """
    late, early = (_depths(graph, pipeline, share) for share in (1.0, 0.0))
    return {edge: max(depth, early[edge]) for edge, depth in late.items()}


def _depths(graph: Graph, pipeline: Pipeline, share: float) -> dict[tuple[str, str], int]:
    """Depths where every result takes so large a `share` of its latency."""
    interval = pipeline.interval
    count = pixels(graph.tensors[graph.input])
    evenly = np.arange(_FRAMES * count, dtype=np.float64) * (interval / count)
    sent: dict[str, Times] = {graph.input: evenly}
    depths: dict[tuple[str, str], int] = {}
    readers = Counter(name for node in graph.nodes for name in node.inputs)
    for node in graph.nodes:
        timing = _timing(graph, pipeline, node, share)
        arrivals = [sent[name] for name in node.inputs]
        taken, sent[node.output] = _schedule(timing, arrivals)
        for name, arrived, left in zip(node.inputs, arrivals, taken, strict=True):
            beats = _beats(graph, pipeline, name) / pixels(graph.tensors[name])
            meets = len(node.inputs) > 1 or readers[name] > 1
            depth = max(_depth(arrived, left, beats, meets), _burst(pipeline, node, beats, arrived))
            depth = max(depth, _paused(timing, beats, arrived, left), _held(pipeline, node))
            depths[name, node.name] = max(depth, depths.get((name, node.name), 0))
    return depths


def pixels(tensor: Tensor) -> int:
    """Pixels of an image, words of a vector."""
    return tensor.words // tensor.channels if len(tensor.shape) == 3 else tensor.words


def _depth(arrived: Times, left: Times, beats: float, meets: bool = False) -> int:
    """Beats to store where pixels arrive and leave at these clocks, 0 where none ever waits behind another.

    meets: the edge begins or ends a branch. A pixel of several beats that waits there must be stored as well: its first
    beat would stop the fork before the other branch has all of it, and both would wait for ever.
    """
    waiting = np.searchsorted(arrived, left, side="right") - np.arange(left.size)
    most = int(waiting.max())
    alone = most <= max(1.0, 1 / beats) and not (meets and beats > 1 and bool((left > arrived).any()))
    return 0 if alone else int(np.ceil(most * beats)) + 1


def _paused(timing: Timing, beats: float, arrived: Times, left: Times) -> int:
    """Beats of two pixels where the next would come in parts while padding passes, and those before it be stopped."""
    if timing.pauses is None or beats <= 1:
        return 0
    waits = (left - arrived).reshape(_FRAMES, -1)[-1]
    return int(np.ceil(2 * beats)) + 1 if bool((waits[timing.pauses > 0] > 1).any()) else 0


def _held(pipeline: Pipeline, node: Node) -> int:
    """Beats of two wide beats where a width_up stands right before what holds each of them, and has no time to wait."""
    stages = [stage for stage in pipeline.stages if stage.node == node.name]
    up = next((i for i, stage in enumerate(stages[:-1]) if stage.cell == "width_up"), None)
    if up is None or not (stages[up + 1].cell == "window_row" or stages[up + 1].parameters.get("HOLD") == 1):
        return 0
    engine = next((stage.parameters for stage in stages[up:] if stage.parameters.get("HOLD") == 1), {})
    holds = int(str(engine.get("NF", 1))) * int(str(engine.get("SF", 1)))
    ratio = int(str(stages[up].parameters["RATIO"]))
    clocks = stages[up].stream.beats * (ratio + holds - 1)
    return 2 * ratio + 1 if holds > 1 and clocks > pipeline.interval else 0


def _burst(pipeline: Pipeline, node: Node, beats: float, arrived: Times) -> int:
    """Beats of a pixel that must be there before `node` takes its first, 0 where that does not matter.

    A pad cell or a concatenation takes a pixel in one go, and stands still where its beats come more slowly; without
    a FIFO it does so at every pixel of a frame, for which its clocks may leave no time.
    """
    taker = next((stage for stage in pipeline.stages if stage.node == node.name and stage.cell in _BURSTS), None)
    if taker is None or beats <= 1:
        return 0
    slowest = float(np.diff(arrived).min(initial=np.inf))  # clocks in which a pixel comes
    lost = (slowest - beats) * arrived.size / _FRAMES
    return int(np.ceil(beats)) + 1 if taker.cycles + lost > pipeline.interval else 0


_BURSTS = ("pad", "concat")


def _beats(graph: Graph, pipeline: Pipeline, tensor: str) -> int:
    """Beats a frame of the stream that carries `tensor`, through nodes that only rename it as well."""
    made = next((node for node in graph.nodes if node.output == tensor), None)
    if made is not None and made.op == "Flatten":
        return _beats(graph, pipeline, made.inputs[0])
    stages = [
        stage for stage in pipeline.stages if made is not None and stage.node == made.name and not stage.ports > 1
    ]
    return stages[-1].stream.beats if stages else pipeline.source.beats


def _schedule(timing: Timing, arrivals: list[Times]) -> tuple[list[Times], Times]:
    """When a node takes each pixel of each input, and when it sends its own, over all frames."""
    inputs = [_Input(timing, need, times) for need, times in zip(timing.needs, arrivals, strict=True)]
    count = timing.needs[0].size
    starts = np.empty(_FRAMES * count)
    last = -np.inf
    for k in range(starts.size):
        fresh = [given for given in inputs if given.take(*divmod(k, count))]
        last = max(last + timing.service, *(given.free for given in inputs))
        for given in fresh:
            given.begin(last, *divmod(k, count))
        starts[k] = last
    for given in inputs:
        given.rest()
    return [given.taken for given in inputs], starts + timing.service + timing.latency


class _Input:
    """One input of a node while its schedule is made. free: when its last pixel was taken."""

    def __init__(self, timing: Timing, need: IntArray, arrivals: Times) -> None:
        self.timing, self.need, self.arrivals = timing, need, arrivals
        self.size = arrivals.size // _FRAMES
        self.taken = np.empty_like(arrivals)
        self.free, self.done = -np.inf, 0
        self.room: list[tuple[int, float]] = []  # (pixels that may be taken, since when), ascending

    def take(self, frame: int, k: int) -> bool:
        """Take what output `k` of `frame` needs; whether there was anything."""
        before = self.done
        while self.done < self.need[k] + frame * self.size:
            self._next()
        return self.done > before

    def _next(self) -> None:
        at = self.done % self.size
        pause = 0.0 if self.timing.pauses is None else self.timing.pauses[at]
        above = 0.0 if at else self.timing.above
        when = max(self.free + self.timing.spacing + pause - above, self.arrivals[self.done]) + above
        if self.timing.room is not None:
            while self.room and self.room[0][0] <= self.done:
                self.room.pop(0)
            when = max(when, self.room[0][1]) if self.room and self.done >= self.first else when
        self.free = self.taken[self.done] = when
        self.done += 1

    @property
    def first(self) -> int:
        """Pixels that may be taken before anything is begun."""
        return int(self.timing.room[0]) if self.timing.room is not None else 0

    def begin(self, when: float, frame: int, k: int) -> None:
        """Output `k` of `frame` is begun, which ends the wait of the last pixel or makes room for more."""
        if self.timing.room is None:
            self.free = self.taken[self.done - 1] = when
        else:
            self.room.append((int(self.timing.room[k]) + frame * self.size, when))

    def rest(self) -> None:
        """Take what nothing needs."""
        while self.done < self.arrivals.size:
            self._next()


def _timing(graph: Graph, pipeline: Pipeline, node: Node, share: float) -> Timing:
    inputs = [graph.tensors[name] for name in node.inputs]
    out = graph.tensors[node.output]
    stages = [stage for stage in pipeline.stages if stage.node == node.name]
    wanted = [_NEEDS.get(node.op, _same)(node, x, out, i, inputs) for i, x in enumerate(inputs)]
    if any(stage.cell in ("pad", "window") and not stage.tensor for stage in stages):
        wanted = [np.maximum(wanted[0], _below(node, inputs[0], out))]
    needs = tuple(np.maximum.accumulate(need) for need in wanted)
    if not any(stage.tensor for stage in stages):
        return Timing(needs, 0.0, 0.0, 0.0)
    # An engine before the stage that adds a bias carries no tensor.
    engine = next(i for i, s in enumerate(stages) if s.tensor or s.made is not None or s.cell.endswith("_mac"))
    service = max(stage.cycles if _sums(node) else stage.stream.beats for stage in stages[engine:]) / pixels(out)
    first = next((stage for stage in stages if stage.cell != "width_up"), stages[0])  # a FIFO would lie before it
    fronts = [stage for stage in stages if stage.cell in _FRONTS or stage is first]
    padded = next((i for i, stage in enumerate(fronts) if stage.cell == "pad"), len(fronts))
    spacing = max(stage.takes[0].beats for stage in fronts[: padded + 1]) / pixels(inputs[0])
    window = next((stage for stage in stages if stage.cell == "window_folded"), None)
    room = None if window is None else _room(window, out)
    latency = share * sum(map(_latency, stages))
    return Timing(needs, service, spacing, latency, room, *_pauses(stages, inputs[0]))


def _latency(stage: Stage) -> int:
    """Clocks from a beat to its result, at most."""
    if stage.made is not None:
        return _STAGE_LATENCY + stage.made.latency
    told = {key: value for key, value in stage.parameters.items() if isinstance(value, int)}
    terms = max(told.get("SIMD", 1), told.get("TAPS", 1)) * told.get("KEPT", 1) if stage.cell.endswith("_mac") else 1
    return _STAGE_LATENCY + told.get("LEVELS", 0) + (terms - 1).bit_length()


_FRONTS = ("width_down", "pad", "window", "window_folded", "window_row")


def _pauses(stages: list[Stage], x: Tensor) -> tuple[Times | None, float]:
    """Timing.pauses and Timing.above of the first of `stages` that knows padding, which takes nothing meanwhile."""
    stage = next((stage for stage in stages if stage.cell in ("pad", "window", "window_row")), None)
    if stage is None or len(x.shape) != 3 or (stage.tensor and stage.cell != "pad"):
        return None, 0.0
    told = {key: value for key, value in stage.parameters.items() if isinstance(value, int)}
    above = 0
    if stage.cell == "pad":
        columns = told["COLUMNS"] + told["PAD_L"] + told["PAD_R"]
        beside = (told["PAD_L"] + told["PAD_R"]) * told["NF"]
        below = (told["PAD_T"] + told["PAD_B"]) * columns * told["NF"]
        above = (told["PAD_T"] * columns + told["PAD_L"]) * told["NF"]
    elif stage.cell == "window":
        windows = Windows(*(told[key] for key in _SIZES))
        beside, below = max(0, windows.beside - 1), max(0, windows.below - 1) * windows.row
    else:
        rows = Rows(x.shape[0], *(told[key] for key in ("WIDTH", "K", "STRIDE", "PAD_L", "OUT_W")))
        beside, below = rows.steps - rows.width, 0
    pauses = np.zeros(x.shape[:2])
    pauses[:, 0] = beside
    pauses[0, 0] += below
    return pauses.reshape(-1), float(above)


_SIZES = ("HEIGHT", "WIDTH", "K", "STRIDE", "PAD_T", "PAD_L", "OUT_H", "OUT_W")


def _room(window: Stage, out: Tensor) -> IntArray:
    """Pixels that the banks of a window_folded have room for when each of its windows is begun."""
    told = {key: value for key, value in window.parameters.items() if isinstance(value, int)}
    height, stride = told["HEIGHT"], told["STRIDE"]
    reach = min(height, (told["OUT_H"] - 1) * stride + told["K"] - told["PAD_T"])
    banks = told["K"] - 1 + max(stride, reach - (told["OUT_H"] - 1) * stride)
    tops = np.maximum(np.arange(told["OUT_H"]) * stride - told["PAD_T"], 0)
    return np.repeat((tops + banks) * told["WIDTH"], told["OUT_W"])


def _sums(node: Node) -> bool:
    """Whether the clocks of the node are those of its engine, not of the words that it sends."""
    return node.op in ("Conv", "Dense")


def _same(node: Node, x: Tensor, out: Tensor, index: int, inputs: list[Tensor]) -> IntArray:
    return np.arange(1, pixels(out) + 1)


def _all(node: Node, x: Tensor, out: Tensor, index: int, inputs: list[Tensor]) -> IntArray:
    return np.full(pixels(out), pixels(x))


def _windows(node: Node, x: Tensor, out: Tensor, index: int, inputs: list[Tensor]) -> IntArray:
    """Up to the lower right corner of each window, as far as it lies on the image."""
    kernel = window_size(node, x.shape)
    (height, width, _), stride, pads = x.shape, node.attrs["stride"], node.attrs["pads"]
    rows = np.clip(np.arange(out.shape[0]) * stride[0] - pads[0] + kernel[0] - 1, 0, height - 1)
    columns = np.clip(np.arange(out.shape[1]) * stride[1] - pads[1] + kernel[1] - 1, 0, width - 1)
    return np.asarray(rows[:, None] * width + columns + 1).reshape(-1)


def _below(node: Node, x: Tensor, out: Tensor) -> IntArray:
    """All pixels for a window that reaches below the image, where padded rows come behind the last pixel; else 0."""
    ends = np.arange(out.shape[0]) * node.attrs["stride"][0] - node.attrs["pads"][0] + window_size(node, x.shape)[0]
    return np.repeat(np.where(ends > x.shape[0], pixels(x), 0), out.shape[1])


def _padded(node: Node, x: Tensor, out: Tensor, index: int, inputs: list[Tensor]) -> IntArray:
    top, left, bottom, right = node.attrs["pads"]
    places = np.zeros(out.shape[:2], np.int64)
    places[top : out.shape[0] - bottom, left : out.shape[1] - right] = 1
    return np.cumsum(places.reshape(-1))


def _joined(node: Node, x: Tensor, out: Tensor, index: int, inputs: list[Tensor]) -> IntArray:
    axis = node.attrs["axis"]
    if axis == 2:
        return _same(node, x, out, index, inputs)
    before = sum(tensor.shape[axis] for tensor in inputs[:index])
    if len(out.shape) == 1:
        return np.clip(np.arange(1, out.words + 1) - before, 0, x.words)
    places = np.zeros(out.shape[:2], np.int64)
    rows = slice(before, before + x.shape[axis])
    places[(rows, slice(None)) if axis == 0 else (slice(None), rows)] = 1
    return np.cumsum(places.reshape(-1))


def _flattened(node: Node, x: Tensor, out: Tensor, index: int, inputs: list[Tensor]) -> IntArray:
    return np.arange(out.words) // x.channels + 1


def _scored(node: Node, x: Tensor, out: Tensor, index: int, inputs: list[Tensor]) -> IntArray:
    """All words of a vector, or of an image its pixels in turn."""
    return (_all if len(x.shape) == 1 else _same)(node, x, out, index, inputs)


def _gathered(node: Node, x: Tensor, out: Tensor, index: int, inputs: list[Tensor]) -> IntArray:
    picked = gathering(node, x, most_lanes(word_index(node, x), x.channels))
    ends = np.arange(1, picked.blocks + 1) * pixels(x) / picked.blocks
    made = np.arange(pixels(out)) * picked.blocks // pixels(out)
    return np.ceil(ends[made]).astype(np.int64)


_NEEDS: Mapping[str, Callable[[Node, Tensor, Tensor, int, list[Tensor]], IntArray]] = {
    "ArgMax": _scored,
    "Concat": _joined,
    "Conv": _windows,
    "Dense": _all,
    "DepthToSpace": _gathered,
    "Flatten": _flattened,
    "MaxPool": _windows,
    "Pad": _padded,
    "Reorder": _gathered,
    "Resize": _gathered,
    "SumPool": _windows,
    "TopK": _scored,
}
