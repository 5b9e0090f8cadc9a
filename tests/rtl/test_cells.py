"""Every stream cell alone: parameters that matter (1, sizes that do not divide), against numpy, idle x backpressure."""

from dataclasses import replace

import numpy as np
import pytest
from streams import check

from lutwright.dataflow.clocks import Windows
from lutwright.numerics.packing import memory_lines, pack
from lutwright.numerics.requantise import Multiply

RNG = np.random.default_rng


def literal(values, bits):
    """A parameter as Icarus and Verilator take it on the command line."""
    return f"{np.asarray(values).size * bits}'h{pack(np.asarray(values), bits):x}"


@pytest.mark.parametrize("width", [1, 13])
def test_skid(width, tmp_path):
    beats = RNG(1).integers(0, 2, (90, width))
    check("skid", {"WIDTH": width}, beats, 1, beats, 1, tmp_path)


@pytest.mark.parametrize("depth", [2, 5, 16])
def test_fifo(depth, tmp_path):
    beats = RNG(2).integers(0, 256, (120, 1))
    check("fifo", {"WIDTH": 8, "DEPTH": depth}, beats, 8, beats, 8, tmp_path)


@pytest.mark.parametrize("ratio", [1, 3, 4])
def test_width_up_and_down(ratio, tmp_path):
    narrow = RNG(3).integers(0, 32, (60, 1))
    wide = narrow.reshape(-1, ratio)
    check("width_up", {"WIDTH": 5, "RATIO": ratio}, narrow, 5, wide, 5, tmp_path / "up")
    check("width_down", {"WIDTH": 5, "RATIO": ratio}, wide, 5, narrow, 5, tmp_path / "down")


@pytest.mark.parametrize(("beats", "times"), [(1, 1), (5, 3), (8, 2)])
def test_replay(beats, times, tmp_path):
    vectors = RNG(4).integers(0, 64, (7, beats, 1))
    expected = np.repeat(vectors[:, None], times, axis=1).reshape(-1, 1)
    check("replay", {"WIDTH": 6, "BEATS": beats, "TIMES": times}, vectors.reshape(-1, 1), 6, expected, 6, tmp_path)


