"""Folding: what a layer can have, the search within a board, rates that are asked for."""

import re
from dataclasses import replace

import numpy as np
import pytest
from graphs import Maker

from lutwright.boards import load_board
from lutwright.dataflow.breakdown import breakdown
from lutwright.dataflow.choice import limits, shortage, with_folds
from lutwright.dataflow.choose import choose, take
from lutwright.dataflow.folding import Fold
from lutwright.dataflow.folding_file import Folding
from lutwright.dataflow.layer_costs import Options, candidate_clocks, exact_costs, layer_options, segment
from lutwright.dataflow.lower import Target, lower
from lutwright.dataflow.memories import block_names, memory_names
from lutwright.dataflow.options import engines, layers, parallel, possible
from lutwright.dataflow.resource_kinds import KINDS, vector
from lutwright.dataflow.search import Search
from lutwright.dataflow.select import cheapest, nearest, select
from lutwright.emit.project import for_hardware, hardware_graph
from lutwright.errors import BadFolding, DoesNotFit
from lutwright.resources import room

MNIST = room("examples") / "models" / "mnist-mux.onnx"
NANO, ULX = load_board("tangnano9k"), load_board("ulx3s-45f")
NONE, ONE = (0, 0, 0, 0), (1, 1, 1, 1)


@pytest.fixture(scope="module")
def mnist():
    return hardware_graph(MNIST)


def small(shape=(8, 8, 4), outputs=(4, 6)):
    """Two convolutions with steps, and a dense layer."""
    m = Maker(np.random.default_rng(0), shape, 3)
    for count in outputs:
        m.conv(count, (3, 3), (1, 1), ONE)
        m.step(3, True)
    m.add("MaxPool", kernel=(4, 4), stride=(4, 4), pads=NONE)
    m.add("Flatten")
    m.dense(5, 3)
    m.add("ArgMax")
    return for_hardware(m.graph())


def with_chip(board, **resources):
    return board.model_copy(update={"resources": board.resources.model_copy(update=resources)})


# ---- options ---------------------------------------------------------------------------------------------------------


def test_engines_by_the_weights(mnist):
    conv1, conv2, _, fc = layers(mnist)
    assert engines(conv1) == engines(fc) == ("folded", "dsp", "unrolled")
    assert engines(conv2) == ("mux", "unrolled")  # complemented signs: their bias is wired into the multiplexers
    m = Maker(np.random.default_rng(0), (6, 6, 4), 3)
    m.conv(4, (3, 3), (1, 1), NONE, "mux")
    m.conv(4, (3, 3), (1, 1), NONE, groups=4)
    assert engines(m.nodes[0]) == ("mux", "folded", "dsp", "unrolled")
    assert engines(m.nodes[1]) == ("depthwise",)
    assert parallel(m.nodes[1], "depthwise") == ([1, 2, 4], [9])
    assert parallel(m.nodes[0], "mux") == ([1, 2, 4], [1, 2, 4])
    assert parallel(m.nodes[0], "folded") == ([1, 2, 4], [1, 3, 9, 18, 36])
    assert parallel(m.nodes[0], "unrolled") == ([4], [36])
    assert parallel(fc, "folded")[0] == [1, 2, 5, 10]


def test_a_row_is_held_whole():
    m = Maker(np.random.default_rng(0), (1, 12, 4), 3)
    m.conv(2, (1, 3), (1, 1), NONE)
    assert parallel(m.nodes[0], "folded")[1] == [1, 2, 3, 4, 6, 12]


def test_large_matrices_are_not_unrolled_by_the_search():
    m = Maker(np.random.default_rng(0), (200,), 3)
    m.dense(100, 4)
    assert {fold.engine for fold in possible(m.nodes[0])} == {"folded", "dsp"}
    assert "unrolled" in engines(m.nodes[0])


