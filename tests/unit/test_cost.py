"""The parts of the cost model: what each takes on each family, and what the formulas count of a cell's constants."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lutwright.dataflow.cost import FORMULAS, adder, adder_tree, cost, memory, pipeline_cost
from lutwright.dataflow.parts import FAMILIES, Cost, total
from lutwright.dataflow.stage import Link, Outlet, Pipeline, Stage, Stream, Vector
from lutwright.resources import room

ONE = Stream(1, 8, False, 1)


def stage(cell, made=None, files=None, **parameters):
    return Stage("s", cell, "n", "", parameters, (Link(),), (ONE,), ONE, 1, files or {}, 1, made)


def folded_mac(weights, bits=4, block=0, **other):
    """A folded_mac whose weights are int64 [folds, lanes], one output at a time."""
    folds, lanes = weights.shape
    told = {"PE": 1, "SIMD": lanes, "NF": folds, "SF": 1, "HOLD": 1, "EVERY": 2, "X_BITS": 4, "X_SIGNED": 0}
    told |= {"W_BITS": bits, "P_BITS": 8, "ACC_BITS": 12, "BLOCK": block} | other
    vector = Vector(weights, bits)
    return stage(
        "folded_mac", files={"w.mem": vector} if block else {}, **told, **({} if block else {"WEIGHTS": vector})
    )


# ---- parts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "bits", "blocks"),
    [
        (512, 36, (1, 1, 1, 5)),
        (640, 4, (1, 1, 1, 1)),
        (4608, 4, (2, 2, 2, 5)),  # 4,096 and 512 more: what Yosys counts, as the next
        (1536, 36, (3, 3, 3, 14)),
        (64, 72, (2, 2, 2, 5)),
        (1, 0, (0, 0, 0, 0)),
        (4096, 8, (2, 2, 2, 8)),
    ],
)
def test_block_rams_have_the_shapes_of_their_family(words, bits, blocks):
    made = memory(words, bits, 1)
    assert tuple(made.on(family).bram for family in ("ecp5", "gowin", "xc7", "ice40")) == blocks


def test_lut_ram_by_family():
    one, deep = memory(16, 6, 0), memory(40, 4, 0)
    plain = {name: replace(family, select=0.5) for name, family in FAMILIES.items()}
    assert [one.luts(replace(plain[f], loose=0)) for f in ("ecp5", "gowin", "xc7")] == [12, 16, 4]
    assert [deep.luts(replace(plain[f], loose=0)) for f in ("ecp5", "gowin", "xc7")] == [22, 28, 8]


def test_without_lut_ram_memories_are_flip_flops():
    made = memory(40, 4, 0)
    ice40 = replace(FAMILIES["ice40"], select=0.5, loose=0)
    assert (made.on("ice40").bram, made.on("ice40").ff, made.on("ecp5").ff) == (0, 41 * 4, 4)
    assert made.luts(ice40) == 40 * 4 + 40 + 39 * 4 * 0.5  # each with its site, an enable a word, what is read


def test_tables_deeper_than_a_lut_need_multiplexers():
    small, deep = Cost(tables=((16, 3),)), Cost(tables=((64, 1),))
    four = replace(FAMILIES["ecp5"], table=1.0, select=0.5)
    assert (small.luts(four), deep.luts(four), deep.luts(replace(four, inputs=6))) == (3, 4 + 3 * 0.5, 1)


def test_roms_take_a_lut_for_each_part_of_a_column():
    four, six = FAMILIES["ecp5"], FAMILIES["xc7"]
    made = [Cost(roms=((words, 2),)) for words in (8, 16, 64, 1024)]
    assert [rom.luts(four) for rom in made] == [2, 2, 2 * (4 + 3 * 0.75), 2 * (64 + 63 * 0.75)]
    assert [rom.luts(six) for rom in made] == [2, 2, 2, 2 * (16 + 3 * 0.75)]  # F7 and F8 join four


def test_costs_add_up_and_on_a_family_nothing_is_left_open():
    parts = total([memory(20, 8, 0), memory(600, 8, 1), adder(7), Cost(logic=2.5, select=4, product=3, loose=1)])
    for family in FAMILIES:
        here = parts.times(3).on(family)
        assert here.lut == pytest.approx(3 * parts.on(family).lut) and here.bram == 3 * parts.on(family).bram
        assert here.on("gowin") == here
    assert parts.as_dict() == parts.on("ecp5").as_dict()
    assert Cost(lut=1.6, ff=2, bram=1, dsp=4).as_dict() == {"lut": 2, "ff": 2, "bram": 1, "dsp": 4}


def test_adder_trees_count_bits_and_chains():
    assert adder(0) == Cost() and (adder(5).lut, adder(5).chains) == (5, 1)
    tree = adder_tree(5, 4, 2)  # 5-bit sums of pairs, 6-bit of those, then one of 7 bits
    assert (tree.lut, tree.chains, tree.ff) == (2 * 5 + 1 * 6 + 1 * 7, 4, 2 * 6 + 7)


# ---- formulas --------------------------------------------------------------------------------------------------------


def test_every_cell_of_a_pipeline_has_a_formula():
    from lutwright.dataflow import lower_macs, lower_moves, lower_points, lowering

    modules = (lower_macs, lower_moves, lower_points, lowering)
    texts = "".join(Path(module.__file__).read_text() for module in modules)
    cells = {path.stem for path in (room("hw") / "rtl").glob("*.sv") if f'"{path.stem}"' in texts}
    assert len(cells) > 20 and cells <= FORMULAS.keys()


def test_columns_of_weights_that_do_not_change_are_no_memory():
    rng = np.random.default_rng(0)
    weights = rng.integers(-7, 8, (64, 6))
    weights[:, :2] = 3
    whole, some = (
        cost(folded_mac(weights, block=1)).blocks,
        cost(folded_mac(rng.integers(0, 2, (64, 6)), block=1)).blocks,
    )
    assert whole == ((64, 16),) and some == ((64, 6),)


def test_columns_that_are_alike_share_a_table():
    weights = np.tile(np.array([[1], [2], [4], [7]]), (1, 6))
    made = cost(folded_mac(weights))
    assert made.roms == ((4, 3),) and made.tables == ()


def test_constant_weights_cost_by_their_digits():
    powers, dense = np.array([[1, -2, 4, 0]]), np.array([[7, 5, -5, 3]])
    assert cost(folded_mac(powers)).product == 0 < cost(folded_mac(dense)).product
    wide = [cost(folded_mac(w, X_BITS=8, P_BITS=12)).product for w in (np.array([[1, 2]]), np.array([[-1, 5]]))]
    assert wide == [0, 20]


def test_pipelines_are_the_sum_of_their_stages():
    skid, up = stage("skid", WIDTH=8), stage("width_up", WIDTH=8, RATIO=4)
    pipeline = Pipeline("p", ONE, (skid, up), (Outlet("y", "y", Link("s"), ONE),))
    assert pipeline_cost(pipeline) == cost(skid) + cost(up)
    assert cost(skid).on("ecp5") == Cost(lut=13, ff=18)
