"""Choosing the folding for a board: the fastest that fits, the smallest that is fast enough, or a user's."""

from __future__ import annotations

from lutwright.boards import Board
from lutwright.dataflow.choice import Choice, adder_levels, shortage, target, with_folds
from lutwright.dataflow.cost import Cost
from lutwright.dataflow.folding_file import Folding
from lutwright.dataflow.layer_costs import layer_clocks
from lutwright.dataflow.memories import memory_names
from lutwright.dataflow.parts import NOTHING
from lutwright.dataflow.search import Search
from lutwright.dataflow.supported import require_cells
from lutwright.errors import BadFolding, DoesNotFit
from lutwright.ir.graph import Graph

__all__ = ["Choice", "adder_levels", "choose", "take"]


def choose(graph: Graph, board: Board, fps: float | None = None, beside: Cost = NOTHING) -> Choice:
    """The fastest folding of `graph` whose estimate fits `board`, or the smallest that makes `fps` frames a second.

    Rates are those at board.clock. beside: what else is on the chip. Raises UnsupportedOp naming a node that no cell
    does, and DoesNotFit naming the resource that is short and the stage that needs most of it; with `fps` also the rate
    that the board does reach.
    """
    search = Search(graph, board, beside)
    return search.fastest() if fps is None else search.smallest(fps)


def take(graph: Graph, board: Board, folding: Folding, fps: float | None = None, beside: Cost = NOTHING) -> Choice:
    """The choice that a user's `folding` is. beside: what else is on the chip.

    Raises BadFolding where it names a memory that is not there, DoesNotFit where `board` has no room for it, or where
    it makes less than `fps` frames a second.
    """
    require_cells(graph)
    interval = max(layer_clocks(graph, folding.folds, target(board, 1)).values(), default=1)
    choice = with_folds(graph, folding.folds, target(board, interval), board, folding.blocks, beside)
    known = memory_names(choice.pipeline)
    unknown = [name for name in folding.blocks or () if name not in known]
    if unknown:
        raise BadFolding(
            "folding, key 'block_rams'", f"memories must be among {', '.join(known)}", f"'{unknown[0]}'", "Remove it."
        )
    error = shortage(choice, board, "this folding")
    if error is not None:
        raise error
    rate, slowest = board.clock.mhz * 1e6 / choice.pipeline.interval, choice.pipeline.slowest.name
    if fps is not None and rate < fps:
        raise DoesNotFit(
            f"stage '{slowest}'",
            f"makes at most {int(rate):,} frames/s with this folding at {board.clock.mhz:g} MHz",
            f"{fps:,.10g}",
            "Raise its PE or SIMD, or ask for less.",
        )
    return choice
