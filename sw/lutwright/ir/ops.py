"""The operations of the integer graph: one row a table entry.

A row tells which attributes a node has, what tensor it makes of its inputs, and how it runs on numpy.
Activations are int64 [batch, ...shape]. To add an operation, add a row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lutwright.errors import BadGraph
from lutwright.ir.graph import Node, Tensor
from lutwright.numerics.quantiser import IntArray
from lutwright.numerics.ranges import exact_float, weighted_sum

Infer = Callable[[Node, list[Tensor]], Tensor]
Execute = Callable[[Node, list[IntArray], list[Tensor]], IntArray]


@dataclass(frozen=True)
class Op:
    """One row. attrs: name -> type of each attribute; infer: shape and exact range; execute: the integers."""

    name: str
    summary: str
    attrs: dict[str, type]
    infer: Infer
    execute: Execute


def _must(node: Node, holds: bool, rule: str, found: object) -> None:
    if not holds:
        raise BadGraph(
            f"node '{node.name}' ({node.op})", rule, found, "Report this graph; a pass or a frontend made it."
        )


def output_size(size: int, kernel: int, stride: int, pad: int) -> int:
    """Outputs of a window of `kernel` along an axis of `size` with `pad` zeros in all."""
    return (size + pad - kernel) // stride + 1


# --- convolution: weights int64 [out, kh, kw, in]; pads (top, left, bottom, right); bias int64 [out] or absent


def _conv_infer(node: Node, inputs: list[Tensor]) -> Tensor:
    (x,) = inputs
    w, stride, pads = node.attrs["weights"], node.attrs["stride"], node.attrs["pads"]
    _must(node, len(x.shape) == 3, "the input must be (height, width, channels)", x.shape)
    _must(node, w.shape[3] == x.shape[2], f"weights must have {x.shape[2]} input channels", w.shape[3])
    rows = output_size(x.shape[0], w.shape[1], stride, pads[0] + pads[2])
    columns = output_size(x.shape[1], w.shape[2], stride, pads[1] + pads[3])
    _must(node, rows > 0 and columns > 0, "the kernel must fit into the padded input", f"{w.shape[1:3]} on {x.shape}")
    low, high = weighted_sum(w.reshape(w.shape[0], -1), x.low, x.high, any(pads))
    low, high = low + node.attrs.get("bias", 0), high + node.attrs.get("bias", 0)
    return Tensor(node.output, (rows, columns, w.shape[0]), int(low.min()), int(high.max()), x.scale)


def _conv_execute(node: Node, inputs: list[IntArray], tensors: list[Tensor]) -> IntArray:
    w, stride, pads = node.attrs["weights"], node.attrs["stride"], node.attrs["pads"]
    x = np.pad(inputs[0], ((0, 0), (pads[0], pads[2]), (pads[1], pads[3]), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[1:3], axis=(1, 2))[:, ::stride, ::stride]
    batch, rows, columns = windows.shape[:3]
    # windows is [batch, row, column, channel, kh, kw]
    flat = np.ascontiguousarray(windows).reshape(batch * rows * columns, -1)
    matrix = w.transpose(0, 3, 1, 2).reshape(w.shape[0], -1)
    sums = _exact_matmul(flat, matrix, tensors[0]).reshape(batch, rows, columns, w.shape[0])
    return np.asarray(sums + node.attrs.get("bias", 0))


def _exact_matmul(x: IntArray, weights: IntArray, t: Tensor) -> IntArray:
    """x @ weights.T in integers, by float BLAS where the range proves that every partial sum is exact."""
    bound = int(np.abs(weights).sum(axis=1).max()) * max(abs(t.low), abs(t.high), 1)
    kind = exact_float(bound)
    if kind is None:
        return np.asarray(x @ weights.T)
    return np.rint(x.astype(kind) @ weights.T.astype(kind)).astype(np.int64)


# --- dense: weights int64 [out, in] ---------------------------------------------------------------------------------


def _dense_infer(node: Node, inputs: list[Tensor]) -> Tensor:
    (x,) = inputs
    w = node.attrs["weights"]
    _must(node, x.shape == (w.shape[1],), f"the input must be a vector of {w.shape[1]}", x.shape)
    low, high = weighted_sum(w, x.low, x.high, False)
    return Tensor(node.output, (w.shape[0],), int(low.min()), int(high.max()), x.scale)


def _dense_execute(node: Node, inputs: list[IntArray], tensors: list[Tensor]) -> IntArray:
    return _exact_matmul(inputs[0], node.attrs["weights"], tensors[0])


# --- step: attribute steps (numerics.steps.Steps), form (numerics.requantise.Requantise or None) --------------------


def _step_infer(node: Node, inputs: list[Tensor]) -> Tensor:
    (x,) = inputs
    steps = node.attrs["steps"]
    _must(node, steps.channels == x.channels, f"there must be {x.channels} channels of steps", steps.channels)
    covered = steps.low <= x.low and x.high <= steps.high
    _must(node, covered, f"the steps must cover [{x.low}, {x.high}]", f"[{steps.low}, {steps.high}]")
    return Tensor(node.output, x.shape, steps.code_low, steps.code_high, x.scale)


def _step_execute(node: Node, inputs: list[IntArray], tensors: list[Tensor]) -> IntArray:
    form = node.attrs["form"]
    return np.asarray((form or node.attrs["steps"]).apply(inputs[0]))


# --- max pool: kernel == stride, no padding; what is left over at the right and the bottom is dropped ---------------


def _pool_infer(node: Node, inputs: list[Tensor]) -> Tensor:
    (x,) = inputs
    kernel = node.attrs["kernel"]
    _must(
        node, len(x.shape) == 3 and min(x.shape[:2]) >= kernel, f"the input must be at least {kernel}x{kernel}", x.shape
    )
    return Tensor(node.output, (x.shape[0] // kernel, x.shape[1] // kernel, x.shape[2]), x.low, x.high, x.scale)


def _pool_execute(node: Node, inputs: list[IntArray], tensors: list[Tensor]) -> IntArray:
    k = node.attrs["kernel"]
    batch, rows, columns, channels = inputs[0].shape
    x = inputs[0][:, : rows // k * k, : columns // k * k]
    return np.asarray(x.reshape(batch, rows // k, k, columns // k, k, channels).max(axis=(2, 4)))


# --- flatten, argmax ------------------------------------------------------------------------------------------------


def _flatten_infer(node: Node, inputs: list[Tensor]) -> Tensor:
    (x,) = inputs
    return Tensor(node.output, (x.words,), x.low, x.high, x.scale)


def _flatten_execute(node: Node, inputs: list[IntArray], tensors: list[Tensor]) -> IntArray:
    return inputs[0].reshape(inputs[0].shape[0], -1)


def _argmax_infer(node: Node, inputs: list[Tensor]) -> Tensor:
    (x,) = inputs
    _must(node, len(x.shape) == 1, "the input must be a vector", x.shape)
    return Tensor(node.output, (1,), 0, x.shape[0] - 1, np.ones(1))


def _argmax_execute(node: Node, inputs: list[IntArray], tensors: list[Tensor]) -> IntArray:
    return np.argmax(inputs[0], axis=1)[:, None]


_ROWS = (
    Op(
        "Conv",
        "window sums of products",
        {"weights": np.ndarray, "stride": int, "pads": tuple},
        _conv_infer,
        _conv_execute,
    ),
    Op("Dense", "matrix times vector", {"weights": np.ndarray}, _dense_infer, _dense_execute),
    Op("Step", "accumulator to code", {"steps": object, "form": object}, _step_infer, _step_execute),
    Op("MaxPool", "largest of kernel x kernel", {"kernel": int}, _pool_infer, _pool_execute),
    Op("Flatten", "(h, w, c) to (h*w*c,), channels fastest", {}, _flatten_infer, _flatten_execute),
    Op("ArgMax", "index of the largest, ties to the lowest", {}, _argmax_infer, _argmax_execute),
)
OPS: dict[str, Op] = {row.name: row for row in _ROWS}


def infer(node: Node, inputs: list[Tensor], scale: Any = None, zero_point: int = 0) -> Tensor:
    """The tensor that `node` makes of `inputs`; `scale` replaces the one that it inherits."""
    if node.op not in OPS:
        raise BadGraph(f"node '{node.name}'", f"op must be one of {', '.join(OPS)}", repr(node.op))
    made = OPS[node.op].infer(node, inputs)
    kept = made.scale if scale is None else np.atleast_1d(np.asarray(scale, np.float64))
    return Tensor(made.name, made.shape, made.low, made.high, kept, zero_point)