def windows(images, k, stride, pad, out, simd):
    """[n, h, w, c] -> beats in the layout of the cell window."""
    top, left = pad
    n, h, w, c = images.shape
    padded = np.zeros((n, h + 3 * k, w + 3 * k, c), np.int64)
    padded[:, top : top + h, left : left + w] = images
    rows = []
    for image in padded:
        for r in range(out[0]):
            for q in range(out[1]):
                patch = image[r * stride : r * stride + k, q * stride : q * stride + k]
                rows.append(patch.reshape(k * k, c // simd, simd).transpose(1, 0, 2).reshape(-1))
    return np.array(rows)


@pytest.mark.parametrize(
    ("h", "w", "c", "simd", "k", "stride", "pad", "out"),
    [
        (5, 6, 1, 1, 3, 1, (1, 1), (5, 6)),  # the usual one: padding merged with pixels
        (2, 2, 2, 1, 3, 1, (1, 1), (2, 2)),  # the smallest image, grouped channels
        (6, 5, 1, 1, 3, 1, (0, 0), (4, 3)),  # no padding
        (6, 7, 1, 1, 3, 2, (1, 1), (3, 4)),  # stride; rows below that no window reaches
        (7, 5, 1, 1, 5, 1, (2, 2), (7, 5)),  # two padded rows and columns
        (7, 8, 2, 2, 5, 3, (1, 2), (2, 3)),  # asymmetric
        (4, 5, 1, 1, 2, 2, (0, 0), (2, 2)),  # even kernel, a column left over
        (4, 4, 1, 1, 2, 1, (0, 0), (4, 4)),  # padding below and beside only
        (9, 9, 1, 1, 7, 1, (3, 3), (9, 9)),
    ],
)
def test_window(h, w, c, simd, k, stride, pad, out, tmp_path):
    images = RNG(5).integers(0, 8, (3, h, w, c))
    parameters = {
        "CHANNELS": c,
        "BITS": 3,
        "SIMD": simd,
        "HEIGHT": h,
        "WIDTH": w,
        "K": k,
        "STRIDE": stride,
        "PAD_T": pad[0],
        "PAD_L": pad[1],
        "OUT_H": out[0],
        "OUT_W": out[1],
    }
    expected = windows(images, k, stride, pad, out, simd)
    rate = (out[0] * out[1], Windows(h, w, k, stride, *pad, *out).direct)
    check("window", parameters, images.reshape(-1, c), 3, expected, 3, tmp_path, rate=rate)


@pytest.mark.parametrize(
    ("pe", "simd", "nf", "sf", "hold", "signed", "block", "every"),
    [
        (1, 1, 1, 1, 1, 0, 0, 1),
        (2, 3, 1, 1, 1, 0, 0, 2),
        (2, 3, 2, 2, 1, 1, 0, 1),
        (1, 4, 3, 2, 1, 0, 1, 3),
        (3, 2, 1, 4, 0, 0, 0, 1),
        (2, 5, 2, 3, 0, 1, 1, 4),
        (1, 1, 5, 1, 0, 0, 1, 1),
    ],
)
def test_folded_mac(pe, simd, nf, sf, hold, signed, block, every, tmp_path):
    rng = RNG(6)
    w = rng.integers(-7, 8, (nf * pe, sf * simd))
    x = rng.integers(-8 if signed else 0, 8 if signed else 16, (11, sf * simd))
    y = x @ w.T
    rom = w.reshape(nf, pe, sf, simd).transpose(0, 2, 1, 3).reshape(nf * sf, -1)
    parameters = {
        "PE": pe,
        "SIMD": simd,
        "NF": nf,
        "SF": sf,
        "HOLD": hold,
        "X_BITS": 4,
        "X_SIGNED": signed,
        "W_BITS": 4,
        "P_BITS": 8,
        "ACC_BITS": 14,
        "BLOCK": block,
        "EVERY": every,
    }
    files = {}
    if block:
        parameters["FILE"] = '"weights.mem"'
        files["weights.mem"] = memory_lines(rom, 4)
    else:
        parameters["WEIGHTS"] = literal(rom, 4)
    # A dense layer gets its vector again for each of its NF output folds.
    beats = x if hold else np.repeat(x.reshape(11, 1, sf, simd), nf, axis=1).reshape(-1, simd)
    check("folded_mac", parameters, beats, 4, y.reshape(-1, pe), 14, tmp_path, files)


@pytest.mark.parametrize(("nf", "x_bits"), [(3, 3), (1, 4), (1, 5)])
def test_weights_of_one_bit_are_zero_and_minus_one(nf, x_bits, tmp_path):
    """Out of a ROM, and as constants by table and by their sign."""
    w, x = np.arange(nf * 2)[:, None] % 2 - 1, np.arange(1 << x_bits)[:, None]
    parameters = {"PE": 2, "NF": nf, "X_BITS": x_bits, "W_BITS": 1, "P_BITS": x_bits + 1, "ACC_BITS": x_bits + 1}
    parameters["WEIGHTS"] = literal(w, 1)
    check("folded_mac", parameters, x, x_bits, (x @ w.T).reshape(-1, 2), x_bits + 1, tmp_path)


@pytest.mark.parametrize(("pe", "simd", "nf", "sf", "dsp"), [(1, 3, 2, 2, 1), (4, 3, 2, 2, 2), (2, 5, 1, 1, 2)])
def test_folded_mac_in_dsp_blocks(pe, simd, nf, sf, dsp, tmp_path):
    rng = RNG(6)
    w, x = rng.integers(-7, 8, (nf * pe, sf * simd)), rng.integers(0, 16, (11, sf * simd))
    rom = w.reshape(nf, pe, sf, simd).transpose(0, 2, 1, 3)
    parameters = {"PE": pe, "SIMD": simd, "NF": nf, "SF": sf, "DSP": dsp, "ACC_BITS": 14, "WEIGHTS": literal(rom, 4)}
    check("folded_mac", parameters, x, 4, (x @ w.T).reshape(-1, pe), 14, tmp_path)


@pytest.mark.parametrize(("x_bits", "signed", "w_bits"), [(4, 0, 4), (4, 1, 4), (8, 1, 3), (1, 0, 5), (2, 1, 5)])
def test_two_products_in_one_dsp_block(x_bits, signed, w_bits, tmp_path):
    """Every activation with every pair of weights: one vector for each activation, one output fold for each pair."""
    weights = np.arange(1 - (1 << (w_bits - 1)), 1 << (w_bits - 1))
    pairs = np.stack(np.meshgrid(weights, weights), axis=-1).reshape(-1, 2)
    x = np.arange(1 << x_bits) - (signed << (x_bits - 1))
    bits = x_bits + w_bits
    parameters = {"PE": 2, "NF": len(pairs), "DSP": 2, "X_BITS": x_bits, "X_SIGNED": signed, "W_BITS": w_bits}
    parameters |= {"P_BITS": bits, "ACC_BITS": bits, "WEIGHTS": literal(pairs, w_bits)}
    expected = (x[:, None, None] * pairs).reshape(-1, 2)
    runs = [{"idle": 0, "stall": 0, "seed": 0, "reset_after": 0}]
    check("folded_mac", parameters, x[:, None], x_bits, expected, bits, tmp_path, runs=runs, rate=(1, 1))


@pytest.mark.parametrize(
    ("pe", "simd", "nf", "sf", "hold", "block", "every"),
    [
        (1, 1, 1, 1, 1, 0, 1),
        (2, 8, 1, 1, 1, 0, 2),
        (2, 7, 2, 1, 0, 0, 1),
        (1, 12, 2, 3, 1, 1, 3),
        (3, 5, 1, 3, 0, 0, 1),  # an odd number of products a fold
        (2, 9, 2, 2, 1, 0, 1),
    ],
)
def test_folded_mac_of_signs(pe, simd, nf, sf, hold, block, every, tmp_path):
    rng = RNG(6)
    w = rng.choice([-1, 1], (nf * pe, sf * simd))
    x = rng.choice([-1, 1], (11, sf * simd))
    x[0], x[1] = w[0], -w[0]  # the highest sum and the lowest
    y = x @ w.T
    rom = (w < 0).astype(np.int64).reshape(nf, pe, sf, simd).transpose(0, 2, 1, 3).reshape(nf * sf, -1)
    bits = (sf * simd).bit_length() + 1
    parameters = {"PE": pe, "SIMD": simd, "NF": nf, "SF": sf, "HOLD": hold, "BINARY": 1, "X_BITS": 1, "W_BITS": 1}
    parameters |= {"ACC_BITS": bits, "BLOCK": block, "EVERY": every}
    files = {}
    if block:
        parameters["FILE"] = '"weights.mem"'
        files["weights.mem"] = memory_lines(rom, 1)
    else:
        parameters["WEIGHTS"] = literal(rom, 1)
    beats = x if hold else np.repeat(x.reshape(11, 1, sf, simd), nf, axis=1).reshape(-1, simd)
    signs = (beats < 0).astype(np.int64)
    check("folded_mac", parameters, signs, 1, y.reshape(-1, pe), bits, tmp_path, files, rate=(nf, nf * sf))


def test_signs(tmp_path):
    x = RNG(13).choice([-1, 1], (20, 3))
    check("signs", {"LANES": 3, "BITS": 2}, x, 2, (x < 0).astype(np.int64), 1, tmp_path, rate=(1, 1))


@pytest.mark.parametrize("hold", [1, 0])
@pytest.mark.parametrize(
    ("pe", "simd", "nf", "sf", "k", "w_bits", "signed"),
    [
        (1, 1, 1, 1, 3, 4, 0),
        (2, 2, 2, 2, 3, 4, 0),
        (1, 2, 5, 2, 3, 3, 1),
        (2, 3, 2, 1, 2, 2, 0),
        (2, 2, 2, 2, 3, 1, 0),
        (1, 2, 6, 2, 3, 1, 1),
    ],
)
def test_mux_mac(pe, simd, nf, sf, k, w_bits, signed, hold, tmp_path):
    rng = RNG(7)
    taps, outs, ins = k * k, nf * pe, sf * simd
    positions = rng.integers(0, taps, (outs, ins))
    w = (
        rng.choice([-1, 1], (outs, ins))
        if w_bits == 1
        else rng.integers(-(1 << (w_bits - 1)) + 1, 1 << (w_bits - 1), (outs, ins))
    )
    x = rng.integers(-8 if signed else 0, 8 if signed else 16, (9, taps, ins))
    y = np.array([[sum(w[o, i] * frame[positions[o, i], i] for i in range(ins)) for o in range(outs)] for frame in x])
    stored = w
    if w_bits == 1:
        y = y - (w < 0).sum(axis=1)
        stored = (w < 0).astype(np.int64)

    def folded(m):
        return m.reshape(nf, pe, sf, simd).transpose(0, 2, 1, 3)

    groups = x.reshape(9, taps, sf, simd).transpose(0, 2, 1, 3)
    beats = groups.reshape(9, -1) if hold else np.repeat(groups[:, None], nf, axis=1).reshape(9 * nf * sf, -1)
    parameters = {
        "PE": pe,
        "SIMD": simd,
        "NF": nf,
        "SF": sf,
        "TAPS": taps,
        "HOLD": hold,
        "X_BITS": 4,
        "X_SIGNED": signed,
        "W_BITS": w_bits,
        "SIGN_ONLY": int(w_bits == 1),
        "P_BITS": 8,
        "ACC_BITS": 12,
        "POSITIONS": literal(folded(positions), (taps - 1).bit_length()),
        "WEIGHTS": literal(folded(stored), w_bits),
    }
    check("mux_mac", parameters, beats, 4, y.reshape(-1, pe), 12, tmp_path)


@pytest.mark.parametrize(
    ("kept", "shared", "pe", "simd", "nf", "sf", "hold", "sign_only"),
    [
        (2, 0, 2, 2, 2, 2, 1, 0),
        (3, 0, 1, 2, 6, 2, 0, 0),
        (2, 0, 2, 1, 1, 3, 0, 1),
        (1, 1, 2, 3, 2, 1, 1, 0),  # one fold of inputs: wires
        (2, 1, 2, 2, 2, 2, 1, 0),
        (1, 1, 1, 1, 2, 12, 0, 1),  # more folds of inputs than taps
        (2, 1, 2, 1, 2, 11, 1, 0),
    ],
)
def test_mux_mac_of_several_weights(kept, shared, pe, simd, nf, sf, hold, sign_only, tmp_path):
    rng = RNG(14)
    taps, outs, ins = 9, nf * pe, sf * simd
    positions = rng.integers(0, taps, (1 if shared else outs, ins, kept)).repeat(outs if shared else 1, axis=0)
    w = rng.choice([-1, 1], (outs, ins, kept)) if sign_only else rng.integers(-7, 8, (outs, ins, kept))
    x = rng.integers(0, 16, (9, taps, ins))
    y = np.einsum("oiq,noiq->no", w, x[:, positions, np.arange(ins)[:, None]])
    stored = w
    if sign_only:
        y, stored = y - (w < 0).sum(axis=(1, 2)), (w < 0).astype(np.int64)

    def folded(m):
        return m.reshape(nf, pe, sf, simd, kept).transpose(0, 2, 1, 3, 4)

    groups = x.reshape(9, taps, sf, simd).transpose(0, 2, 1, 3)
    beats = groups.reshape(9, -1) if hold else np.repeat(groups[:, None], nf, axis=1).reshape(9 * nf * sf, -1)
    w_bits = 1 if sign_only else 4
    parameters = {"PE": pe, "SIMD": simd, "NF": nf, "SF": sf, "KEPT": kept, "SHARED": shared, "HOLD": hold}
    parameters |= {"SIGN_ONLY": sign_only, "W_BITS": w_bits, "ACC_BITS": 14}
    parameters |= {"POSITIONS": literal(folded(positions), 4), "WEIGHTS": literal(folded(stored), w_bits)}
    check("mux_mac", parameters, beats, 4, y.reshape(-1, pe), 14, tmp_path, rate=(nf, nf * sf))


@pytest.mark.parametrize(("n", "in_bits", "out_bits", "signed"), [(1, 3, 3, 0), (2, 3, 7, 0), (3, 4, 5, 1)])
def test_extend(n, in_bits, out_bits, signed, tmp_path):
    half = 1 << (in_bits - 1)
    x = RNG(12).integers(-half if signed else 0, half if signed else 2 * half, (20, n))
    parameters = {"LANES": n, "IN_BITS": in_bits, "IN_SIGNED": signed, "OUT_BITS": out_bits}
    check("extend", parameters, x, in_bits, x, out_bits, tmp_path)


def test_requantise_affine_wider_than_an_int(tmp_path):
    """Ranks of scores: 40-bit results, nothing clipped."""
    form = Multiply(np.array([1 << 31, 3]), np.array([-(1 << 38), 1 << 35]), 0, -(1 << 39), (1 << 39) - 1)
    acc = np.stack([np.arange(-128, 128, 15), np.arange(127, -129, -15)], axis=1)
    parameters = {"PE": 1, "NF": 2, "ACC_BITS": 8, "POWERS": 0, "M_BITS": 33, "OFFSET_BITS": 40, "SUM_BITS": 42}
    parameters |= {"SHIFT": 0, "CODE_BITS": 40, "CLIP": 0}
    parameters |= {"MULTIPLIERS": literal(form.multiplier, 33), "OFFSETS": literal(form.offset, 40)}
    codes = form.apply(acc)
    check("requantise_affine", parameters, acc.reshape(-1, 1), 8, codes.reshape(-1, 1), 40, tmp_path)


@pytest.mark.parametrize(("pe", "nf", "powers", "even"), [(1, 1, 1, 0), (2, 3, 1, 0), (3, 2, 0, 0), (2, 3, 1, 1)])
def test_requantise_affine(pe, nf, powers, even, tmp_path):
    rng = RNG(8)
    channels = pe * nf
    multiplier = 1 << rng.integers(0, 3, channels) if powers else rng.integers(-31, 32, channels)
    form = Multiply(multiplier, rng.integers(-200, 200, channels), 4, 1, 13, bool(even))
    acc = rng.integers(-128, 128, (20, channels))
    acc[:2] = [[-128], [127]]
    codes = form.apply(acc)
    assert even == (codes != replace(form, even=False).apply(acc)).any()
    stored = np.log2(multiplier).astype(np.int64) if powers else multiplier
    parameters = {
        "PE": pe,
        "NF": nf,
        "ACC_BITS": 8,
        "POWERS": powers,
        "M_BITS": 2 if powers else 6,
        "OFFSET_BITS": 9,
        "SUM_BITS": 15,
        "SHIFT": 4,
        "EVEN": even,
        "CODE_BITS": 4,
        "CODE_LOW": 1,
        "CODE_HIGH": 13,
        "MULTIPLIERS": literal(stored, 2 if powers else 6),
        "OFFSETS": literal(form.offset, 9),
    }
    check("requantise_affine", parameters, acc.reshape(-1, pe), 8, codes.reshape(-1, pe), 4, tmp_path)


@pytest.mark.parametrize(("pe", "nf", "levels"), [(1, 1, 1), (2, 1, 3), (2, 3, 4)])
def test_requantise_threshold(pe, nf, levels, tmp_path):
    rng = RNG(9)
    channels, count = pe * nf, (1 << levels) - 1
    thresholds = np.sort(rng.integers(-120, 120, (channels, count)), axis=1)
    never = np.zeros((channels, count), np.int64)
    never[:, count - count // 3 :] = 1
    falling = rng.integers(0, 2, channels)
    base = np.where(falling, count, 0)
    acc = rng.integers(-128, 128, (30, channels))
    reached = ((acc[..., None] >= thresholds) & (never == 0)).sum(axis=2)
    codes = np.where(falling, base - reached, base + reached)
    parameters = {
        "PE": pe,
        "NF": nf,
        "ACC_BITS": 8,
        "LEVELS": levels,
        "CODE_BITS": levels,
        "THRESHOLDS": literal(thresholds, 8),
        "NEVER": literal(never, 1),
        "BASES": literal(base, levels),
        "FALLING": literal(falling, 1),
    }
    check("requantise_threshold", parameters, acc.reshape(-1, pe), 8, codes.reshape(-1, pe), levels, tmp_path)


@pytest.mark.parametrize(
    ("pe", "nf", "h", "w", "k", "signed"),
    [
        (1, 1, 4, 4, (2, 2), 0),
        (2, 1, 5, 7, (2, 2), 1),
        (2, 3, 6, 6, (3, 3), 0),
        (1, 2, 3, 2, (2, 2), 0),
        (2, 1, 1, 9, (1, 2), 1),
        (1, 2, 7, 3, (3, 1), 0),
        (1, 1, 5, 9, (2, 4), 1),
    ],
)
def test_max_pool(pe, nf, h, w, k, signed, tmp_path):
    x = RNG(10).integers(-8 if signed else 0, 8 if signed else 16, (3, h, w, nf * pe))
    rows, columns = h // k[0], w // k[1]
    y = x[:, : rows * k[0], : columns * k[1]].reshape(3, rows, k[0], columns, k[1], -1).max(axis=(2, 4))
    parameters = {"PE": pe, "NF": nf, "BITS": 4, "SIGNED": signed, "HEIGHT": h, "WIDTH": w, "KH": k[0], "KW": k[1]}
    check("max_pool", parameters, x.reshape(-1, pe), 4, y.reshape(-1, pe), 4, tmp_path)


@pytest.mark.parametrize(("n", "signed"), [(2, 1), (10, 1), (7, 0)])
def test_argmax_ties_go_to_the_lowest(n, signed, tmp_path):
    x = RNG(11).integers(-4 if signed else 0, 4 if signed else 8, (25, n))  # few values, hence many ties
    assert any((row == row.max()).sum() > 1 for row in x)
    check(
        "argmax",
        {"N": n, "BITS": 3, "SIGNED": signed},
        x.reshape(-1, 1),
        3,
        x.argmax(axis=1)[:, None],
        (n - 1).bit_length(),
        tmp_path,
    )
