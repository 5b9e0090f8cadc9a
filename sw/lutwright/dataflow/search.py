"""The search for a folding: which interval the layers can keep within the resources of a board."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import replace
from functools import cached_property

import numpy as np

from lutwright.boards import Board
from lutwright.dataflow.choice import WORDS, Choice, limits, placed, shortage, target
from lutwright.dataflow.cost import Cost, pipeline_cost
from lutwright.dataflow.layer_costs import Options, candidate_clocks, exact_costs, layer_options
from lutwright.dataflow.lower import lower, lower_bare
from lutwright.dataflow.memories import block_names, with_blocks
from lutwright.dataflow.options import layers, possible
from lutwright.dataflow.packet import shell_cost
from lutwright.dataflow.parts import NOTHING
from lutwright.dataflow.resource_kinds import KINDS, vector
from lutwright.dataflow.select import Selection, cheapest, excess, nearest, select
from lutwright.dataflow.stage import Pipeline
from lutwright.dataflow.supported import require_cells
from lutwright.errors import DoesNotFit
from lutwright.ir.graph import Graph, Node
from lutwright.numerics.quantiser import FloatArray

_LUT = np.array(KINDS) == "lut"
_PATIENCE = 3  # pipelines that are made for the same interval


class Search:
    """The foldings of one graph for one board.

    Each layer's folds are costed alone, with more and with fewer of its memories in block RAM. What the sum of them
    leaves out (FIFOs, converters, the shell, nodes between the layers) is read off the pipelines that are made on the
    way, and taken off the room; so is `shared`, what else is on the chip. The adders of an unrolled layer are an
    estimate until a selection has them. Of a pipeline each memory is placed by itself.
    """

    def __init__(self, graph: Graph, board: Board, shared: Cost = NOTHING) -> None:
        require_cells(graph)
        self.graph, self.board, self.shared = graph, board, shared
        self.room = limits(board)
        self.prices = 1 / np.maximum(self.room, 1)
        self._exact: set[str] = set()  # layers whose unrolled fold is costed by its adders

    @cached_property
    def table(self) -> list[Options]:
        """The folds of every layer."""
        return [self._options(node) for node in layers(self.graph)]

    def _options(self, node: Node) -> Options:
        tried = [fold for fold in possible(node) if fold.engine != "dsp" or self.board.resources.dsp]
        return layer_options(self.graph, node, tried, target(self.board, 1), self.board.family)

    def fastest(self) -> Choice:
        """The folding of the fewest clocks a frame that fits."""
        clocks = self.intervals()
        low, high, best = 0, len(clocks), None
        failed: Counter[int] = Counter()
        while low < high:
            at = bisect_left(range(high), True, lo=low, key=lambda i: self._select(clocks[i]) is not None)
            if at == high:
                break
            choice = self._made(clocks[at])
            if choice is not None:  # what it takes beside its layers may show that a faster one fits
                best, high = choice, at
            else:
                failed[at] += 1
                low = at + 1 if failed[at] == _PATIENCE else low
        return self._slowest(clocks[-1]) if best is None else replace(best, limit=self._why(clocks, high))

    def smallest(self, fps: float) -> Choice:
        """The cheapest folding that makes `fps` frames a second or more."""
        interval = int(self.board.clock.mhz * 1e6 / fps + 1e-9)
        for _ in range(_PATIENCE):
            choice = self._made(interval)
            if choice is not None and choice.pipeline.interval <= interval:
                return choice
        best = self.fastest()
        if best.pipeline.interval <= interval:
            return best
        raise self._too_fast(fps, best)

    def intervals(self) -> list[int]:
        """Every number of clocks a frame at which some layer could be folded otherwise, ascending."""
        return candidate_clocks(self.table)

    def least(self, interval: int) -> Choice:
        """The folding of the fewest LUTs that takes at most `interval` clocks a frame, however many LUTs that are.

        interval: one of intervals(), or more. The other resources stay within the board where that can be.
        """
        for _ in range(_PATIENCE):
            selection = self._fewest_luts(interval)
            while self._learn(selection):
                selection = self._fewest_luts(interval)
            choice = self._lowered(selection)
            if not excess(self._taken(choice.estimate), np.where(_LUT, np.inf, self.room)):
                break
        return choice

    def _fewest_luts(self, interval: int) -> Selection:
        prices = np.where(_LUT, self.prices, 1e-3 * self.prices)
        found = nearest(self.table, interval, prices, np.where(_LUT, np.inf, self._left))
        assert found is not None
        return found

    def _select(self, interval: int) -> Selection | None:
        """The folds for `interval` as far as is known."""
        return select(self.table, interval, self.prices, self._left)

    @cached_property
    def beside(self) -> FloatArray:
        """float64 [4]: what a chip takes beside the sum of its layers."""
        slowest = max(candidate_clocks(self.table))
        least = cheapest(self.table, slowest, self.prices)
        assert least is not None
        bare = lower_bare(self.graph, least.folds, target(self.board, slowest))
        return self._left_out(bare, least)

    def _left_out(self, pipeline: Pipeline, selection: Selection) -> FloatArray:
        """float64 [4]: what the chip of `pipeline` takes beside the sum of `selection`, whose layers it has."""
        of_layers = {name for options in self.table for names in options.blocks for name in names}
        chosen = {name for options in self.table for name in options.blocks[selection.rows[options.node]]}
        there = with_blocks(pipeline, chosen | (set(block_names(pipeline)) - of_layers))
        return self._taken(pipeline_cost(there) + shell_cost(there, self.board.link) + self.shared) - selection.costs

    def _made(self, interval: int) -> Choice | None:
        """What _select finds for `interval` as a pipeline, or None where it turns out not to fit."""
        found = self._select(interval)
        while found is not None and self._learn(found):
            found = self._select(interval)
        if found is None:
            return None
        choice = self._lowered(found)
        return choice if shortage(choice, self.board) is None else None

    def _lowered(self, selection: Selection) -> Choice:
        """The pipeline of `selection`, from which the search learns what lies beside the layers."""
        wanted = target(self.board, selection.clocks)
        pipeline = lower(self.graph, selection.folds, wanted)
        self.beside = self._left_out(pipeline, selection)
        return placed(pipeline, selection.folds, wanted, self.board, None, self.shared)

    def _learn(self, selection: Selection) -> bool:
        """Find the adders of the next layer of `selection` that is unrolled on an estimate; whether there is one."""
        for name, fold in selection.folds.items():
            if fold.engine == "unrolled" and name not in self._exact:
                self._exact.add(name)
                for options in self.table:
                    if options.node == name:
                        self._correct(options)
                return True
        return False

    def _correct(self, options: Options) -> None:
        """Write into `options` what the unrolled fold really costs."""
        node, wanted = self.graph.node(options.node), target(self.board, 1)
        at = [i for i, fold in enumerate(options.folds) if fold.engine == "unrolled"]
        blocks = [options.blocks[i] for i in at]
        options.costs[at] = exact_costs(self.graph, node, options.folds[at[0]], wanted, self.board.family, blocks)

    def _taken(self, need: Cost) -> FloatArray:
        return np.array(vector(need, self.board.family))

    def _slowest(self, interval: int) -> Choice:
        """The smallest folding there is, as the last attempt; DoesNotFit says what it lacks."""
        choice = self._lowered(self._nearest(interval))
        error = shortage(choice, self.board)
        if error is not None:
            raise error
        return choice

    def _nearest(self, interval: int) -> Selection:
        """The folds for `interval` that lack least."""
        found = nearest(self.table, interval, self.prices, self._left)
        assert found is not None
        return found

    @property
    def _left(self) -> FloatArray:
        """float64 [4]: what the layers may take together."""
        return self.room - self.beside

    def _why(self, clocks: list[int], at: int) -> str:
        """What keeps the folding of clocks[at] clocks a frame from being faster, in a sentence."""
        if at == 0:
            slowest = max(self.table, key=lambda options: int(options.clocks.min()), default=None)
            return f"Layer '{slowest.node}' cannot take fewer clocks a frame." if slowest else ""
        faster = self._nearest(clocks[at - 1])
        need = faster.costs + self.beside
        worst = int(np.argmax(need / np.maximum(self.room, 1)))
        if need[worst] <= self.room[worst]:
            return f"{clocks[at - 1]:,} clocks a frame would not fit with what lies between its layers."
        shares = {o.node: o.costs[faster.rows[o.node]][worst] for o in self.table}
        name = max(shares, key=lambda node: shares[node])
        return (
            f"{clocks[at - 1]:,} clocks a frame would need about {need[worst]:,.0f} of {self.room[worst]:,.0f} "
            f"{WORDS[KINDS[worst]]}, {shares[name]:,.0f} of them for layer '{name}'."
        )

    def _too_fast(self, fps: float, best: Choice) -> DoesNotFit:
        mhz = self.board.clock.mhz
        most = int(mhz * 1e6 / best.pipeline.interval)
        return DoesNotFit(
            f"board '{self.board.name}'",
            f"reaches at most {most:,} frames/s with this model at {mhz:g} MHz",
            f"{fps:,.10g}",
            f"{best.limit} Ask for at most {most} frames/s, a faster --clock or a larger board.".strip(),
        )
