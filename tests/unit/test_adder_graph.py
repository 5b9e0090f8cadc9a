"""Adder graphs: the sums are the matrix, the ranges are reached, registers keep each value as long as it is read."""

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lutwright.dataflow import adder_da4ml, adder_graph
from lutwright.dataflow.adder_build import Builder
from lutwright.dataflow.adder_graph import candidates, solve
from lutwright.dataflow.adder_pipeline import Schedule, schedule
from lutwright.dataflow.adder_plain import digits, plain
from lutwright.dataflow.adder_signs import signed_graph
from lutwright.dataflow.adders import AdderGraph, Sum, Term
from lutwright.dataflow.cost import Cost, unrolled_cost
from lutwright.dataflow.unrolled import unroll
from lutwright.emit.unrolled import unrolled_file
from lutwright.errors import BadGraph, NotExact
from lutwright.numerics.ranges import type_of

WEIGHTS = st.sampled_from([0, 0, 0, 1, -1, 2, 3, -5, 7, 11, 64, -128, 127])


@st.composite
def problems(draw):
    """A matrix [outputs, inputs], and the lowest and highest of each input."""
    outputs, inputs = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    matrix = draw(st.lists(WEIGHTS, min_size=outputs * inputs, max_size=outputs * inputs))
    low = np.array(draw(st.lists(st.integers(-9, 3), min_size=inputs, max_size=inputs)))
    size = np.array(draw(st.lists(st.integers(0, 17), min_size=inputs, max_size=inputs)))
    return np.array(matrix).reshape(outputs, inputs), low, low + size


def ends(matrix, low, high):
    """Ranges of as many inputs as `matrix` has."""
    ones = np.ones(matrix.shape[1], np.int64)
    return low * ones, high * ones


def solved(matrix, low=0, high=15, levels=1):
    """The graph of a matrix given as lists, for inputs in [low, high]."""
    matrix = np.array(matrix)
    return solve(matrix, *ends(matrix, low, high), levels)


def plain_graph(matrix, low=0, high=15):
    """The graph without da4ml."""
    matrix = np.array(matrix)
    return signed_graph(*plain(matrix), *ends(matrix, low, high))


@settings(max_examples=60, deadline=None)
@given(problems(), st.integers(0, 2**32 - 1))
def test_every_graph_is_its_matrix_on_vectors_too(problem, seed):
    matrix, low, high = problem
    x = np.random.default_rng(seed).integers(low, high + 1, (20, len(low)))
    x = np.concatenate([x, low[None], high[None]])
    for graph in candidates(matrix, low, high):
        np.testing.assert_array_equal(graph.matrix, matrix)
        np.testing.assert_array_equal(graph.run(x), x @ matrix.T)


@settings(max_examples=40, deadline=None)
@given(problems())
def test_every_value_reaches_both_ends_of_its_range(problem):
    matrix, low, high = problem
    for graph in candidates(matrix, low, high):
        for value, (lowest, highest) in enumerate(zip(*graph.ranges, strict=True)):
            alone = AdderGraph(graph.low, graph.high, graph.sums, (Term(value),))
            falling = np.where(graph.coefficients[value] > 0, low, high)
            assert alone.run(falling[None])[0, 0] == lowest
            assert alone.run((low + high - falling)[None])[0, 0] == highest
            made = graph.sum_of(value)
            narrowest = type_of(int(lowest), int(highest))
            assert graph.signed[value] == narrowest.signed
            assert graph.widths[value] == max(narrowest.width, made.shift + 1 if made else 1)
            assert not any(made.a_minus and made.b_minus for made in graph.sums)


