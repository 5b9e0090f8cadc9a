"""Cells without streams, each alone, against Python, clock by clock; and that no cell is without a bench."""

import binascii
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from streams import play
from test_lint import CELLS

from lutwright.emit.rtl import literal
from lutwright.numerics.packing import pack

RNG = np.random.default_rng

# Parts whose bench is that of the cell that they are in, which drives all of their ports; those of the learner meet
# every word of its state there.
INSIDE = dict.fromkeys(("link_receive", "link_answer"), "frame_link") | {"learner_registers": "learner_axi"}
INSIDE |= {
    f"learner_{part}": "learner"
    for part in ("control", "distance", "draw", "frames", "lane", "memory", "port", "scan", "update", "votes")
}


def test_every_cell_has_a_bench():
    here = Path(__file__).parent
    texts = {path.name: path.read_text() for path in here.glob("*.py") if path.name != "test_lint.py"}
    benches = "".join(text.partition("def test_every_cell_has_a_bench")[2] or text for text in texts.values())
    assert not [cell for cell in CELLS if f'"{INSIDE.get(cell, cell)}"' not in benches]
    assert set(INSIDE) <= set(CELLS)


def run(cell, parameters, inputs, expected, work, files=None):
    """inputs, expected: for each clock the ports, name -> number."""
    steps = [{"inputs": i, "expected": e} for i, e in zip(inputs, expected, strict=True)]
    play("tb_parts", cell, parameters, {"steps": steps}, work, files)


def signed(low, high):
    return np.arange(low, high, dtype=np.int64)


def bits(values, width):
    return int(pack(np.atleast_1d(np.asarray(values, np.int64)), width))


def delayed(results, enables, latency):
    """What stands at the output before each clock edge of a pipeline with enable; None before anything came out."""
    held, seen = [None] * latency, []
    for result, enable in zip(results, enables, strict=True):
        seen.append(held[-1] if latency else result)
        if enable:
            held = [result, *held][:latency]
    return seen


def pipeline(cell, parameters, data, results, latency, port, work, seed=1):
    """Play `data` (ports a clock) with random enables; `results` come out of `port` after `latency` enabled clocks."""
    enables = RNG(seed).random(len(data)) < 0.7
    inputs = [one | {"enable": int(enable)} for one, enable in zip(data, enables, strict=True)]
    seen = delayed(results, enables, latency)
    run(cell, parameters, inputs, [{} if value is None else {port: value} for value in seen], work)


