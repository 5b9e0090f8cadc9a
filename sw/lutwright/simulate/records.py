"""What the bench of a core reads and writes: stimulus files in, records of every tap out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lutwright.dataflow.stage import Stream
from lutwright.errors import ToolFailed
from lutwright.numerics.packing import from_bytes, to_bytes
from lutwright.numerics.quantiser import IntArray

_DIGIT = np.full(256, 255, np.uint8)
for _i, _c in enumerate(b"0123456789abcdef"):
    _DIGIT[_c] = _i


def beats(values: IntArray, stream: Stream) -> IntArray:
    """Frames [n, ...shape] of a tensor as the beats of its stream: int64 [n * beats, lanes]."""
    return values.reshape(-1, stream.lanes)


def write_stimulus(path: Path, values: IntArray, stream: Stream) -> int:
    """Write input codes [n, ...shape] as one line of hexadecimal a beat; return the number of beats."""
    rows = beats(values, stream)
    raw = to_bytes(rows & ((1 << stream.bits) - 1), stream.bits)[:, ::-1]  # the first digit is the highest
    text = np.array([f"{i:02x}".encode() for i in range(256)], "S2")[raw]
    lines = text.view(np.uint8).reshape(raw.shape[0], -1)
    path.write_bytes(np.hstack([lines, np.full((raw.shape[0], 1), 10, np.uint8)]).tobytes())
    return int(rows.shape[0])


def _digits(path: Path, columns: int) -> NDArray[np.uint8]:
    """The first `columns` characters of every line of `path` as values 0..15; 255 stands for x, z and the like."""
    data = np.frombuffer(path.read_bytes(), np.uint8)
    if data.size == 0:
        return np.zeros((0, columns), np.uint8)
    width = int(np.argmax(data == 10)) + 1
    if data.size % width:
        raise ToolFailed(
            f"record '{path.name}'",
            "every line must be as long as the first",
            "a line cut off",
            "The simulation was stopped; run it again.",
        )
    return _DIGIT[data.reshape(-1, width)[:, :columns]]


def read_record(path: Path, stream: Stream, bits: int | None = None) -> tuple[IntArray, NDArray[np.bool_]]:
    """Read a record of `stream`: its beats int64 [n, lanes], and bool [n] that marks beats with unknown bits.

    bits: bits of a line, where that is more than the stream's own (an AXI4-Stream word of whole bytes).
    """
    columns = -(-(bits or stream.width) // 4)
    digits = _digits(path, columns)
    unknown = (digits == 255).any(axis=1)
    nibbles = np.where(digits == 255, 0, digits)[:, ::-1]
    if columns % 2:
        nibbles = np.hstack([nibbles, np.zeros((nibbles.shape[0], 1), np.uint8)])
    raw = (nibbles[:, 0::2] | (nibbles[:, 1::2] << 4)).astype(np.uint8)
    return from_bytes(raw, stream.lanes, stream.bits, stream.signed), unknown


def read_output(path: Path, stream: Stream) -> tuple[IntArray, NDArray[np.bool_], IntArray, IntArray]:
    """Read the record of the output: beats, unknown marks, tlast [n] and the clock [n] of each beat."""
    lines = path.read_text().split("\n")[:-1]
    columns = -(-stream.width // 8) * 2
    fixed = path.with_name(path.name + ".data")
    fixed.write_text("".join(line[:columns] + "\n" for line in lines))
    values, unknown = read_record(fixed, stream, 4 * columns)
    fixed.unlink()
    rest = [line[columns:].split() for line in lines]
    last = np.array([row[0] == "1" for row in rest], np.int64)
    clocks = np.array([int(row[1]) for row in rest], np.int64)
    return values, unknown, last, clocks
