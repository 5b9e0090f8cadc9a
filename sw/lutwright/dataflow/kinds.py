"""What kind of layer a node is by its weights, which decides the engines that can do it."""

from __future__ import annotations

import numpy as np

from lutwright.ir.graph import Node


def is_mux(node: Node) -> bool:
    """Whether a Conv keeps at most one weight a kernel, not all at the same place, so that a multiplexer does."""
    if node.op != "Conv" or node.attrs["groups"] != 1:
        return False
    w = node.attrs["weights"]
    kept = w != 0
    return bool((kept.sum(axis=(1, 2)) <= 1).all() and kept.any(axis=(0, 3)).sum() > 1)


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
