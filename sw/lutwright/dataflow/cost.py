"""Cost of a stage in LUT, FF, block RAM and DSP: closed formulas, set beside what synthesis says in every report.

Each formula counts the parts of its cell (dataflow/parts.py) as they are written in hw/rtl; its constants were read off
Yosys. benchmarks/calibrate.py compares every formula with synthesis, and fits what the parts take elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lutwright.dataflow.parts import Cost, total
from lutwright.dataflow.stage import Pipeline, Stage, Vector
from lutwright.dataflow.unrolled import Unrolled
from lutwright.numerics.quantiser import IntArray

__all__ = [
    "DMA_SHELL",
    "FORMULAS",
    "SHELL",
    "Cost",
    "adder",
    "adder_tree",
    "cost",
    "memory",
    "pipeline_cost",
    "unrolled_cost",
]

SHELL = Cost(lut=420, ff=255, loose=120, chains=10)
"""The UART shell of the small boards, without its frame buffer."""

DMA_SHELL = Cost(lut=12, ff=99, logic=347, chains=4)
"""What stands between the core and the streams of an AXI DMA, with beats of one byte on the side of the core."""

# ---- parts -----------------------------------------------------------------------------------------------------------


def memory(words: int, bits: int, block: int) -> Cost:
    """A memory with a registered output, in block RAM or LUT RAM."""
    if block:
        return Cost(blocks=((words, bits),))
    return Cost(rams=((words, bits),), ff=bits, loose=bits)


def adder(bits: int) -> Cost:
    """A carry chain of so many bits."""
    return Cost(lut=bits, chains=1) if bits else Cost()


def adder_tree(terms: int, bits: int, every: int) -> Cost:
    """Binary tree: a carry chain for each sum, registers after every `every` levels and after the last."""
    made, level = Cost(), 0
    while terms > 1:
        bits += 1
        level += 1
        made += adder(bits).times(terms // 2)
        terms = -(-terms // 2)
        if terms == 1 or level % every == 0:
            made += Cost(ff=terms * bits)
    return made


def _select(inputs: int, bits: int) -> Cost:
    """A multiplexer."""
    return Cost(select=max(0, inputs - 1) * bits) if inputs > 2 else Cost(logic=bits * max(0, inputs - 1))


def _different_columns(words: IntArray, bits: int) -> int:
    """How many columns of bits of a table, int64 [words, elements] of `bits` bits, are neither constant nor alike.

    Columns are compared by sums of random numbers, one for each word: large tables are looked at often in a search.
    """
    keys = np.random.default_rng(0).integers(1 << 63, size=len(words), dtype=np.int64)
    found = []
    for bit in range(bits):
        column = (words >> bit) & 1
        ones = column.sum(axis=0)
        found.append((keys @ column)[(ones > 0) & (ones < len(words))])
    return len(np.unique(np.concatenate(found)))


def _table(words: IntArray, bits: int) -> Cost:
    """A table of constants in LUTs: columns that are alike share one, and those of one kind of bit need none."""
    if len(words) <= 2:
        return Cost()
    return Cost(tables=((len(words), _different_columns(words, bits)),))


def _rom(stage: Stage, name: str, words: int, bits: int, block: bool) -> Cost:
    """The ROM of a cell with the contents `name`, or in the stage's only file; its output is registered."""
    vector = next(iter(stage.files.values())) if block else stage.parameters[name]
    assert isinstance(vector, Vector)
    rows = np.asarray(vector.values).reshape(words, -1)
    varied = int(np.bitwise_count(np.bitwise_or.reduce((rows ^ rows[0]) & ((1 << bits) - 1), axis=0)).sum())
    if block:
        return Cost(blocks=((words, varied),))
    return Cost(roms=_table(rows, bits).tables, ff=varied)


def _p(stage: Stage, name: str) -> int:
    value = stage.parameters[name]
    assert isinstance(value, int)
    return value


def _v(stage: Stage, name: str) -> IntArray:
    value = stage.parameters[name]
    assert isinstance(value, Vector)
    return np.asarray(value.values).reshape(-1)


def _count(values: int) -> int:
    """Bits of a counter of so many values, as the cells declare it."""
    return max(1, (values - 1).bit_length())


