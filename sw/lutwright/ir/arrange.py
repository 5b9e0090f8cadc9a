"""Operations that put elements elsewhere or tell where they are: Concat, Flatten, Reorder, ArgMax, TopK."""

from __future__ import annotations

import numpy as np

from lutwright.ir.graph import Node, Tensor
from lutwright.ir.op import INTEGER, Attribute, Op, inherited, integers, is_int, must, within
from lutwright.numerics.quantiser import FloatArray, IntArray

# ---- Concat: along `axis` of the shape without the batch -------------------------------------------------------------


def _concat_infer(node: Node, inputs: list[Tensor]) -> Tensor:
    axis, first = int(node.attrs["axis"]), inputs[0].shape
    must(node, 0 <= axis < len(first), f"axis must be in [0, {len(first) - 1}]", axis)
    for x in inputs[1:]:
        alike = len(x.shape) == len(first) and (*x.shape[:axis], *x.shape[axis + 1 :]) == (
            *first[:axis],
            *first[axis + 1 :],
        )
        must(node, alike, f"the inputs must have the shape {first} but for axis {axis}", x.shape)
    shape = (*first[:axis], sum(x.shape[axis] for x in inputs), *first[axis + 1 :])
    low, high = min(x.low for x in inputs), max(x.high for x in inputs)
    return Tensor(node.output, shape, low, high, _concat_scale(inputs, axis == len(first) - 1))


def _concat_scale(inputs: list[Tensor], channels: bool) -> FloatArray:
    """One scale where all have the same, each input's own where `channels` are joined."""
    if channels and any(x.scale.size > 1 or x.scale[0] != inputs[0].scale[0] for x in inputs):
        return np.concatenate([np.broadcast_to(x.scale, x.channels) for x in inputs])
    return inputs[0].scale


def _concat_execute(node: Node, inputs: list[IntArray], tensors: list[Tensor]) -> IntArray:
    return np.concatenate(inputs, axis=node.attrs["axis"] + 1)


# ---- Flatten, Reorder ------------------------------------------------------------------------------------------------


def _flatten_infer(node: Node, inputs: list[Tensor]) -> Tensor:
    x = inputs[0]
    return Tensor(node.output, (x.words,), x.low, x.high, np.tile(x.scale, x.words // x.scale.size)[: _entries(x)])


def _entries(x: Tensor) -> int:
    return 1 if x.scale.size == 1 else x.words


def _flatten_execute(node: Node, inputs: list[IntArray], tensors: list[Tensor]) -> IntArray:
    return inputs[0].reshape(inputs[0].shape[0], tensors[0].words)


def _reorder_infer(node: Node, inputs: list[Tensor]) -> Tensor:
    x, shape, index = inputs[0], node.attrs["shape"], node.attrs["index"]
    words = int(np.prod(shape))
    must(node, index.size == words, f"index must have {words} entries for shape {shape}", index.size)
    within(node, "index", index, x.words)
    return Tensor(node.output, tuple(int(n) for n in shape), x.low, x.high, inherited(x, shape))


def _reorder_execute(node: Node, inputs: list[IntArray], tensors: list[Tensor]) -> IntArray:
    batch = inputs[0].shape[0]
    return inputs[0].reshape(batch, tensors[0].words)[:, node.attrs["index"]].reshape(batch, *node.attrs["shape"])


# ---- ArgMax, TopK: indices along the last axis, ties to the lowest ---------------------------------------------------


def _argmax_infer(node: Node, inputs: list[Tensor]) -> Tensor:
    x = inputs[0]
    last = x.channels - 1 if x.low < x.high else 0  # all equal: always the first
    return Tensor(node.output, (*x.shape[:-1], 1), 0, last, np.ones(1))


def _argmax_execute(node: Node, inputs: list[IntArray], tensors: list[Tensor]) -> IntArray:
    return np.argmax(inputs[0], axis=-1)[..., None]


def _topk_infer(node: Node, inputs: list[Tensor]) -> Tensor:
    x, k = inputs[0], int(node.attrs["k"])
    must(node, 1 <= k <= x.channels, f"k must be in [1, {x.channels}]", k)
    last = x.channels - 1 if x.low < x.high else k - 1  # all equal: always the first k
    return Tensor(node.output, (*x.shape[:-1], k), 0, last, np.ones(1))


def _topk_execute(node: Node, inputs: list[IntArray], tensors: list[Tensor]) -> IntArray:
    return np.argsort(-inputs[0], axis=-1, kind="stable")[..., : node.attrs["k"]]


_SHAPE = Attribute(
    "a tuple of sizes",
    lambda value: isinstance(value, tuple) and len(value) > 0 and all(is_int(n) and n >= 1 for n in value),
)
ROWS = (
    Op("Concat", "inputs one behind the other", {"axis": INTEGER}, _concat_infer, _concat_execute, inputs=(2, 1 << 20)),
    Op("Flatten", "(h, w, c) to (h*w*c,), channels fastest", {}, _flatten_infer, _flatten_execute),
    Op(
        "Reorder",
        "elements picked by index",
        {"shape": _SHAPE, "index": integers(1)},
        _reorder_infer,
        _reorder_execute,
    ),
    Op("ArgMax", "index of the largest, ties to the lowest", {}, _argmax_infer, _argmax_execute),
    Op("TopK", "indices of the k largest, ties to the lowest", {"k": INTEGER}, _topk_infer, _topk_execute),
)
