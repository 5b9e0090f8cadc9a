"""Weights as signs and sizes: a product with a negative weight complements the activation and needs no negation.

-x is C - ~x with a constant C, so that size * ~x lacks only a constant of -size * x. What all the products of an output
lack together is one number, from which its sum begins (hw/rtl/mac_accumulate.sv).
"""

from __future__ import annotations

import numpy as np

from lutwright.dataflow.kinds import are_powers, power_codes
from lutwright.dataflow.stage import Parameter, Stream, Vector
from lutwright.numerics.quantiser import IntArray
from lutwright.numerics.ranges import type_of

_SAVED = 8  # LUTs of a product and its share of the adders, about


def pays(terms: int, parts: int, acc_bits: int) -> bool:
    """Whether so many products of an output in a clock save more than the first summand of its sum costs.

    parts: clocks of a sum; a sum of one clock needs an adder more. acc_bits: of the sum.
    """
    return _SAVED * terms > acc_bits * (1 if parts > 1 else 2)


def complemented(weights: IntArray, here: Stream, acc_bits: int) -> tuple[IntArray, int, dict[str, Parameter]]:
    """The codes of `weights`, int64 [outputs, ...], the bits of one, and the parameters of an engine that takes them.

    here: the activations. A code is {negative, size} as hw/rtl/product.sv says; where all sizes are 1, a sign.
    """
    sizes, negative = np.abs(weights), (weights < 0).astype(np.int64)
    powers = are_powers(weights)
    if powers:
        codes, bits = power_codes(weights)
    else:
        size_bits = 0 if (sizes == 1).all() else max(1, int(sizes.max()).bit_length())
        codes, bits = (sizes if size_bits else 0) + (negative << size_bits), size_bits + 1
    low, high = (-1 << (here.bits - 1), (1 << (here.bits - 1)) - 1) if here.signed else (0, (1 << here.bits) - 1)
    most = int(sizes.max())
    lacks = -(low + high) * (sizes * negative).reshape(len(weights), -1).sum(axis=1)
    told: dict[str, Parameter] = {
        "COMPLEMENT": 1,
        "W_BITS": bits,
        "P_BITS": type_of(low * most, high * most).width,
        "OFFSETS": Vector(lacks & ((1 << acc_bits) - 1), acc_bits),
    }
    return codes, bits, told | ({"POWERS": 1} if powers else {})
