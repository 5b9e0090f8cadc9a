"""Layers that put words elsewhere or tell where they are: Pad, Resize, DepthToSpace, Reorder, Concat, ArgMax, TopK."""

from __future__ import annotations

import numpy as np

from lutwright.hls.layer import HlsLayer, narrow
from lutwright.hls.lower_macs import BEFORE
from lutwright.hls.options import HlsOptions
from lutwright.ir.graph import Node, Tensor
from lutwright.ir.ops import OPS
from lutwright.numerics.quantiser import IntArray
from lutwright.numerics.ranges import type_of


def _gather(x: Tensor, out: Tensor, given: HlsLayer, index: IntArray, value: int = 0) -> list[HlsLayer]:
    return [
        HlsLayer(
            "",
            "LutwrightGather",
            (given.name,),
            out.shape,
            out.type,
            header="lutwright_arrange.h",
            function="gather",
            constants={"words": x.words, "made": out.words, "value": value},
            arrays={"index": narrow(index)},
        )
    ]


def _moved(node: Node, x: Tensor) -> IntArray:
    """Where each word of the result of `node` comes from: what the operator makes of the places themselves."""
    places = np.arange(x.words, dtype=np.int64).reshape(1, *x.shape)
    return OPS[node.op].execute(node, [places], [x]).reshape(-1)


def resize(node: Node, inputs: list[Tensor], out: Tensor, given: list[HlsLayer], options: HlsOptions) -> list[HlsLayer]:
    """Rows and columns picked by index."""
    return _gather(inputs[0], out, given[0], _moved(node, inputs[0]))


depth_to_space = reorder = resize


def pad(node: Node, inputs: list[Tensor], out: Tensor, given: list[HlsLayer], options: HlsOptions) -> list[HlsLayer]:
    """A value around the image."""
    x = inputs[0]
    top, left, bottom, right = node.attrs["pads"]
    places = np.arange(x.words, dtype=np.int64).reshape(x.shape)
    index = np.pad(places, ((top, bottom), (left, right), (0, 0)), constant_values=x.words)
    return _gather(x, out, given[0], index.reshape(-1), int(node.attrs["value"]))


def concat(node: Node, inputs: list[Tensor], out: Tensor, given: list[HlsLayer], options: HlsOptions) -> list[HlsLayer]:
    """Two tensors at a time, the first two first."""
    axis, made = int(node.attrs["axis"]), []
    shape, low, high = inputs[0].shape, inputs[0].low, inputs[0].high
    left = given[0].name
    for x, right in zip(inputs[1:], given[1:], strict=True):
        blocks = int(np.prod(shape[:axis]))
        sizes = int(np.prod(shape[axis:])), int(np.prod(x.shape[axis:]))
        shape = (*shape[:axis], shape[axis] + x.shape[axis], *shape[axis + 1 :])
        low, high = min(low, x.low), max(high, x.high)
        made.append(
            HlsLayer(
                "",
                "LutwrightConcat",
                (left, right.name),
                shape,
                type_of(low, high),
                header="lutwright_arrange.h",
                function="concat",
                constants={"blocks": blocks, "block_a": sizes[0], "block_b": sizes[1]},
            )
        )
        left = BEFORE
    return made


def order(node: Node, inputs: list[Tensor], out: Tensor, given: list[HlsLayer], options: HlsOptions) -> list[HlsLayer]:
    """The places of the largest along the last axis."""
    x = inputs[0]
    return [
        HlsLayer(
            "",
            "LutwrightOrder",
            (given[0].name,),
            out.shape,
            out.type,
            header="lutwright_order.h",
            function="order",
            constants={"rows": x.words // x.channels, "channels": x.channels, "places": out.channels},
        )
    ]
