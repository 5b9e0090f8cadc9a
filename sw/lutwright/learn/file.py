"""The state file of a learner: what one learner saves, another loads - reference, simulation or board.

All numbers are little endian. Behind the header come the 32-bit words that the hardware reads and writes
(hw/rtl/learner_port.sv); docs/learner.md has the table of the bytes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lutwright.errors import BadLearner, BadState
from lutwright.files import write_file
from lutwright.learn.config import DISTANCES, POLICIES, LearnerConfig
from lutwright.learn.state import State, check
from lutwright.numerics.quantiser import IntArray

VERSION = 1
_MAGIC = b"LWLEARN\x1a"
_START = struct.Struct("<8sHH")  # magic, version, bytes of the header
_FIELDS = struct.Struct("<4I6BHI32sQI")  # parameters, source, bytes and CRC of the body
_CRC = struct.Struct("<I")
HEADER_BYTES = _START.size + _FIELDS.size + _CRC.size
SOURCE_BYTES = 32
_FIX = "Save it again where it came from."


@dataclass(frozen=True, eq=False)
class Stored:
    """A state, the parameters that it is for, and the SHA-256 (32 bytes, or none) of what makes the features."""

    config: LearnerConfig
    state: State
    source: bytes = b""


def pack(stored: Stored) -> bytes:
    """Return the state file of `stored`; the same state gives the same bytes."""
    config = stored.config
    body = state_words(config, stored.state).tobytes()
    start = _START.pack(_MAGIC, VERSION, HEADER_BYTES)
    shape = (config.features, config.subspaces, config.anchors, config.classes)
    bits = (config.feature_bits, config.fraction_bits, config.count_bits, config.signed)
    rule = (POLICIES.index(config.policy), DISTANCES.index(config.distance), config.seed, config.versions)
    header = start + _FIELDS.pack(*shape, *bits, *rule, stored.source, len(body), zlib.crc32(body))
    return header + _CRC.pack(zlib.crc32(header)) + body


def unpack(raw: bytes, where: str) -> Stored:
    """Return what `pack` made `raw` of; BadState, with the name `where`, where that is not so."""
    if raw[: len(_MAGIC)] != _MAGIC:
        raise BadState(where, "must be a learner's state", "another file")
    _check_header(raw, where)
    *numbers, seed, versions, source, size, crc = _FIELDS.unpack_from(raw, _START.size)
    config = _config([*numbers, seed, versions], where)
    expected = body_bytes(config)
    if size != expected or len(raw) != HEADER_BYTES + expected:
        found = f"{len(raw)} ({size} behind the header)"
        raise BadState(where, f"must have {HEADER_BYTES + expected} bytes ({expected} behind the header)", found, _FIX)
    body = raw[HEADER_BYTES:]
    if zlib.crc32(body) != crc:
        raise BadState(where, "the checksum of its contents must be right", "wrong", _FIX)
    state = from_words(config, np.frombuffer(body, "<u4"), where)
    return Stored(config, state, source if any(source) else b"")


def check_same(stored: Stored, config: LearnerConfig, source: bytes, where: str) -> None:
    """Raise BadState where a learner of `config` and `source` cannot go on from `stored`."""
    for name in config.differences(stored.config):
        mine, theirs = getattr(config, name), getattr(stored.config, name)
        raise BadState(where, f"must be of a learner with {name} = {mine}", theirs)
    if source and stored.source and source != stored.source:
        found = stored.source.hex()[:16]
        raise BadState(where, f"must be of the features whose source is {source.hex()[:16]}", found)


def check_source(source: bytes) -> bytes:
    """Return `source`; BadLearner unless it is 32 bytes, or nothing."""
    if source and (len(source) != SOURCE_BYTES or not any(source)):
        raise BadLearner("learner", "the source must be a SHA-256 (32 bytes) or nothing", f"{len(source)} bytes")
    return source


def write(path: Path, raw: bytes) -> None:
    """Write a state file, all or nothing. Raises OutputError."""
    write_file(path, raw)


def read(path: Path) -> bytes:
    """Return the bytes of the state file `path`. Raises BadState."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadState(named(path), "must be a readable file", error.strerror) from error


def named(path: Path) -> str:
    """What messages call the state file `path`."""
    return f"learner's state '{path}'"


def body_bytes(config: LearnerConfig) -> int:
    """Bytes behind the header."""
    return 4 * (1 + 2 * config.classes) + config.rows * row_bytes(config)


