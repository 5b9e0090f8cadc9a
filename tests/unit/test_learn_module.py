"""The learner in PyTorch: state and answers are those of the reference, word by word."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from lutwright.errors import BadFeatures, BadState
from lutwright.learn import Learner, LearnerConfig, Status
from lutwright.learn.config import DISTANCES, POLICIES
from lutwright.learn.module import LearnerModule
from lutwright.learn.state import EXAMPLES_MAX

SMALL = LearnerConfig(12, 3, 3, 4, feature_bits=5, fraction_bits=2, count_bits=3, versions=2)
WIDE = {"feature_bits": 16, "fraction_bits": 8}


def examples(config, count, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.integers(config.low, config.high + 1, (count, config.versions, config.features))
    return x, rng.integers(0, config.classes + 1, count)


def both(config, count=40):
    """The reference and the module behind the same examples, with the status that each gave."""
    learner, module, (x, labels) = Learner(config), LearnerModule(config), examples(config, count)
    one = [result.status for result in learner.learn_many(x, labels)]
    other = module.learn(torch.from_numpy(x), torch.from_numpy(labels)).tolist()
    assert one == other
    return learner, module


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"signed": True},
        {"anchors": 1, "subspaces": 1, "versions": 1},
        {"classes": 1, "subspaces": 12},
        WIDE,
        WIDE | {"fraction_bits": 10, "signed": True, "count_bits": 4},
    ],
)
@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("policy", POLICIES)
def test_state_status_votes_and_answers_are_those_of_the_reference(policy, distance, change):
    config = replace(SMALL, policy=policy, distance=distance, **change)
    learner, module = both(config)
    assert learner.state.equals(module.state())
    x, _ = examples(config, 50, seed=1)
    assert module.votes(torch.from_numpy(x)).tolist() == learner.votes(x).tolist()
    assert module(torch.from_numpy(x)).tolist() == learner.predict_many(x).label.tolist()
    one = x[:, 0]
    assert module(torch.from_numpy(one)).tolist() == learner.predict_many(one).label.tolist()


def test_ties_go_to_the_lowest_class_and_anchor():
    config = LearnerConfig(4, 2, 2, 5, policy="round-robin")
    module = LearnerModule(config)
    module.learn(torch.full((6, 4), 7), torch.tensor([4, 2, 3, 4, 2, 3]))
    assert module(torch.full((9, 4), 7)).tolist() == [2] * 9
    assert module.votes(torch.zeros(1, 4, dtype=torch.uint8)).tolist() == [[0, 0, 2, 0, 0]]


def test_nothing_known():
    module = LearnerModule(SMALL)
    assert module(torch.zeros(3, 12, dtype=torch.int64)).tolist() == [0, 0, 0]
    assert not module.votes(torch.zeros(3, 12, dtype=torch.int64)).any()


def test_forget_and_clear():
    learner, module = both(SMALL)
    assert [module.forget(label) for label in (2, 4)] == [learner.forget(label).status for label in (2, 4)]
    assert module.forget(4) == Status.FULL
    assert learner.state.equals(module.state())
    learner.clear()
    module.clear()
    assert learner.state.equals(module.state())


def test_counts_of_examples_stop():
    module = LearnerModule(SMALL)
    x = torch.zeros(1, 12, dtype=torch.int64)
    module.learn(x, torch.tensor([1]))
    module.examples[1] = EXAMPLES_MAX
    assert module.learn(x, torch.tensor([1])).tolist() == [int(Status.SATURATED)]
    assert int(module.examples[1]) == EXAMPLES_MAX and int(module.n[1].sum()) == 6


def test_its_buffers_travel_in_a_state_dictionary():
    _, module = both(replace(SMALL, policy="random"))
    network = nn.Sequential(nn.Identity(), LearnerModule(replace(SMALL, policy="random", versions=1)))
    network.load_state_dict(nn.Sequential(nn.Identity(), module).state_dict())
    assert network[1].state().equals(module.state())
    assert not list(network.parameters())


def test_a_state_dictionary_of_another_learner_is_refused():
    with pytest.raises(BadState, match="must be of a learner with policy = weighted, not nearest"):
        LearnerModule(SMALL).load_state_dict(LearnerModule(replace(SMALL, policy="nearest")).state_dict())


def test_states_go_from_one_to_the_other():
    learner, _ = both(SMALL)
    module = LearnerModule(SMALL)
    module.take(learner.state)
    assert module.state().equals(learner.state)
    learner.state.r[0, 0, 0, 0] = 99
    with pytest.raises(BadState, match="a remainder must be less than its count"):
        module.take(learner.state)
    assert not module.state().equals(learner.state)


@pytest.mark.parametrize(
    ("x", "rule"),
    [
        (torch.zeros(2, 12), "must be integer codes [B, 12] or [B, R, 12]"),
        (torch.zeros(12, dtype=torch.int64), "must be integer codes [B, 12] or [B, R, 12]"),
        (torch.zeros(2, 11, dtype=torch.int64), "must have the shape [..., 12], none empty"),
        (torch.full((2, 12), 32), "must be 0 .. 31"),
        (torch.zeros(2, 3, 12, dtype=torch.int64), "must come in 2 versions at most"),
    ],
)
def test_features_that_cannot_be(x, rule):
    module = LearnerModule(SMALL)
    for call in (lambda: module(x), lambda: module.learn(x, torch.zeros(2, dtype=torch.int64))):
        with pytest.raises(BadFeatures) as caught:
            call()
        assert caught.value.rule == rule
    assert not module.examples.any()


@pytest.mark.parametrize("labels", [torch.tensor([0, 1, 2]), torch.tensor([0, -1]), torch.tensor([0.0, 1.0])])
def test_classes_that_cannot_be(labels):
    module = LearnerModule(SMALL)
    with pytest.raises(BadFeatures, match="classes: must be integers of 0 or more, 2 of them"):
        module.learn(torch.zeros(2, 12, dtype=torch.int64), labels)
    with pytest.raises(BadFeatures, match="class: must be 0 or more, not -1"):
        module.forget(-1)
    assert not module.examples.any()