@pytest.mark.parametrize("kind", ["dense", "mux", "sign", "depthwise", "row"])
def test_every_option_can_be_lowered_and_keeps_its_clocks(kind):
    m = Maker(np.random.default_rng(1), (1 if kind == "row" else 5, 6, 4), 2)
    if kind == "depthwise":
        m.conv(4, (3, 3), (1, 1), ONE, groups=4)
    elif kind == "row":
        m.conv(4, (1, 3), (1, 1), (0, 1, 0, 1))
    else:
        m.conv(4, (3, 3), (1, 1), ONE, kind)
    m.step(2, False)
    graph = for_hardware(m.graph())
    (node,) = layers(graph)
    options = layer_options(graph, node, possible(node), Target(1, 4), "ecp5")
    for fold, clocks in zip(options.folds, options.clocks.tolist(), strict=True):
        assert lower(graph, {node.name: fold}, Target(clocks, 4)).interval == clocks


# ---- costs of layers -------------------------------------------------------------------------------------------------


def test_segments_end_where_branches_begin(mnist):
    assert [[n.name for n in segment(mnist, node)] for node in layers(mnist)] == [
        ["conv1", "act1", "pool1"],
        ["conv2", "act2", "pool2"],
        ["conv3", "act3", "pool3", "fc_flatten"],
        ["fc", "argmax"],
    ]
    m = Maker(np.random.default_rng(0), (4, 4, 2), 2)
    m.conv(2, (1, 1), (1, 1), NONE)
    m.add("Add", m.here, m.tensors["input"], gains=(np.ones(1, np.int64),) * 2)
    graph = m.graph()
    assert [n.op for n in segment(graph, graph.nodes[0])] == ["Conv"]


def test_no_option_is_beaten_in_everything(mnist):
    for node in layers(mnist):
        options = layer_options(mnist, node, possible(node), Target(1, 4), "gowin")
        rows = np.column_stack([options.clocks, options.costs])
        for i, row in enumerate(rows):
            assert not (np.delete(rows, i, axis=0) <= row).all(axis=1).any()


def test_adders_are_estimated_and_then_exact(mnist):
    conv1 = layers(mnist)[0]
    options = layer_options(mnist, conv1, possible(conv1), Target(1, 4), "ecp5")
    at = options.folds.index(Fold(8, 9, "unrolled"))
    (told,) = exact_costs(mnist, conv1, options.folds[at], Target(1, 4), "ecp5", [options.blocks[at]])
    assert options.costs[at][0] == pytest.approx(told[0], rel=0.2)
    search = Search(mnist, ULX)
    choice = search.fastest()
    assert choice.folds["conv1"].engine == "unrolled"
    table = search.table[0]
    assert table.costs[table.folds.index(choice.folds["conv1"])].tolist() == told


# ---- selection -------------------------------------------------------------------------------------------------------


def table(*rows_of_layers):
    """Options of layers "a", "b", ... from rows (clocks, lut, bram)."""
    return [
        Options(
            name,
            tuple(Fold(i + 1, 1) for i in range(len(rows))),
            np.array([row[0] for row in rows]),
            np.array([[row[1], 0, row[2], 0] for row in rows], float),
            (frozenset(),) * len(rows),
        )
        for name, rows in zip("abc", rows_of_layers, strict=False)
    ]


PRICES = np.ones(4)


def test_the_cheapest_that_keeps_the_interval():
    made = table([(10, 5, 0), (5, 9, 0)], [(10, 3, 0), (4, 8, 0)])
    assert cheapest(made, 10, PRICES).costs.tolist() == [8, 0, 0, 0]
    assert cheapest(made, 9, PRICES).folds == {"a": Fold(2, 1), "b": Fold(2, 1)}
    assert cheapest(made, 5, PRICES).clocks == 5
    assert cheapest(made, 4, PRICES) is None
    assert candidate_clocks(made) == [5, 10]


def test_a_scarce_resource_is_traded():
    made = table([(1, 10, 3), (1, 40, 0)], [(1, 10, 3), (1, 20, 0)])
    found = select(made, 1, PRICES, np.array([100, 0, 3, 0]))
    assert found.costs.tolist() == [
        30,
        0,
        3,
        0,
    ]  # the layer that gives up its block RAMs is the one that does so cheaply
    assert select(made, 1, PRICES, np.array([25, 0, 3, 0])) is None
    assert select(made, 0, PRICES, np.array([100, 0, 3, 0])) is None
    assert nearest(made, 1, PRICES, np.array([25, 0, 3, 0])) is not None


