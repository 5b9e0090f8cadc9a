"""What kind of layer a node is by its weights, which decides the engines that can do it."""

from __future__ import annotations

import numpy as np

from lutwright.ir.graph import Node
from lutwright.numerics.quantiser import IntArray

_MOST_KEPT = 4  # weights a kernel of a multiplexer layer


def is_mux(node: Node) -> bool:
    """Whether a Conv keeps so few weights a kernel, not all at the same places, that multiplexers do it best."""
    if node.op != "Conv" or node.attrs["groups"] != 1:
        return False
    used, most = node.attrs["weights"] != 0, kept(node)
    if used.any(axis=(0, 3)).sum() <= most:
        return False
    return most <= 1 or (most <= _MOST_KEPT and _pays(node, most))


def kept(node: Node) -> int:
    """Most weights that are not 0 in a kernel of a Conv."""
    return int((node.attrs["weights"] != 0).sum(axis=(1, 2)).max())


def shares_taps(node: Node) -> bool:
    """Whether no input channel of a Conv is read at more taps by all its outputs than by one of them."""
    used = (node.attrs["weights"] != 0).any(axis=0)
    return int(used.sum(axis=(0, 1)).max()) <= kept(node)


def _pays(node: Node, most: int) -> bool:
    """Whether `most` multiplexers and products cost less than a product for every tap; LUTs for a bit of activation."""
    w = node.attrs["weights"]
    taps, bits = w.shape[1] * w.shape[2], int(np.abs(w).max()).bit_length() + 1
    product = 2.5 if bits <= 2 else 2.2 * bits
    picked = 1.0 if shares_taps(node) else 0.78 * (taps - 1) + 1
    return most * (product + picked) < taps * product


def are_powers(weights: IntArray) -> bool:
    """Whether all `weights` are 0, powers of two or their negatives, and some are neither 0, 1 nor -1."""
    sizes = np.abs(weights)
    return bool((sizes & (sizes - 1) == 0).all() and sizes.max() > 1)


def power_codes(weights: IntArray) -> tuple[IntArray, int]:
    """The codes of hw/rtl/product.sv for powers of two, int64 of the shape of `weights`, and the bits of one."""
    above = np.bitwise_count(np.maximum(2 * np.abs(weights) - 1, 0)).astype(np.int64)
    bits = int(above.max()).bit_length()
    return above + ((weights < 0).astype(np.int64) << bits), bits + 1


def is_depthwise(node: Node) -> bool:
    """Whether each channel of a Conv has a kernel of its own and nothing else."""
    if node.op != "Conv":
        return False
    w, groups = node.attrs["weights"], node.attrs["groups"]
    return bool(groups == w.shape[0] > 1 and w.shape[3] == 1)


def is_complement(node: Node) -> bool:
    """Whether the bias of a Conv is what passes/complement_signs leaves where each kernel keeps one +1 or -1."""
    w = node.attrs["weights"]
    if "bias" not in node.attrs or not is_mux(node):
        return False
    one_each = bool(((w != 0).sum(axis=(1, 2)) == 1).all())
    left = -(w < 0).sum(axis=(1, 2, 3))
    return one_each and int(np.abs(w).max()) == 1 and bool((node.attrs["bias"] == left).all())


def in_step(node: Node, clocks: int) -> bool:
    """Whether a window cell that waits for its engine, `clocks` a window, loses nothing: it waits at every pixel."""
    return clocks == 1 or node.attrs["stride"] == (1, 1)
