"""What the parts of a design take on each family of FPGAs: the unit of the cost model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

_BLOCKS_18K = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
_BLOCKS_10K = ((256, 40), (512, 20), (1024, 10), (2048, 5), (4096, 2), (8192, 1))
_BLOCKS_4K = ((256, 16), (512, 8), (1024, 4), (2048, 2))
_ROM_SELECT = 0.75  # LUTs for one multiplexer of a ROM, whose parts are partly alike


@dataclass(frozen=True)
class Family:
    """What one unit of each part takes in LUTs, read off Yosys by benchmarks/calibrate.py; see Cost for the units.

    inputs:  of a LUT. logic, select, product, table: LUTs for one that a formula counts, in LUTs of 4 inputs; those of
             tables have `inputs`. chain: beside the bits of a carry chain. loose: for a flip-flop that no LUT feeds.
    joined:  parts of a ROM, of 2^inputs words each, that are joined without LUTs.
    blocks:  shapes of a block RAM: words and bits. ram: words, bits and LUTs of a unit of LUT RAM, the shallow first;
             without any, memories that are not in block RAM are flip-flops.
    multiplier: bits of the operands of a DSP block.
    """

    inputs: int
    logic: float
    select: float
    product: float
    table: float
    chain: float
    loose: float
    blocks: tuple[tuple[int, int], ...]
    ram: tuple[tuple[int, int, int], ...]
    joined: int = 1
    multiplier: int = 18

    def block_rams(self, words: int, bits: int) -> int:
        """Block RAMs of a memory of `words` words of `bits` bits.

        All of one shape, or the highest power of two of the words and the rest each by itself, as Yosys does.
        """
        alike = min((-(-bits // wide) * -(-words // deep) for deep, wide in self.blocks), default=0) if bits else 0
        low = 1 << (max(1, words).bit_length() - 1)
        if not alike or low == words:
            return alike
        return min(alike, self.block_rams(low, bits) + self.block_rams(words - low, bits))

    def ram_luts(self, words: int, bits: int) -> float:
        """LUTs of a memory in LUT RAM: the units, and the multiplexers that join more than one in depth.

        Of flip-flops: the site of each, the enable of each word, and the multiplexers.
        """
        if not self.ram:
            return words * bits + words + self.select * bits * (words - 1)
        deep, wide, luts = next((unit for unit in self.ram if unit[0] >= words), self.ram[-1])
        banks = -(-words // deep)
        return banks * -(-bits // wide) * luts + self.select * bits * (banks - 1)

    def rom_luts(self, words: int, columns: int) -> float:
        """LUTs of a ROM with a registered output: one for each part, and the multiplexers of those not joined."""
        parts = max(1.0, words / (1 << self.inputs))
        return columns * (parts + max(0.0, parts / self.joined - 1) * _ROM_SELECT)

    def table_luts(self, words: int, columns: int) -> float:
        """LUTs of a table of constants with so many words and different columns, none of them trivial.

        A shallow table goes into the LUTs that read it, where they have more than 4 inputs.
        """
        if words <= 1 << (self.inputs - 4):
            return 0.0
        parts = max(1.0, words / (1 << self.inputs))
        return self.table * columns * (parts + (parts - 1) * self.select)


_SERIES7 = Family(6, 0.54, 0.82, 0.52, 0.38, -0.66, 0.0, _BLOCKS_18K, ((32, 6, 4), (64, 3, 4)), joined=4)

FAMILIES = {
    "ecp5": Family(4, 1.0, 0.78, 1.0, 1.0, 1.0, 0.0, _BLOCKS_18K, ((16, 4, 6),)),
    "gowin": Family(4, 1.0, 0.78, 1.0, 1.0, 2.2, 1.0, _BLOCKS_18K, ((16, 4, 8),)),
    "xc7": _SERIES7,
    "xcup": _SERIES7,  # its LUTs and block RAMs are alike; not fitted by itself
    "cyclonev": Family(5, 0.9, 0.7, 0.9, 0.8, 1.0, 0.0, _BLOCKS_10K, ((32, 1, 1),)),  # halves of an ALM
    "ice40": Family(4, 1.5, 0.67, 0.94, 0.49, 0.7, 1.0, _BLOCKS_4K, (), multiplier=16),
}


@dataclass(frozen=True)
class Cost:
    """Parts of a design; they add up. Before `on` says what they take on a family, `lut` is only one of them.

    lut:      LUTs that every family needs: a bit of an adder is one.
    logic:    4-input LUTs of other logic.
    select:   two-input multiplexers, one bit each, in multiplexers of more than two inputs.
    product:  4-input LUTs of multipliers in logic.
    chains:   carry chains.
    ff, bram, dsp: flip-flops, block RAMs, multipliers.
    loose:    flip-flops fed by another flip-flop or a memory, which on Gowin and iCE40 take a LUT.
    rams, blocks: memories in LUT RAM (or flip-flops) and in block RAM: words and bits. roms: constants in LUTs with a
              register behind: words and columns. tables: constants in LUTs that other logic reads.
    """

    lut: float = 0
    ff: float = 0
    bram: int = 0
    dsp: int = 0
    loose: float = 0
    logic: float = 0
    select: float = 0
    product: float = 0
    chains: float = 0
    rams: tuple[tuple[int, int], ...] = ()
    blocks: tuple[tuple[int, int], ...] = ()
    tables: tuple[tuple[int, int], ...] = ()
    roms: tuple[tuple[int, int], ...] = ()

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    def times(self, count: int) -> Cost:
        """So many of them."""
        return Cost(*(getattr(self, field.name) * count for field in fields(self)))

    def luts(self, family: Family) -> float:
        """LUTs on parts of `family`; of "gowin", sites; of "ecp5", cells TRELLIS_COMB; of "ice40", logic cells."""
        lut = self.lut + family.logic * self.logic + family.select * self.select + family.product * self.product
        lut += family.chain * self.chains + family.loose * self.loose
        lut += sum(family.table_luts(*table) for table in self.tables)
        lut += sum(family.rom_luts(*rom) for rom in self.roms)
        return lut + sum(family.ram_luts(*ram) for ram in self.rams)

    def on(self, family: str) -> Cost:
        """LUTs, flip-flops, block RAMs and multipliers on a part of `family`, one of FAMILIES; the rest is 0.

        A block RAM has 18 kbit, on "ice40" 4 kbit.
        """
        made = FAMILIES[family]
        bram = self.bram + sum(made.block_rams(*block) for block in self.blocks)
        held = 0 if made.ram else sum(words * bits for words, bits in self.rams)
        return Cost(lut=self.luts(made), ff=self.ff + held, bram=bram, dsp=self.dsp)

    def as_dict(self) -> dict[str, int]:
        """Whole numbers by name: lut, ff, bram, dsp; on "ecp5" where `on` has not said another family."""
        here = self.on("ecp5")
        return {"lut": round(here.lut), "ff": round(here.ff), "bram": here.bram, "dsp": here.dsp}


NOTHING = Cost()
"""What is not there."""


def total(costs: Sequence[Cost]) -> Cost:
    """Their sum."""
    return sum(costs, Cost())
