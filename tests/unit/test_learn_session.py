"""A schedule on a device: rows, comparison with the reference after every example, and every kind of disagreement."""

import numpy as np
import pytest

from lutwright.errors import Mismatch
from lutwright.learn import Learner, LearnerConfig
from lutwright.learn.device import Load, ReferenceDevice, Save, Show
from lutwright.learn.file import body_bytes, row_bytes, state_words
from lutwright.learn.places import place_of
from lutwright.learn.result import Result, Status
from lutwright.learn.schedule import Labels, Wish, schedule
from lutwright.learn.session import How, Pictures, run_session

CONFIG = LearnerConfig(features=12, subspaces=3, anchors=2, classes=5, feature_bits=5, count_bits=6)
LABELS = Labels("made", np.tile(np.arange(4), 15), np.tile(np.arange(4), 10))
PLAN = schedule(LABELS, Wish((0, 1), (2, 3), examples=6, test=40, every=3), CONFIG.classes)
WORDS = body_bytes(CONFIG) // 4


def features(codes):
    """The images are the features, two of them a pixel."""
    return codes.reshape(len(codes), 1, 12)


def pictures(labels, seed):
    """Images of 3 x 2 pixels of 2 channels, near a centre of their class."""
    centres = np.random.default_rng(1).integers(6, 26, (4, 3, 2, 2))
    codes = centres[labels] + np.random.default_rng(seed).integers(-5, 6, (len(labels), 3, 2, 2))
    rows = range(len(labels))
    return Pictures(dict(zip(rows, codes, strict=True)), dict(zip(rows, features(codes), strict=True)))


TRAIN, TEST = pictures(LABELS.train, 2), pictures(LABELS.test, 3)


class Altered(ReferenceDevice):
    """The reference, but reply number `at` is changed; it remembers what it was asked."""

    def __init__(self, at=-1, change=lambda reply: reply):
        super().__init__(Learner(CONFIG), features)
        self.at, self.change = at, change

    def play(self, actions):
        self.actions = actions
        for index, reply in enumerate(super().play(actions)):
            yield self.change(reply) if index == self.at else reply


def played(device, learner=None, how=None, plan=PLAN):
    rows, how = [], how or How()
    return run_session(plan, TRAIN, TEST, learner or Learner(CONFIG), device, how, rows.append), rows


def index_of(actions, kind, number):
    return [i for i, action in enumerate(actions) if kind(action)][number]


def asked():
    device = Altered()
    played(device)
    return device.actions


def test_rows_tell_what_the_device_predicted():
    outcome, rows = played(ReferenceDevice(Learner(CONFIG), features))
    learner = Learner(CONFIG)
    for example in PLAN.examples:
        learner.learn(TRAIN.features[example.row], example.label)
    assert rows == outcome.rows and [row.learnt for row in rows] == [12, 15, 18, 21, 24]
    last = PLAN.checkpoints[-1]
    found = learner.predict_many(np.stack([TEST.features[row] for row in last.rows])).label
    right, old = found == last.labels, last.labels < 2
    assert np.array_equal(outcome.last, found)
    assert (rows[-1].old, rows[-1].new, rows[-1].all) == (right[old].mean(), right[~old].mean(), right.mean())
    assert rows[0].new is None and rows[0].label is None and rows[-1].label == 3 and rows[-1].tested == 40
    assert rows[-1].all > 0.9
    assert outcome.state.equals(learner.state)


def test_every_result_and_after_every_example_every_word_is_compared():
    outcome, rows = played(ReferenceDevice(Learner(CONFIG), features))
    assert (outcome.examples, outcome.queries) == (24, sum(row.tested for row in rows))
    assert outcome.results == outcome.examples + outcome.queries
    assert outcome.words == (24 + 1) * WORDS


def test_at_checkpoints_only():
    device = Altered()
    outcome, _ = played(device, how=How(each=False))
    assert outcome.words == (5 + 1) * WORDS and sum(isinstance(a, Save) for a in device.actions) == 6


def test_without_comparison_the_state_still_comes_back():
    device = Altered(3, lambda reply: Result(4, 0, 0, Status(0)))  # nobody notices
    learner = Learner(CONFIG)
    outcome, rows = played(device, learner, How(check=False))
    assert (outcome.results, outcome.words, len(rows)) == (0, 0, 5)
    assert outcome.state.equals(device.learner.state) and learner.state.equals(outcome.state)