# ---- windows and memories --------------------------------------------------------------------------------------------


def _window(stage: Stage) -> Cost:
    pixel, k, width = _p(stage, "CHANNELS") * _p(stage, "BITS"), _p(stage, "K"), _p(stage, "WIDTH")
    # What is written is a pixel of the first row or the column that was read; registers are cleared, not selected.
    control = Cost(logic=30 + 17 * np.log2(width) + 25 * (k - 3), ff=35 + 4 * (k - 3))
    registers = pixel * (k * k + k + 2)
    held = Cost(logic=(k - 1) * pixel, ff=registers, loose=registers)
    return control + held + memory(width, (k - 1) * pixel, _p(stage, "BLOCK"))


def _window_row(stage: Stage) -> Cost:
    window = _p(stage, "K") * _p(stage, "CHANNELS") * _p(stage, "BITS")
    return Cost(logic=40 + (window if _p(stage, "PAD_L") else 0), ff=25 + window, loose=window)


def _window_folded(stage: Stage) -> Cost:
    simd, bits, k, stride = (_p(stage, name) for name in ("SIMD", "BITS", "K", "STRIDE"))
    sf, out_h, width = _p(stage, "CHANNELS") // simd, _p(stage, "OUT_H"), _p(stage, "WIDTH")
    rows = min(_p(stage, "HEIGHT"), (out_h - 1) * stride + k - _p(stage, "PAD_T"))
    banks = k - 1 + max(stride, rows - (out_h - 1) * stride)
    words, group = width << (sf - 1).bit_length(), simd * bits
    control = Cost(logic=50 + 11 * np.log2(width * sf) + 30 * (k - 3) + 30 * (stride > 1), ff=40 + 8 * (k - 3))
    hidden = min(k, 2 * _p(stage, "PAD_L")) * k * group
    turned = _select(banks + 1, k * group) + Cost(logic=hidden)
    past = (k - 1) * k * group
    history = memory(sf, past, _p(stage, "HISTORY")) if sf > 1 else Cost(ff=past, loose=past)
    return control + turned + memory(words, group, _p(stage, "BLOCK")).times(banks) + history


