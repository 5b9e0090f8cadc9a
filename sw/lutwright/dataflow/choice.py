"""A choice: a folding as a pipeline with its estimate, and whether a board has room for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from lutwright.boards import Board, all_boards
from lutwright.dataflow.cost import Cost, cost, pipeline_cost
from lutwright.dataflow.folding import Fold
from lutwright.dataflow.lower import Target, lower
from lutwright.dataflow.memories import place, with_blocks
from lutwright.dataflow.packet import shell_cost
from lutwright.dataflow.parts import FAMILIES, NOTHING
from lutwright.dataflow.resource_kinds import KINDS, vector
from lutwright.dataflow.stage import Pipeline
from lutwright.errors import DoesNotFit
from lutwright.ir.graph import Graph
from lutwright.numerics.quantiser import FloatArray

WORDS = {"lut": "LUTs", "ff": "flip-flops", "bram": "block RAMs", "dsp": "DSPs"}
"""What a designer calls the resources."""

# Place and route needs some room; above this share of the LUTs it often fails or is slow.
_SHARE = 0.9


@dataclass(frozen=True, eq=False)
class Choice:
    """A folding of a graph, its pipeline and the estimate of the whole chip, the board's shell included.

    target: what was asked for; pipeline.interval is what came out. limit: why it is not faster, in a sentence.
    beside: what else is on the chip, beside the pipeline and the shell. link: how frames come in, as of the board.
    """

    target: Target
    folds: Mapping[str, Fold]
    pipeline: Pipeline
    estimate: Cost
    limit: str = ""
    beside: Cost = NOTHING
    link: str = "uart"


def adder_levels(mhz: float) -> int:
    """Levels of adders between two registers at a clock of `mhz`; about 2 ns a level on the slowest family."""
    return max(1, min(4, int(120 / mhz)))


def target(board: Board, interval: int) -> Target:
    """What a pipeline on `board` is made for that takes `interval` clocks a frame."""
    return Target(interval, adder_levels(board.clock.mhz), dsp_bits=FAMILIES[board.family].multiplier)


def limits(board: Board) -> FloatArray:
    """What a design may take of `board`: float64 [4], the resources of layer_costs.KINDS."""
    have = board.resources
    return np.array([_SHARE * have.lut, _SHARE * have.ff, have.bram, have.dsp], np.float64)


def with_folds(
    graph: Graph,
    folds: Mapping[str, Fold],
    target: Target,
    board: Board,
    blocks: Collection[str] | None = None,
    beside: Cost = NOTHING,
) -> Choice:
    """The choice that `folds` are, whether it fits `board` or not; adders of unrolled layers may take seconds.

    blocks: the memories in block RAM, by dataflow/memories.py; those that suit `board` without. beside: what else is on
    the chip.
    """
    return placed(lower(graph, dict(folds), target), folds, target, board, blocks, beside)


def placed(
    pipeline: Pipeline,
    folds: Mapping[str, Fold],
    target: Target,
    board: Board,
    blocks: Collection[str] | None = None,
    beside: Cost = NOTHING,
) -> Choice:
    """The choice that `pipeline`, made of `folds`, is with the memories in block RAM that suit `board`, or `blocks`."""
    shell = shell_cost(pipeline, board.link) + beside
    if blocks is None:
        made = place(pipeline, board.family, limits(board), np.array(vector(shell, board.family)))
    else:
        made = with_blocks(pipeline, blocks)
    return Choice(target, folds, made, (pipeline_cost(made) + shell).on(board.family), beside=beside, link=board.link)


def shortage(choice: Choice, board: Board, which: str = "the smallest folding") -> DoesNotFit | None:
    """The error that says what `board` lacks for `choice`, which is `which`; None where it has enough."""
    need, have = vector(choice.estimate, board.family), limits(board)
    for at, kind in enumerate(KINDS):
        if round(need[at]) <= have[at]:
            continue
        layer, stage, whole, part = _most(choice.pipeline, board.family, at)
        others = [other.name for other in all_boards() if other.name != board.name and _fits(choice, other)]
        larger = f"It has room on {', '.join(others)}." if others else "Use fewer channels or bits there."
        return DoesNotFit(
            f"board '{board.name}'",
            f"has room for {int(have[at])} {WORDS[kind]}, {which} needs about {round(need[at])}, "
            f"layer '{layer}' alone {round(whole)} (stage '{stage}' {round(part)}){_beside(need, have, kind)}",
            fix=larger,
        )
    return None


def _beside(need: list[float], have: FloatArray, kind: str) -> str:
    """What to say of block RAMs where LUTs lack: memories that have no place there are LUTs."""
    bram = KINDS.index("bram")
    if kind != "lut" or need[bram] < 0.8 * have[bram]:
        return ""
    return f", with {round(need[bram])} of {round(have[bram])} block RAMs in use"


def _fits(choice: Choice, board: Board) -> bool:
    """Whether the folding of `choice` has room on `board`, with its memories where they suit that."""
    there = placed(choice.pipeline, choice.folds, choice.target, board, None, choice.beside)
    return bool((np.round(vector(there.estimate, board.family)) <= limits(board)).all())


def _most(pipeline: Pipeline, family: str, at: int) -> tuple[str, str, float, float]:
    """The node whose stages take most of resource `at`, the largest of them, and what both take."""
    stages = {s: vector(cost(s), family)[at] for s in pipeline.stages}
    nodes: dict[str, float] = {}
    for stage, need in stages.items():
        nodes[stage.node] = nodes.get(stage.node, 0.0) + need
    node = max(nodes, key=lambda name: nodes[name])
    most = max((s for s in stages if s.node == node), key=lambda s: stages[s])
    return node, most.name, nodes[node], stages[most]
