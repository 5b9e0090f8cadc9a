"""The check: what the model computes against the integer graph, every stage, word by word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lutwright.check.classes import accuracy, class_output
from lutwright.check.inputs import Frames, load_frames
from lutwright.check.opened import Opened, open_model, refusal
from lutwright.check.output_watch import RUNGS, OutputWatch
from lutwright.check.possible import possible_codes
from lutwright.check.result import CheckResult, Stage
from lutwright.check.rungs import Float32Rung, Float64Rung
from lutwright.check.watch import Watch
from lutwright.check.what_if import Questions, answer_all
from lutwright.errors import NotExact, UnsupportedOp
from lutwright.frontend.names import identifier, model_stem
from lutwright.frontend.translate import Tap
from lutwright.frontend.values import InputType
from lutwright.ir.execute import execute_all, execute_outputs
from lutwright.ir.graph import Graph, Node, Tensor
from lutwright.numerics.ranges import type_of
from lutwright.numerics.requantise import prove

# Called with what is being done, how much of it is done, and all of it.
Progress = Callable[[str, int, int], None]

_BLOCK_BYTES = 32 << 20  # what stays in cache is faster, not only smaller
_MOST_FRAMES = 256
_SUMS = ("Conv", "Dense", "SumPool", "Add", "Affine")
# Nodes that only move words; without a tensor of the model to compare with there is nothing to tell of them.
_MOVES = ("Flatten", "Reorder", "Concat", "Pad", "Resize", "DepthToSpace")


@dataclass(frozen=True)
class Options:
    """What to check on.

    data: "" for drawn frames, a data set's name or an .npz file. frames: how many, None for all of the data or 100
    drawn ones. seed: of the drawn ones. declared: what integers an unquantised input holds. questions: what if.
    """

    data: str = ""
    frames: int | None = None
    seed: int = 1
    declared: InputType | None = None
    questions: Questions = field(default_factory=Questions)


def check_model(path: Path, options: Options, progress: Progress | None = None) -> CheckResult:
    """Check the model file `path`; a model that is not converted gives a result with `refused` set.

    Raises BadModel where the file is no model, BadData where the data does not fit it, BadOption where a question does
    not.
    """
    try:
        opened = open_model(path, options.declared)
    except (UnsupportedOp, NotExact) as error:
        return CheckResult(identifier(model_stem(path)), "", 0, refused=refusal(error))
    frames = load_frames(opened, options.data, options.frames, options.seed)
    told = progress or _silent
    result = check_opened(opened, frames, told)
    total = options.questions.count
    return result.answered(answer_all(opened, frames, options.questions, lambda text, done: told(text, done, total)))


def _silent(text: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


def check_opened(opened: Opened, frames: Frames, progress: Progress = _silent) -> CheckResult:
    """Run `frames` through the model in float32 and float64 and through the integer graph, and compare."""
    run = _Run(opened)
    block = run.block
    for start in range(0, len(frames.x), block):
        progress("frames", start, len(frames.x))
        run.compare(frames.x[start : start + block], start)
    return run.result(frames)


class _Run:
    """The executors of one model and the sums over all blocks of frames."""

    def __init__(self, opened: Opened) -> None:
        self.opened = opened
        self.graph = opened.graph
        self.makers = {node.output: node for node in opened.graph.nodes}
        self.fitted_steps = {node.name: node for node in opened.fitted.nodes if node.op == "Step"}
        self.float32, self.float64 = Float32Rung(opened.model), Float64Rung(opened.model, opened.imported.taps)
        self.exact = opened.imported.arithmetic is np.float32
        self.taps = _distinct(opened.imported.taps)
        possible = possible_codes(opened)
        self.watches = {
            tensor.name: Watch(name, tensor.low, tensor.high, self.exact, possible.get(tensor.name))
            for name, tensor in _stages(self.graph, self.taps)
        }
        truth, tapped = np.dtype(opened.imported.arithmetic).name, {tap.model_tensor for tap in self.taps}
        named, told = zip(self.graph.outputs, self.float32.outputs, strict=True), class_output(self.graph)
        self.outputs = [
            OutputWatch(output, name, truth, name in tapped, i == told) for i, (output, name) in enumerate(named)
        ]

    @property
    def block(self) -> int:
        """Frames at a time, so that what is compared stays within memory."""
        words = sum(tensor.words for tensor in self.graph.tensors.values())
        return max(1, min(_MOST_FRAMES, _BLOCK_BYTES // (8 * words)))

    def compare(self, x: NDArray[np.float32], start: int) -> None:
        """One block of frames, the first of which is frame `start`."""
        names = {tap.model_tensor for tap in self.taps} | set(self.float32.outputs)
        low = self.float32.run(x, names)
        high = self.float64.run(x, names)
        edge = self.graph.edge
        codes = edge.codes(edge.arrange(x))
        integers = execute_all(self.graph, codes, {*self.watches, *self.graph.ends})
        for name, watch in self.watches.items():
            watch.observe(integers[name])
        for tap in self.taps:
            float32 = _in_units(tap, low[tap.model_tensor])
            truth = float32 if self.exact else _in_units(tap, high[tap.model_tensor])
            self.watches[tap.tensor].compare(integers[tap.tensor], truth, float32, start)
        after = execute_outputs(self.opened.fitted, codes)
        for one, fitted in zip(self.outputs, after, strict=True):
            one.compare(integers[one.output.tensor], fitted, low[one.model_tensor], high[one.model_tensor])

    def result(self, frames: Frames) -> CheckResult:
        """Everything that was found."""
        found: dict[str, float] = {}
        if frames.labels is not None:
            told = next(one for one in self.outputs if one.classes)
            scores = {rung: accuracy(told.all_values(rung), frames.labels) for rung in RUNGS}
            found = {rung: score for rung, score in scores.items() if score is not None}
        imported = self.opened.imported
        return CheckResult(
            self.graph.name,
            frames.source,
            len(frames.x),
            np.dtype(imported.arithmetic).name,
            imported.reason,
            tuple(self._stage(name, watch) for name, watch in self.watches.items()),
            tuple(one.result for one in self.outputs),
            found,
        )

    def _stage(self, name: str, watch: Watch) -> Stage:
        tensor = self.graph.tensors[name]
        node = self.makers.get(name)
        op = "input" if node is None else node.op
        form, proof = self._form(node)
        shown = op in ("Step", "input") and watch.counts.size > 0
        ends = (watch.counts[0] / watch.seen, watch.counts[-1] / watch.seen) if op == "Step" and shown else (None, None)
        return Stage(
            name=watch.name,
            op=op,
            shape=tensor.shape,
            words=watch.words,
            mismatches=watch.mismatches,
            first=watch.first_of_all,
            float32_differences=watch.float32_differences,
            low=tensor.low,
            high=tensor.high,
            observed_low=watch.observed_low,
            observed_high=watch.observed_high,
            bits=tensor.type.width,
            accumulator_bits=self._accumulator_bits(node, tensor),
            observed_bits=type_of(watch.observed_low, watch.observed_high).width,
            requantise=form,
            proof=proof,
            unused_codes=watch.unused,
            saturated_low=None if ends[0] is None else float(ends[0]),
            saturated_high=None if ends[1] is None else float(ends[1]),
            histogram=tuple(watch.counts.tolist()) if shown else (),
        )

    def _accumulator_bits(self, node: Node | None, tensor: Tensor) -> int | None:
        if node is None or node.op not in (*_SUMS, "Step"):
            return None
        return (self.graph.tensors[node.inputs[0]] if node.op == "Step" else tensor).type.width

    def _form(self, node: Node | None) -> tuple[str, dict[str, Any] | None]:
        """The hardware form that the passes gave this step function, and the proof that it is equal, made again."""
        if node is None or node.op != "Step":
            return "", None
        fitted = self.fitted_steps.get(node.name)
        if fitted is None or fitted.attrs["form"] is None:
            return "", None
        proof = prove(fitted.attrs["form"], fitted.attrs["steps"], fitted.source or fitted.name)
        return fitted.attrs["form"].form, {"words": proof.words, "method": proof.method}


def _distinct(taps: tuple[Tap, ...]) -> tuple[Tap, ...]:
    """Each pair of a tensor of the model and one of the graph once."""
    return tuple({(tap.model_tensor, tap.tensor): tap for tap in taps}.values())


def _stages(graph: Graph, taps: tuple[Tap, ...]) -> list[tuple[str, Tensor]]:
    """(name, tensor) of the input and of every node that computes something or can be compared."""
    compared = {tap.tensor for tap in taps}
    nodes = [node for node in graph.nodes if node.output in compared or node.op not in _MOVES]
    return [("input", graph.tensors[graph.input]), *((n.name, graph.tensors[n.output]) for n in nodes)]


def _in_units(tap: Tap, values: NDArray[Any]) -> NDArray[np.float64]:
    """The model's values [batch, ...] in the layout of the graph, in units of the scale."""
    return np.asarray(tap.view.from_model(values).astype(np.float64) / tap.scale)
