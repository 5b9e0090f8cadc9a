"""The learner in floats, codes from floats, and what integers cost on digits of MNIST."""

from dataclasses import replace

import numpy as np
import pytest

from lutwright.data import load
from lutwright.errors import BadFeatures
from lutwright.learn import Learner, LearnerConfig, Status
from lutwright.learn.codes import feature_quantiser
from lutwright.learn.config import DISTANCES, POLICIES
from lutwright.learn.floating import FloatLearner, nearest_mean

SMALL = LearnerConfig(12, 3, 3, 4, count_bits=10)


@pytest.fixture(scope="module")
def digits():
    """Features of MNIST, float64 [n, 256], and labels: 1,500 to learn, 1,000 to try.

    Pixels in sums of 2 x 2, a random projection and a ReLU: a layer that nobody trained.
    """
    data, rng = load("mnist5k"), np.random.default_rng(1)
    layer = rng.normal(size=(196, 256))
    images = [x.astype(np.float64) for x in (data.train_images, data.test_images)]
    pixels = [x.reshape(-1, 14, 2, 14, 2).sum(axis=(2, 4)).reshape(-1, 196) for x in images]
    learnt, tried = (np.maximum(x @ layer, 0) for x in pixels)
    chosen = rng.permutation(len(learnt))[:1500]
    return learnt[chosen], data.train_labels[chosen], tried, data.test_labels


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("policy", POLICIES)
def test_integers_are_floats_where_nothing_is_rounded(policy, distance):
    # Examples that repeat keep all means integers: floats and integers must then choose and answer alike.
    config = replace(SMALL, policy=policy, distance=distance)
    rng = np.random.default_rng(3)
    x, labels = rng.integers(0, 256, (4, 12)), np.array([0, 1, 3, 2])
    learner, floats = Learner(config), FloatLearner(config)
    for turn in range(9):
        for example, label in zip(x[labels], labels, strict=True):
            learner.learn(example, int(label))
            floats.learn(example.astype(float), int(label))
        assert (learner.state.n == floats.counts).all(), turn
        assert (learner.state.y == floats.anchors * 16).all()
    queries = rng.integers(0, 256, (60, 12))
    one, other = learner.predict_many(queries), floats.predict_many(queries.astype(float))
    assert one.label.tolist() == other.label.tolist() and one.margin.tolist() == other.margin.tolist()


def test_float_anchors_are_means():
    floats, rng = FloatLearner(replace(SMALL, policy="round-robin")), np.random.default_rng(4)
    x = rng.normal(size=(30, 12))
    floats.learn(x, 2)
    for anchor in range(3):
        assert floats.anchors[2, anchor].ravel() == pytest.approx(x[anchor::3].mean(axis=0))
    assert not floats.counts[[0, 1, 3]].any()


def test_nearest_mean_is_what_its_name_says():
    rng = np.random.default_rng(5)
    x, labels = rng.normal(size=(200, 6)), rng.integers(0, 5, 200)
    floats = nearest_mean(6, 5)
    for example, label in zip(x, labels, strict=True):
        floats.learn(example, int(label))
    means = np.stack([x[labels == label].mean(axis=0) for label in range(5)])
    queries = rng.normal(size=(100, 6))
    expected = ((queries[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    assert floats.predict_many(queries).label.tolist() == expected.tolist()


def test_versions_vote_together():
    floats = nearest_mean(2, 3)
    for label, at in enumerate((0.0, 1.0, 2.0)):
        floats.learn([[at, at], [at, at]], label)
    assert floats.counts[:, 0, 0].tolist() == [2, 2, 2]
    found = floats.predict_many([[[2.1, 2.0], [1.9, 2.0], [0.0, 0.1]]])
    assert (found.label.tolist(), found.votes.tolist(), found.margin.tolist()) == ([2], [2], [1])


def test_nothing_known():
    assert nearest_mean(2, 3).predict_many([[0.0, 1.0]]).status == Status.EMPTY


def test_what_cannot_be():
    floats = nearest_mean(2, 3)
    for label in (-1, 3):
        with pytest.raises(BadFeatures, match=rf"class: must be 0 .. 2, not {label}"):
            floats.learn([0.0, 1.0], label)
    for x in ([0.0], [0.0, np.nan], [np.inf, 0.0]):
        with pytest.raises(BadFeatures, match=r"must be finite numbers of the shape \[..., 2\]"):
            floats.learn(x, 0)
    with pytest.raises(BadFeatures, match=r"must be finite numbers of the shape \[..., 2\]"):
        floats.predict_many([0.0, 1.0])


@pytest.mark.parametrize("signed", [False, True])
def test_codes_reach_the_highest_and_what_lies_beyond_stays_there(signed):
    config = replace(SMALL, signed=signed)
    features = np.linspace(-1.0, 1.0, 2001)
    codes = feature_quantiser(features, config, share=0.9).codes(features)
    assert (codes.min(), codes.max()) == (config.low, config.high)
    assert codes[1000] == 0 and codes[-1] == codes[-50] == config.high
    assert np.abs(codes[1000:1700] - features[1000:1700] * config.high / 0.9).max() < 1


def test_features_that_are_all_nothing_have_codes():
    assert feature_quantiser(np.zeros(3), SMALL).codes(np.zeros(3)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("features", [np.zeros(0), np.array([1.0, np.nan]), np.array([np.inf])])
def test_features_that_have_no_codes(features):
    with pytest.raises(BadFeatures, match="must be finite numbers, at least one"):
        feature_quantiser(features, SMALL)


def test_eight_bits_learn_digits_as_well_as_floats(digits):
    x, labels, queries, truth = digits
    config = LearnerConfig(256, 8, 8, 10)
    quantiser = feature_quantiser(x, config)
    learner, floats, mean = Learner(config), FloatLearner(config), nearest_mean(256, 10)
    learner.learn_many(quantiser.codes(x), labels)
    for example, label in zip(x, labels, strict=True):
        floats.learn(example, int(label))
        mean.learn(example, int(label))
    integers = learner.predict_many(quantiser.codes(queries))
    answers = [integers, floats.predict_many(queries), mean.predict_many(queries)]
    right, right_float, right_mean = (float((found.label == truth).mean()) for found in answers)
    assert right > 0.8 and abs(right - right_float) < 0.02
    assert right > right_mean + 0.04  # several anchors tell more than one mean
