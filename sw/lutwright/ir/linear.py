"""Sums of products: Conv and Dense."""

from __future__ import annotations

import numpy as np

from lutwright.ir.graph import Node, Tensor
from lutwright.ir.op import (
    INTEGER,
    PADS,
    SIZES,
    Op,
    fits_int64,
    image,
    inherited,
    integers,
    largest,
    matmul,
    must,
)
from lutwright.ir.window import output_size, taps, taps_inside
from lutwright.numerics.quantiser import IntArray
from lutwright.numerics.ranges import weighted_sum


def sum_bound(node: Node, x: Tensor) -> int:
    """A bound on the magnitude of every partial sum, the bias included, in whatever order the terms are added."""
    w = node.attrs["weights"].reshape(node.attrs["weights"].shape[0], -1)
    heaviest = float(np.abs(w.astype(np.float64)).sum(axis=1).max())  # exact below 2^53, and only compared above
    bias = node.attrs.get("bias", np.zeros(1, np.int64))
    total = heaviest * largest(x) + float(np.abs(bias.astype(np.float64)).max())
    fits_int64(node, total, "sums of products")
    return int(total)


def _with_bias(node: Node, low: IntArray, high: IntArray) -> tuple[int, int]:
    bias = node.attrs.get("bias", np.zeros(1, np.int64))
    must(node, bias.size in (1, low.size), f"bias must have {low.size} entries", bias.size)
    return int((low + bias).min()), int((high + bias).max())


# ---- Conv: weights [O, kh, kw, I/groups]; output channel o sees the inputs of group o // (O / groups) ----------------


def _conv_infer(node: Node, inputs: list[Tensor]) -> Tensor:
    x = inputs[0]
    height, width, channels = image(node, x)
    w, stride, pads, groups = (node.attrs[key] for key in ("weights", "stride", "pads", "groups"))
    divides = groups >= 1 and channels % groups == 0 and w.shape[0] % groups == 0
    must(node, divides, f"groups must divide {channels} inputs and {w.shape[0]} outputs", groups)
    must(node, w.shape[3] == channels // groups, f"weights must have {channels // groups} input channels", w.shape[3])
    rows = output_size(height, w.shape[1], stride[0], pads[0] + pads[2])
    columns = output_size(width, w.shape[2], stride[1], pads[1] + pads[3])
    must(node, rows > 0 and columns > 0, "the kernel must fit into the padded input", f"{w.shape[1:3]} on {x.shape}")
    sum_bound(node, x)
    low, high = _with_bias(node, *_conv_bounds(w, x, stride, pads))
    shape = (rows, columns, w.shape[0])
    return Tensor(node.output, shape, low, high, inherited(x, shape))


def _conv_bounds(
    w: IntArray, x: Tensor, stride: tuple[int, int], pads: tuple[int, int, int, int]
) -> tuple[IntArray, IntArray]:
    """The bounds int64 [O] of the sums, each reached at some place: there every input on the image takes its extreme.

    At the border some taps see padding, which is 0. Taps on the image form a rectangle of the kernel, and few different
    ones occur, so the sums of positive and of negative weights over each are looked up in a summed-area table.
    """
    across = np.unique(taps_inside(x.shape[0], w.shape[1], stride[0], pads[0], pads[2]), axis=0).T[:, :, None]
    along = np.unique(taps_inside(x.shape[1], w.shape[2], stride[1], pads[1], pads[3]), axis=0).T[:, None, :]
    (top, bottom), (left, right) = across, along

    def over(part: IntArray) -> IntArray:
        area = np.pad(part.sum(axis=3).cumsum(axis=1).cumsum(axis=2), ((0, 0), (1, 0), (1, 0)))
        return area[:, bottom, right] - area[:, top, right] - area[:, bottom, left] + area[:, top, left]

    positive, negative = over(np.maximum(w, 0)), over(np.minimum(w, 0))
    low, high = positive * x.low + negative * x.high, positive * x.high + negative * x.low
    return low.min(axis=(1, 2)), high.max(axis=(1, 2))


def _conv_execute(node: Node, inputs: list[IntArray], tensors: list[Tensor]) -> IntArray:
    w, groups, bound = node.attrs["weights"], node.attrs["groups"], sum_bound(node, tensors[0])
    size, total = w.shape[0] // groups, None
    for i, j, x in taps(inputs[0], w.shape[1:3], node.attrs["stride"], node.attrs["pads"], 0):
        flat = np.split(x.reshape(-1, x.shape[3]), groups, axis=1)
        parts = [matmul(part, w[g * size : (g + 1) * size, i, j], bound) for g, part in enumerate(flat)]
        here = np.concatenate(parts, axis=1).reshape(*x.shape[:3], w.shape[0])
        total = here if total is None else total + here
    return np.asarray(total + node.attrs.get("bias", 0))


# ---- Dense: weights [O, I] -------------------------------------------------------------------------------------------


def _dense_infer(node: Node, inputs: list[Tensor]) -> Tensor:
    x, w = inputs[0], node.attrs["weights"]
    must(node, x.shape == (w.shape[1],), f"the input must be a vector of {w.shape[1]}", x.shape)
    sum_bound(node, x)
    low, high = _with_bias(node, *weighted_sum(w, x.low, x.high, False))
    return Tensor(node.output, (w.shape[0],), low, high, inherited(x, (w.shape[0],)))


def _dense_execute(node: Node, inputs: list[IntArray], tensors: list[Tensor]) -> IntArray:
    return matmul(inputs[0], node.attrs["weights"], sum_bound(node, tensors[0])) + node.attrs.get("bias", 0)


ROWS = (
    Op(
        "Conv",
        "window sums of products",
        {"weights": integers(4), "stride": SIZES, "pads": PADS, "groups": INTEGER},
        _conv_infer,
        _conv_execute,
        {"bias": integers(1)},
    ),
    Op(
        "Dense",
        "matrix times vector",
        {"weights": integers(2)},
        _dense_infer,
        _dense_execute,
        {"bias": integers(1)},
    ),
)