def test_selection_against_every_combination():
    """Of random tables: what is found fits and is not far from the best; rarely is nothing found."""
    rng = np.random.default_rng(3)
    missed = 0
    for _ in range(60):
        made = table(*([(1, int(rng.integers(1, 50)), int(rng.integers(0, 9))) for _ in range(5)] for _ in range(3)))
        room_ = np.array([rng.integers(40, 110), 0, rng.integers(4, 20), 0], float)
        totals = np.array([a + b + c for a in made[0].costs for b in made[1].costs for c in made[2].costs])
        fits = totals[(totals <= room_).all(axis=1)]
        found = select(made, 1, PRICES, room_)
        if found is None:
            missed += len(fits) > 0
        else:
            assert (found.costs <= room_).all()
            assert found.costs.sum() <= 1.25 * fits.sum(axis=1).min()
    assert missed <= 2


# ---- the choice ------------------------------------------------------------------------------------------------------


def test_the_fastest_has_rates_between_the_powers_of_two():
    graph = small((8, 8, 8), (16, 24))
    board = with_chip(ULX, lut=7000, ff=9000)
    choice = choose(graph, board)
    assert choice.pipeline.interval not in [64 << n for n in range(12)]
    assert shortage(choice, board) is None
    told = re.match(
        r"([\d,]+) clocks a frame would need about ([\d,]+) of ([\d,]+) LUTs, .* for layer 'conv", choice.limit
    )
    assert int(told[1].replace(",", "")) < choice.pipeline.interval
    assert int(told[2].replace(",", "")) > int(told[3].replace(",", "")) == 6300


def test_dsp_blocks_are_taken_where_luts_are_short():
    graph = small((8, 8, 8), (16, 24))
    board = with_chip(ULX, lut=6000, ff=9000)
    choice, without = choose(graph, board), choose(graph, with_chip(board, dsp=0))
    assert "dsp" in {fold.engine for fold in choice.folds.values()}
    assert 0 < choice.estimate.dsp <= board.resources.dsp
    assert without.estimate.dsp == 0 and choice.pipeline.interval < without.pipeline.interval
    assert choose(graph, ULX, 1000).estimate.dsp == 0  # with LUTs to spare none is


