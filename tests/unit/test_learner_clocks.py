"""The formulae of the learner's clocks; tests/rtl/test_learner_cell.py measures them."""

import pytest

from lutwright.errors import BadLearner
from lutwright.learn import LearnerConfig
from lutwright.learn.clocks import clear_clocks, learn_clocks, predict_clocks

CONFIG = LearnerConfig(64, 8, 4, 10, count_bits=8)


def test_one_row_a_clock_and_lane():
    assert [clear_clocks(CONFIG, lanes) for lanes in (1, 2, 8)] == [320, 160, 40]
    scans = [predict_clocks(CONFIG, lanes) - lanes for lanes in (1, 2, 8)]
    assert [scan - scans[2] for scan in scans] == [280, 120, 0]


def test_learning_divides_in_every_group():
    assert (learn_clocks(CONFIG, 1) - 3) == 8 * (learn_clocks(CONFIG, 8) - 3)


@pytest.mark.parametrize("clocks", [learn_clocks, predict_clocks, clear_clocks])
@pytest.mark.parametrize("lanes", [0, 3, 16])
def test_lanes_must_divide_the_subspaces(clocks, lanes):
    with pytest.raises(BadLearner) as error:
        clocks(CONFIG, lanes)
    assert str(error.value) == f"learner: lanes must divide the 8 subspaces, not {lanes}."
