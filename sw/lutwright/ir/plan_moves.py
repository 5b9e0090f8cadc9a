"""Operations of the compiled executor that work on a whole block: pools, and whatever puts elements elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lutwright.ir.graph import Node, Tensor
from lutwright.ir.ops import OPS
from lutwright.ir.plan_storage import Numbers
from lutwright.ir.spatial import depth_axes
from lutwright.ir.window import taps_inside

# Inputs [n, rows, columns, channels] and the output to fill, of the layouts of their tensors.
Move = Callable[[list[Numbers], Numbers], None]


def make_move(node: Node, inputs: list[Tensor], out: Tensor) -> Move:
    """How `node` fills its output."""
    plain_ranks = all(len(t.shape) in (1, 3) for t in (*inputs, out))
    return _MOVES[node.op](node, inputs) if node.op in _MOVES and plain_ranks else _by_definition(node, inputs, out)


def _by_definition(node: Node, inputs: list[Tensor], out: Tensor) -> Move:
    def run(x: list[Numbers], made: Numbers) -> None:
        frames = made.shape[0]
        arrays = [a.reshape(frames, *t.shape).astype(np.int64) for a, t in zip(x, inputs, strict=True)]
        made[...] = OPS[node.op].execute(node, arrays, inputs).reshape(made.shape)

    return run


# ---- pools: first along the columns of windows, then along the rows --------------------------------------------------

Taps = list[tuple[slice, slice]]


def _taps(size: int, kernel: int, stride: int, before: int, after: int) -> Taps:
    """For each tap of the kernel the windows in which it lies on the image, and the places that it then sees."""
    inside = taps_inside(size, kernel, stride, before, after)
    pairs: Taps = []
    for tap in range(kernel):
        seen = np.flatnonzero((inside[:, 0] <= tap) & (tap < inside[:, 1]))
        if seen.size:
            first, last = int(seen[0]), int(seen[-1])
            start = first * stride - before + tap
            places = slice(start, start + (last - first) * stride + 1, stride)
            pairs.append((slice(first, last + 1), places))
    return pairs


def _fold(ufunc: np.ufunc, neutral: int, taps: Taps, axis: int, x: Numbers, out: Numbers) -> None:
    """out = the taps of `x` along `axis` joined by `ufunc`, in the type of `out`; `neutral` where there is none."""

    def at(array: Numbers, place: slice) -> Numbers:
        return array[(slice(None),) * axis + (place,)]

    full = [pair for pair in taps if pair[0] == slice(0, out.shape[axis])]
    if len(full) > 1:
        ufunc(at(x, full[0][1]), at(x, full[1][1]), out=out, dtype=out.dtype, casting="unsafe")
    elif full:
        np.copyto(out, at(x, full[0][1]), casting="unsafe")
    else:
        out.fill(neutral)
    for windows, places in [pair for pair in taps if pair not in full[:2]]:
        ufunc(at(out, windows), at(x, places), out=at(out, windows), dtype=out.dtype, casting="unsafe")


def _pool(node: Node, ufunc: np.ufunc, neutral: int, x: Tensor) -> Move:
    kernel, stride, pads = (node.attrs[key] for key in ("kernel", "stride", "pads"))
    rows = _taps(x.shape[0], kernel[0], stride[0], pads[0], pads[2])
    columns = _taps(x.shape[1], kernel[1], stride[1], pads[1], pads[3])

    def run(inputs: list[Numbers], made: Numbers) -> None:
        (x,) = inputs
        half = np.empty((x.shape[0], made.shape[1], *x.shape[2:]), made.dtype)
        _fold(ufunc, neutral, rows, 1, x, half)
        _fold(ufunc, neutral, columns, 2, half, made)

    return run


def _max_pool(node: Node, inputs: list[Tensor]) -> Move:
    # No window lies wholly in the padding, so one that sees the lowest value there is keeps its maximum.
    return _pool(node, np.maximum, inputs[0].low, inputs[0])


def _sum_pool(node: Node, inputs: list[Tensor]) -> Move:
    # No partial sum is larger than the largest sum of a window, which the output's type holds.
    return _pool(node, np.add, 0, inputs[0])


# ---- the others ------------------------------------------------------------------------------------------------------


def _concat(node: Node, inputs: list[Tensor]) -> Move:
    axis = node.attrs["axis"] + 1 if len(inputs[0].shape) == 3 else 3

    def run(x: list[Numbers], made: Numbers) -> None:
        np.concatenate(x, axis=axis, out=made, casting="unsafe")

    return run


def _pad(node: Node, inputs: list[Tensor]) -> Move:
    top, left, _, _ = node.attrs["pads"]
    height, width, _ = inputs[0].shape

    def run(x: list[Numbers], made: Numbers) -> None:
        made.fill(node.attrs["value"])
        made[:, top : top + height, left : left + width] = x[0]

    return run


def _resize(node: Node, inputs: list[Tensor]) -> Move:
    rows, columns = node.attrs["rows"], node.attrs["columns"]

    def run(x: list[Numbers], made: Numbers) -> None:
        made[...] = x[0][:, rows][:, :, columns]

    return run


def _depth_to_space(node: Node, inputs: list[Tensor]) -> Move:
    split, order = depth_axes(node, inputs[0])
    axes = (0, *(axis + 1 for axis in order))

    def run(x: list[Numbers], made: Numbers) -> None:
        made[...] = x[0].reshape(-1, *split).transpose(axes).reshape(made.shape)

    return run


def _reorder(node: Node, inputs: list[Tensor]) -> Move:
    index = node.attrs["index"]

    def run(x: list[Numbers], made: Numbers) -> None:
        made[...] = x[0].reshape(made.shape[0], -1)[:, index].reshape(made.shape)

    return run


def _flatten(node: Node, inputs: list[Tensor]) -> Move:
    def run(x: list[Numbers], made: Numbers) -> None:
        made[...] = x[0].reshape(made.shape)

    return run


def _argmax(node: Node, inputs: list[Tensor]) -> Move:
    def run(x: list[Numbers], made: Numbers) -> None:
        made[...] = np.argmax(x[0], axis=-1)[..., None]

    return run


_MOVES: dict[str, Callable[[Node, list[Tensor]], Move]] = {
    "ArgMax": _argmax,
    "Concat": _concat,
    "DepthToSpace": _depth_to_space,
    "Flatten": _flatten,
    "MaxPool": _max_pool,
    "Pad": _pad,
    "Reorder": _reorder,
    "Resize": _resize,
    "SumPool": _sum_pool,
}
