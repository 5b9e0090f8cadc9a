"""The rule of the learner: every short sequence of examples against exact fractions, choices and the vote by hand."""

from fractions import Fraction
from itertools import product
from math import floor

import numpy as np
import pytest

from lutwright.learn import LearnerConfig
from lutwright.learn.rule import cheapest, choose, distances, draw, update
from lutwright.learn.votes import decide, tally


@pytest.mark.parametrize(
    ("bits", "signed", "fraction", "longest"),
    [(1, False, 0, 9), (1, False, 3, 9), (2, False, 0, 6), (2, False, 2, 6), (2, True, 1, 6), (3, True, 0, 4)],
)
def test_every_short_sequence_gives_the_exact_mean(bits, signed, fraction, longest):
    low = -(1 << (bits - 1)) if signed else 0
    codes = range(low, low + (1 << bits))
    # All sequences at once: one anchor each, which learns the sequence code by code.
    sequences = np.array(list(product(codes, repeat=longest)), np.int64)
    y = r = np.zeros((len(sequences), 1), np.int64)
    n = np.zeros(len(sequences), np.int64)
    for step in range(longest):
        y, r, n = update(y, r, n, sequences[:, step : step + 1] << fraction)
        sums = sequences[:, : step + 1].sum(axis=1)
        assert (n == step + 1).all()
        assert ((n * y[:, 0] + r[:, 0]) == sums << fraction).all()
        assert ((r[:, 0] >= 0) & (r[:, 0] < n)).all()
        expected = [floor(Fraction(int(total) << fraction, step + 1)) for total in sums]
        assert y[:, 0].tolist() == expected
        assert y.min() >= low << fraction and y.max() <= (low + (1 << bits) - 1) << fraction


def test_distances():
    x, y = np.array([[0, 10], [5, 5]]), np.array([[3, 6], [5, 5]])
    assert distances(x, y, "l1").tolist() == [7, 0]
    assert distances(x, y, "l2").tolist() == [25, 0]


def test_largest_distance_fills_its_bits_and_no_more():
    for distance in ("l1", "l2"):
        config = LearnerConfig(16, 1, 1, 1, feature_bits=16, fraction_bits=4, signed=True, distance=distance)
        low, high = (np.full(16, code << 4) for code in (config.low, config.high))
        found = int(distances(high, low, distance))
        assert found == 16 * ((65535 << 4) ** (1 if distance == "l1" else 2))
        assert found.bit_length() == config.distance_bits


def test_the_cheapest_anchor_is_an_empty_one_then_the_first_of_the_least():
    counts = np.array([[1, 2, 1], [0, 1, 1], [0, 1, 1]])
    cost = np.array([[0, 4, 7], [0, 4, 5], [0, 9, 5]])
    assert cheapest(counts, cost).tolist() == [1, 0, 1]


def test_weighted_multiplies_the_count_and_nearest_does_not():
    counts, found = np.array([[3], [1]]), np.array([[2], [5]])
    assert choose("weighted", counts, 0, 1, lambda: found)[0].tolist() == [1]
    assert choose("nearest", counts, 0, 1, lambda: found)[0].tolist() == [0]


def test_round_robin_takes_the_pointer_and_moves_it():
    counts = np.zeros((3, 2), np.int64)
    assert choose("round-robin", counts, 2, 1, lambda: counts)[0].tolist() == [2, 2]
    assert choose("round-robin", counts, 2, 1, lambda: counts)[1:] == (0, 1)
    assert choose("weighted", counts, 2, 5, lambda: counts)[1:] == (2, 5)


def test_the_generator_goes_through_every_state_but_0():
    drawn, lfsr = draw(1, 1 << 8, 3)
    # 1 -> 0xB400 -> 0x5A00 -> 0x2D00
    assert (drawn.tolist(), lfsr) == ([0xB4, 0x5A, 0x2D], 0x2D00)
    seen, state = set(), 1
    while state not in seen:
        seen.add(state)
        _, state = draw(state, 1, 1)
    assert len(seen) == 65535 and 0 not in seen and state == 1


@pytest.mark.parametrize("anchors", [1, 3, 4, 256])
def test_random_anchors_are_all_drawn_and_never_another(anchors):
    drawn, _ = draw(77, anchors, 4096)
    assert set(drawn.tolist()) == set(range(anchors))


def test_votes_add_up_over_subspaces_and_versions():
    assert tally(np.array([[0, 2, 2], [1, 1, 1]]), 4).tolist() == [[1, 0, 2, 0], [0, 3, 0, 0]]


@pytest.mark.parametrize(
    ("votes", "answer"),
    [
        ([0, 5, 2], (1, 5, 3)),
        ([4, 0, 4], (0, 4, 0)),
        ([0, 0, 640], (2, 640, 640)),
        ([7], (0, 7, 7)),
    ],
)
def test_the_class_with_most_votes_wins_the_lowest_where_several_have(votes, answer):
    found = decide(np.array([votes]))[0]
    assert (found.label, found.votes, found.margin, found.status) == (*answer, 0)
