"""Position policies: temperatures and schedules against their formulas, patterns, and what a checkpoint holds."""

import math
from itertools import pairwise

import pytest
import torch

from lutwright.train.names import POLICIES
from lutwright.train.positions import largest, pattern, positions
from lutwright.train.schedules import kept_of, sparsity

SHAPE = (6, 5, 9)


def test_temperature_grows_by_one_factor_a_batch():
    sal = positions("sal", SHAPE, t_init=2.0, t_final=50.0)
    sal.begin(7)
    seen = [sal.temperature]
    for _ in range(7):
        sal.advance()
        seen.append(sal.temperature)
    assert seen[0] == 2.0 and seen[-1] == pytest.approx(50.0)
    assert [b / a for a, b in pairwise(seen)] == pytest.approx([25.0 ** (1 / 7)] * 7)


def test_sal_keeping_three_takes_the_three_largest():
    torch.manual_seed(0)
    sal = positions("sal", SHAPE, 3)
    chosen = sal.chosen(torch.zeros(SHAPE))
    attention = sal.attention.detach()
    assert (chosen.sum(-1) == 3).all()
    assert (attention[chosen].view(6, 5, 3).amin(-1) > attention[~chosen].view(6, 5, 6).amax(-1)).all()
    assert sal.factors(torch.zeros(SHAPE)).min() >= 0 and sal.factors(torch.zeros(SHAPE)).max() <= 1


@pytest.mark.parametrize("policy", ["sal-shared", "sal-tied"])
def test_shared_attention_has_one_row_an_input(policy):
    made = positions(policy, SHAPE)
    assert made.attention.shape == (1, 5, 9) and made.factors(torch.zeros(SHAPE)).shape == (1, 5, 9)
    chosen = made.chosen(torch.zeros(SHAPE))
    assert chosen.shape == SHAPE and (chosen == chosen[:1]).all()


@pytest.mark.parametrize("kept", [1, 2, 4])
@pytest.mark.parametrize("shared", [True, False])
def test_patterns_are_even(kept, shared):
    found = pattern(18, 27, 9, kept, shared=shared)
    assert (found.sum(-1) == kept).all()
    assert set(found.sum((0, 1)).tolist()) == {18 * 27 * kept // 9}
    assert bool((found == found[:1]).all()) == shared


def test_guided_fades_the_others_out():
    guided = positions("guided", SHAPE, schedule="agp")
    guided.begin(4)
    for batch in range(5):
        factors = guided.factors(torch.ones(SHAPE))
        assert (factors[guided.mask] == 1).all()
        assert factors[~guided.mask].unique().tolist() == pytest.approx([(1 - batch / 4) ** 3])
        guided.advance()


def test_magnitude_prunes_the_smallest_by_and_by():
    torch.manual_seed(0)
    weight, magnitude = torch.randn(SHAPE), positions("magnitude", SHAPE, schedule="agp")
    magnitude.begin(10)
    standing = []
    for _ in range(11):
        factors = magnitude.factors(weight)
        standing.append(int(factors[0, 0].sum()))
        assert (factors.sum(-1) == standing[-1]).all()
        assert (factors.bool() == largest(weight.abs(), standing[-1])).all()
        magnitude.advance()
    assert standing[0] == 9 and standing[-1] == 1 and standing == sorted(standing, reverse=True)


def test_largest_gives_ties_to_the_lowest():
    assert largest(torch.tensor([1.0, 2.0, 2.0, 2.0]), 2).tolist() == [False, True, True, False]


def test_schedules_by_hand():
    assert [sparsity("one-shot", done, 0.9) for done in (0.0, 0.99, 1.0)] == [0.0, 0.0, 0.9]
    assert sparsity("agp", 0.5, 0.8) == pytest.approx(0.8 - 0.8 / 8)
    wanted = 0.8 * (1 + math.exp(-9)) / (1 + math.exp(-14 * 0.5 + 5))
    assert sparsity("one-cycle", 0.5, 0.8) == pytest.approx(wanted)
    assert sparsity("one-cycle", 1.0, 0.8) == pytest.approx(0.8)
    assert sparsity("agp", 7.0, 0.8) == pytest.approx(0.8)  # past its end a schedule stays


@pytest.mark.parametrize("schedule", ["one-shot", "agp", "one-cycle"])
@pytest.mark.parametrize("kept", [1, 3])
def test_kept_ends_exact(schedule, kept):
    counts = [kept_of(schedule, batch / 50, 9, kept) for batch in range(51)]
    assert counts[0] == 9 and counts[-1] == kept and counts == sorted(counts, reverse=True)


@pytest.mark.parametrize("policy", POLICIES)
def test_state_goes_on_where_it_was(policy):
    torch.manual_seed(0)
    weight = torch.randn(SHAPE)
    first, second = positions(policy, SHAPE), positions(policy, SHAPE)
    first.begin(10)
    for _ in range(6):
        first.advance()
    second.load_state_dict(first.state_dict())
    for _ in range(2):
        assert torch.equal(first.factors(weight), second.factors(weight)) and first.done == second.done
        first.advance(), second.advance()
    assert torch.equal(first.chosen(weight), second.chosen(weight))
