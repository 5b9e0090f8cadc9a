"""Cells that join and split streams, against numpy: idle x backpressure on every port, a reset in the middle, rate."""

import numpy as np
import pytest
from streams import RUNS, check_ports

from lutwright.numerics.packing import literal

RNG = np.random.default_rng


@pytest.mark.parametrize(("width", "outputs"), [(1, 1), (7, 2), (5, 3)])
def test_fork(width, outputs, tmp_path):
    beats = RNG(1).integers(0, 2, (70, width))
    parameters = {"WIDTH": width, "OUTPUTS": outputs}
    ports = [(beats, 1)], [(beats, 1)] * outputs
    # An output that has the beat may wait for another one.
    runs = [*RUNS, {"idle": 0.2, "stall": 0, "seed": 9, "reset_after": 29, "in_turn": True}]
    check_ports("stream_fork", parameters, *ports, tmp_path, shared=True, runs=runs, rate=(1, 1))


def added(pe, nf, gains, gain_bits, signs, out_bits, bits=(4, 3)):
    """Random inputs of stream_add with all extremes, what it must make of them, and its parameters."""
    rng = RNG(2)
    streams = []
    for width, signed in zip(bits, signs, strict=True):
        low, high = (-(1 << (width - 1)), 1 << (width - 1)) if signed else (0, 1 << width)
        values = rng.integers(low, high, (14, nf * pe))
        values[:4] = np.array([low, high - 1, low, high - 1] if width == bits[0] else [low, high - 1, high - 1, low])[
            :, None
        ]
        streams.append(values)
    total = streams[0] * gains[0] + streams[1] * gains[1]
    assert -(1 << (out_bits - 1)) <= total.min() and total.max() < 1 << (out_bits - 1)
    parameters = {
        "PE": pe,
        "NF": nf,
        "A_BITS": bits[0],
        "A_SIGNED": signs[0],
        "B_BITS": bits[1],
        "B_SIGNED": signs[1],
        "GAIN_BITS": gain_bits,
        "A_GAINS": literal(np.asarray(gains[0]), gain_bits),
        "B_GAINS": literal(np.asarray(gains[1]), gain_bits),
        "OUT_BITS": out_bits,
    }
    return parameters, streams, total


@pytest.mark.parametrize(
    ("pe", "nf", "gains", "gain_bits", "signs", "out_bits"),
    [
        (1, 1, ([1], [1]), 2, (0, 0), 6),
        (2, 3, ([1] * 6, [1] * 6), 2, (1, 0), 6),  # the plain sum
        (3, 1, ([1, -2, 3], [-4, 1, 2]), 3, (0, 1), 8),
        (2, 3, ([1, -2, 3, 0, 2, -4], [1, 2, 1, 2, 1, 2]), 3, (1, 1), 8),  # b: constant in each lane
        (2, 3, ([1, 2, 1, 2, 1, 3], [1, 2, 2, 2, 1, 2]), 3, (0, 0), 8),  # only one lane of each differs, in one beat
        (1, 2, ([7, -8], [1, 1]), 4, (0, 0), 9),
        (1, 2, ([1, 1], [-1, -1]), 2, (0, 0), 5),  # the difference: less bits than a product may have
    ],
)
def test_add(pe, nf, gains, gain_bits, signs, out_bits, tmp_path):
    parameters, (a, b), total = added(pe, nf, gains, gain_bits, signs, out_bits)
    inputs = [(a.reshape(-1, pe), 4), (b.reshape(-1, pe), 3)]
    check_ports("stream_add", parameters, inputs, [(total.reshape(-1, pe), out_bits)], tmp_path, rate=(1, 1))


@pytest.mark.parametrize(
    ("width", "turns"),
    [(3, (1,)), (4, (1, 1)), (4, (3, 1)), (5, (2, 5, 1)), (2, (1, 4, 4, 2, 3))],
)
def test_concat(width, turns, tmp_path):
    rng = RNG(3)
    inputs = [rng.integers(0, 1 << width, (8, turn)) for turn in turns]
    expected = np.concatenate(inputs, axis=1).reshape(-1, 1)
    parameters = {"WIDTH": width, "INPUTS": len(turns), "BEATS": literal(np.array(turns), 32)}
    ports = [(values.reshape(-1, 1), width) for values in inputs]
    check_ports("concat", parameters, ports, [(expected, width)], tmp_path, rate=(sum(turns), sum(turns)))
