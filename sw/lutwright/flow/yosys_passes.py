"""Passes of Yosys that stand between or before those of its own synthesis scripts, on each family."""

from __future__ import annotations

from lutwright.resources import room

DSP_CELL = "product_dsp"
"""The cell of hw/rtl whose multipliers are to be DSP blocks, and no others."""

_DSP_SIGNAL = "dsp_product"  # what it calls the product
# What its multiplier is mapped to, and the widest operands there.
_DSP_MAP = {
    "ecp5": ("+/lattice/dsp_map_18x18.v", "MUL18X18", 18, 18),
    "gowin": ("+/gowin/dsp_map.v", "MUL18X18", 18, 18),
    "xc7": ("+/xilinx/xc7_dsp_map.v", "MUL25X18", 25, 18),
    "xcup": ("+/xilinx/xcu_dsp_map.v", "MUL27X18", 27, 18),
    "cyclonev": ("+/intel_alm/common/dsp_map.v", "MUL18X18", 18, 18),
    "ice40": ("+/ice40/dsp_map.v", "MUL16X16", 16, 16),
}
OLD_READER = "scratchpad -set abc9.xaiger 1"
"""The reader of abc9 that Yosys had before 0.70: the new one puts x in place of some nets (its issue 6237). With the
old one ABC breaks down over a few designs; see synth.run_yosys."""
_SHORT_ADDER = 5  # bits of the widest result of an adder that is made of LUTs on Gowin
_ADDER_MAPS = {"ecp5": "ecp5_adder.v"}


def maps(family: str) -> dict[str, bytes]:
    """The files, by name, that synth_passes reads."""
    name = _ADDER_MAPS.get(family)
    return {name: (room("hw") / "techmap" / name).read_bytes()} if name else {}


def synth_passes(family: str, synth: str, folder: str = "") -> list[str]:
    """The command `synth` of `family`, safe; in two parts where adders are mapped in a way of our own between them.

    On "gowin" short ones are made of LUTs; on "ecp5" all by hw/techmap. On "ice40" memories that are to be LUT RAM are
    made flip-flops first. folder: that of maps(family), ending in "/".
    """
    if family == "ice40":
        return ['setattr -set ram_style "registers" a:ram_style=distributed', synth]
    if family == "gowin":
        adders = f"techmap -map +/techmap.v t:$alu r:Y_WIDTH<={_SHORT_ADDER} %i"
    elif family in _ADDER_MAPS:
        adders = f"techmap -map +/techmap.v -map {folder}{_ADDER_MAPS[family]} t:$alu"
    else:
        return [OLD_READER, synth]
    return [OLD_READER, f"{synth} -run begin:map_gates", adders, f"{synth} -run map_gates:"]


def dsp_passes(family: str) -> list[str]:
    """What makes DSP blocks of the multipliers of DSP_CELL; before synthesis."""
    library, name, a, b = _DSP_MAP[family]
    chosen = f"w:*{_DSP_SIGNAL} %ci1 t:$mul %i"
    sizes = f"-D DSP_A_MAXWIDTH={a} -D DSP_B_MAXWIDTH={b} -D DSP_A_MINWIDTH=2 -D DSP_B_MINWIDTH=2"
    return [
        "opt_clean",
        f"wreduce {chosen}",
        f"techmap -map +/mul2dsp.v {sizes} -D DSP_NAME=$__{name} {chosen}",
        f"techmap -map {library} t:$__{name}",
    ]