def _max_pool(stage: Stage) -> Cost:
    width = _p(stage, "PE") * _p(stage, "BITS")
    depth = max(2, _p(stage, "WIDTH") // _p(stage, "KW") * _p(stage, "NF"))
    compared = adder(_p(stage, "BITS")).times(_p(stage, "PE"))
    beside = width if _p(stage, "NF") == 1 else 0  # what was written last
    held = Cost(logic=40 + width + beside, ff=26 + 2 * width + beside, loose=width)
    return compared + held + memory(depth, width, _p(stage, "BLOCK"))


def _sum_pool(stage: Stage) -> Cost:
    pe, bits, ins = _p(stage, "PE"), _p(stage, "OUT_BITS"), _p(stage, "PE") * _p(stage, "BITS")
    depth = max(2, _p(stage, "WIDTH") // _p(stage, "KW") * _p(stage, "NF"))
    beside = pe * bits if _p(stage, "NF") == 1 else 0  # what was written last
    held = Cost(logic=40 + pe * bits, ff=26 + ins + pe * bits + beside, loose=ins)
    return adder(bits).times(pe) + held + memory(depth, pe * bits, _p(stage, "BLOCK"))


def _window_pool(stage: Stage) -> Cost:
    pe, taps, bits = _p(stage, "PE"), _p(stage, "KH") * _p(stage, "KW"), _p(stage, "BITS")
    if not _p(stage, "MAX"):
        return adder_tree(taps, bits + 1, 2).times(pe)
    larger = adder(bits) + Cost(logic=bits)
    return larger.times(pe * (taps - 1)) + Cost(ff=pe * taps * 0.4 * bits, logic=5)


def _fifo(stage: Stage) -> Cost:
    words = _p(stage, "DEPTH")
    at, count = _count(words), words.bit_length()
    # Where the size is a power of two the places wrap by themselves.
    wraps = 0 if words & (words - 1) == 0 else 4
    control = Cost(logic=8 + 2.5 * count + wraps, lut=count, ff=2 * at + count + 1)
    return control + memory(words, _p(stage, "WIDTH"), _p(stage, "BLOCK"))


def _credit_gate(stage: Stage) -> Cost:
    count = _p(stage, "CREDITS").bit_length()
    return Cost(logic=3 + 2.5 * count, ff=count + 1)


def _credit_store(stage: Stage) -> Cost:
    return _fifo(stage) + Cost(logic=1, ff=1)


def _replay(stage: Stage) -> Cost:
    at, times = _count(_p(stage, "BEATS")), _count(_p(stage, "TIMES"))
    control = Cost(logic=13 + 3.2 * at + 2 * times, ff=2 * at + times + 5)
    return control + memory(2 << at, _p(stage, "WIDTH"), _p(stage, "BLOCK"))


def _gather(stage: Stage) -> Cost:
    taken, sent, width = _p(stage, "IN_BEATS"), _p(stage, "OUT_BEATS"), _p(stage, "WIDTH")
    control = Cost(logic=16 + 3 * _count(taken) + 2 * _count(sent), ff=_count(taken) + _count(sent) + 7)
    index = _rom(stage, "INDEX", sent, _count(taken), bool(_p(stage, "BLOCK_INDEX")))
    return control + index + memory(2 * taken, width, _p(stage, "BLOCK"))


# ---- streams ---------------------------------------------------------------------------------------------------------


def _skid(stage: Stage) -> Cost:
    return Cost(logic=_p(stage, "WIDTH") + 5, ff=2 * _p(stage, "WIDTH") + 2, loose=_p(stage, "WIDTH"))


def _width_up(stage: Stage) -> Cost:
    wide, count = _p(stage, "WIDTH") * _p(stage, "RATIO"), _count(_p(stage, "RATIO"))
    return Cost(logic=3 + 1.5 * count, ff=wide + count + 1, loose=wide)


def _width_down(stage: Stage) -> Cost:
    width, count = _p(stage, "WIDTH"), _count(_p(stage, "RATIO"))
    wide = width * _p(stage, "RATIO")
    # The last element has nothing behind it: it is cleared, not selected.
    return Cost(logic=wide - width + 4 + 2 * count, ff=wide + count + 1, loose=width)


def _nothing(stage: Stage) -> Cost:
    return Cost()


def _stream_fork(stage: Stage) -> Cost:
    return Cost(logic=2.5 * _p(stage, "OUTPUTS"), ff=_p(stage, "OUTPUTS"))


def _concat(stage: Stage) -> Cost:
    width, inputs = _p(stage, "WIDTH"), _p(stage, "INPUTS")
    # With two inputs the register takes either by its enable.
    beats = int(_v(stage, "BEATS").max()).bit_length()
    return _select(inputs, width) + Cost(logic=4 + 3 * beats, ff=width + beats + _count(inputs) + 1)


def _pad(stage: Stage) -> Cost:
    width = _p(stage, "WIDTH")
    return Cost(logic=35 + (width if _v(stage, "VALUE").any() else 0), ff=12 + width, loose=width)


# ---- engines ---------------------------------------------------------------------------------------------------------


def _accumulate(stage: Stage, terms: int, sf: int, binary: bool = False) -> Cost:
    """hw/rtl/mac_accumulate.sv: for each output a tree, and an accumulator where a sum takes several beats."""
    bits, term = (_p(stage, "ACC_BITS") - 1, 3) if binary else (_p(stage, "ACC_BITS"), _p(stage, "P_BITS"))
    added = adder(bits) + Cost(logic=bits, ff=bits) if sf > 1 else Cost()
    made = (adder_tree(terms, term, _p(stage, "EVERY")) + added).times(_p(stage, "PE"))
    if not stage.parameters.get("COMPLEMENT"):
        return made
    begun = Cost() if sf > 1 else (adder(bits) + Cost(ff=bits)).times(_p(stage, "PE"))
    offsets = _v(stage, "OFFSETS").reshape(-1, _p(stage, "PE"))
    count = Cost(logic=1.5 * _count(len(offsets)), ff=_count(len(offsets))) if len(offsets) > 1 else Cost()
    return made + begun + _table(offsets, bits) + count


def _product(stage: Stage, weights: IntArray, folds: int) -> Cost:
    """hw/rtl/product.sv: all products of a cell. weights: int64 [folds, lanes]."""
    x_bits, w_bits, p_bits = _p(stage, "X_BITS"), _p(stage, "W_BITS"), _p(stage, "P_BITS")
    lanes = weights.shape[1]
    if stage.parameters.get("COMPLEMENT"):
        if stage.parameters.get("POWERS"):
            each = 1.2 * p_bits * (w_bits - 1)
        else:
            each = 2.15 * x_bits * (w_bits - 1) if w_bits > 2 else x_bits
        return Cost(product=each * lanes, ff=p_bits * lanes)
    if stage.parameters.get("POWERS"):  # a shifter of W_BITS - 1 levels, and a negation
        return Cost(product=(1.2 * p_bits * (w_bits - 1) + p_bits) * lanes, ff=p_bits * lanes)
    if folds > 1:
        each = 1.0 * p_bits if w_bits <= 2 else 2.15 * x_bits * w_bits
        return Cost(product=each * lanes, ff=p_bits * lanes)
    ones = np.bitwise_count(np.abs(weights[0]))
    if x_bits <= 4:  # a product by a power of two is only wires
        return Cost(product=float((ones > 1).sum()) * 0.65 * p_bits, ff=0.8 * p_bits * lanes)
    digits = np.bitwise_count(np.abs(weights[0]) ^ (3 * np.abs(weights[0])))
    adders = digits.astype(np.int64) - 1 + (weights[0] < 0)
    return Cost(product=float(np.maximum(adders, 0).sum()) * (x_bits + 2), ff=0.9 * p_bits * lanes)


def _mux_mac(stage: Stage) -> Cost:
    nf, sf, taps, pe, simd = (_p(stage, name) for name in ("NF", "SF", "TAPS", "PE", "SIMD"))
    kept, shared = _p(stage, "KEPT"), _p(stage, "SHARED")
    folds, lanes, x_bits, w_bits = nf * sf, pe * simd * kept, _p(stage, "X_BITS"), _p(stage, "W_BITS")
    positions, weights = _v(stage, "POSITIONS").reshape(folds, lanes), _v(stage, "WEIGHTS").reshape(folds, lanes)
    turns, muxes = (sf, simd * kept) if shared else (folds, lanes)
    if turns <= taps:  # by the turn itself, which with four inputs is in one LUT of six
        picked = Cost(logic=2 * x_bits * muxes) if 2 < turns <= 4 else _select(turns, x_bits * muxes)
    else:
        picked = _select(taps, x_bits * muxes) + _table(positions[:turns, :muxes], (taps - 1).bit_length())
        if _p(stage, "HOLD"):
            picked += _select(sf, x_bits * taps * simd)
    made = picked + _accumulate(stage, simd * kept, sf) + Cost(logic=15, ff=12)
    read = _table(weights, w_bits)
    if stage.parameters.get("SIGN_ONLY"):
        flips = Cost(logic=lanes * 0.3 * x_bits) if folds == 1 else Cost()
        return made + read + flips + Cost(ff=lanes * (x_bits + (_p(stage, "X_SIGNED") or int(folds > 1))))
    made += Cost(roms=read.tables)
    return made + _product(stage, weights, folds) + Cost(ff=muxes * x_bits + lanes * (w_bits if folds > 1 else 0))


def _folded_mac(stage: Stage) -> Cost:
    nf, sf, pe, simd = (_p(stage, name) for name in ("NF", "SF", "PE", "SIMD"))
    folds, lanes, x_bits, w_bits = nf * sf, pe * simd, _p(stage, "X_BITS"), _p(stage, "W_BITS")
    block = bool(_p(stage, "BLOCK"))
    vector = next(iter(stage.files.values())) if block else stage.parameters["WEIGHTS"]
    assert isinstance(vector, Vector)
    weights = np.asarray(vector.values).reshape(folds, lanes)
    slices = _select(sf, simd * x_bits) if _p(stage, "HOLD") else Cost()
    rom = _rom(stage, "WEIGHTS", folds, w_bits, block) if folds > 1 else Cost()
    control = Cost(
        logic=12 + 2.5 * _count(folds), ff=9 + _count(folds) + _count(sf) + simd * x_bits, loose=simd * x_bits
    )
    if block:  # what was read passes one more register
        again = simd * x_bits + sum(columns for _, columns in rom.blocks)
        control += Cost(ff=3 + again, loose=again)
    if stage.parameters.get("BINARY"):  # four signs at a time are compared and counted
        terms = -(-simd // 4)
        counts = Cost(logic=7 * pe * terms, ff=3 * pe * terms)
        return control + slices + rom + counts + _accumulate(stage, terms, sf, True)
    products = _dsp_product(stage, lanes) if stage.parameters.get("DSP") else _product(stage, weights, folds)
    return control + slices + rom + products + _accumulate(stage, simd, sf)


def _dsp_product(stage: Stage, lanes: int) -> Cost:
    """Products in DSP blocks: of a pair one weight is corrected before, and one product behind."""
    p_bits, pair = _p(stage, "P_BITS"), _p(stage, "DSP")
    blocks = lanes // pair
    correct = (adder(_p(stage, "W_BITS") + 1) + adder(p_bits)).times(blocks if pair == 2 else 0)
    return correct + Cost(dsp=blocks, ff=lanes * p_bits)


def _depthwise_mac(stage: Stage) -> Cost:
    pe, taps, nf = (_p(stage, name) for name in ("PE", "TAPS", "NF"))
    x_bits, w_bits = _p(stage, "X_BITS"), _p(stage, "W_BITS")
    weights = _v(stage, "WEIGHTS").reshape(nf, pe * taps)
    rom = _rom(stage, "WEIGHTS", nf, w_bits, False) if nf > 1 else Cost()
    held = Cost(logic=10, ff=pe * taps * x_bits + _count(nf) + 6, loose=pe * taps * x_bits)
    return held + rom + _product(stage, weights, nf) + _accumulate(stage, taps, 1)


def unrolled_cost(layer: Unrolled) -> Cost:
    """The estimate: its adders and flip-flops."""
    made = layer.schedule
    adders = total([adder(bits) for bits in made.graph.adder_bits])
    return adders + Cost(lut=1, ff=made.flip_flops + layer.latency, loose=made.delay_bits)


# ---- what works on each word -----------------------------------------------------------------------------------------


def _requantise_affine(stage: Stage) -> Cost:
    pe, nf, sums, acc = (_p(stage, name) for name in ("PE", "NF", "SUM_BITS", "ACC_BITS"))
    m_bits, codes, clips = _p(stage, "M_BITS"), _p(stage, "CODE_BITS"), stage.parameters.get("CLIP", 1)
    by_beat = [_v(stage, name).reshape(nf, pe) for name in ("MULTIPLIERS", "OFFSETS")]
    tables = total([_table(by_beat[0], m_bits), _table(by_beat[1], _p(stage, "OFFSET_BITS"))])
    if _p(stage, "POWERS"):
        scaled = Cost(logic=int((by_beat[0] != by_beat[0][0]).any(axis=0).sum()) * acc * m_bits)
    elif nf > 1:
        scaled = Cost(product=pe * 1.9 * m_bits * acc)
    else:
        ones = np.bitwise_count(by_beat[0][0] & ((1 << min(62, sums)) - 1))
        scaled = Cost(product=float(np.maximum(ones - 1, 0).sum()) * 1.25 * (acc + m_bits))
    upper = float(sums - _p(stage, "SHIFT"))
    if clips and _p(stage, "CODE_LOW") == 0 and _p(stage, "CODE_HIGH") == (1 << codes) - 1:  # told by the upper bits
        upper = 2 + (upper - codes) / 2
    clip = Cost(logic=pe * (codes + upper / 2)) if clips else Cost()
    held = Cost(logic=6, ff=pe * (sums - _p(stage, "SHIFT") + codes) + 2 + (_count(nf) if nf > 1 else 0))
    return adder(sums).times(pe) + tables + scaled + clip + held


def _requantise_threshold(stage: Stage) -> Cost:
    pe, nf, levels, acc = (_p(stage, name) for name in ("PE", "NF", "LEVELS", "ACC_BITS"))
    thresholds = _v(stage, "THRESHOLDS").reshape(nf, pe, -1)
    made = Cost(logic=6 + 3 * pe)
    for level in range(levels):
        half = 1 << (levels - 1 - level)
        words = thresholds[:, :, half - 1 :: 2 * half].transpose(0, 2, 1)  # [nf, 2^level, pe]
        for lane in range(pe):
            made += _table(words[:, :, lane].reshape(-1, 1), acc)
    # A constant threshold is compared without a carry chain.
    compared = adder(acc).times(levels - 1) + (Cost(logic=0.3 * acc) if nf == 1 else adder(acc))
    kept = acc * (levels - 1)
    held = Cost(ff=kept + levels * (levels + 1) / 2 + _p(stage, "CODE_BITS"), loose=kept)
    beats = (levels + 1) * _count(nf) if nf > 1 else 0
    return made + (compared + held).times(pe) + Cost(ff=levels + 1 + beats)


def _requantise_table(stage: Stage) -> Cost:
    pe, bits, depth, acc = (_p(stage, name) for name in ("PE", "CODE_BITS", "DEPTH", "ACC_BITS"))
    words = depth * (1 if _p(stage, "SHARED") else _p(stage, "NF"))
    address = adder(acc).times(pe) if _p(stage, "LOW") or words > depth else Cost()
    held = Cost(logic=2, ff=pe * min(acc, _count(words)) + 2)
    if _p(stage, "BLOCK"):
        return address + held + memory(depth, bits, 1).times(pe)
    return address + held + Cost(tables=((words, bits * pe),), ff=pe * bits)


def _stream_add(stage: Stage) -> Cost:
    pe, nf, bits = _p(stage, "PE"), _p(stage, "NF"), _p(stage, "OUT_BITS")
    made = adder(bits).times(pe) + Cost(logic=6, ff=pe * bits + 2)
    for side in ("A", "B"):
        gains, ins = _v(stage, f"{side}_GAINS").reshape(nf, pe), _p(stage, f"{side}_BITS")
        wide = min(bits, ins + int(np.abs(gains).max()).bit_length() - 1)
        ones = np.bitwise_count(np.abs(gains)).max(axis=0)
        varied = (gains != gains[0]).any(axis=0)
        each = np.where(
            varied, 2.15 * ins * _p(stage, "GAIN_BITS"), np.where(ones > 1, 0.75 * wide * max(1, ins / 4), 0)
        )
        made += Cost(product=float(each.sum()), ff=pe * wide)
    return made


def _argmax(stage: Stage) -> Cost:
    bits, index = _p(stage, "BITS"), _count(_p(stage, "N"))
    return adder(bits) + Cost(logic=9 + 0.5 * bits + index, ff=bits + 2 * index + 1)


def _top_k(stage: Stage) -> Cost:
    k, bits, index = _p(stage, "K"), _p(stage, "BITS"), _count(_p(stage, "N"))
    each = adder(bits) + Cost(logic=bits + 2 * index, ff=bits + 2 * index)
    return each.times(k) + Cost(logic=12, ff=index + 4)


FORMULAS: dict[str, Callable[[Stage], Cost]] = {
    "argmax": _argmax,
    "concat": _concat,
    "credit_gate": _credit_gate,
    "credit_store": _credit_store,
    "depthwise_mac": _depthwise_mac,
    "extend": _nothing,
    "fifo": _fifo,
    "folded_mac": _folded_mac,
    "gather": _gather,
    "max_pool": _max_pool,
    "mux_mac": _mux_mac,
    "pad": _pad,
    "replay": _replay,
    "requantise_affine": _requantise_affine,
    "requantise_threshold": _requantise_threshold,
    "requantise_table": _requantise_table,
    "signs": _nothing,
    "skid": _skid,
    "stream_add": _stream_add,
    "stream_fork": _stream_fork,
    "sum_pool": _sum_pool,
    "top_k": _top_k,
    "width_down": _width_down,
    "width_up": _width_up,
    "window": _window,
    "window_folded": _window_folded,
    "window_pool": _window_pool,
    "window_row": _window_row,
}


def cost(stage: Stage) -> Cost:
    """The estimate for one stage."""
    if stage.made is not None:
        return unrolled_cost(stage.made)
    return FORMULAS[stage.cell](stage)


def pipeline_cost(pipeline: Pipeline) -> Cost:
    """The estimate for a whole core."""
    return total([cost(stage) for stage in pipeline.stages])
