"""The search for a folding: which interval the layers can keep within the resources of a board."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lutwright.boards import Board
from lutwright.dataflow.choice import WORDS, Choice, adder_levels, block_bits_of, limits, shortage, with_folds
from lutwright.dataflow.cost import SHELL, Cost, pipeline_cost
from lutwright.dataflow.folding import Fold
from lutwright.dataflow.layer_costs import KINDS, Options, candidate_clocks, exact_cost, layer_options, vector
from lutwright.dataflow.lower import Target, lower_bare
from lutwright.dataflow.options import layers, possible
from lutwright.dataflow.select import Selection, cheapest, excess, nearest, select
from lutwright.dataflow.supported import require_cells
from lutwright.errors import DoesNotFit
from lutwright.ir.graph import Graph, Node
from lutwright.numerics.quantiser import FloatArray

_LUT = np.array(KINDS) == "lut"
_BRAM = np.array(KINDS) == "bram"
_PATIENCE = 3  # pipelines that are made for the same interval


class Search:
    """The foldings of one graph for one board.

    Each layer's folds are costed alone. What the sum of them leaves out (FIFOs, converters, the shell, nodes between
    the layers) is read off the pipelines that are made on the way, and taken off the room. The adders of an unrolled
    layer are an estimate until a selection has them.
    """

    def __init__(self, graph: Graph, board: Board) -> None:
        require_cells(graph)
        self.graph, self.board = graph, board
        self.levels = adder_levels(board.clock.mhz)
        self.room = limits(board)
        self.prices = 1 / np.maximum(self.room, 1)
        self._tables: dict[int, list[Options]] = {}
        self._beside: dict[int, FloatArray] = {}
        self._exact: set[str] = set()  # layers whose unrolled fold is costed by its adders

    def table(self, block_bits: int) -> list[Options]:
        """The folds of every layer where memories of more than `block_bits` bits are block RAMs."""
        if block_bits not in self._tables:
            target = Target(1, self.levels, block_bits)
            made = [
                layer_options(self.graph, node, self._tried(node), target, self.board.family)
                for node in layers(self.graph)
            ]
            for options in made:
                self._correct(options, target)
            self._tables[block_bits] = made
        return self._tables[block_bits]

    def _tried(self, node: Node) -> Sequence[Fold]:
        """The folds of `node` that are worth costing: later, those that none beat where small memories are block RAMs.

        That misses few that are better with memories in LUTs, and saves half the time.
        """
        first = self._tables.get(self._block_bits[0])
        if first is not None:
            return next(options.folds for options in first if options.node == node.name)
        return [fold for fold in possible(node) if fold.engine != "dsp" or self.board.resources.dsp]

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
        return candidate_clocks(self.table(self._block_bits[0]))

    def least(self, interval: int) -> Choice:
        """The folding of the fewest LUTs that takes at most `interval` clocks a frame, however many LUTs that are.

        interval: one of intervals(), or more. The other resources stay within the board where that can be.
        """
        for _ in range(_PATIENCE):
            block_bits, selection = self._fewest_luts(interval)
            while self._learn(selection):
                block_bits, selection = self._fewest_luts(interval)
            choice = self._lowered(block_bits, selection)
            if not excess(self._taken(choice.estimate), np.where(_LUT, np.inf, self.room)):
                break
        return choice

    def _fewest_luts(self, interval: int) -> tuple[int, Selection]:
        prices = np.where(_LUT, self.prices, 1e-3 * self.prices)
        for block_bits in self._block_bits:
            room = np.where(_LUT, np.inf, self._left(block_bits))
            found = nearest(self.table(block_bits), interval, prices, room)
            assert found is not None
            chosen = block_bits, found
            if not excess(found.costs, room):
                break
        return chosen

    @property
    def _block_bits(self) -> tuple[int, ...]:
        return block_bits_of(self.board)

    def _select(self, interval: int) -> tuple[int, Selection] | None:
        """The folds for `interval` as far as is known, and the block_bits that go with them."""
        for block_bits in self._block_bits:
            table, left = self.table(block_bits), self._left(block_bits)
            found = select(table, interval, self.prices, left)
            if found is not None:
                return block_bits, found
            if select(table, interval, self.prices, np.where(_BRAM, np.inf, left)) is None:
                return None  # it is not block RAMs that lack, and more memories in LUTs would not help
        return None

    def beside(self, block_bits: int) -> FloatArray:
        """float64 [4]: what a chip takes beside the sum of its layers."""
        if block_bits not in self._beside:
            table = self.table(block_bits)
            slowest = max(candidate_clocks(table))
            least = cheapest(table, slowest, self.prices)
            assert least is not None
            bare = lower_bare(self.graph, least.folds, Target(slowest, self.levels, block_bits))
            self._beside[block_bits] = self._taken(pipeline_cost(bare) + SHELL) - least.costs
        return self._beside[block_bits]

    def _made(self, interval: int) -> Choice | None:
        """What _select finds for `interval` as a pipeline, or None where it turns out not to fit."""
        found = self._select(interval)
        while found is not None and self._learn(found[1]):
            found = self._select(interval)
        if found is None:
            return None
        choice = self._lowered(*found)
        return choice if shortage(choice, self.board) is None else None

    def _lowered(self, block_bits: int, selection: Selection) -> Choice:
        """The pipeline of `selection`, from which the search learns what lies beside the layers."""
        target = Target(selection.clocks, self.levels, block_bits)
        choice = with_folds(self.graph, selection.folds, target, self.board)
        self._beside[block_bits] = self._taken(choice.estimate) - selection.costs
        return choice

    def _learn(self, selection: Selection) -> bool:
        """Find the adders of the next layer of `selection` that is unrolled on an estimate; whether there is one."""
        for name, fold in selection.folds.items():
            if fold.engine == "unrolled" and name not in self._exact:
                self._exact.add(name)
                for block_bits, table in self._tables.items():
                    for options in table:
                        self._correct(options, Target(1, self.levels, block_bits), name)
                return True
        return False

    def _correct(self, options: Options, target: Target, only: str = "") -> None:
        """Write into `options` what the unrolled fold really costs, where it is known."""
        if options.node not in self._exact or (only and options.node != only):
            return
        node = self.graph.node(options.node)
        for at, fold in enumerate(options.folds):
            if fold.engine == "unrolled":
                options.costs[at] = exact_cost(self.graph, node, fold, target, self.board.family)

    def _taken(self, need: Cost) -> FloatArray:
        return np.array(vector(need, self.board.family))

    def _slowest(self, interval: int) -> Choice:
        """The smallest folding there is, as the last attempt; DoesNotFit says what it lacks."""
        block_bits, least = self._nearest(interval)
        choice = self._lowered(block_bits, least)
        error = shortage(choice, self.board)
        if error is not None:
            raise error
        return choice

    def _nearest(self, interval: int) -> tuple[int, Selection]:
        """The folds for `interval` that lack least, and the block_bits that go with them."""
        tried: list[tuple[float, int, Selection]] = []
        for block_bits in self._block_bits:
            left = self._left(block_bits)
            found = nearest(self.table(block_bits), interval, self.prices, left)
            assert found is not None
            tried.append((float(excess(found.costs, left)), block_bits, found))
        _, block_bits, found = min(tried, key=lambda one: one[0])
        return block_bits, found

    def _left(self, block_bits: int) -> FloatArray:
        """float64 [4]: what the layers may take together."""
        return self.room - self.beside(block_bits)

    def _why(self, clocks: list[int], at: int) -> str:
        """What keeps the folding of clocks[at] clocks a frame from being faster, in a sentence."""
        if at == 0:
            slowest = max(self.table(self._block_bits[0]), key=lambda options: int(options.clocks.min()), default=None)
            return f"Layer '{slowest.node}' cannot take fewer clocks a frame." if slowest else ""
        block_bits, faster = self._nearest(clocks[at - 1])
        need = faster.costs + self.beside(block_bits)
        worst = int(np.argmax(need / np.maximum(self.room, 1)))
        if need[worst] <= self.room[worst]:
            return f"{clocks[at - 1]:,} clocks a frame would not fit with what lies between its layers."
        table = self.table(block_bits)
        shares = {o.node: o.costs[o.folds.index(faster.folds[o.node])][worst] for o in table}
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
            f"{best.limit} Ask for at most {most} frames/s, or take a larger board.".strip(),
        )
