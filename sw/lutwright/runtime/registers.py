"""Registers of a design on a bus: their fields, packed into words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from lutwright.errors import LinkError


class Bus(Protocol):
    """What reads and writes the 32-bit word at a byte address."""

    def read(self, address: int) -> int:
        """Return the word."""

    def write(self, address: int, value: int) -> None:
        """Replace the word."""


@dataclass(frozen=True)
class Field:
    """`bits` bits of a register, from bit `low` on."""

    name: str
    low: int
    bits: int


@dataclass(frozen=True)
class Register:
    """A 32-bit register at a byte address; access: "r", "w" or "rw"."""

    name: str
    address: int
    access: str
    fields: tuple[Field, ...]

    def pack(self, **values: int) -> int:
        """Return the word in which each named field has its value and the others are 0; LinkError for one too large."""
        word = 0
        for name, value in values.items():
            field = next(field for field in self.fields if field.name == name)
            if not 0 <= value < 1 << field.bits:
                raise LinkError(f"register '{self.name}'", f"{name} must be of {field.bits} bits, 0 or more", value)
            word |= value << field.low
        return word

    def unpack(self, word: int) -> dict[str, int]:
        """Return the values of the fields of `word` by name."""
        return {field.name: word >> field.low & ((1 << field.bits) - 1) for field in self.fields}
