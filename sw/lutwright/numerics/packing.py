"""Integers to and from the bit vectors of the hardware: element 0 in the low bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lutwright.numerics.quantiser import IntArray

LITERAL_BITS = 1 << 14
"""Bits of the widest number that every tool reads: Icarus holds 16,384 characters of one, Verilator 65,536 bits."""


def pack(values: IntArray, width: int) -> int:
    """Pack integers (any shape, C order, two's complement) of `width` bits into one; element 0 lowest."""
    mask = (1 << width) - 1
    word = 0
    for index, value in enumerate(values.reshape(-1).tolist()):
        word |= (int(value) & mask) << (index * width)
    return word


def literal(values: IntArray, width: int) -> str:
    """The packed `values` as a SystemVerilog hexadecimal literal; where they are many, several side by side."""
    bits, word = max(1, values.size * width), pack(values, width)
    parts = []
    for start in range(0, bits, LITERAL_BITS):
        size = min(LITERAL_BITS, bits - start)
        parts.append(f"{size}'h{(word >> start) & ((1 << size) - 1):x}")
    return parts[0] if len(parts) == 1 else f"{{{', '.join(reversed(parts))}}}"


def memory_lines(rows: IntArray, width: int) -> bytes:
    """A $readmemh file: one line for each row of `rows` [depth, elements], element 0 lowest."""
    digits = -(-rows.shape[1] * width // 4)
    return "".join(f"{pack(row, width):0{digits}x}\n" for row in rows).encode()


def to_bytes(values: IntArray, width: int) -> NDArray[np.uint8]:
    """Pack beats [n, elements] of `width`-bit elements into uint8 [n, ceil(elements*width/8)], low byte first."""
    bits = (values[..., None] >> np.arange(width)) & 1
    flat = bits.reshape(values.shape[0], -1).astype(np.uint8)
    return np.packbits(flat, axis=1, bitorder="little")


def from_bytes(raw: NDArray[np.uint8], elements: int, width: int, signed: bool) -> IntArray:
    """The inverse of to_bytes: int64 [n, elements] out of uint8 [n, bytes]."""
    bits = np.unpackbits(raw, axis=1, bitorder="little")[:, : elements * width].astype(np.int64)
    values = (bits.reshape(raw.shape[0], elements, width) << np.arange(width)).sum(axis=2)
    if signed:
        values = values - ((values >> (width - 1)) << width)
    return np.asarray(values)
