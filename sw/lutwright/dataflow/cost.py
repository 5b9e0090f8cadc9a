"""Cost of a stage in LUT, FF, block RAM and DSP: closed formulas, set beside what synthesis says in every report.

One LUT is a 4-input look-up table or one bit of a carry chain, as the open families have them; LUT RAM counts four
LUTs for 16 words of 4 bits. The coefficients were read off Yosys on the cells of hw/rtl.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from lutwright.dataflow.stage import Pipeline, Stage
from lutwright.dataflow.unrolled import Unrolled


@dataclass(frozen=True)
class Cost:
    """Resources; they add up.

    loose: LUT sites that Gowin needs beyond `lut`. A flip-flop there is fed by the LUT beside it and by nothing else,
    so one behind another flip-flop or a memory occupies a site, and LUT RAM takes a whole slice of eight for four.
    """

    lut: float = 0
    ff: float = 0
    bram: int = 0
    dsp: int = 0
    loose: float = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.lut + other.lut,
            self.ff + other.ff,
            self.bram + other.bram,
            self.dsp + other.dsp,
            self.loose + other.loose,
        )

    def on(self, family: str) -> Cost:
        """The cost on parts of `family` ("gowin", "ecp5"); on Gowin the loose sites count as LUTs."""
        return replace(self, lut=self.lut + self.loose, loose=0) if family == "gowin" else self

    def as_dict(self) -> dict[str, int]:
        """Whole numbers by name: lut, ff, bram, dsp."""
        return {"lut": round(self.lut), "ff": round(self.ff), "bram": self.bram, "dsp": self.dsp}


SHELL = Cost(lut=420, ff=330, bram=1, loose=120)
"""The UART shell of the small boards, with its frame buffer."""


BLOCK_SHAPES = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
"""Words and bits of a block RAM; ECP5 and Gowin have the same."""


def memory(depth: int, width: int, block: int) -> Cost:
    """A memory with a registered output; a block RAM is 18 kbit in one of the shapes of BLOCK_SHAPES."""
    if block:
        return Cost(bram=min(-(-width // bits) * -(-depth // words) for words, bits in BLOCK_SHAPES))
    banks = -(-depth // 16)
    ram = 4 * banks * -(-width // 4)
    return Cost(lut=ram + (banks > 1) * width * banks * 0.5, ff=width, loose=ram + (width if banks == 1 else 0))


def adder_tree(terms: int, bits: int, every: int) -> Cost:
    """Binary tree: one carry bit a bit of each sum, registers after every `every` levels and after the last."""
    lut = ff = level = 0
    while terms > 1:
        bits += 1
        level += 1
        lut += terms // 2 * bits
        terms = -(-terms // 2)
        if terms == 1 or level % every == 0:
            ff += terms * bits
    return Cost(lut=lut, ff=ff)


def _p(stage: Stage, name: str) -> int:
    value = stage.parameters[name]
    assert isinstance(value, int)
    return value


def _multiplexer(inputs: int) -> float:
    """LUTs of one bit of a multiplexer with `inputs` inputs."""
    return 0.78 * (inputs - 1)


def _accumulate(stage: Stage) -> Cost:
    pe, simd, sf = _p(stage, "PE"), _p(stage, "SIMD"), _p(stage, "SF")
    bits = _p(stage, "ACC_BITS")
    acc = Cost(lut=2 * bits, ff=bits) if sf > 1 else Cost()
    tree = adder_tree(simd, _p(stage, "P_BITS"), _p(stage, "EVERY"))
    return Cost(lut=pe * (tree.lut + acc.lut), ff=pe * (tree.ff + acc.ff) + 20)


def _window(stage: Stage) -> Cost:
    pixel, k = _p(stage, "CHANNELS") * _p(stage, "BITS"), _p(stage, "K")
    registers = pixel * (k * k + k + 2)
    return Cost(lut=150 + 1.2 * pixel, ff=60 + registers, loose=registers) + memory(
        _p(stage, "WIDTH"), (k - 1) * pixel, _p(stage, "BLOCK")
    )


def _window_folded(stage: Stage) -> Cost:
    simd, bits, k = _p(stage, "SIMD"), _p(stage, "BITS"), _p(stage, "K")
    sf = _p(stage, "CHANNELS") // simd
    stride, out_h = _p(stage, "STRIDE"), _p(stage, "OUT_H")
    rows = min(_p(stage, "HEIGHT"), (out_h - 1) * stride + k - _p(stage, "PAD_T"))
    banks = k - 1 + max(stride, rows - (out_h - 1) * stride)
    one = memory(_p(stage, "WIDTH") * sf, simd * bits, _p(stage, "BLOCK"))
    total = Cost(lut=110 + 1.1 * k * k * simd * bits, ff=45)
    for _ in range(banks):
        total += one
    return total + memory(sf, (k - 1) * k * simd * bits, _p(stage, "HISTORY"))


def _mux_mac(stage: Stage) -> Cost:
    folds, taps, lanes = _p(stage, "NF") * _p(stage, "SF"), _p(stage, "TAPS"), _p(stage, "PE") * _p(stage, "SIMD")
    x_bits, w_bits = _p(stage, "X_BITS"), _p(stage, "W_BITS")
    if folds <= taps:
        lane = x_bits * _multiplexer(folds)
    else:
        rom = max(1.0, folds / 16) * ((taps - 1).bit_length() + 1)
        lane = (
            x_bits * (_multiplexer(taps) + 0.8)
            + rom
            + (x_bits * _multiplexer(_p(stage, "SF")) / _p(stage, "PE") if _p(stage, "HOLD") else 0.0)
        )
    if stage.parameters.get("SIGN_ONLY"):
        return Cost(lut=lanes * lane + 15, ff=lanes * (x_bits + 1) + 15) + _accumulate(stage)
    times = 2.5 * x_bits if w_bits <= 2 else 2.2 * x_bits * w_bits
    weights = 0 if folds == 1 else max(1.0, folds / 16) * w_bits
    return Cost(
        lut=lanes * (lane + times + weights) + 15, ff=lanes * (x_bits + w_bits + _p(stage, "P_BITS")) + 15
    ) + _accumulate(stage)


def _folded_mac(stage: Stage) -> Cost:
    folds, lanes = _p(stage, "NF") * _p(stage, "SF"), _p(stage, "PE") * _p(stage, "SIMD")
    x_bits, w_bits, p_bits = _p(stage, "X_BITS"), _p(stage, "W_BITS"), _p(stage, "P_BITS")
    constant = folds == 1
    times = (0.8 * p_bits if x_bits <= 4 else 2 * p_bits) if constant else 2.2 * x_bits * w_bits
    slices = _p(stage, "SIMD") * x_bits * _multiplexer(_p(stage, "SF")) if _p(stage, "HOLD") else 0.0
    rom = (
        memory(folds, lanes * w_bits, 1)
        if _p(stage, "BLOCK")
        else Cost(lut=0 if constant else max(1.0, folds / 16) * lanes * w_bits, ff=0 if constant else lanes * w_bits)
    )
    return (
        Cost(lut=lanes * times + slices + 25, ff=lanes * p_bits + _p(stage, "SIMD") * x_bits + 30)
        + rom
        + _accumulate(stage)
    )


def _requantise_affine(stage: Stage) -> Cost:
    pe, nf, total = _p(stage, "PE"), _p(stage, "NF"), _p(stage, "SUM_BITS")
    rom = 0.0 if nf == 1 else max(1.0, nf / 16) * (_p(stage, "OFFSET_BITS") + _p(stage, "M_BITS"))
    scale = (
        _p(stage, "M_BITS") * _p(stage, "ACC_BITS") * (0.0 if nf == 1 else 0.7)
        if _p(stage, "POWERS")
        else 1.6 * _p(stage, "M_BITS") * _p(stage, "ACC_BITS")
    )
    return Cost(
        lut=pe * (total + rom + scale + 8 + _p(stage, "CODE_BITS") * 2), ff=pe * (total + _p(stage, "CODE_BITS")) + 10
    )


def _requantise_threshold(stage: Stage) -> Cost:
    pe, nf, levels, acc = _p(stage, "PE"), _p(stage, "NF"), _p(stage, "LEVELS"), _p(stage, "ACC_BITS")
    rom = sum(acc * max(0.4, nf * (1 << level) / 16) for level in range(levels) if nf << level > 1)
    return Cost(lut=pe * (levels * acc + rom), ff=pe * levels * (acc + levels) + 10, loose=pe * levels * acc)


def _max_pool(stage: Stage) -> Cost:
    width = _p(stage, "PE") * _p(stage, "BITS")
    depth = max(2, _p(stage, "WIDTH") // _p(stage, "KW") * _p(stage, "NF"))
    return Cost(lut=45 + 3.3 * width, ff=30 + 3 * width, loose=width) + memory(depth, width, _p(stage, "BLOCK"))


def _fifo(stage: Stage) -> Cost:
    return Cost(lut=26, ff=14) + memory(_p(stage, "DEPTH"), _p(stage, "WIDTH"), _p(stage, "BLOCK"))


def _replay(stage: Stage) -> Cost:
    return Cost(lut=45, ff=40) + memory(2 * _p(stage, "BEATS"), _p(stage, "WIDTH"), _p(stage, "BLOCK"))


def _skid(stage: Stage) -> Cost:
    return Cost(lut=_p(stage, "WIDTH") + 5, ff=2 * _p(stage, "WIDTH") + 2, loose=_p(stage, "WIDTH"))


def _width_up(stage: Stage) -> Cost:
    wide = _p(stage, "WIDTH") * _p(stage, "RATIO")
    return Cost(lut=6, ff=wide + 4, loose=wide)


def _width_down(stage: Stage) -> Cost:
    wide = _p(stage, "WIDTH") * _p(stage, "RATIO")
    return Cost(lut=wide + 6, ff=wide + 4)


def _nothing(stage: Stage) -> Cost:
    return Cost()


def _stream_fork(stage: Stage) -> Cost:
    return Cost(lut=2 * _p(stage, "OUTPUTS"), ff=_p(stage, "OUTPUTS"))


def _stream_add(stage: Stage) -> Cost:
    bits, pe = _p(stage, "OUT_BITS"), _p(stage, "PE")
    gains = (
        0.0
        if _p(stage, "GAIN_BITS") <= 2
        else 1.6 * _p(stage, "GAIN_BITS") * (_p(stage, "A_BITS") + _p(stage, "B_BITS"))
    )
    return Cost(lut=pe * (bits + gains) + 6, ff=pe * 3 * bits + 4)


def _concat(stage: Stage) -> Cost:
    width = _p(stage, "WIDTH")
    return Cost(lut=width * _multiplexer(_p(stage, "INPUTS")) + 20, ff=width + 16)


def _gather(stage: Stage) -> Cost:
    taken, sent, width = _p(stage, "IN_BEATS"), _p(stage, "OUT_BEATS"), _p(stage, "WIDTH")
    bits = max(1, (taken - 1).bit_length())
    index = memory(sent, bits, 1) if _p(stage, "BLOCK_INDEX") else Cost(lut=bits * max(0.5, sent / 16), ff=bits)
    return Cost(lut=50, ff=40) + index + memory(2 * taken, width, _p(stage, "BLOCK"))


def _pad(stage: Stage) -> Cost:
    width = _p(stage, "WIDTH")
    return Cost(lut=35 + width, ff=20 + width)


def _sum_pool(stage: Stage) -> Cost:
    width = _p(stage, "PE") * _p(stage, "OUT_BITS")
    depth = max(2, _p(stage, "WIDTH") // _p(stage, "KW") * _p(stage, "NF"))
    return Cost(lut=45 + 2.5 * width, ff=30 + 2.5 * width, loose=width) + memory(depth, width, _p(stage, "BLOCK"))


def _window_pool(stage: Stage) -> Cost:
    pe, taps, bits = _p(stage, "PE"), _p(stage, "TAPS"), _p(stage, "BITS")
    if _p(stage, "MAX"):
        return Cost(lut=pe * (taps - 1) * 1.6 * bits, ff=pe * taps * 0.4 * bits)
    tree = adder_tree(taps, bits + 1, 2)
    return Cost(lut=pe * tree.lut, ff=pe * tree.ff)


def _requantise_table(stage: Stage) -> Cost:
    pe, bits, depth = _p(stage, "PE"), _p(stage, "CODE_BITS"), _p(stage, "DEPTH")
    if _p(stage, "BLOCK"):
        one = memory(depth, bits, 1)
        return Cost(lut=pe * _p(stage, "ACC_BITS"), ff=pe * _p(stage, "ACC_BITS"), bram=pe * one.bram)
    rows = depth * (1 if _p(stage, "SHARED") else _p(stage, "NF"))
    return Cost(lut=pe * (_p(stage, "ACC_BITS") + bits * max(1.0, rows / 14)), ff=pe * (bits + _p(stage, "ACC_BITS")))


def _top_k(stage: Stage) -> Cost:
    k, bits = _p(stage, "K"), _p(stage, "BITS")
    index = max(1, (_p(stage, "N") - 1).bit_length())
    return Cost(lut=k * (3 * bits + 2 * index) + 20, ff=k * (bits + index + 1) + 12)


def _depthwise_mac(stage: Stage) -> Cost:
    pe, taps, folds = _p(stage, "PE"), _p(stage, "TAPS"), _p(stage, "NF")
    x_bits, w_bits, p_bits = _p(stage, "X_BITS"), _p(stage, "W_BITS"), _p(stage, "P_BITS")
    times = (0.8 * p_bits if x_bits <= 4 else 2 * p_bits) if folds == 1 else 2.2 * x_bits * w_bits
    rom = 0.0 if folds == 1 else max(1.0, folds / 16) * w_bits
    tree = adder_tree(taps, p_bits, _p(stage, "EVERY"))
    return Cost(lut=pe * (taps * (times + rom) + tree.lut) + 20, ff=pe * (taps * (p_bits + x_bits) + tree.ff) + 20)


def _argmax(stage: Stage) -> Cost:
    return Cost(lut=2 * _p(stage, "BITS") + 16, ff=_p(stage, "BITS") + 12)


_GOWIN_CHAIN = 1.7
"""LUT sites that begin and end a carry chain on Gowin, less what short adders save; read off three layers."""


def unrolled_cost(layer: Unrolled) -> Cost:
    """The estimate: a carry cell of two LUTs for each two bits of an adder, and the flip-flops."""
    made = layer.schedule
    adders = [bits for bits in made.graph.adder_bits if bits]
    lut = sum(bits + bits % 2 for bits in adders)
    return Cost(lut=lut + 1, ff=made.flip_flops + layer.latency, loose=made.delay_bits + _GOWIN_CHAIN * len(adders))


FORMULAS: dict[str, Callable[[Stage], Cost]] = {
    "argmax": _argmax,
    "concat": _concat,
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
}


def cost(stage: Stage) -> Cost:
    """The estimate for one stage."""
    if stage.made is not None:
        return unrolled_cost(stage.made)
    return FORMULAS[stage.cell](stage)


def pipeline_cost(pipeline: Pipeline) -> Cost:
    """The estimate for a whole core."""
    return sum((cost(stage) for stage in pipeline.stages), Cost())
