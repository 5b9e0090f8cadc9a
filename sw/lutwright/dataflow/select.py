"""Selecting one fold for each layer: the cheapest together that keep an interval and stay within the resources.

A multiple-choice knapsack with several resources. Prices on the resources are raised until the cheapest folds fit,
which is what a Lagrangian relaxation does; single exchanges then remove what is still too much, or what can be saved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lutwright.dataflow.folding import Fold
from lutwright.dataflow.layer_costs import Options
from lutwright.numerics.quantiser import FloatArray

_ROUNDS = 24  # of prices
_EXCHANGES = 200


@dataclass(frozen=True, eq=False)
class Selection:
    """The folds by layer, the clocks a frame of the slowest, and their cost: float64 [4], as layer_costs.KINDS.

    rows: by layer, where each lies in its Options.
    """

    folds: dict[str, Fold]
    clocks: int
    costs: FloatArray
    rows: dict[str, int]


def cheapest(table: Sequence[Options], interval: int, prices: FloatArray) -> Selection | None:
    """The folds that cost least at `prices` (float64 [4]), without any limit; None where a layer is too slow."""
    usable = [np.flatnonzero(options.clocks <= interval) for options in table]
    if any(not rows.size for rows in usable):
        return None
    return _selection(table, [int(r[np.argmin(o.costs[r] @ prices)]) for o, r in zip(table, usable, strict=True)])


def select(table: Sequence[Options], interval: int, prices: FloatArray, room: FloatArray) -> Selection | None:
    """The folds of at most `interval` clocks within `room` that cost little at `prices`; float64 [4] both.

    None where none were found; the search is a heuristic, and always the same.
    """
    found = nearest(table, interval, prices, room)
    return found if found is not None and excess(found.costs, room) == 0 else None


def nearest(table: Sequence[Options], interval: int, prices: FloatArray, room: FloatArray) -> Selection | None:
    """As select, but where nothing fits the folds that exceed `room` least; None where a layer is too slow."""
    usable = [np.flatnonzero(options.clocks <= interval) for options in table]
    if any(not rows.size for rows in usable):
        return None
    costs = [options.costs[rows] for options, rows in zip(table, usable, strict=True)]
    picked = _exchange(costs, _by_prices(costs, prices, room), lambda total: excess(total, room))
    if excess(_total(costs, picked), room) == 0:
        picked = _exchange(costs, picked, lambda total: np.where(excess(total, room) > 0, np.inf, total @ prices))
    return _selection(table, [int(rows[i]) for rows, i in zip(usable, picked, strict=True)])


def excess(total: FloatArray, room: FloatArray) -> FloatArray:
    """What each of `total`, float64 [..., 4], has too much, in shares of `room`."""
    return np.asarray((np.maximum(total - room, 0) / np.maximum(room, 1)).sum(axis=-1))


def _selection(table: Sequence[Options], picked: list[int]) -> Selection:
    costs = _total([options.costs for options in table], picked)
    clocks = max((int(o.clocks[i]) for o, i in zip(table, picked, strict=True)), default=1)
    rows = {o.node: i for o, i in zip(table, picked, strict=True)}
    return Selection({o.node: o.folds[rows[o.node]] for o in table}, clocks, costs, rows)


def _total(costs: list[FloatArray], picked: list[int]) -> FloatArray:
    return np.asarray(sum((rows[i] for rows, i in zip(costs, picked, strict=True)), np.zeros(4)))


def _by_prices(costs: list[FloatArray], prices: FloatArray, room: FloatArray) -> list[int]:
    """The option of each layer that is cheapest, at prices raised until all fit; else those with the least excess."""
    best: list[int] = []
    for _ in range(_ROUNDS):
        picked = [int(np.argmin(rows @ prices)) for rows in costs]
        total = _total(costs, picked)
        if not best or excess(total, room) < excess(_total(costs, best), room):
            best = picked
        if excess(total, room) == 0:
            break
        prices = prices * np.clip(total / np.maximum(room, 1), 0.9, 4.0)
    return best


def _exchange(costs: list[FloatArray], picked: list[int], goal: Callable[[FloatArray], FloatArray]) -> list[int]:
    """`picked` after the single exchanges that bring `goal`, a function of float64 [..., 4], down the most each."""
    picked, total = list(picked), _total(costs, picked)
    for _ in range(_EXCHANGES if picked else 0):
        totals = [total - rows[i] + rows for rows, i in zip(costs, picked, strict=True)]
        values = [goal(each) for each in totals]
        layer = int(np.argmin([each.min() for each in values]))
        option = int(np.argmin(values[layer]))
        if not values[layer][option] < goal(total) - 1e-12:
            break
        picked[layer], total = option, totals[layer][option]
    return picked
