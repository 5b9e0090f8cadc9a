"""Long random sequences: anchors against exact fractions, the fast search against its definition."""

from collections import defaultdict
from fractions import Fraction
from math import floor

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lutwright.learn import Learner, LearnerConfig, Status
from lutwright.learn.config import DISTANCES, POLICIES
from lutwright.learn.rule import distances, update
from lutwright.learn.scan import nearest
from lutwright.learn.state import State, check


@st.composite
def configs(draw):
    subspaces, width = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    distance, bits = draw(st.sampled_from(DISTANCES)), draw(st.integers(2, 16))
    return LearnerConfig(
        subspaces * width,
        subspaces,
        draw(st.integers(1, 4)),
        draw(st.integers(1, 5)),
        bits,
        draw(st.integers(0, 16 if distance == "l1" or bits < 8 else 4)),
        draw(st.integers(1, 6)),
        draw(st.booleans()),
        draw(st.sampled_from(POLICIES)),
        distance,
        draw(st.integers(1, 65535)),
        draw(st.integers(1, 3)),
    )


@settings(deadline=None, max_examples=60)
@given(bits=st.integers(1, 16), fraction=st.integers(0, 16), signed=st.booleans(), seed=st.integers(0, 2**32 - 1),
       longest=st.integers(1, 700), extreme=st.booleans())  # fmt: skip
def test_a_mean_never_drifts(bits, fraction, signed, seed, longest, extreme):
    rng = np.random.default_rng(seed)
    low = -(1 << (bits - 1)) if signed else 0
    high = low + (1 << bits) - 1
    codes = rng.choice([low, high], longest) if extreme else rng.integers(low, high + 1, longest)
    y = r = np.zeros((1, 1), np.int64)
    n, total = np.zeros(1, np.int64), 0
    for count, code in enumerate(codes.tolist(), 1):
        y, r, n = update(y, r, n, np.array([[code << fraction]]))
        total += code
        assert 0 <= int(r[0, 0]) < int(n[0]) == count
        assert int(y[0, 0]) == floor(Fraction(total << fraction, count))
    gap = Fraction(total, longest) - Fraction(int(y[0, 0]), 1 << fraction)
    assert 0 <= gap < Fraction(1, 1 << fraction)


@settings(deadline=None, max_examples=60)
@given(config=configs(), seed=st.integers(0, 2**32 - 1), count=st.integers(1, 9), learnt=st.integers(1, 30))
def test_the_fast_search_finds_the_nearest_anchor(config, seed, count, learnt):
    rng = np.random.default_rng(seed)
    learner = Learner(config)
    few = rng.integers(config.low, config.high + 1, (3, config.features))  # so that distances are often equal
    x = few[rng.integers(0, 3, learnt)]
    learner.learn_many(x, rng.integers(0, config.classes, learnt))
    fresh = rng.integers(config.low, config.high + 1, (count, config.features))
    queries = np.where(rng.random((count, 1)) < 0.5, fresh, few[rng.integers(0, 3, count)])
    queries = queries.reshape(count, config.subspaces, config.width) << config.fraction_bits
    state = learner.state
    found = nearest(queries, state.y, state.n, config.distance, config.distance_bits)
    exact = distances(queries[:, None, None], state.y[None], config.distance).astype(object)  # [B, C, k, P]
    exact[:, state.n == 0] = 1 << 63
    for b in range(count):
        for p in range(config.subspaces):
            costs = exact[b, :, :, p].ravel().tolist()
            assert found[b, p] == costs.index(min(costs)) // config.anchors


@settings(deadline=None, max_examples=60)
@given(config=configs(), seed=st.integers(0, 2**32 - 1))
def test_any_sequence_of_operations_keeps_the_books(config, seed):
    """Each anchor is the exact mean of what was given to it; counts add up; files hold it all."""
    rng = np.random.default_rng(seed)
    learner, given_to = Learner(config), defaultdict(list)
    for _ in range(40):
        label = int(rng.integers(0, config.classes + 1))
        x = rng.integers(config.low, config.high + 1, (int(rng.integers(1, config.versions + 1)), config.features))
        operation = rng.choice(["learn"] * 8 + ["forget", "clear", "predict", "restore"])
        if operation == "learn":
            for version in x:
                before = learner.state.n.copy()
                learnt = learner.learn(version, label)
                assert (learnt.status == Status.FULL) == (label == config.classes)
                for c, i, p in np.argwhere(learner.state.n != before).tolist():
                    assert c == label
                    given_to[c, i, p].append(version[p * config.width : (p + 1) * config.width])
        elif operation == "forget":
            learner.forget(label)
            given_to = defaultdict(list, {place: own for place, own in given_to.items() if place[0] != label})
        elif operation == "clear":
            learner.clear()
            given_to.clear()
        elif operation == "predict":
            found = learner.predict(x)
            assert (found.status == Status.EMPTY) == (not learner.known().any())
            assert 0 <= found.margin <= found.votes <= config.subspaces * len(x)
        else:
            other = Learner(config)
            other.restore(learner.dump())
            assert other.state.equals(learner.state)
            learner = other
        check(learner.state, config, "here")
    expected = State.empty(config)
    for place, own in given_to.items():
        total = np.sum(own, axis=0) << config.fraction_bits
        expected.n[place] = len(own)
        expected.y[place], expected.r[place] = np.divmod(total, len(own))
    for name in ("y", "r", "n"):
        assert np.array_equal(getattr(expected, name), getattr(learner.state, name))
