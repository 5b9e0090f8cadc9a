"""The parameters of a learner: widths, and what cannot be."""

from dataclasses import replace

import pytest

from lutwright.errors import BadLearner
from lutwright.learn import LearnerConfig

SMALL = LearnerConfig(64, 8, 4, 10)


def test_widths_of_a_small_learner():
    assert (SMALL.width, SMALL.anchor_bits, SMALL.count_max) == (8, 12, 4095)
    assert (SMALL.low, SMALL.high) == (0, 255)
    assert SMALL.distance_bits == 12 + 3
    assert replace(SMALL, distance="l2").distance_bits == 24 + 3
    assert SMALL.row_bits == 8 * (12 + 12) + 12
    assert (SMALL.rows, SMALL.memory_bits) == (320, 320 * 204)


def test_signed_codes():
    config = replace(SMALL, signed=True, feature_bits=4)
    assert (config.low, config.high) == (-8, 7)


@pytest.mark.parametrize(("subspaces", "versions", "bits"), [(64, 1, 7), (63, 1, 6), (64, 10, 10), (1, 1, 1)])
def test_votes_hold_a_unanimous_vote(subspaces, versions, bits):
    config = LearnerConfig(64 * 63, subspaces, 1, 2, versions=versions)
    assert config.vote_bits == bits
    assert subspaces * versions < 1 << bits


@pytest.mark.parametrize(("classes", "bits"), [(1, 2), (2, 2), (3, 3), (10, 5), (16, 5), (17, 6)])
def test_a_label_can_name_a_class_beyond_the_last(classes, bits):
    config = replace(SMALL, classes=classes)
    assert config.label_bits == bits
    assert classes < 1 << bits


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"features": 0}, "features must be an integer of 1 .. 65536, not 0"),
        ({"anchors": 257}, "anchors must be an integer of 1 .. 256, not 257"),
        ({"classes": 2.0}, "classes must be an integer of 1 .. 65535, not 2.0"),
        ({"seed": True}, "seed must be an integer of 1 .. 65535, not True"),
        ({"seed": 0}, "seed must be an integer of 1 .. 65535, not 0"),
        ({"feature_bits": 17}, "feature_bits must be an integer of 1 .. 16, not 17"),
        ({"fraction_bits": -1}, "fraction_bits must be an integer of 0 .. 16, not -1"),
        ({"count_bits": 33}, "count_bits must be an integer of 1 .. 32, not 33"),
        ({"versions": 4097}, "versions must be an integer of 1 .. 4096, not 4097"),
        ({"signed": 1}, "signed must be true or false, not 1"),
        ({"signed": True, "feature_bits": 1}, "signed codes must have 2 bits or more, not 1"),
        ({"policy": "first"}, "policy must be one of weighted, round-robin, random, nearest, not 'first'"),
        ({"distance": "cosine"}, "distance must be one of l1, l2, not 'cosine'"),
        ({"subspaces": 7}, "subspaces must divide the 64 features, not 7"),
        (
            {"distance": "l2", "fraction_bits": 16, "count_bits": 32},
            "bits of a count and of a distance must be at most 62, not 32 + 51",
        ),
        (
            {"features": 1 << 16, "anchors": 256, "classes": 100},
            "classes * anchors * features must be at most 268435456, not 100 * 256 * 65536",
        ),
    ],
)
def test_what_cannot_be(change, words):
    with pytest.raises(BadLearner) as caught:
        replace(SMALL, **change)
    assert words in str(caught.value)


def test_the_number_of_versions_makes_no_other_learner():
    assert SMALL.differences(replace(SMALL, versions=9)) == []
    assert SMALL.differences(replace(SMALL, policy="random", seed=7)) == ["policy", "seed"]
