"""Operations on the places of an image, each channel by itself: pools, padding, resizing."""

from __future__ import annotations

import numpy as np

from lutwright.ir.graph import Node, Tensor
from lutwright.ir.op import (
    INTEGER,
    PADS,
    SIZES,
    Attribute,
    Op,
    fits_int64,
    image,
    inherited,
    integers,
    largest,
    must,
    within,
)
from lutwright.ir.window import output_size, taps, taps_inside
from lutwright.numerics.quantiser import IntArray

# ---- pools: kernel and stride (rows, columns), pads; what is left over at the right and the bottom is dropped --------


def _pool_shape(node: Node, x: Tensor) -> tuple[int, int, int]:
    height, width, channels = image(node, x)
    kernel, stride, pads = (node.attrs[key] for key in ("kernel", "stride", "pads"))
    rows = output_size(height, kernel[0], stride[0], pads[0] + pads[2])
    columns = output_size(width, kernel[1], stride[1], pads[1] + pads[3])
    must(node, rows > 0 and columns > 0, "the kernel must fit into the padded input", f"{kernel} on {x.shape}")
    return rows, columns, channels


def _counts(node: Node, x: Tensor) -> tuple[IntArray, IntArray]:
    """int64 [OH] and [OW]: the rows and columns of each window that lie on the image."""
    kernel, stride, pads = (node.attrs[key] for key in ("kernel", "stride", "pads"))
    rows = np.diff(taps_inside(x.shape[0], kernel[0], stride[0], pads[0], pads[2]))[:, 0]
    return rows, np.diff(taps_inside(x.shape[1], kernel[1], stride[1], pads[1], pads[3]))[:, 0]


def _max_infer(node: Node, inputs: list[Tensor]) -> Tensor:
    x = inputs[0]
    shape = _pool_shape(node, x)
    rows, columns = _counts(node, x)
    least = int(rows.min()), int(columns.min())
    must(node, min(least) > 0, "no window may lie wholly in the padding", f"pads {node.attrs['pads']}")
    return Tensor(node.output, shape, x.low, x.high, x.scale)


def _max_execute(node: Node, inputs: list[IntArray], tensors: list[Tensor]) -> IntArray:
    lowest = np.iinfo(np.int64).min
    windows = taps(inputs[0], node.attrs["kernel"], node.attrs["stride"], node.attrs["pads"], lowest)
    return np.asarray(np.max([x for _, _, x in windows], axis=0))


def _sum_infer(node: Node, inputs: list[Tensor]) -> Tensor:
    x = inputs[0]
    shape = _pool_shape(node, x)
    fits_int64(node, float(np.prod(node.attrs["kernel"], dtype=np.float64)) * largest(x), "sums")
    rows, columns = _counts(node, x)
    counts = int(rows.min() * columns.min()), int(rows.max() * columns.max())
    ends = [count * value for count in counts for value in (x.low, x.high)]
    return Tensor(node.output, shape, min(ends), max(ends), x.scale)


def _sum_execute(node: Node, inputs: list[IntArray], tensors: list[Tensor]) -> IntArray:
    windows = taps(inputs[0], node.attrs["kernel"], node.attrs["stride"], node.attrs["pads"], 0)
    return np.asarray(np.sum([x for _, _, x in windows], axis=0))


# ---- Pad: `value` around the image -----------------------------------------------------------------------------------


def _pad_infer(node: Node, inputs: list[Tensor]) -> Tensor:
    x = inputs[0]
    height, width, channels = image(node, x)
    top, left, bottom, right = node.attrs["pads"]
    value = int(node.attrs["value"])
    fits_int64(node, abs(value), "the value")
    low, high = (min(x.low, value), max(x.high, value)) if any(node.attrs["pads"]) else (x.low, x.high)
    return Tensor(node.output, (height + top + bottom, width + left + right, channels), low, high, x.scale)


def _pad_execute(node: Node, inputs: list[IntArray], tensors: list[Tensor]) -> IntArray:
    top, left, bottom, right = node.attrs["pads"]
    edges = ((0, 0), (top, bottom), (left, right), (0, 0))
    return np.pad(inputs[0], edges, constant_values=node.attrs["value"])


# ---- Resize: y[h, w] = x[rows[h], columns[w]] ------------------------------------------------------------------------


def _resize_infer(node: Node, inputs: list[Tensor]) -> Tensor:
    x = inputs[0]
    height, width, channels = image(node, x)
    rows, columns = node.attrs["rows"], node.attrs["columns"]
    within(node, "rows", rows, height)
    within(node, "columns", columns, width)
    low, high = node.attrs.get("range", (x.low, x.high))
    must(node, x.low <= low <= high <= x.high, f"range must lie within [{x.low}, {x.high}]", (low, high))
    return Tensor(node.output, (rows.size, columns.size, channels), low, high, x.scale)


def _resize_execute(node: Node, inputs: list[IntArray], tensors: list[Tensor]) -> IntArray:
    return inputs[0][:, node.attrs["rows"]][:, :, node.attrs["columns"]]


# ---- DepthToSpace: blocks of channels become blocks of pixels, in either of the two orders of ONNX -------------------


def _depth_infer(node: Node, inputs: list[Tensor]) -> Tensor:
    x = inputs[0]
    height, width, channels = image(node, x)
    b = int(node.attrs["block"])
    must(node, b >= 1 and channels % (b * b) == 0, f"the square of block must divide {channels} channels", b)
    shape = (height * b, width * b, channels // (b * b))
    return Tensor(node.output, shape, x.low, x.high, inherited(x, shape))


def depth_axes(node: Node, x: Tensor) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """How DepthToSpace splits (height, width, channels) of `x`, and the order that then gives (h, b, w, b, c)."""
    height, width, channels = x.shape
    b = node.attrs["block"]
    c = channels // (b * b)
    if node.attrs["mode"] == "DCR":
        return (height, width, b, b, c), (0, 2, 1, 3, 4)
    return (height, width, c, b, b), (0, 3, 1, 4, 2)


def _depth_execute(node: Node, inputs: list[IntArray], tensors: list[Tensor]) -> IntArray:
    split, order = depth_axes(node, tensors[0])
    x = inputs[0].reshape(-1, *split).transpose(0, *(axis + 1 for axis in order))
    h, b, w, _, c = x.shape[1:]
    return x.reshape(-1, h * b, w * b, c)


_POOL = {"kernel": SIZES, "stride": SIZES, "pads": PADS}
ROWS = (
    Op("MaxPool", "largest of a window; padding never wins", _POOL, _max_infer, _max_execute),
    Op("SumPool", "sum of a window; padding counts as 0", _POOL, _sum_infer, _sum_execute),
    Op("Pad", "a value around the image", {"pads": PADS, "value": INTEGER}, _pad_infer, _pad_execute),
    Op(
        "Resize",
        "rows and columns picked by index",
        {"rows": integers(1), "columns": integers(1)},
        _resize_infer,
        _resize_execute,
        # The words that are picked may reach less far than all: what made them knows.
        optional={"range": Attribute("(low, high), integers", lambda v: isinstance(v, tuple) and len(v) == 2)},
    ),
    Op(
        "DepthToSpace",
        "blocks of channels to blocks of pixels",
        {"block": INTEGER, "mode": Attribute("DCR or CRD", lambda value: value in ("DCR", "CRD"))},
        _depth_infer,
        _depth_execute,
    ),
)
