"""Runs of stages that never wait, between a gate that counts and a store that has room for all that it lets in.

A cell that waits does so by an enable that goes to each of its registers. Unrolled layers have thousands, and on a
large part the wires of that one net set the clock. Behind a store that is always ready the enables are constants, and
synthesis removes them. hw/rtl/credit_gate.sv and hw/rtl/credit_store.sv are the ends of such a run.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from lutwright.dataflow.stage import Link, Pipeline, Stage

FEWEST = 4096
"""Flip-flops of unrolled layers in a run from which on it pays."""

_LOOP = 4  # clocks from a beat's arrival at the store to the gate's use of its credit


def free_run(pipeline: Pipeline, block_bits: int) -> Pipeline:
    """`pipeline` with its long runs between a gate and a store; it computes the same at the same rate.

    block_bits: stores of more bits than this go to block RAM.
    """
    runs = [run for run in _runs(pipeline) if sum(s.made.schedule.flip_flops for s in run if s.made) >= FEWEST]
    for run in runs:
        pipeline = _between(pipeline, run, block_bits)
    return pipeline


def _runs(pipeline: Pipeline) -> list[list[Stage]]:
    """The chains of stages that take and give a beat a clock after a fixed time; each begins with an unrolled layer."""
    readers = Counter(link for stage in pipeline.stages for link in stage.inputs)
    readers.update(outlet.link for outlet in pipeline.outlets)
    runs: list[list[Stage]] = []
    for stage in pipeline.stages:
        before = Link(runs[-1][-1].name) if runs else None
        if stage.inputs == (before,) and readers[stage.inputs[0]] == 1 and latency(stage) is not None:
            runs[-1].append(stage)
        elif stage.made is not None:
            runs.append([stage])
    return runs


def latency(stage: Stage) -> int | None:
    """Clocks from a beat to its result where nothing waits; None of a stage that does not give a beat for each."""
    if stage.made is not None:
        return stage.made.latency
    if stage.cell == "requantise_threshold":
        return int(str(stage.parameters["LEVELS"])) + 1
    return _LATENCY.get(stage.cell)


_LATENCY = {"requantise_affine": 2, "requantise_table": 2, "extend": 0, "signs": 0, "skid": 0}
"""By cell; a register slice is not needed where nothing waits, and is left out."""


def _between(pipeline: Pipeline, run: list[Stage], block_bits: int) -> Pipeline:
    kept = [stage for stage in run if stage.cell != "skid"]
    first, last = kept[0], kept[-1]
    depth = sum(latency(stage) or 0 for stage in kept) + _LOOP
    gate, store = f"{first.name}_gate", f"{last.name}_store"
    x, y = first.takes[0], last.stream
    sizes = {"WIDTH": x.width, "CREDITS": depth}
    begin = Stage(gate, "credit_gate", first.node, "", sizes, first.inputs, (x,), x, x.beats, loop=store)
    sizes = {"WIDTH": y.width, "DEPTH": depth, "BLOCK": int(depth * y.width > block_bits)}
    end = Stage(store, "credit_store", last.node, last.tensor, sizes, (Link(last.name),), (y,), y, y.beats, loop=store)
    # What read a slice of the run, or its end, reads what stood before the slice, or the store.
    moved = {run[-1].name: store, last.name: store}
    inner = dict(zip((stage.name for stage in kept), (gate, *(stage.name for stage in kept)), strict=False))
    slices = {stage.name for stage in run} - inner.keys()
    stages: list[Stage] = []
    for stage in pipeline.stages:
        if stage.name == first.name:
            stages.append(begin)
        if stage.name in inner:
            stages.append(replace(stage, inputs=(Link(inner[stage.name]),)))
        elif stage.name not in slices:
            stages.append(replace(stage, inputs=tuple(_moved(link, moved) for link in stage.inputs)))
        if stage.name == last.name:
            stages.append(end)
    outlets = tuple(replace(outlet, link=_moved(outlet.link, moved)) for outlet in pipeline.outlets)
    return replace(pipeline, stages=tuple(stages), outlets=outlets)


def _moved(link: Link, moved: dict[str, str]) -> Link:
    return replace(link, stage=moved.get(link.stage, link.stage))