@settings(max_examples=40, deadline=None)
@given(problems(), st.integers(1, 4))
def test_schedule_keeps_the_order_and_the_levels(problem, levels):
    graph = plain_graph(problem[0], *problem[1:])
    made = schedule(graph, levels)
    for value, total in enumerate(graph.sums, graph.inputs):
        assert all(made.slots[v] + (graph.adder_bits[value] > 0) <= made.slots[value] for v in total.operands)
    assert max(made.slots, default=0) <= made.latency * levels
    assert made.latency == max(1, -(-graph.depth // levels))
    assert made.register_bits <= Schedule(graph, levels, tuple(graph.levels)).register_bits


@settings(max_examples=15, deadline=None)
@given(problems(), st.integers(1, 3))
def test_register_bits_are_those_of_the_text(problem, levels):
    matrix, low, high = problem
    around = (int(low.min()), int(high.max()))
    layer = unroll("layer", matrix, around, 6, True, 20, levels)
    text = unrolled_file(layer).decode()
    kept = re.findall(r"^  logic (?:signed )?\[(\d+):0\] s\d+_[xn]\d+;", text, re.MULTILINE)
    assert sum(int(width) + 1 for width in kept) == layer.schedule.register_bits
    assert unrolled_cost(layer).ff == layer.schedule.flip_flops + layer.latency
    assert 0 <= layer.schedule.delay_bits <= layer.schedule.flip_flops <= layer.schedule.register_bits
    assert unrolled_file(unroll("layer", matrix, around, 6, True, 20, levels)).decode() == text


def test_digits_are_canonical():
    for weight in range(-128, 128):
        found = digits(weight)
        assert sum(-(1 << s) if minus else 1 << s for s, minus in found) == weight
        assert all(b[0] - a[0] >= 2 for a, b in pairwise(found))


def test_zero_rows_and_zero_columns():
    graph = solved([[0, 0, 0], [0, 3, 0]])
    assert graph.outputs[0] is None
    assert graph.coefficients[graph.inputs :].any(axis=0).tolist() == [False, True, False]
    assert solved([[0, 0]]).outputs == (None,)
    assert solved([[0, 0]]).cost == solved([[0, 0]]).depth == 0


def test_powers_of_two_take_no_adder():
    graph = solved([[1, 0], [0, 8], [64, 0]])
    assert graph.sums == () and graph.outputs == (Term(0), Term(1, 3), Term(0, 6))


def test_identical_and_opposite_rows_are_made_once():
    graph = solved([[1, 1, 0], [1, 1, 0], [2, 2, 0], [-1, -1, 0]])
    assert [made.b is None for made in graph.sums] == [False, True]
    assert graph.outputs[0] == graph.outputs[1] == Term(3) and graph.outputs[2] == Term(3, 1)


def test_a_negative_row_is_one_negation():
    graph = solved([[-4]], -8, 7)
    assert graph.sums == (Sum(0),) and graph.outputs == (Term(1, 2),) and graph.cost == 5


def test_signs_avoid_negations():
    matrix = np.array([[-1, -1, 1, -1]])
    graph = plain_graph(matrix)
    assert all(made.b is not None for made in graph.sums)
    np.testing.assert_array_equal(graph.matrix, matrix)


def test_bits_side_by_side_are_no_adder():
    graph = solved([[17]])
    assert graph.cost == graph.depth == 0 and len(graph.sums) == 1
    assert solved([[17]], -8, 7).cost > 0


def test_low_bits_pass_an_adder():
    graph = solved([[1, 8]])  # 0..15 + 8 * 0..15 is 8 bits, of which the lowest 3 are those of x0
    assert graph.widths[2] == 8 and graph.cost == 5
    assert solved([[-1, 8]]).cost == 8 and solved([[1, -8]]).cost == 5


@settings(max_examples=40, deadline=None)
@given(problems(), st.integers(0, 2**32 - 1))
def test_every_bit_is_a_copy_of_its_origin(problem, seed):
    matrix, low, high = problem
    x = np.random.default_rng(seed).integers(low, high + 1, (20, len(low)))
    for graph in candidates(matrix, low, high):
        every = AdderGraph(low, high, graph.sums, tuple(Term(value) for value in range(graph.values)))
        values = every.run(x)
        for value, origins in enumerate(graph.origins):
            assert len(origins) == graph.widths[value]
            for bit, origin in enumerate(origins):
                copied = 0 if origin is None else values[:, origin[0]] >> origin[1] & 1
                np.testing.assert_array_equal(values[:, value] >> bit & 1, copied)


def test_a_copied_bit_is_kept_once():
    made = schedule(solved([[1, 8], [8, 1], [1, 1]]), 1)  # x0 + 8*x1 has the 3 lowest bits of x0, which has more users
    assert made.register_bits == 8 + 8 + 5 and made.flip_flops == made.register_bits
    made = schedule(solved([[1, 0], [1, 8]]), 1)
    assert made.register_bits == 4 + 8 and made.flip_flops == 4 + 5 and made.delay_bits == 4


def test_cost_of_a_layer():
    layer = unroll(
        "layer", np.array([[1, 0], [1, 8]]), (0, 15), 4, False, 9, 1
    )  # an adder of 5 bits, x0 kept beside it
    assert unrolled_cost(layer).on("ecp5") == Cost(lut=5 + 1 + 1, ff=10)
    assert unrolled_cost(layer).as_dict() == {"lut": 7, "ff": 10, "bram": 0, "dsp": 0}
    assert unrolled_cost(layer).on("gowin").lut == 5 + 1 + 4 + 2.2


def test_operands_that_cancel_out_leave_a_whole_sum():
    ones = np.ones(2, np.int64)
    sums = (Sum(0, 1, 3, False, True), Sum(2, 1, 3))  # x0 - 8*x1, and with 8*x1 again x0, of 2 bits
    graph = AdderGraph(0 * ones, 3 * ones, sums, (Term(3),)).prove(np.array([[1, 0]]))
    assert graph.widths == [2, 2, 6, 4] and graph.adder_bits == [0, 0, 3, 1]


def test_builder_shortens_terms_of_one_value():
    build = Builder(1)
    x = Term(0)
    assert build.add(x, None) == build.add(None, x) == x
    assert build.add(x, Term(0, 0, True)) is None
    assert build.add(x, x) == Term(0, 1)
    assert build.add(x, Term(0, 1, True)) == Term(0, 0, True)
    assert build.sums == []
    assert build.add(x, Term(0, 1)) == build.add(Term(0, 1), x) == Term(1)
    assert build.add(Term(0, 3, True), Term(0, 4, True)) == Term(1, 3, True)
    assert len(build.sums) == 1


def test_without_da4ml_the_plain_graph_is_taken(monkeypatch):
    matrix = np.random.default_rng(3).integers(-8, 8, (6, 12))
    assert len(candidates(matrix, *ends(matrix, 0, 15))) == 1 + len(adder_da4ml.METHODS)
    shared = solved(matrix)
    monkeypatch.setattr(adder_da4ml.importlib.util, "find_spec", lambda name: None)
    assert len(candidates(matrix, *ends(matrix, 0, 15))) == 1
    assert solved(matrix).cost == plain_graph(matrix).cost > shared.cost


def test_large_matrices_are_searched_less(monkeypatch):
    matrix = np.random.default_rng(3).integers(-8, 8, (6, 12))
    work = sum(len(digits(w)) for w in matrix.reshape(-1).tolist())
    most, less, never = (work, 2, True), (work + 1, 1, False), (work - 1, 2, True)
    for effort, graphs in (((most, less), 3), ((never, less), 2), ((never,), 1)):
        monkeypatch.setattr(adder_graph, "_EFFORT", effort)
        assert len(candidates(matrix, *ends(matrix, 0, 15))) == graphs


@pytest.mark.parametrize("levels", [1, 3])
def test_the_cheapest_candidate_is_taken(levels):
    matrix = np.random.default_rng(4).choice([-1, 1], (8, 40))
    graphs = candidates(matrix, *ends(matrix, 0, 15))
    costs = [adder_graph.score(schedule(graph, levels)) for graph in graphs]
    assert adder_graph.score(schedule(solved(matrix, levels=levels), levels)) == min(costs) < max(costs)


def test_proof_bites():
    graph = solved([[3, 5], [1, -2]])
    with pytest.raises(NotExact, match=r"the weight of output 1 and input 0 must be 2, not 1\."):
        graph.prove(np.array([[3, 5], [2, -2]]))
    with pytest.raises(NotExact, match=r"must have the shape \(1, 2\) of its matrix, not \(2, 2\)\."):
        graph.prove(np.array([[3, 5]]))


def test_a_wrong_library_is_found_out(monkeypatch):
    def wrong(matrix, low, high, method, thorough):
        return plain(matrix + 1)

    monkeypatch.setattr(adder_graph, "shared", wrong)
    with pytest.raises(NotExact, match=r"the weight of output 0 and input 0 must be 3, not 4\."):
        solved([[3, 5]])


@pytest.mark.parametrize(
    ("ends", "bits", "signed", "message"),
    [
        ((0, 16), 4, False, r"layer 'l': inputs in \[0, 16\] must fit uint4\."),
        ((-1, 3), 4, False, r"layer 'l': inputs in \[-1, 3\] must fit uint4\."),
        ((0, 15), 4, True, r"layer 'l': inputs in \[0, 15\] must fit int4\."),
    ],
)
def test_inputs_must_fit(ends, bits, signed, message):
    with pytest.raises(BadGraph, match=message):
        unroll("l", np.array([[1]]), ends, bits, signed, 8, 1)


def test_results_must_fit():
    with pytest.raises(BadGraph, match=r"layer 'l': results in \[-30, 15\] must fit int5, not int6\."):
        unroll("l", np.array([[1], [-2]]), (0, 15), 4, False, 5, 1)