def test_a_session_goes_on_from_a_state():
    half = schedule(LABELS, Wish((0, 1), (2,), examples=6, test=40, every=3), CONFIG.classes)
    first, _ = played(ReferenceDevice(Learner(CONFIG), features), plan=half)
    begun = Learner(CONFIG)
    begun.state = first.state
    rest = schedule(LABELS, Wish((0, 1, 2), (3,), 6, 40, 3), CONFIG.classes, begun.state.examples.tolist())
    device = Altered()
    second, _ = played(device, begun, plan=rest)
    whole, _ = played(ReferenceDevice(Learner(CONFIG), features))
    assert isinstance(device.actions[0], Load) and isinstance(device.actions[1], Save)
    assert second.state.equals(whole.state) and np.array_equal(second.last, whole.last)
    assert second.words == (1 + 6 + 1) * WORDS


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (Result(3, 0, 0, Status(0)), "(class 3, 0 votes, margin 0)"),
        (Result(0, 0, 0, Status.SATURATED), "(class 0, 0 votes, margin 0, <Status.SATURATED: 4>)"),
    ],
)
def test_a_wrong_result_of_an_example(wrong, told):
    at = index_of(asked(), lambda action: isinstance(action, Show) and action.learn, 4)
    row = PLAN.examples[4].row
    with pytest.raises(Mismatch) as caught:
        played(Altered(at, lambda reply: wrong))
    wanted = (
        f"example 5 (class 0, training image {row}): the result must be the reference's (class 0, 0 votes, margin 0)"
    )
    assert str(caught.value) == f"{wanted}, not {told}."


def test_a_wrong_prediction():
    at = index_of(asked(), lambda action: isinstance(action, Show) and not action.learn, 3)
    row = PLAN.checkpoints[0].rows[3]
    with pytest.raises(Mismatch, match=f"test image {row} after 12 examples: the result must be the reference's"):
        played(Altered(at, lambda reply: Result(reply.label, reply.votes, reply.margin + 1, reply.status)))


@pytest.mark.parametrize("bit", [0, 17, 31])
def test_one_wrong_bit_of_one_word_after_one_example(bit):
    word = 1 + 2 * CONFIG.classes + ((1 * CONFIG.anchors + 1) * CONFIG.subspaces + 2) * (row_bytes(CONFIG) // 4) + 1

    def flipped(words):
        return words ^ (np.arange(WORDS) == word).astype(np.uint32) << np.uint32(bit)

    at = index_of(asked(), lambda action: isinstance(action, Save), 6)
    with pytest.raises(Mismatch) as caught:
        played(Altered(at, flipped))
    message = str(caught.value)
    assert message.startswith("class 1, subspace 2, anchor 1, word 1: must be the reference's ")
    assert f"after example 7 (class 0, training image {PLAN.examples[6].row}), not " in message
    assert message.endswith("(1 words differ).")


def test_a_wrong_word_where_the_state_is_read_at_checkpoints_and_in_the_end():
    for at, when in ((0, "after 12 examples"), (-1, "in the end")):
        device = Altered()
        played(device, how=How(each=False))
        place = index_of(device.actions, lambda action: isinstance(action, Save), at)
        with pytest.raises(Mismatch, match=f"examples of class 1: must be the reference's 0000000[0-9a-f] {when}, not"):
            played(Altered(place, lambda words: words + (np.arange(WORDS) == 2)), how=How(each=False))


def test_a_word_too_few():
    at = index_of(asked(), lambda action: isinstance(action, Save), 0)
    with pytest.raises(Mismatch, match=f"state after example 1 .*: must have {WORDS} words, not {WORDS - 1}"):
        played(Altered(at, lambda words: words[:-1]))


def test_every_word_has_a_name():
    names = [place_of(CONFIG, word) for word in range(WORDS)]
    assert names[0] == "generator" and names[5] == "examples of class 4" and names[6] == "next anchor of class 0"
    assert names[11] == "class 0, subspace 0, anchor 0, word 0"
    assert names[-1] == f"class 4, subspace 2, anchor 1, word {row_bytes(CONFIG) // 4 - 1}"
    assert len(set(names)) == WORDS


def test_a_name_is_of_the_word_that_a_change_touches():
    learner = Learner(CONFIG)
    before = state_words(CONFIG, learner.state)
    learner.state.n[3, 1, 2] = 1
    (word,) = np.flatnonzero(before != state_words(CONFIG, learner.state))
    assert place_of(CONFIG, word).startswith("class 3, subspace 2, anchor 1, word ")
