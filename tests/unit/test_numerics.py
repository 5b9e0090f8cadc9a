"""Quantisers against the QONNX reference; integer ranges and bit packing against their definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qonnx.custom_op.general.intquant import int_quant

from lutwright.numerics.packing import LITERAL_BITS, from_bytes, literal, memory_lines, pack, to_bytes
from lutwright.numerics.quantiser import ROUNDING, Quantiser, is_power_of_two
from lutwright.numerics.ranges import exact_float, type_of, weighted_sum

# Exact ties on either side of zero, and what lies beside them.
TIES = np.concatenate([np.arange(-40, 41) / 4, np.arange(-40, 41) / 4 + 1e-6, [0.0, -0.0, 1e6, -1e6]]).astype(
    np.float32
)


@pytest.mark.parametrize("rounding", sorted(set(ROUNDING) - {"ROUND_TO_ZERO"}))
@pytest.mark.parametrize(
    ("bits", "signed", "narrow"), [(2, True, True), (4, True, False), (4, False, False), (3, False, True)]
)
def test_quantiser_equals_qonnx(rounding, bits, signed, narrow):
    ours = Quantiser(0.5, 0, bits, signed, narrow, rounding)
    theirs = int_quant(TIES, np.float32(0.5), np.float32(0), np.float32(bits), signed, narrow, rounding)
    assert np.array_equal(ours.values(ours.codes(TIES)), theirs)


def test_rounding_half_to_even_is_not_half_up():
    codes = Quantiser(1.0, 0, 4, False, False, "ROUND").codes(np.array([0.5, 1.5, 2.5], np.float32))
    assert codes.tolist() == [0, 2, 2]


def test_types_and_ranges():
    assert [str(type_of(a, b)) for a, b in [(0, 0), (0, 15), (0, 16), (-1, 0), (-8, 7), (-9, 7), (-8, 8)]] == [
        "uint1",
        "uint4",
        "uint5",
        "int1",
        "int4",
        "int5",
        "int5",
    ]
    low, high = weighted_sum(np.array([[3, -2], [0, 1]]), 1, 5, False)
    assert (low.tolist(), high.tolist()) == ([-7, 1], [13, 5])
    assert weighted_sum(np.array([[3, -2]]), 1, 5, True)[0].tolist() == [-10]
    assert (exact_float((1 << 24) - 1), exact_float(1 << 24), exact_float(1 << 53)) == (np.float32, np.float64, None)
    assert [is_power_of_two(s) for s in (0.25, 1.0, 0.3, 0.0)] == [True, True, False, False]


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_packing_there_and_back(data):
    width = data.draw(st.integers(1, 14))
    signed = data.draw(st.booleans())
    low, high = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if signed else (0, (1 << width) - 1)
    values = np.array(
        data.draw(st.lists(st.lists(st.integers(low, high), min_size=3, max_size=3), min_size=1, max_size=5))
    )
    assert np.array_equal(from_bytes(to_bytes(values & ((1 << width) - 1), width), 3, width, signed), values)
    assert (
        pack(values[0], width)
        == int(memory_lines(values[:1], width), 16)
        == int(literal(values[0], width).split("'h")[1], 16)
    )


def test_a_number_too_wide_for_the_tools_is_several_side_by_side():
    values = np.random.default_rng(0).integers(0, 1 << 12, 2 * LITERAL_BITS // 12 + 100)
    parts = literal(values, 12).strip("{}").split(", ")
    sizes = [int(part.split("'h")[0]) for part in parts]
    assert sizes[1:] == [LITERAL_BITS, LITERAL_BITS] and sum(sizes) == 12 * values.size
    word = 0
    for part, size in zip(parts, sizes, strict=True):
        word = word << size | int(part.split("'h")[1], 16)
    assert word == pack(values, 12)
    assert literal(values[: LITERAL_BITS // 12], 12).startswith(f"{LITERAL_BITS // 12 * 12}'h")