@pytest.mark.parametrize(("terms", "in_bits", "every"), [(1, 4, 1), (2, 1, 1), (5, 3, 2), (9, 8, 1), (16, 6, 3)])
def test_adder_tree(terms, in_bits, every, tmp_path):
    half = 1 << (in_bits - 1)
    x = RNG(1).integers(-half, half, (200, terms))
    x[0], x[1] = -half, half - 1
    levels = (terms - 1).bit_length()
    sums = [bits(row.sum(), in_bits + levels) for row in x]
    data = [{"x": bits(row, in_bits)} for row in x]
    parameters = {"TERMS": terms, "IN_BITS": in_bits, "EVERY": every}
    pipeline("adder_tree", parameters, data, sums, -(-levels // every), "sum", tmp_path)


@pytest.mark.parametrize(("depth", "block"), [(1, 0), (2, 0), (7, 0), (8, 1), (5, 1)])
def test_rom(depth, block, tmp_path):
    words = RNG(1).integers(0, 1 << 6, depth)
    at = RNG(2).integers(0, depth, 100)
    results = [int(words[a]) for a in at]
    contents = {"FILE": '"words.mem"'} if block else {"WORDS": literal(words, 6)}
    files = {"words.mem": "".join(f"{int(word):02x}\n" for word in words).encode()} if block else None
    enables = RNG(3).random(at.size) < 0.7
    inputs = [{"address": int(a), "enable": int(enable)} for a, enable in zip(at, enables, strict=True)]
    seen = delayed(results, enables, 0 if depth == 1 and not block else 1)
    expected = [{} if value is None else {"q": value} for value in seen]
    run("rom", {"DEPTH": depth, "WIDTH": 6, "BLOCK": block, **contents}, inputs, expected, tmp_path, files)


@pytest.mark.parametrize(("depth", "block"), [(2, 0), (5, 0), (8, 1)])
def test_line_memory(depth, block, tmp_path):
    rng = RNG(1)
    memory, q = [None] * depth, None
    inputs, expected = [], []
    for _ in range(300):
        write, d, writes, reads = int(rng.integers(0, depth)), int(rng.integers(0, 16)), *rng.integers(0, 2, 2)
        read = int(rng.choice([a for a in range(depth) if a != write]))  # never what is being written
        inputs.append({"read_enable": int(reads), "read_address": read, "write_enable": int(writes)})
        inputs[-1] |= {"write_address": write, "d": d}
        expected.append({} if q is None else {"q": q})
        q = memory[read] if reads else q
        if writes:
            memory[write] = d
    run("line_memory", {"DEPTH": depth, "WIDTH": 4, "BLOCK": block}, inputs, expected, tmp_path)


@pytest.mark.parametrize(
    ("pe", "simd", "sf", "every"), [(1, 1, 1, 1), (2, 3, 1, 2), (1, 1, 3, 1), (2, 5, 4, 1), (3, 4, 2, 2)]
)
def test_mac_accumulate(pe, simd, sf, every, tmp_path):
    rng = RNG(1)
    beats = rng.integers(-8, 8, (40 * sf, pe, simd))
    sums = beats.reshape(40, sf, pe, simd).sum(axis=(1, 3))
    latency = -(-(simd - 1).bit_length() // every) + int(sf > 1)
    width = 4 + (simd * sf - 1).bit_length() + 1
    enables, valids = rng.random((2, 600)) < 0.7
    data, results, sent = [], [], 0
    for enable, valid in zip(enables, valids, strict=True):
        valid = bool(valid) and sent < len(beats)
        beat = beats[sent] if valid else rng.integers(-8, 8, (pe, simd))
        ports = {"enable": int(enable), "valid": int(valid), "terms": bits(beat.reshape(-1), 4), "rst": 0}
        data.append(ports | {"first": int(valid and sent % sf == 0), "last": int(valid and sent % sf == sf - 1)})
        done = valid and sent % sf == sf - 1
        results.append({"result_valid": 1, "result": bits(sums[sent // sf], width)} if done else {"result_valid": 0})
        sent += int(valid and enable)
    reset = {**data[0], "rst": 1, "valid": 0, "enable": 1}
    seen = [{} if value is None else value for value in delayed(results, enables, latency)]
    parameters = {"PE": pe, "SIMD": simd, "SF": sf, "TERM_BITS": 4, "ACC_BITS": width, "EVERY": every}
    assert sent == len(beats)
    run("mac_accumulate", parameters, [reset, *data], [{}, *seen], tmp_path)


def values(width, is_signed):
    return signed(-(1 << (width - 1)), 1 << (width - 1)) if is_signed else signed(0, 1 << width)


@pytest.mark.parametrize(
    ("x_bits", "x_signed", "w_bits", "constant"),
    [(1, 0, 2, None), (4, 0, 2, None), (3, 1, 2, -1), (4, 1, 4, -7), (5, 0, 4, 6), (5, 1, 3, None), (1, 1, 8, None)],
)
def test_product(x_bits, x_signed, w_bits, constant, tmp_path):
    weights = values(w_bits, True) if constant is None else np.array([constant])
    weights = weights[weights != -2] if w_bits == 2 else weights  # two bits are -1, 0 and 1
    pairs = RNG(1).permutation(np.array(list(product(values(x_bits, x_signed), weights))), axis=0)
    p_bits = x_bits + w_bits + 1
    data = [{"x": bits(x, x_bits), "w": bits(w, w_bits)} for x, w in pairs]
    results = [bits(x * w, p_bits) for x, w in pairs]
    parameters = {"X_BITS": x_bits, "X_SIGNED": x_signed, "W_BITS": w_bits, "P_BITS": p_bits}
    if constant is not None:
        parameters |= {"CONSTANT": 1, "WEIGHT": literal(np.array([constant]), w_bits)}
    pipeline("product", parameters, data, results, 1, "p", tmp_path)


@pytest.mark.parametrize(("x_bits", "x_signed", "w_bits"), [(4, 0, 4), (3, 1, 3), (1, 0, 2)])
def test_product_with_powers(x_bits, x_signed, w_bits, tmp_path):
    most = (1 << (w_bits - 1)) - 1
    codes = [(negative << (w_bits - 1)) + above for negative in (0, 1) for above in range(most + 1)]
    p_bits = x_bits + most + 1
    data, results = [], []
    for x, code in product(values(x_bits, x_signed).tolist(), codes):
        above = code & most
        weight = (1 << (above - 1) if above else 0) * (-1 if code > most else 1)
        data.append({"x": bits(x, x_bits), "w": code})
        results.append(bits(x * weight, p_bits))
    parameters = {"X_BITS": x_bits, "X_SIGNED": x_signed, "W_BITS": w_bits, "P_BITS": p_bits, "POWERS": 1}
    pipeline("product", parameters, data, results, 1, "p", tmp_path)


@pytest.mark.parametrize(
    ("x_bits", "x_signed", "w_bits", "pair"), [(4, 0, 4, 1), (3, 1, 3, 1), (1, 0, 2, 1), (8, 1, 5, 0)]
)
def test_product_dsp(x_bits, x_signed, w_bits, pair, tmp_path):
    rng = RNG(1)
    x = rng.choice(values(x_bits, x_signed), 600)
    w = rng.choice(values(w_bits, True), (600, pair + 1))
    p_bits = x_bits + w_bits + 1
    data = [{"x": bits(a, x_bits), "w": bits(b, w_bits)} for a, b in zip(x, w, strict=True)]
    results = [bits(a * b, p_bits) for a, b in zip(x, w, strict=True)]
    parameters = {"X_BITS": x_bits, "X_SIGNED": x_signed, "W_BITS": w_bits, "P_BITS": p_bits, "PAIR": pair}
    pipeline("product_dsp", parameters, data, results, 1, "p", tmp_path)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_sign_count(n, tmp_path):
    pairs = RNG(1).permutation(np.array(list(product(range(1 << n), repeat=2))), axis=0).tolist()
    data = [{"x": x, "w": w} for x, w in pairs]
    results = [bits(n - (x ^ w).bit_count() - (n + 1) // 2, 3) for x, w in pairs]
    pipeline("sign_count", {"N": n}, data, results, 1, "p", tmp_path)


def test_crc16(tmp_path):
    rng = RNG(1)
    pairs = [(0xFFFF, 0x31), (0, 0), *(tuple(divmod(n, 256)) for n in rng.integers(0, 1 << 24, 200).tolist())]
    inputs = [{"crc": crc, "data": data} for crc, data in pairs]
    run("crc16", {}, inputs, [{"next": binascii.crc_hqx(bytes([data]), crc)} for crc, data in pairs], tmp_path)


@pytest.mark.parametrize("clocks", [2, 16])
def test_power_on_reset(clocks, tmp_path):
    press = [int(n in (40, 60, 61, 62)) for n in range(80)]
    expected = []
    for n in range(80):
        begun = n >= clocks + 1
        pressed = any(n - 3 == k and press[k] for k in range(80))
        expected.append({"rst": int(not begun or pressed)})
    run("power_on_reset", {"CLOCKS": clocks}, [{"press": p} for p in press], expected, tmp_path)