def row_bytes(config: LearnerConfig) -> int:
    """Bytes of a row, an anchor subvector with its remainders and count, in whole 32-bit words."""
    return -(-config.row_bits // 32) * 4


def state_words(config: LearnerConfig, state: State) -> NDArray[np.uint32]:
    """Return `state` as the words of the hardware: the generator, examples [C], pointers [C], then the rows."""
    small = np.concatenate([[state.lfsr], state.examples, state.pointer]).astype("<u4")
    return np.concatenate([small, pack_rows(config, state).reshape(-1).view("<u4")])


def from_words(config: LearnerConfig, words: NDArray[np.uint32], where: str) -> State:
    """Return the state of which `state_words` made `words`; BadState, with the name `where`, where there is none."""
    count = body_bytes(config) // 4
    if words.shape != (count,):
        raise BadState(where, f"must have {count} words", list(words.shape), _FIX)
    words, state, classes = words.astype("<u4"), State.empty(config), config.classes
    state.lfsr = int(words[0])
    state.examples[:], state.pointer[:] = words[1 : 1 + 2 * classes].reshape(2, classes)
    unpack_rows(config, words[1 + 2 * classes :].view(np.uint8), state)
    check(state, config, where)
    if not np.array_equal(state_words(config, state), words):
        raise BadState(where, "the bits that fill its words must be 0", "1", _FIX)
    return state


def pack_rows(config: LearnerConfig, state: State) -> NDArray[np.uint8]:
    """Return the memory of the anchors, uint8 [C * k * P, bytes of a row], rows in the order class, anchor, subspace.

    A row is y[0] .. y[w-1] of A bits each (two's complement), r[0] .. r[w-1] and n of N bits each, the first in the
    lowest bits; zeros fill its last word.
    """
    return np.concatenate([_pack_class(config, state, label) for label in range(config.classes)])


def _pack_class(config: LearnerConfig, state: State, label: int) -> NDArray[np.uint8]:
    fields = [(state.y, config.anchor_bits), (state.r, config.count_bits), (state.n[..., None], config.count_bits)]
    rows = config.anchors * config.subspaces
    bits = [(memory[label][..., None] >> np.arange(width) & 1).reshape(rows, -1) for memory, width in fields]
    packed = np.packbits(np.concatenate(bits, axis=1).astype(np.uint8), axis=1, bitorder="little")
    return np.pad(packed, ((0, 0), (0, row_bytes(config) - packed.shape[1])))


def unpack_rows(config: LearnerConfig, rows: NDArray[np.uint8], state: State) -> None:
    """Put rows as `pack_rows` makes them into the anchors of `state`."""
    shape = (config.anchors, config.subspaces, config.width)
    widths = [config.anchor_bits, config.count_bits]
    for label, part in enumerate(rows.reshape(config.classes, config.anchors * config.subspaces, -1)):
        bits = np.unpackbits(part, axis=1, bitorder="little")
        ends = np.cumsum([config.width * width for width in widths])
        state.y[label] = _numbers(bits[:, : ends[0]], widths[0], config.signed).reshape(shape)
        state.r[label] = _numbers(bits[:, ends[0] : ends[1]], widths[1], False).reshape(shape)
        state.n[label] = _numbers(bits[:, ends[1] : config.row_bits], widths[1], False).reshape(shape[:2])


def _numbers(bits: NDArray[np.uint8], width: int, signed: bool) -> IntArray:
    """Return the numbers of `width` bits in each row of `bits`, int64 [rows, numbers]."""
    found = (bits.reshape(len(bits), -1, width).astype(np.int64) << np.arange(width)).sum(axis=2)
    return found - (found >> (width - 1) << width) if signed else found


def _check_header(raw: bytes, where: str) -> None:
    if len(raw) < HEADER_BYTES:
        raise BadState(where, f"must have a header of {HEADER_BYTES} bytes", len(raw), _FIX)
    _, version, size = _START.unpack_from(raw)
    if version != VERSION:
        raise BadState(where, f"must be of version {VERSION}", version, "Save it again with this lutwright.")
    end = HEADER_BYTES - _CRC.size
    if size != HEADER_BYTES or zlib.crc32(raw[:end]) != _CRC.unpack_from(raw, end)[0]:
        raise BadState(where, "the checksum of its header must be right", "wrong", _FIX)


def _config(numbers: Sequence[int], where: str) -> LearnerConfig:
    """Return the parameters out of the header's numbers, which come in the order of the fields."""
    names = [field.name for field in fields(LearnerConfig)]
    values: dict[str, Any] = dict(zip(names, numbers, strict=True))
    try:
        values["signed"] = (False, True)[values["signed"]]
        values["policy"] = POLICIES[values["policy"]]
        values["distance"] = DISTANCES[values["distance"]]
        return LearnerConfig(**values)
    except (BadLearner, IndexError) as error:
        raise BadState(where, f"must be of a learner that can be ({error})", fix=_FIX) from error
