"""The cell learner against the reference: every result, and every word of its state."""

import numpy as np
import pytest
from learner_job import (
    ALONE,
    BAD,
    EMPTY,
    FULL,
    QUIET,
    READ,
    REWIND,
    RUNS,
    SATURATED,
    STALLED,
    WRITE,
    Script,
    play,
    simulator,
)

from lutwright.learn import LearnerConfig
from lutwright.learn.clocks import clear_clocks, learn_clocks, predict_clocks
from lutwright.learn.file import state_words
from lutwright.learn.state import State

SMALL = LearnerConfig(16, 4, 2, 3, feature_bits=4, count_bits=4)
USUAL = LearnerConfig(64, 8, 4, 10, count_bits=8)

# Every policy, both distances, signed, counts that are soon full; sizes that are no powers of two, sizes of 1, more
# lanes than rows of a subspace.
CONFIGS = {
    "weighted": (SMALL, 1),
    "weighted_l2": (LearnerConfig(15, 3, 3, 5, 5, 2, 2, signed=True, distance="l2", versions=2), 3),
    "round_robin": (LearnerConfig(18, 6, 5, 3, 3, 0, 3, policy="round-robin", versions=3), 2),
    "random": (LearnerConfig(20, 4, 3, 7, 8, 4, 6, True, "random", seed=0xACE1, versions=2), 4),
    "nearest": (LearnerConfig(14, 2, 4, 2, 6, 1, 9, True, "nearest", "l1"), 1),
    "nearest_l2": (LearnerConfig(24, 6, 2, 3, 2, 3, 1, False, "nearest", "l2"), 2),
    "one_of_each": (LearnerConfig(6, 6, 1, 1, 4, 4, 3, policy="weighted"), 3),
    "one_subspace": (LearnerConfig(3, 1, 5, 6, 7, 0, 12, policy="random", distance="l2"), 1),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_random_operations(name, tmp_path):
    """500 operations; after each of the last 50 the whole state is compared."""
    config, lanes = CONFIGS[name]
    script = Script(config).random(450)
    script.load(script.known_state())
    script.saves = True
    play(script.random(50), lanes, tmp_path, [RUNS[0], STALLED])


@pytest.mark.parametrize("lanes", [1, 2, 8])
def test_random_operations_of_the_usual_size(lanes, tmp_path):
    script = Script(USUAL)
    for _ in range(5):
        script.random(100)  # with the state at its end
    play(script, lanes, tmp_path, [RUNS[0], STALLED])


@pytest.mark.long
@pytest.mark.parametrize("name", CONFIGS)
def test_ten_thousand_operations(name, tmp_path):
    """The whole state is compared after each of them, or where it is large after each hundred."""
    config, lanes = CONFIGS[name]
    words = len(state_words(config, State.empty(config)))
    script = Script(config, seed=2, saves=words <= 110)
    for _ in range(100):
        script.random(100)
    play(script, lanes, tmp_path, QUIET)


@pytest.mark.long
@pytest.mark.parametrize("lanes", [1, 8])
def test_ten_thousand_operations_of_the_usual_size(lanes, tmp_path):
    script = Script(USUAL, seed=3)
    for _ in range(100):
        script.random(100)
    play(script, lanes, tmp_path, QUIET)


def check(script, work, lanes=1, runs=None):
    """A short script in every run, where unknown bits are seen."""
    script.save()
    play(script, lanes, work, runs, simulator())


@pytest.mark.parametrize("lanes", [1, 2])
def test_back_to_back_under_every_stall_pattern(lanes, tmp_path):
    check(Script(SMALL, seed=4).random(60), tmp_path, lanes)


def test_unanimous_vote(tmp_path):
    """64 votes of 64: one bit more than 6."""
    script = Script(LearnerConfig(8, 8, 1, 3, feature_bits=2, versions=8))
    x = np.full((8, 8), 3)
    script.learn(x[:1], 2)
    found = script.predict(x)
    assert (found.label, found.votes, found.margin) == (2, 64, 64)
    script.learn(x[:1] * 0, 1)
    found = script.predict(x)
    assert (found.label, found.votes, found.margin) == (2, 64, 64)
    check(script, tmp_path, runs=QUIET)


def test_more_versions_than_there_is_room_for(tmp_path):
    """Votes stay at the most that the counter holds, and say so; the next query has new ones."""
    config = LearnerConfig(4, 4, 1, 3, feature_bits=2)
    script = Script(config)
    x = np.full((1, 4), 3)
    script.learn(x, 1)
    script.frame(x[0], False, 0, last=False)
    script.frame(x[0], False, 0, last=True, result=(1, 7, 7, SATURATED))
    assert script.predict(x).votes == 4
    check(script, tmp_path, runs=QUIET)


def test_ties_go_to_the_lowest(tmp_path):
    script = Script(SMALL)
    x = np.arange(16)[None]
    for label in (2, 1):  # the later one is the lower one
        script.learn(x, label)
    found = script.predict(x)
    assert (found.label, found.votes, found.margin) == (1, 4, 4)
    # Two subspaces for class 2 and two for class 0.
    script.clear()
    half = np.where(np.arange(16) < 8, 15, 0)[None]
    script.learn(half, 2)
    script.learn(15 - half, 0)
    found = script.predict(np.full((1, 16), 15))
    assert (found.label, found.votes, found.margin) == (0, 2, 0)
    # The distance is 7 to one, and 8 to the other: then 7.5 to both.
    script.learn(x * 0 + 7, 1)
    script.predict(x * 0 + 11)
    check(script, tmp_path, runs=QUIET)


def test_no_class_and_no_room(tmp_path):
    """Predicting before learning, and classes that there is no room for: an error code, and nothing changes."""
    script = Script(SMALL, saves=True)
    x = np.arange(16)[None]
    assert script.predict(x).status == EMPTY
    for label in range(3, 8):
        assert script.learn(x, label).status == FULL
        script.forget(label)
        script.count(label)
    assert script.predict(x).status == EMPTY
    for label in range(3):
        script.learn(x, label)
    for label in range(3, 8):
        assert script.learn(x, label).status == FULL
    for label in range(3):
        script.count(label)
        script.forget(label)
    assert script.predict(x).status == EMPTY
    check(script, tmp_path, runs=[RUNS[0], STALLED])


@pytest.mark.parametrize("policy", ["weighted", "nearest"])
def test_an_empty_anchor_learns_first(policy, tmp_path):
    """Even where it comes before one that has just this mean, which only a loaded state can have."""
    script = Script(LearnerConfig(6, 2, 3, 2, feature_bits=3, policy=policy), saves=True)
    x = np.full((1, 6), 7)
    for label in (0, 0, 1):
        script.learn(x, label)
    state = script.learner.state
    for memory in (state.y, state.r, state.n):
        memory[0, 0] = 0
    script.load(state)
    script.learn(x, 0)
    assert script.learner.state.n[0].tolist() == [[1, 1], [1, 1], [0, 0]]
    check(script, tmp_path, runs=QUIET)


@pytest.mark.parametrize("policy", ["weighted", "round-robin", "random", "nearest"])
def test_full_counters(policy, tmp_path):
    """An anchor with n = 3 of 2 bits holds still; a class's examples stop at 2^32 - 1. Both say so."""
    config = LearnerConfig(6, 2, 2, 2, feature_bits=3, count_bits=2, policy=policy)
    script = Script(config, saves=True)
    status = [script.learn(script.versions(), 1).status for _ in range(12)]
    assert SATURATED in status and 0 in status
    script.forget(1)
    assert script.learn(script.versions(), 1).status == 0
    state = script.empty_state()
    state.examples[0] = (1 << 32) - 2
    script.load(state)
    assert [int(script.learn(script.versions(), 0).status) for _ in range(2)] == [0, SATURATED]
    script.count(0)
    check(script, tmp_path, runs=QUIET)


def test_saturation_adds_up_over_versions(tmp_path):
    config = LearnerConfig(2, 1, 1, 2, feature_bits=3, count_bits=1, versions=3)
    script = Script(config)
    assert script.learn(np.zeros((3, 2), int), 0).status == SATURATED  # the first version still learns
    assert script.learn(np.zeros((1, 2), int), 1).status == 0
    check(script, tmp_path, runs=QUIET)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("distance", ["l1", "l2"])
def test_largest_differences(distance, signed, tmp_path):
    """No difference, square or sum wraps between the ends of the range."""
    config = LearnerConfig(8, 1, 1, 3, 16, 2, 2, signed, "weighted", distance)
    script = Script(config)
    low, high = (np.full((1, 8), end) for end in (config.low, config.high))
    near = high.copy()
    near[0, 0] = low[0, 0]
    for label, x in enumerate([low, near, high]):
        script.learn(x, label)
    assert [script.predict(x).label for x in (low, near, high)] == [0, 1, 2]
    for x in (low, high, low):
        script.learn(x, 0)
    check(script, tmp_path, runs=QUIET)


def test_forget_then_relearn(tmp_path):
    """A forgotten class has no votes, the others stay as they are, and what is learnt then is as if it were new."""
    script = Script(SMALL, saves=True)
    low, high = np.zeros((1, 16), int), np.full((1, 16), 15)
    for x, label in ((low, 0), (high, 1), (low + 3, 2)):
        script.learn(x, label)
    script.forget(0)
    assert script.predict(low).label == 2
    script.learn(high, 0)
    assert script.predict(high).label == 0
    check(script, tmp_path, runs=[RUNS[0], STALLED])


def test_frames_of_another_length(tmp_path):
    """A frame that is too short or too long is dropped, and said so; the one behind it is whole."""
    script = Script(SMALL)
    x = np.arange(16)[None]
    script.learn(x, 1)

    def damaged(beats, learn, label, last, result):
        script.frame(x[0], learn, label, last, result)
        whole = script.operations[-1]["beats"]
        script.operations[-1]["beats"] = (whole * 3)[:beats]

    for beats in (1, 3, 5, 8, 9):
        damaged(beats, True, 2, True, (2, 0, 0, BAD))
        damaged(beats, False, 2, True, (0, 0, 0, BAD | EMPTY))
        script.predict(x)
        # Of three versions of a query the middle one is bad; so is the last one of two.
        script.frame(x[0], False, 0, last=False)
        damaged(beats, False, 0, False, None)
        script.frame(x[0], False, 0, last=True, result=(1, 7, 7, SATURATED | BAD))
        script.frame(x[0], False, 0, last=False)
        damaged(beats, False, 0, True, (1, 4, 4, BAD))
        script.learn(x + 0, 1)
    script.save()
    check(script, tmp_path)


def test_commands_within_a_frame(tmp_path):
    """They see what the frames before have done, and not the frame that is not whole."""
    script = Script(SMALL)
    for index in range(8):
        script.count(0)
        command = script.operations.pop()
        if index % 2:
            script.learn(script.versions(), 0)
        else:
            script.predict(script.versions())
        script.operations[-1]["within"] = command
    check(script, tmp_path)


def test_words_of_the_state(tmp_path):
    """Words are read and replaced one by one; a row is stored with its last word; behind the last there is nothing."""
    script = Script(SMALL, saves=True)
    for label in (0, 1, 2, 1):
        script.learn(script.versions(), label)
    words = state_words(SMALL, script.learner.state).tolist()
    row = -(-SMALL.row_bits // 32)
    first = 1 + 2 * SMALL.classes
    # The second word of the second row, and the first one of the third; all others are only read.
    other = words.copy()
    other[first + row + 1] ^= 0x00005A5A
    other[first + 2 * row] ^= 0x12345678
    script.command(REWIND)
    for old, new in zip(words, other, strict=True):
        if old == new:
            script.command(READ, answer=(old, 0))
        else:
            script.command(WRITE, data=new)
    for op in (READ, WRITE, READ):
        script.command(op, data=5, answer=(0, FULL))
    script.operations.append({"save": other})
    # A row that is not gone through to its end stays as it was.
    script.command(REWIND)
    for word in other[:first]:
        script.command(READ, answer=(word, 0))
    script.command(WRITE, data=~other[first] & 0xFFFFFFFF)
    script.operations.append({"save": other})
    script.operations.append({"load": words})
    script.predict(script.versions())
    check(script, tmp_path, lanes=2, runs=[RUNS[0], STALLED])


def test_a_row_that_is_only_read_is_not_stored(tmp_path):
    """What is learnt between two of its words stays."""
    script = Script(SMALL)
    words = state_words(SMALL, script.learner.state).tolist()
    first = 1 + 2 * SMALL.classes
    script.command(REWIND)
    for word in words[: first + 1]:
        script.command(READ, answer=(word, 0))
    script.learn(np.arange(16)[None], 0)  # the first row
    script.command(READ, answer=(words[first + 1], 0))
    assert state_words(SMALL, script.learner.state)[first] != words[first] and SMALL.row_bits <= 64
    check(script, tmp_path, runs=QUIET)


def short():
    """Every operation once or twice."""
    script = Script(LearnerConfig(4, 2, 2, 2, feature_bits=2, count_bits=2, fraction_bits=1, versions=2), seed=6)
    for label in (1, 0, 1):
        script.learn(script.versions(), label)
    script.predict(script.versions())
    script.count(1)
    script.load(script.known_state())
    script.forget(0)
    script.learn(script.versions(), 0)
    script.save()
    script.clear()
    script.learn(script.versions(), 1)
    script.save()
    return script


def test_reset_in_each_operation(tmp_path):
    """Whatever is going on, after a reset the learner is empty and does everything as it did."""
    script = short()
    [*_, (_, end)] = play(script, 1, tmp_path / "whole", QUIET, simulator())
    check(script, tmp_path / "reset", runs=[RUNS[0] | {"resets": list(range(1, end + 40, 3))}])
    check(script, tmp_path / "stalled", runs=[STALLED | {"resets": list(range(1, 2 * end, 29))}])


@pytest.mark.parametrize("name", CONFIGS)
def test_clocks(name, tmp_path):
    """The clocks of a frame are those of the formula: to its result, and to the next frame where that is there."""
    config, lanes = CONFIGS[name]
    script = Script(config, seed=7)
    for index in range(10):
        script.learn(script.versions()[:1], index % config.classes)
    for _ in range(6):
        script.predict(script.versions()[:1])
    learn, predict = learn_clocks(config, lanes), predict_clocks(config, lanes)
    clocks = play(script, lanes, tmp_path / "alone", ALONE, simulator())
    took = [came - taken for taken, came in clocks]
    assert took[0] >= clear_clocks(config, lanes) - config.subspaces
    assert took[1:] == [learn + 1] * 9 + [predict + 1] * 6
    clocks = play(script, lanes, tmp_path / "together", QUIET, simulator())
    gaps = np.diff([came for _, came in clocks]).tolist()
    assert gaps == [max(learn, config.subspaces)] * 9 + [max(predict, config.subspaces)] * 6


def test_clocks_of_versions(tmp_path):
    """Only the last version looks through the votes of all classes."""
    config, lanes = CONFIGS["weighted_l2"]
    script = Script(config)
    x = np.zeros((2, config.features), int)
    script.learn(x[:1], 0)
    for _ in range(5):
        script.predict(x)
    clocks = play(script, lanes, tmp_path, QUIET, simulator())
    gaps = np.diff([came for _, came in clocks]).tolist()
    assert gaps == [predict_clocks(config, lanes, last=False) + predict_clocks(config, lanes)] * 5
