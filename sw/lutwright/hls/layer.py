"""A layer of an hls4ml model as a value, made without hls4ml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lutwright.numerics.quantiser import IntArray
from lutwright.numerics.ranges import IntType, type_of


@dataclass(frozen=True, eq=False)
class Array:
    """Constants of a layer: int64 `values`, of any shape, and the type that holds them."""

    values: IntArray
    type: IntType


@dataclass(frozen=True, eq=False)
class HlsLayer:
    """One layer.

    name: hls4ml's, unique, lower case. kind: its class in hls4ml, or one of extension.CLASSES. inputs: names of layers.
    shape, type: of what it makes; words go in order, the last dimension makes a beat. tensor: the tensor of the integer
    graph that it makes, word by word; "" where it is none. node: for messages.
    attrs: of hls4ml's own layers. precision: types that hls4ml's own layers have besides the result.
    header, function, constants, types, arrays: of extension layers; the function's last arguments are the arrays.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    shape: tuple[int, ...]
    type: IntType
    tensor: str = ""
    attrs: Mapping[str, Any] = field(default_factory=dict)
    precision: Mapping[str, IntType] = field(default_factory=dict)
    header: str = ""
    function: str = ""
    constants: Mapping[str, int] = field(default_factory=dict)
    types: Mapping[str, IntType] = field(default_factory=dict)
    arrays: Mapping[str, Array] = field(default_factory=dict)

    @property
    def words(self) -> int:
        """Integers in one frame of the result."""
        return int(np.prod(self.shape))


def narrow(values: IntArray) -> Array:
    """`values` in the narrowest type that holds them."""
    return Array(values, type_of(int(values.min()), int(values.max())))


def signed_for(bound: int) -> IntType:
    """The signed type of every integer whose magnitude is at most `bound`."""
    return IntType(True, max(bound, 1).bit_length() + 1)


def type_text(kind: IntType) -> str:
    """ap_int<8>, ap_uint<4> and the like."""
    return f"ap_{'int' if kind.signed else 'uint'}<{kind.width}>"
