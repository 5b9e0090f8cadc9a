"""The order of examples and checkpoints: what comes when, the same for the same seed, and what is refused."""

import numpy as np
import pytest

from lutwright.errors import BadData, BadOption
from lutwright.learn.schedule import Checkpoint, Example, Labels, Wish, schedule

# 20 training images of each of 5 classes, 6 test images of each, classes in turn.
LABELS = Labels("made", np.tile(np.arange(5), 20), np.tile(np.arange(5), 6))


def told(events):
    return [each.label if isinstance(each, Example) else ("look", each.label, each.count) for each in events]


def test_old_classes_take_turns_then_new_ones_come_one_by_one():
    made = schedule(LABELS, Wish((0, 2), (4, 1), examples=3, test=30, every=2), 5)
    looks = [("look", None, 3), ("look", 4, 2), ("look", 4, 3), ("look", 1, 2), ("look", 1, 3)]
    assert told(made.events) == [0, 2, 0, 2, 0, 2, looks[0], 4, 4, looks[1], 4, looks[2], 1, 1, looks[3], 1, looks[4]]
    assert made.old == (0, 2) and len(made.examples) == 12
    assert [look.learnt for look in made.checkpoints] == [6, 8, 9, 11, 12]
    assert [look.known for look in made.checkpoints] == [(0, 2), (0, 2, 4), (0, 2, 4), (0, 2, 4, 1), (0, 2, 4, 1)]


def test_every_example_is_of_its_class_and_comes_once():
    made = schedule(LABELS, Wish((0, 1), (2, 3), examples=20, every=7), 5)
    assert all(LABELS.train[each.row] == each.label for each in made.examples)
    assert len({each.row for each in made.examples}) == 80
    assert [look.count for look in made.checkpoints] == [20, 7, 14, 20, 7, 14, 20]


def test_the_last_example_of_a_class_is_looked_at_once():
    made = schedule(LABELS, Wish((0,), (1,), examples=4, every=2), 5)
    assert told(made.events) == [0, 0, 0, 0, ("look", None, 4), 1, 1, ("look", 1, 2), 1, 1, ("look", 1, 4)]


def test_tested_are_the_first_images_of_the_classes_that_are_known():
    made = schedule(LABELS, Wish((0, 1), (3,), examples=1, test=7), 5)
    first, last = made.checkpoints
    assert last.rows.tolist() == [0, 1, 3, 5, 6, 8, 10] and last.labels.tolist() == [0, 1, 3, 0, 1, 3, 0]
    assert first.rows.tolist() == [0, 1, 5, 6, 10] and first.labels.tolist() == [0, 1, 0, 1, 0]


def test_a_seed_gives_one_order_and_a_class_keeps_its_own_whatever_else_is_learnt():
    def rows(label, **changes):
        wish = Wish(**({"old": (0, 1), "new": (2,), "examples": 9} | changes))
        return [each.row for each in schedule(LABELS, wish, 5).examples if each.label == label]

    assert rows(2) == rows(2) == rows(2, old=(), new=(4, 2))
    assert rows(2) != rows(2, seed=2)
    assert rows(2, examples=5) == rows(2)[:5]
    assert [row // 5 for row in rows(0)] != [row // 5 for row in rows(1)]


def test_what_was_learnt_before_is_passed_over():
    whole = schedule(LABELS, Wish((0,), (1, 2), examples=8), 5)
    begun = schedule(LABELS, Wish((0,), (1,), examples=4, every=4), 5, [4, 4, 0, 0, 0])
    assert told(begun.events) == [("look", None, 4), 1, 1, 1, 1, ("look", 1, 4)]  # class 0 is known
    assert [each.row for each in begun.examples] == [e.row for e in whole.examples if e.label == 1][4:]


def test_without_old_classes_the_first_look_is_at_a_new_one():
    made = schedule(LABELS, Wish((), (3,), examples=2), 5)
    assert told(made.events) == [3, 3, ("look", 3, 2)] and isinstance(made.events[-1], Checkpoint)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"examples": 0}, "--examples: must be 1 or more, not 0"),
        ({"test": 0}, "--test: must be 1 or more, not 0"),
        ({"every": 0}, "--every: must be 1 or more, not 0"),
        ({"seed": -1}, "--seed: must be 0 or more, not -1"),
        ({"old": (), "new": ()}, "--old: or --new must name a class, not neither"),
        ({"new": (1, 3)}, "--new: must name each class once, and none of the old ones, not 1 twice"),
        ({"new": (4,)}, "--new: classes must be 0 to 3: the learner has room for 4, not 4"),
        ({"test": 2}, "--test: must be enough that an image of class 2 is among the test images, not 2"),
    ],
)
def test_wrong_wishes(changes, message):
    wish = Wish(**({"old": (0, 1), "new": (2,), "examples": 2} | changes))
    with pytest.raises(BadOption) as caught:
        schedule(LABELS, wish, 4)
    assert message in str(caught.value)


def test_classes_and_examples_that_the_data_has_not():
    few = Labels("made", np.array([0, 0, 1]), np.array([0, 1, 2]))
    with pytest.raises(BadData, match="data set 'made': class 2 must have training images, not none"):
        schedule(few, Wish((0,), (2,), examples=1), 5)
    with pytest.raises(BadData, match="class 1 must have 2 training images, not 1"):
        schedule(few, Wish((0,), (1,), examples=2), 5)
    with pytest.raises(BadData, match="class 1 must have 1 training images beside the 1 learnt before, not 1 in all"):
        schedule(few, Wish((0,), (1,), examples=1), 5, [1, 1])
    with pytest.raises(BadData, match="class 1 must have test images, not none"):
        schedule(Labels("made", few.train, np.array([0])), Wish((0,), (1,), examples=1), 5)
