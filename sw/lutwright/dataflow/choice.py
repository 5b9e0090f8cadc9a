"""A choice: a folding as a pipeline with its estimate, and whether a board has room for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lutwright.boards import Board, all_boards
from lutwright.dataflow.cost import SHELL, Cost, cost, pipeline_cost
from lutwright.dataflow.folding import Fold
from lutwright.dataflow.layer_costs import KINDS, vector
from lutwright.dataflow.lower import Target, lower
from lutwright.dataflow.stage import Pipeline
from lutwright.errors import DoesNotFit
from lutwright.ir.graph import Graph
from lutwright.numerics.quantiser import FloatArray

WORDS = {"lut": "LUTs", "ff": "flip-flops", "bram": "block RAMs", "dsp": "DSPs"}
"""What a designer calls the resources."""

# Place and route needs some room; above this share of the LUTs it often fails or is slow.
_SHARE = 0.9
# From how many bits on a memory goes to block RAM, the best first. LUT RAM is dear on Gowin: eight sites for 64 bits.
_BLOCK_BITS = {"gowin": (96, 512, 4096)}
_OTHER_BLOCK_BITS = (512, 4096, 16384)


@dataclass(frozen=True, eq=False)
class Choice:
    """A folding of a graph, its pipeline and the estimate of the whole chip, the board's shell included.

    target: what was asked for; pipeline.interval is what came out. limit: why it is not faster, in a sentence.
    """

    target: Target
    folds: Mapping[str, Fold]
    pipeline: Pipeline
    estimate: Cost
    limit: str = ""


def adder_levels(mhz: float) -> int:
    """Levels of adders between two registers at a clock of `mhz`; about 2 ns a level on the slowest family."""
    return max(1, min(4, int(120 / mhz)))


def limits(board: Board) -> FloatArray:
    """What a design may take of `board`: float64 [4], the resources of layer_costs.KINDS."""
    have = board.resources
    return np.array([_SHARE * have.lut, _SHARE * have.ff, have.bram, have.dsp], np.float64)


def block_bits_of(board: Board) -> tuple[int, ...]:
    """The block_bits of dataflow.lowering.Target to try on `board`, in this order."""
    return _BLOCK_BITS.get(board.family, _OTHER_BLOCK_BITS)


def with_folds(graph: Graph, folds: Mapping[str, Fold], target: Target, board: Board) -> Choice:
    """The choice that `folds` are, whether it fits `board` or not; adders of unrolled layers may take seconds."""
    pipeline = lower(graph, dict(folds), target)
    return Choice(target, folds, pipeline, (pipeline_cost(pipeline) + SHELL).on(board.family))


def shortage(choice: Choice, board: Board, which: str = "the smallest folding") -> DoesNotFit | None:
    """The error that says what `board` lacks for `choice`, which is `which`; None where it has enough."""
    need, have = vector(choice.estimate, board.family), limits(board)
    for at, kind in enumerate(KINDS):
        if round(need[at]) <= have[at]:
            continue
        stages = {s.name: vector(cost(s), board.family)[at] for s in choice.pipeline.stages}
        name = max(stages, key=lambda stage: stages[stage])
        others = [b.name for b in all_boards() if b.name != board.name and (np.round(need) <= limits(b)).all()]
        larger = f"It has room on {', '.join(others)}." if others else "Use fewer channels or bits there."
        return DoesNotFit(
            f"board '{board.name}'",
            f"has room for {int(have[at])} {WORDS[kind]}, {which} needs about {round(need[at])}, "
            f"stage '{name}' alone {round(stages[name])}",
            fix=larger,
        )
    return None
