"""The learner's operations: answers, status, and what each leaves untouched."""

from dataclasses import replace

import numpy as np
import pytest

from lutwright.errors import BadFeatures, BadLearner
from lutwright.learn import Learner, LearnerConfig, Result, Status
from lutwright.learn.config import DISTANCES, POLICIES
from lutwright.learn.state import EXAMPLES_MAX, check

SMALL = LearnerConfig(12, 4, 3, 5, feature_bits=4, fraction_bits=2, count_bits=4, versions=2)


def examples(seed, count, config=SMALL):
    rng = np.random.default_rng(seed)
    return rng.integers(config.low, config.high + 1, (count, config.features)), rng.integers(0, config.classes, count)


def taught(config=SMALL, seed=0, count=40):
    learner = Learner(config)
    learner.learn_many(*examples(seed, count, config))
    return learner


def words(learner, label):
    """Everything that a learner knows of a class."""
    state = learner.state
    return [m[label].copy() for m in (state.y, state.r, state.n, state.examples, state.pointer)]


def test_an_example_is_learnt_and_found_again():
    learner = Learner(SMALL)
    x, _ = examples(1, 2)
    assert learner.learn(x[0], 3) == Result(3, 0, 0, Status(0))
    assert learner.learn(x[1], 1) == Result(1, 0, 0, Status(0))
    assert learner.predict(x[0]) == Result(3, 4, 4, Status(0))
    assert learner.predict(x[1]).label == 1
    assert [learner.count(label) for label in range(5)] == [0, 1, 0, 1, 0]
    assert learner.known().tolist() == [False, True, False, True, False]


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("policy", POLICIES)
def test_anchors_are_the_means_of_their_examples_and_counts_add_up(policy, distance):
    config = replace(SMALL, policy=policy, distance=distance, count_bits=8)
    learner, (x, labels) = Learner(config), examples(2, 60, config)
    sums = np.zeros(learner.state.y.shape, np.int64)
    for example, label in zip(x, labels, strict=True):
        before = learner.state.n.copy()
        learner.learn(example, int(label))
        given = learner.state.n - before
        assert given.sum() == given[label].sum() == config.subspaces  # one anchor a subspace, all of this class
        sums += given[..., None] * example.reshape(4, 3)
        n = np.maximum(learner.state.n, 1)[..., None]
        assert (learner.state.y == (sums << config.fraction_bits) // n).all()
    assert (learner.state.n.sum(axis=1) == np.bincount(labels, minlength=5)[:, None]).all()
    assert learner.state.examples.tolist() == np.bincount(labels, minlength=5).tolist()


@pytest.mark.parametrize("policy", POLICIES)
def test_learning_one_class_never_moves_another(policy):
    learner = taught(replace(SMALL, policy=policy))
    before = [words(learner, label) for label in range(5)]
    x, _ = examples(3, 20)
    learner.learn_many(x, [2] * 20)
    for label in (0, 1, 3, 4):
        assert all(np.array_equal(a, b) for a, b in zip(before[label], words(learner, label), strict=True))
    assert not np.array_equal(before[2][2], words(learner, 2)[2])


def test_the_weighted_policy_fills_empty_anchors_first():
    learner, (x, _) = Learner(SMALL), examples(4, 3)
    for count, example in enumerate(x, 1):
        learner.learn(example, 0)
        assert (learner.state.n[0].sum(axis=0) == count).all() and learner.state.n[0].max() == 1
        assert (learner.state.n[0, :count] == 1).all()


def test_round_robin_takes_turns():
    learner = Learner(replace(SMALL, policy="round-robin"))
    learner.learn_many(np.zeros((7, 12), int), [1] * 7)
    assert learner.state.n[1, :, 0].tolist() == [3, 2, 2]
    assert learner.state.pointer.tolist() == [0, 1, 0, 0, 0]


def test_the_random_policy_repeats_itself_with_its_seed_only():
    states = [taught(replace(SMALL, policy="random", seed=seed)).state for seed in (5, 5, 6)]
    assert states[0].equals(states[1]) and not np.array_equal(states[0].n, states[2].n)
    learner = taught(replace(SMALL, policy="random", seed=5))
    assert learner.state.lfsr != 5
    learner.clear()
    learner.learn_many(*examples(0, 40))
    assert learner.state.equals(states[0])


def test_only_the_random_policy_draws():
    assert all(taught(replace(SMALL, policy=policy)).state.lfsr == 1 for policy in POLICIES if policy != "random")


@pytest.mark.parametrize("subspaces", [64, 1])
@pytest.mark.parametrize("versions", [1, 10])
def test_a_unanimous_vote_is_told_in_full(subspaces, versions):
    config = LearnerConfig(64, subspaces, 1, 3, versions=versions)
    learner = Learner(config)
    learner.learn(np.full(64, 200), 2)
    learner.learn(np.zeros(64, int), 0)
    found = learner.predict(np.full((versions, 64), 255))
    assert found == Result(2, subspaces * versions, subspaces * versions, Status(0))
    assert found.votes.bit_length() == config.vote_bits


def test_equal_votes_go_to_the_lowest_class():
    learner = Learner(LearnerConfig(4, 2, 1, 4))
    learner.learn([0, 0, 9, 9], 3)
    learner.learn([9, 9, 0, 0], 1)
    assert learner.predict([0, 0, 0, 0]) == Result(1, 1, 0, Status(0))


def test_equal_distances_vote_for_the_lowest_class():
    learner = Learner(LearnerConfig(4, 2, 2, 4))
    for label in (3, 2):
        learner.learn([6, 6, 6, 6], label)
    assert learner.predict([6, 6, 6, 6]) == Result(2, 2, 2, Status(0))
    assert learner.votes([[0, 0, 0, 0]]).tolist() == [[0, 0, 2, 0]]


def test_versions_of_an_example_are_examples_and_those_of_a_query_vote_together():
    one, other = Learner(SMALL), Learner(SMALL)
    x, _ = examples(5, 6)
    one.learn(x[:2], 1)
    one.learn(x[2:4], 3)
    other.learn_many(x[:4], [1, 1, 3, 3])
    assert one.state.equals(other.state) and one.count(1) == 2
    assert one.votes(x[None, 4:]).tolist() == [one.votes(x[4:]).sum(axis=0).tolist()]
    assert one.predict(x[4:]).votes <= 8


def test_nothing_known_says_empty():
    learner, (x, _) = Learner(SMALL), examples(6, 3)
    assert learner.predict(x[0]) == Result(0, 0, 0, Status.EMPTY)
    many = learner.predict_many(x)
    assert (many.label.tolist(), many.votes.tolist(), many.margin.tolist()) == ([0] * 3, [0] * 3, [0] * 3)
    assert many.status == Status.EMPTY
    assert learner.votes(x).tolist() == [[0] * 5] * 3


@pytest.mark.parametrize("policy", POLICIES)
def test_a_class_beyond_the_last_is_full_and_nothing_changes(policy):
    learner, same = taught(replace(SMALL, policy=policy)), taught(replace(SMALL, policy=policy))
    x, _ = examples(7, 1)
    for label in (5, 6, 1000):
        assert learner.learn(x[0], label) == Result(label, 0, 0, Status.FULL)
        assert learner.forget(label) == Result(label, 0, 0, Status.FULL)
        assert learner.count(label) == 0
    assert learner.state.equals(same.state)


def test_a_full_anchor_holds_still_and_says_so():
    config = replace(SMALL, anchors=1, count_bits=2)
    learner, (x, _) = Learner(config), examples(8, 5)
    assert [learner.learn(row, 1).status for row in x[:3]] == [Status(0)] * 3
    held = [learner.state.y.copy(), learner.state.r.copy(), learner.state.n.copy()]
    assert [learner.learn(row, 1).status for row in x[3:]] == [Status.SATURATED] * 2
    assert all(
        np.array_equal(a, b) for a, b in zip(held, (learner.state.y, learner.state.r, learner.state.n), strict=True)
    )
    assert (learner.state.y[1, 0].ravel() == (x[:3].sum(axis=0) << 2) // 3).all()
    assert learner.count(1) == 5
    check(learner.state, config, "here")


def test_full_anchors_of_some_subspaces_let_the_others_learn():
    config = LearnerConfig(2, 2, 2, 1, count_bits=1, policy="nearest")
    learner = Learner(config)
    learner.learn_many([[0, 0], [9, 9]], [0, 0])
    learner.state.n[0, 1, 1] = learner.state.y[0, 1, 1] = 0  # subspace 1 has room left
    learner.state.examples[0] = 1
    assert learner.learn([9, 7], 0).status == Status.SATURATED
    assert learner.state.n[0].tolist() == [[1, 1], [1, 1]]
    assert learner.state.y[0, :, :, 0].tolist() == [[0, 0], [9 << 4, 7 << 4]]


def test_status_of_one_version_is_that_of_the_example():
    learner = Learner(replace(SMALL, anchors=1, count_bits=1))
    assert learner.learn(np.zeros((2, 12), int), 0).status == Status.SATURATED
    assert learner.count(0) == 2


def test_the_count_of_examples_stops_and_says_so():
    config = replace(SMALL, policy="round-robin")
    learner = taught(config)
    learner.state.examples[2] = EXAMPLES_MAX
    before = learner.state.n[2].sum()
    assert learner.learn(np.zeros(12, int), 2).status == Status.SATURATED
    assert learner.count(2) == EXAMPLES_MAX
    assert learner.state.n[2].sum() == before + 4  # its anchors had room
    check(learner.state, config, "here")


@pytest.mark.parametrize("policy", ["weighted", "round-robin", "nearest"])
def test_forgotten_and_learnt_again_is_as_new(policy):
    config = replace(SMALL, policy=policy)
    learner, fresh, (x, labels) = taught(config), Learner(config), examples(0, 40)
    assert learner.forget(2) == Result(2, 0, 0, Status(0))
    assert not learner.known()[2] and learner.count(2) == 0
    assert 2 not in learner.predict_many(x).label
    own = labels == 2
    learner.learn_many(x[own], labels[own])
    fresh.learn_many(x, labels)
    assert learner.state.equals(fresh.state)


def test_clear_forgets_all():
    learner = taught()
    learner.clear()
    assert learner.state.equals(Learner(SMALL).state)
    assert learner.predict(np.zeros(12, int)).status == Status.EMPTY


@pytest.mark.parametrize(
    ("x", "rule", "found"),
    [
        (np.zeros(12), "must be integer codes", "float64"),
        (np.zeros(11, int), "must have the shape [..., 12], none empty", "11]"),
        (np.zeros((0, 12), int), "must have the shape [..., 12], none empty", "0, 12]"),
        (np.full(12, 16), "must be 0 .. 15", "16 .. 16"),
        (np.full(12, -1), "must be 0 .. 15", "-1 .. -1"),
        (np.zeros((3, 12), int), "must come in 2 versions at most", "3"),
    ],
)
def test_features_that_cannot_be(x, rule, found):
    learner = taught()
    for call in (learner.predict, lambda x: learner.learn(x, 0)):
        with pytest.raises(BadFeatures) as caught:
            call(x)
        assert (caught.value.where, caught.value.rule) == ("features", rule)
        assert str(caught.value.found).endswith(found)
    assert learner.state.equals(taught().state)


def test_features_with_too_many_or_no_axes():
    learner = taught()
    with pytest.raises(BadFeatures, match=r"must be one example, .12. or .versions, 12., not an array of 3 axes"):
        learner.learn(np.zeros((1, 1, 12), int), 0)
    with pytest.raises(BadFeatures, match=r"must be a batch, .B, 12. or .B, versions, 12., not an array of 4 axes"):
        learner.predict_many(np.zeros((1, 1, 1, 12), int))
    with pytest.raises(BadFeatures, match=r"must be a batch, .B, 12. or .B, versions, 12., not an array of 1 axes"):
        learner.predict_many(np.zeros(12, int))
    with pytest.raises(BadFeatures, match="must have the shape"):
        learner.learn(np.int64(3), 0)


def test_a_class_that_cannot_be():
    learner = taught()
    for call in (lambda: learner.learn(np.zeros(12, int), -1), lambda: learner.forget(-1), lambda: learner.count(-1)):
        with pytest.raises(BadFeatures, match="class: must be 0 or more, not -1"):
            call()
    with pytest.raises(BadFeatures, match="classes: must be 2, one an example, not 3"):
        learner.learn_many(np.zeros((2, 12), int), [0, 1, 2])
    assert learner.state.equals(taught().state)


def test_a_source_that_cannot_be():
    for source in (b"short", bytes(32)):
        with pytest.raises(BadLearner, match=rf"the source must be a SHA-256 .* not {len(source)} bytes"):
            Learner(SMALL, source)
