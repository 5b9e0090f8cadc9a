"""Engines whose weights are signs and sizes: every product, and sums with offsets under idle x backpressure."""

import numpy as np
import pytest
from streams import check

from lutwright.dataflow.complement import complemented
from lutwright.dataflow.stage import Stream
from lutwright.numerics.packing import literal

RNG = np.random.default_rng
STEADY = [{"idle": 0, "stall": 0, "seed": 0, "reset_after": 0}]


def told(weights, x_bits, signed, acc_bits):
    """Codes of `weights` [outputs, ...], and the parameters of an engine with them but for the weights."""
    codes, _, parameters = complemented(weights, Stream(1, x_bits, bool(signed), 1), acc_bits)
    offsets = parameters["OFFSETS"]
    return codes, parameters | {
        "X_BITS": x_bits,
        "X_SIGNED": signed,
        "ACC_BITS": acc_bits,
        "OFFSETS": literal(offsets.values, offsets.bits),
    }


def activations(x_bits, signed):
    return np.arange(1 << x_bits) - (signed << (x_bits - 1))


@pytest.mark.parametrize(
    ("x_bits", "signed", "weights"),
    [
        (4, 0, range(-7, 8)),  # two digits
        (5, 0, range(-7, 8)),  # the last digit of one bit
        (5, 1, range(-3, 4)),
        (6, 1, range(-7, 8)),
        (1, 0, range(-3, 4)),
        (1, 1, range(-3, 4)),
        (3, 1, range(-1, 2)),
        (4, 0, (-1, 1)),  # signs only
        (2, 1, (-1, 1)),
        (4, 1, range(-31, 32, 5)),  # a multiplication
        (4, 0, (-8, -4, -2, -1, 0, 1, 2, 4, 8)),  # shifts
        (3, 1, (-4, -1, 0, 2)),
    ],
)
def test_every_product(x_bits, signed, weights, tmp_path):
    """One vector for each activation, one output fold for each weight."""
    w, x = np.array(weights)[:, None], activations(x_bits, signed)[:, None]
    bits = x_bits + int(np.abs(w).max()).bit_length() + 1
    codes, parameters = told(w, x_bits, signed, bits)
    parameters |= {"NF": len(w), "WEIGHTS": literal(codes, parameters["W_BITS"])}
    check("folded_mac", parameters, x, x_bits, (x @ w.T).reshape(-1, 1), bits, tmp_path, runs=STEADY, rate=(1, 1))


@pytest.mark.parametrize(
    ("pe", "simd", "nf", "sf", "hold", "signed", "every"),
    [(2, 3, 2, 2, 1, 0, 1), (3, 4, 1, 3, 0, 1, 2), (1, 5, 4, 1, 1, 0, 3), (2, 1, 3, 4, 1, 0, 1)],
)
def test_folded_mac(pe, simd, nf, sf, hold, signed, every, tmp_path):
    rng = RNG(1)
    w, x = rng.integers(-7, 8, (nf * pe, sf * simd)), rng.integers(-8 * signed, 16 - 8 * signed, (11, sf * simd))
    codes, parameters = told(w, 4, signed, 12)
    parameters |= {"PE": pe, "SIMD": simd, "NF": nf, "SF": sf, "HOLD": hold, "EVERY": every}
    rom = codes.reshape(nf, pe, sf, simd).transpose(0, 2, 1, 3)
    parameters["WEIGHTS"] = literal(rom, parameters["W_BITS"])
    beats = x if hold else np.repeat(x.reshape(11, 1, sf, simd), nf, axis=1).reshape(-1, simd)
    check("folded_mac", parameters, beats, 4, (x @ w.T).reshape(-1, pe), 12, tmp_path)


@pytest.mark.parametrize(("pe", "nf", "taps", "signed", "powers"), [(2, 3, 9, 0, 0), (1, 4, 4, 1, 0), (3, 2, 5, 0, 1)])
def test_depthwise_mac(pe, nf, taps, signed, powers, tmp_path):
    rng = RNG(2)
    w = rng.choice([-4, -2, -1, 0, 2], (nf * pe, taps)) if powers else rng.integers(-7, 8, (nf * pe, taps))
    x = rng.integers(-8 * signed, 16 - 8 * signed, (9, taps, nf * pe))
    codes, parameters = told(w, 4, signed, 12)
    parameters |= {"PE": pe, "NF": nf, "TAPS": taps, "WEIGHTS": literal(codes, parameters["W_BITS"])}
    beats = x.reshape(9, taps, nf, pe).transpose(0, 2, 1, 3).reshape(-1, taps * pe)
    expected = np.einsum("ntc,ct->nc", x, w).reshape(-1, pe)
    check("depthwise_mac", parameters, beats, 4, expected, 12, tmp_path, rate=(nf, nf))


@pytest.mark.parametrize(("pe", "simd", "nf", "sf", "signed"), [(2, 2, 2, 2, 0), (1, 3, 5, 1, 1)])
def test_mux_mac(pe, simd, nf, sf, signed, tmp_path):
    rng = RNG(3)
    outs, ins, taps = nf * pe, sf * simd, 4
    positions, w = rng.integers(0, taps, (outs, ins)), rng.integers(-7, 8, (outs, ins))
    x = rng.integers(-8 * signed, 16 - 8 * signed, (9, taps, ins))
    expected = np.stack([(w * frame[positions, np.arange(ins)]).sum(axis=1) for frame in x])
    codes, parameters = told(w, 4, signed, 12)

    def folded(entries):
        return entries.reshape(nf, pe, sf, simd).transpose(0, 2, 1, 3)

    parameters |= {"PE": pe, "SIMD": simd, "NF": nf, "SF": sf, "TAPS": taps, "POSITIONS": literal(folded(positions), 2)}
    parameters["WEIGHTS"] = literal(folded(codes), parameters["W_BITS"])
    beats = x.reshape(9, taps, sf, simd).transpose(0, 2, 1, 3).reshape(9, -1)
    check("mux_mac", parameters, beats, 4, expected.reshape(-1, pe), 12, tmp_path)