def test_a_larger_board_is_never_slower():
    graph = small((8, 8, 8), (16, 24))
    rates = [choose(graph, with_chip(ULX, lut=lut)).pipeline.interval for lut in (4000, 5000, 7000, 9000)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < rates[0]


def test_a_rate_is_reached_by_the_smallest(mnist):
    sizes = []
    for fps in (30_000, 5_000, 1_000, 400):
        choice = choose(mnist, ULX, fps)
        assert 25e6 / choice.pipeline.interval >= fps
        sizes.append(choice.estimate.lut)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < 0.6 * sizes[0]


def test_a_rate_that_no_layer_makes_is_named(mnist):
    with pytest.raises(DoesNotFit) as caught:
        choose(mnist, ULX, 40_000)
    assert str(caught.value) == (
        "board 'ulx3s-45f': reaches at most 31,887 frames/s with this model at 25 MHz, not 40,000. "
        "Layer 'conv1' cannot take fewer clocks a frame. Ask for at most 31887 frames/s, a faster --clock "
        "or a larger board."
    )


def test_a_rate_that_the_board_has_no_room_for_is_named():
    with pytest.raises(DoesNotFit, match=r"reaches at most [\d,]+ frames/s .* LUTs, [\d,]+ of them for layer 'conv\d'"):
        choose(small((8, 8, 8), (16, 24)), with_chip(ULX, lut=9000, ff=9000), 300_000)


def test_a_rate_that_only_the_fastest_makes(mnist, monkeypatch):
    monkeypatch.setattr(
        Search,
        "_made",
        lambda search, interval, made=Search._made: made(search, interval) if interval == 784 else None,
    )
    search = Search(mnist, ULX)
    assert search.smallest(20_000).pipeline.interval == 784


def test_dsp_blocks_where_luts_lack():
    graph = small((8, 8, 8), (16, 24))
    some = with_chip(ULX, lut=6000, ff=20000)
    none = choose(graph, with_chip(some, dsp=0))
    choice = choose(graph, some)
    assert none.estimate.dsp == 0 < choice.estimate.dsp <= 72
    assert choice.pipeline.interval < none.pipeline.interval
    assert choose(graph, ULX, 1000).estimate.dsp == 0  # there is room enough in LUTs


def test_the_board_that_would_do_is_named():
    graph = small((8, 8, 8), (16, 24))
    with pytest.raises(
        DoesNotFit,
        match=r"the smallest folding needs about \d+, layer '\w+' alone \d+ \(stage "
        r"'\w+' \d+\)\. It has room on arty-a7-100, .*, ulx3s-85f, zcu104\.",
    ):
        choose(graph, with_chip(NANO, lut=700))


def test_a_pipeline_that_does_not_fit_teaches_the_search(mnist, monkeypatch):
    """What a chip takes beside its layers is found out: the estimate before it is never the last word."""
    search = Search(mnist, NANO)
    search.beside = np.full(4, -1e4)  # as if there were far more room than there is
    search.board = with_chip(NANO, lut=4500)
    search.room = limits(search.board)
    choice = search.fastest()
    assert shortage(choice, search.board) is None
    assert choice.pipeline.interval > 784
    assert search.beside[0] > 0


def test_a_graph_without_layers():
    m = Maker(np.random.default_rng(0), (4, 4, 2), 2)
    m.add("MaxPool", kernel=(2, 2), stride=(2, 2), pads=NONE)
    choice = choose(for_hardware(m.graph()), ULX)
    assert (choice.folds, choice.limit) == ({}, "")


def test_rows_add_up(mnist):
    choice = choose(mnist, NANO)
    rows = breakdown(mnist, choice, "gowin")
    assert [row.name for row in rows] == ["conv1", "conv2", "conv3", "fc", "shell"]
    for at, _ in enumerate(KINDS):
        told = sum(vector(row.cost, "gowin")[at] for row in rows)
        assert told == pytest.approx(vector(choice.estimate, "gowin")[at])
    assert max(row.clocks for row in rows) == choice.pipeline.interval


# ---- a user's folding ------------------------------------------------------------------------------------------------


def test_a_users_folding(mnist):
    folds = choose(mnist, ULX, 400).folds
    choice = take(mnist, ULX, Folding(folds))
    assert choice.folds == folds
    with pytest.raises(
        DoesNotFit, match=r"stage 'conv\d\w*': makes at most 442 frames/s with this folding at 25 MHz, not 500\."
    ):
        take(mnist, ULX, Folding(folds), 500)
    tiny = with_chip(ULX, lut=1000)
    with pytest.raises(DoesNotFit, match=r"has room for 900 LUTs, this folding needs about \d+, layer '\w+' alone"):
        take(mnist, tiny, Folding(folds))
    again = with_folds(mnist, folds, replace(choice.target), ULX)
    assert again.estimate.as_dict() == choice.estimate.as_dict()


def test_a_users_memories_stay_where_they_are_put(mnist):
    folds = choose(mnist, ULX, 500).folds
    assert block_names(take(mnist, ULX, Folding(folds, ("fc", "conv2_window"))).pipeline) == ("conv2_window", "fc")
    assert block_names(take(mnist, ULX, Folding(folds, ())).pipeline) == ()
    with pytest.raises(BadFolding, match=r"key 'block_rams': memories must be among .*, fc, not 'fd'\. Remove it"):
        take(mnist, ULX, Folding(folds, ("fd",)))


def test_weights_go_to_luts_where_block_rams_are_scarcer(mnist):
    """What a threshold for all memories cannot do: the same rate, with the block RAMs where they save most."""
    bare = choose(mnist, NANO)
    few = choose(mnist, with_chip(NANO, bram=4, lut=12000))
    assert few.pipeline.interval == bare.pipeline.interval
    assert few.estimate.bram <= 4 < bare.estimate.bram
    assert {"fc", "fc_replay"} <= set(block_names(few.pipeline)) < set(memory_names(few.pipeline))
