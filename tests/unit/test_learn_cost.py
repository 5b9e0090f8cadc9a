"""What the learner and its views take, as the formulas say and as Yosys counts."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from lutwright.errors import BadLearner
from lutwright.ir.graph import Tensor
from lutwright.learn import LearnerConfig
from lutwright.learn.cost import learner_cost, learner_parts, views_cost
from lutwright.learn.versions import views
from lutwright.resources import room

sys.path.insert(0, str(room("hw").parent / "benchmarks"))

import hardware_synthesis
import learner_hardware

# Configuration, lanes, and what Yosys counts: LUT, FF, block RAM, DSP (python benchmarks/learner.py --parts area). No
# constant of the formulas was read off these.
SIZES = [
    (LearnerConfig(64, 8, 4, 10), 1, "ecp5", (2317, 1516, 6, 1)),
    (LearnerConfig(64, 8, 4, 10), 1, "gowin", (2965, 1516, 6, 1)),
    (LearnerConfig(64, 8, 4, 10), 4, "ecp5", (6956, 4327, 24, 4)),
    (LearnerConfig(64, 8, 4, 10), 4, "gowin", (9043, 4327, 24, 4)),
    (LearnerConfig(256, 16, 8, 10), 1, "ecp5", (5015, 2514, 35, 1)),
    (LearnerConfig(256, 16, 8, 10), 1, "gowin", (5579, 2514, 35, 1)),
    (LearnerConfig(256, 16, 8, 10), 4, "ecp5", (12931, 7676, 48, 4)),
    (LearnerConfig(256, 16, 8, 10), 4, "gowin", (16481, 7676, 48, 4)),
]


def compare(told, lut, ff, bram, dsp):
    assert told.lut == pytest.approx(lut, rel=0.15)
    assert told.ff == pytest.approx(ff, rel=0.15)
    assert (told.bram, told.dsp) == (bram, dsp)


@pytest.mark.parametrize(("config", "lanes", "family", "counts"), SIZES)
def test_sizes_that_were_not_fitted(config, lanes, family, counts):
    compare(learner_parts(config, lanes).on(family), *counts)


def test_the_cell_as_it_is(tmp_path, monkeypatch):
    """What a change of a cell breaks here, benchmarks/learner.py shows at the sizes above."""
    monkeypatch.setattr(hardware_synthesis, "CACHE", tmp_path)
    config = LearnerConfig(8, 4, 2, 3, 4, 2, 4)
    seen = hardware_synthesis.count(learner_hardware.alone(config, 1), learner_hardware.TOP, "ecp5")
    compare(learner_parts(config, 1).on("ecp5"), seen.lut, seen.ff, seen.bram, seen.dsp)


def test_the_parts_on_a_family():
    config = LearnerConfig(64, 8, 4, 10)
    assert learner_cost(config, 1, "ecp5") == learner_parts(config, 1).on("ecp5")


def test_wide_products_take_more_than_one_block():
    """Squares of 21 bits, in 4 blocks each, and weights for distances of more than 18."""
    config = LearnerConfig(8, 4, 2, 2, 16, 4, 8, distance="l2", policy="nearest")
    assert learner_parts(config, 2).dsp == 2 * 2 * 4
    assert learner_parts(LearnerConfig(64, 8, 4, 10, 16, 4, 12), 1).dsp == 2


def test_lanes_that_do_not_divide_the_subspaces():
    with pytest.raises(BadLearner, match="lanes must divide the 8 subspaces, not 3"):
        learner_cost(LearnerConfig(64, 8, 4, 10), 3, "ecp5")


def image(crop, channels, bits):
    """A graph as far as it is looked at: it takes such an image."""
    tensor = Tensor("x", (*crop, channels), 0, (1 << bits) - 1, np.ones(1))
    return SimpleNamespace(input="x", tensors={"x": tensor})


# As Yosys counts the cell views with so many user bits: LUT, FF, block RAM on ECP5 and Gowin.
@pytest.mark.parametrize(
    ("preset", "size", "crop", "channels", "bits", "counts"),
    [
        ("10crop", (28, 28), (24, 24), 1, 8, [(115, 68, 1), (125, 69, 1)]),
        ("flip", (32, 32), (28, 28), 3, 8, [(123, 64, 3), (133, 64, 3)]),
        ("1", (112, 92), (96, 80), 1, 8, [(195, 79, 11), (223, 79, 11)]),
    ],
)
def test_views(preset, size, crop, channels, bits, counts):
    parts = views_cost(image(crop, channels, bits), views(preset, image=size, crop=crop))
    for family, (lut, ff, bram) in zip(("ecp5", "gowin"), counts, strict=True):
        told = parts.on(family)
        assert told.lut == pytest.approx(lut, rel=0.2)
        assert told.ff == pytest.approx(ff, rel=0.15)
        assert (told.bram, told.dsp) == (bram, 0)


def test_no_views_take_nothing():
    graph = image((4, 4), 1, 1)
    assert views_cost(graph, None) == learner_parts(LearnerConfig(1, 1, 1, 1), 1).times(0)
    small = views_cost(graph, views("1", image=(5, 5), crop=(4, 4)))
    assert small.on("ecp5").bram == 0 and small.rams == ((50, 1),)
