"""Memories: moved between LUTs and block RAM one by one, and placed for what a board has."""

from dataclasses import replace

import numpy as np
import pytest

from lutwright.boards import load_board
from lutwright.dataflow.choice import limits
from lutwright.dataflow.cost import pipeline_cost
from lutwright.dataflow.folding import Fold, fold_graph
from lutwright.dataflow.lower import Target, lower
from lutwright.dataflow.memories import MOST_CONSTANTS, block_names, memories, memory_names, place, with_blocks
from lutwright.dataflow.resource_kinds import vector
from lutwright.dataflow.stage import Vector
from lutwright.emit.project import hardware_graph
from lutwright.emit.rtl import core_files
from lutwright.resources import room

NANO, ULX = load_board("tangnano9k"), load_board("ulx3s-45f")
LUT, BRAM = 0, 2


@pytest.fixture(scope="module")
def graph():
    return hardware_graph(room("examples") / "models" / "mnist-mux.onnx")


@pytest.fixture(scope="module")
def folds(graph):
    return fold_graph(graph, 4000) | {"conv2": Fold(2, 1, "mux")}


def made(graph, folds, block_bits=512):
    return lower(graph, folds, Target(4000, 4, block_bits))


def needs(pipeline, family="ecp5"):
    return np.array(vector(pipeline_cost(pipeline), family))


def test_moving_is_what_a_threshold_does(graph, folds):
    """The same stages, and the same files, whichever way a memory came to where it is."""
    few, many = made(graph, folds, 1 << 40), made(graph, folds, 0)
    assert block_names(few) == ()
    assert set(block_names(many)) >= {"fc", "fc_replay", "conv2_window", "conv2_window.history"}
    assert core_files(graph, with_blocks(few, block_names(many))) == core_files(graph, many)
    assert core_files(graph, with_blocks(many, ())) == core_files(graph, few)
    assert set(block_names(many)) <= set(memory_names(few)) == set(memory_names(many))


def test_each_memory_is_told_with_what_it_saves(graph, folds):
    bare = made(graph, folds, 1 << 40)
    for family in ("ecp5", "gowin"):
        for memory in memories(bare, family):
            moved = needs(with_blocks(bare, [memory.name]), family)
            saved = (needs(bare, family) - moved).tolist()
            assert saved == pytest.approx([memory.saved, memory.saved_ff, -memory.blocks, 0])
            assert not memory.in_block
        everything = with_blocks(bare, memory_names(bare))
        assert all(memory.in_block for memory in memories(everything, family))
        assert [m.saved for m in memories(everything, family)] == pytest.approx(
            [m.saved for m in memories(bare, family)]
        )


def test_block_ram_saves_more_where_there_is_no_lut_ram(graph, folds):
    bare = made(graph, folds, 1 << 40)
    saved = {family: {m.name: m.saved for m in memories(bare, family)} for family in ("ice40", "ecp5")}
    lines = [name for name in saved["ice40"] if name.endswith("_window")]
    assert lines and all(saved["ice40"][name] > 3 * saved["ecp5"][name] > 0 for name in lines)


def blocks_of(pipeline, board, room=None, beside=None):
    there = place(
        pipeline, board.family, limits(board) if room is None else room, np.zeros(4) if beside is None else beside
    )
    return set(block_names(there)), needs(there, board.family)


def test_the_best_come_first_and_never_more_than_there_are(graph, folds):
    bare = made(graph, folds, 1 << 40)
    ranked = sorted(memories(bare, "gowin"), key=lambda m: -m.saved / m.blocks)
    room = limits(NANO)
    sizes = []
    for bram in range(0, 30):
        names, need = blocks_of(bare, NANO, np.array([1000.0, room[1], bram, 0]))
        assert need[BRAM] <= bram
        sizes.append(need[LUT])
        if bram == ranked[0].blocks:
            assert names == {ranked[0].name}
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < sizes[0]
    # Where memories are is no matter: the answer is the same from everywhere.
    for start in (bare, made(graph, folds), made(graph, folds, 0)):
        assert blocks_of(start, NANO)[0] == blocks_of(bare, NANO)[0]


def test_what_does_not_fit_makes_way_for_what_is_smaller(graph, folds):
    bare = made(graph, folds, 1 << 40)
    ranked = sorted(memories(bare, "gowin"), key=lambda m: -m.saved / m.blocks)
    large = next(m for m in ranked if m.blocks > 1)
    smaller = next(m for m in ranked[ranked.index(large) :] if m.blocks == 1 and m.saved > 30)
    before = sum(m.blocks for m in ranked[: ranked.index(large)])
    names, _ = blocks_of(bare, NANO, np.array([1000.0, 1e9, before + 1, 0]))
    assert large.name not in names and smaller.name in names


def test_no_more_blocks_than_luts_are_scarce(graph, folds):
    bare = made(graph, folds, 1 << 40)
    everything, _ = blocks_of(bare, ULX, np.array([1.0, 1e9, 1000, 0]))
    some, need = blocks_of(bare, ULX)
    none, _ = blocks_of(bare, ULX, np.array([1e9, 1e9, 1000, 0]), np.array([0, 0, 10.0, 0]))
    assert none == set() < some < everything
    assert some == {"fc", "fc_replay"}  # the others would save few LUTs each, and cost time
    lacking, _ = blocks_of(bare, ULX, np.array([need[LUT] - 60, 1e9, 1000, 0]))
    assert some < lacking < everything


def test_very_many_constants_are_always_in_block_ram(graph, folds):
    bare = made(graph, folds, 1 << 40)
    fc = bare.stage("fc")
    weights = fc.parameters["WEIGHTS"]
    for times, fixed in ((30, False), (31, True)):
        assert (weights.values.size * weights.bits * times > MOST_CONSTANTS) is fixed
        many = Vector(np.tile(weights.values, (times, 1)), weights.bits)
        large = replace(fc, parameters=dict(fc.parameters) | {"WEIGHTS": many, "NF": 10 * times})
        there = with_blocks(replace(bare, stages=(large,)), ())
        assert block_names(there) == (("fc",) if fixed else ())
        assert ("fc" in {memory.name for memory in memories(there, "ecp5")}) is not fixed


def test_weights_of_few_bits_stay_constants(graph, folds):
    fc = next(
        stage for stage in made(graph, folds, 1 << 40).stages if stage.cell == "folded_mac" and stage.name == "fc"
    )
    bare = made(graph, folds, 1 << 40)
    few = replace(fc, parameters=dict(fc.parameters) | {"NF": 1, "SF": 1})
    assert "fc" not in memory_names(replace(bare, stages=(few,)))
