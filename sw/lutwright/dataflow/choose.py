"""Choosing the folding for a board: the fastest that fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lutwright.boards import Board
from lutwright.dataflow.cost import SHELL, Cost, cost, pipeline_cost
from lutwright.dataflow.folding import Fold, fastest_interval, fold_graph
from lutwright.dataflow.lower import Target, lower
from lutwright.dataflow.stage import Pipeline
from lutwright.dataflow.supported import require_cells
from lutwright.errors import DoesNotFit
from lutwright.ir.graph import Graph

# Place and route needs some room; above this share of the LUTs it often fails or is slow.
_SHARE = 0.9
_SLOWEST = 1 << 24
# From how many bits on a memory goes to block RAM, the best first. LUT RAM is dear on Gowin: eight sites for 64 bits.
_BLOCK_BITS = {"gowin": (96, 512, 4096), "ecp5": (512, 4096)}


@dataclass(frozen=True, eq=False)
class Choice:
    """A folding of a graph, its pipeline and the estimate of the whole chip, the board's shell included.

    target: what was asked for; pipeline.interval is what came out.
    """

    target: Target
    folds: Mapping[str, Fold]
    pipeline: Pipeline
    estimate: Cost


def choose(graph: Graph, board: Board) -> Choice:
    """The fastest folding of `graph` whose estimate fits `board`: one pixel a clock, or half that rate, or a quarter...

    Raises UnsupportedOp naming a node that no cell does, and DoesNotFit naming the resource that is short and the stage
    that needs most of it.
    """
    require_cells(graph)
    interval = fastest_interval(graph)
    last: Choice | None = None
    while interval <= _SLOWEST:
        folds = fold_graph(graph, interval)
        if last is None or folds != last.folds:
            for block_bits in _BLOCK_BITS[board.family]:
                target = Target(interval, adder_levels(board.clock.mhz), block_bits)
                pipeline = lower(graph, folds, target)
                last = Choice(target, folds, pipeline, (pipeline_cost(pipeline) + SHELL).on(board.family))
                if shortage(last, board) is None:
                    return last
        interval *= 2
    assert last is not None
    error = shortage(last, board)
    assert error is not None
    raise error


def adder_levels(mhz: float) -> int:
    """Levels of adders between two registers at a clock of `mhz`; about 2 ns a level on the slowest family."""
    return max(1, min(4, int(120 / mhz)))


def shortage(choice: Choice, board: Board) -> DoesNotFit | None:
    """The error that says what `board` lacks for `choice`, or None where it has enough."""
    have = {
        "lut": _SHARE * board.resources.lut,
        "ff": _SHARE * board.resources.ff,
        "bram": board.resources.bram,
        "dsp": board.resources.dsp,
    }
    need = choice.estimate.as_dict()
    for kind, words in (("lut", "LUTs"), ("ff", "flip-flops"), ("bram", "block RAMs"), ("dsp", "DSPs")):
        if need[kind] > have[kind]:
            stage = max(choice.pipeline.stages, key=lambda s: cost(s).on(board.family).as_dict()[kind])
            return DoesNotFit(
                f"board '{board.name}'",
                f"has room for {int(have[kind])} {words}, the smallest folding needs about {need[kind]}, "
                f"stage '{stage.name}' alone {cost(stage).on(board.family).as_dict()[kind]}",
                fix="Use fewer channels or bits there, or a larger board.",
            )
    return None
