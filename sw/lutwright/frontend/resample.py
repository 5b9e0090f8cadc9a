"""Handlers of padding and of resizing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from lutwright.errors import BadModel
from lutwright.frontend.quantisers import attributes, place
from lutwright.frontend.translator import MOST_WORDS, Translator
from lutwright.frontend.values import Symbol, Value
from lutwright.frontend.windows import pooled
from lutwright.numerics.quantiser import IntArray
from lutwright.numerics.view import same

_MOST_VALUE = 1 << 40  # of a padding, in units of the scale


def pad(t: Translator, node: onnx.NodeProto) -> Value:
    """Pad of height and width: with a constant, or (reflect, edge, wrap; cropping too) by repeating pixels."""
    x = t.symbol(node)
    told = attributes(node)
    rank = len(x.view.model_shape) + 1
    given = t.integers(node, 1) if t.has(node, 1) else [int(p) for p in told.get("pads", [])]
    if t.has(node, 3):
        axes, short = [a % rank for a in t.integers(node, 3)], given
        if len(short) != 2 * len(axes) or len(set(axes)) != len(axes):
            raise BadModel(
                place(node),
                "must have two pads for each axis that it names once",
                [short, axes],
                "Export the model again.",
            )
        given = [0] * (2 * rank)
        for i, a in enumerate(axes):
            given[a], given[a + rank] = short[i], short[i + len(axes)]
    if len(given) != 2 * rank:
        raise BadModel(place(node), f"must have {2 * rank} pads", given, "Export the model again.")
    if not any(given):
        return x
    if rank not in (3, 4) or any(given[i] or given[i + rank] for i in (0, 1)):
        raise t.refuse(node, "must pad height and width only", given, "Pad an image (batch, channels, height, width).")
    if max(map(abs, given)) > MOST_WORDS:
        raise t.refuse(node, f"pads must be at most {MOST_WORDS}", max(map(abs, given)), "Pad less.")
    x = t.canonical(node, x)
    edges = (0, given[2], 0, given[5]) if rank == 3 else (given[2], given[3], given[6], given[7])
    mode = told.get("mode", "constant")
    if mode != "constant" or min(edges) < 0:
        return _repeated(t, node, x, edges, str(mode))
    value = float(np.asarray(t.constant(node, 2)).reshape(-1)[0]) if t.has(node, 2) else float(told.get("value", 0.0))
    x = t.whole(node, t.materialise(node, x))
    code = value / float(x.chain.scale[0])
    if np.isfinite(code) and abs(code) >= _MOST_VALUE:
        raise t.refuse(node, f"the padding must be below {_MOST_VALUE} times the scale", value, "Pad with 0.")
    if not np.isfinite(code) or code != round(code):
        raise t.refuse(
            node, f"the padding must be a multiple of the scale {float(x.chain.scale[0])}", value, "Pad with 0."
        )
    return pooled(t, node, "Pad", x, pads=edges, value=int(code))


def _repeated(t: Translator, node: onnx.NodeProto, x: Symbol, edges: tuple[int, ...], mode: str) -> Symbol:
    lists = []
    for axis in range(2):
        places, size = np.arange(x.view.shape[axis]), (edges[axis], edges[axis + 2])
        inside = places[max(0, -size[0]) : max(0, len(places) - max(0, -size[1]))]
        if not inside.size:
            raise BadModel(place(node), "must leave something of the image", list(edges), "Export the model again.")
        grow = (max(0, size[0]), max(0, size[1]))
        if any(grow) and (mode == "constant" or mode not in ("reflect", "edge", "wrap")):
            raise t.refuse(
                node,
                "pads must all be positive, or the mode reflect, edge or wrap",
                f"{mode} {list(edges)}",
                "Crop and pad in two nodes.",
            )
        lists.append(np.pad(inside, grow, mode=mode) if any(grow) else inside)  # type: ignore[call-overload]
    return pooled(t, node, "Resize", x, rows=lists[0], columns=lists[1])


def resize(t: Translator, node: onnx.NodeProto) -> Value:
    """Resize and Upsample with mode nearest."""
    told = attributes(node)
    x = t.canonical(node, t.symbol(node))
    transform, rounding = _rule(t, node, told)
    shape = (t.batch, *x.view.model_shape)
    rank = len(shape)
    axes = [int(a) % rank for a in told.get("axes", range(rank))]
    sizes = _sizes(t, node, told, [shape[a] for a in axes])
    if min(count for count, _ in sizes) < 1:
        small = [count for count, _ in sizes]
        raise BadModel(place(node), "must have sizes of 1 or more", small, "Export the model again.")
    _must_be_small(t, node, [count for count, _ in sizes])
    if all(count == shape[axis] for axis, (count, _) in zip(axes, sizes, strict=True)):
        return x  # whatever the scales say: runtimes copy the image
    lists = {}
    for axis, (count, factor) in zip(axes, sizes, strict=True):
        lists[axis] = nearest(transform, rounding, shape[axis], count, factor)
        if axis < 2 and not same(lists[axis], np.arange(shape[axis])):
            found = f"axis {axis} from {shape[axis]} to {count}" + f", by {factor:.6g}" * (count == shape[axis])
            raise t.refuse(node, "must resize height and width only", found, "Resize the image.")
    rows = lists.get(2, np.arange(shape[2])) if rank == 4 else np.zeros(1, np.int64)
    columns = lists.get(rank - 1, np.arange(shape[rank - 1]))
    return pooled(t, node, "Resize", x, rows=rows, columns=columns)


def _must_be_small(t: Translator, node: onnx.NodeProto, counts: list[int]) -> None:
    """Refuse sizes of which one alone is too large: lists as long are made of them."""
    if max(counts) > MOST_WORDS:
        raise t.refuse(node, f"sizes must be at most {MOST_WORDS}", counts, "Resize less.")


def _rule(t: Translator, node: onnx.NodeProto, told: dict[str, Any]) -> tuple[str, str]:
    """(coordinate transformation, rounding); before opset 11 there was one, which rounds up where it shrinks."""
    if told.get("mode", "nearest") != "nearest":
        raise t.refuse(node, "mode must be nearest", told["mode"], "Use nearest; a linear resize needs a convolution.")
    if node.op_type == "Upsample" or t.versions.get("", 13) < 11:
        return "asymmetric", "simple"
    transform = str(told.get("coordinate_transformation_mode", "half_pixel"))
    rounding = str(told.get("nearest_mode", "round_prefer_floor"))
    for key, value, known in (
        ("coordinate_transformation_mode", transform, _TRANSFORMS),
        ("nearest_mode", rounding, tuple(_ROUNDINGS)),
    ):
        if value not in known:
            raise t.refuse(node, f"{key} must be one of {', '.join(known)}", value, "Use half_pixel.")
    return transform, rounding


def _sizes(t: Translator, node: onnx.NodeProto, told: dict[str, Any], shape: list[int]) -> list[tuple[int, np.float32]]:
    """For each axis of `shape` that is resized: the new size, and the scale in float32, as runtimes compute both."""
    sizes = t.constant(node, 3).reshape(-1) if t.has(node, 3) else np.zeros(0)
    scales = np.zeros(0) if sizes.size else _scales(t, node, told)
    given = sizes if sizes.size else scales
    if given.size != len(shape) or (given <= 0).any():
        rule = f"must have {len(shape)} positive scales or sizes"
        raise BadModel(place(node), rule, given.tolist(), "Export the model again.")
    old = np.array(shape, np.float32)
    if not sizes.size:
        factors = scales.astype(np.float32)
        return [(int(n), f) for n, f in zip(old * factors, factors, strict=True)]
    factors = sizes.astype(np.float32) / old
    policy = {"not_larger": np.min, "not_smaller": np.max}.get(str(told.get("keep_aspect_ratio_policy", "stretch")))
    if policy is None:
        return [(int(n), f) for n, f in zip(sizes, factors, strict=True)]
    factor = np.float32(policy(factors))
    return [(int(np.floor(np.float64(n) + 0.5)), factor) for n in old * factor]


def _scales(t: Translator, node: onnx.NodeProto, told: dict[str, Any]) -> NDArray[Any]:
    if node.op_type == "Upsample":
        return t.constant(node, 1).reshape(-1) if t.has(node, 1) else np.asarray(told.get("scales", []))
    return t.constant(node, 2 if t.versions.get("", 13) >= 11 else 1).reshape(-1)


_TRANSFORMS = (
    "half_pixel",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
    "half_pixel_symmetric",
    "tf_half_pixel_for_nn",
)
_ROUNDINGS: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "round_prefer_floor": lambda v: np.ceil(v - 0.5),
    "round_prefer_ceil": lambda v: np.floor(v + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


def nearest(transform: str, rounding: str, size: int, count: int, factor: np.float32) -> IntArray:
    """Where each of `count` outputs takes its value from, along an axis of `size` (ONNX Resize, mode nearest).

    Coordinates are computed in float32, as onnxruntime does: which pixel is nearest hangs on their rounding.
    """
    half, old, new = np.float32(0.5), np.float32(size), np.float32(count)
    out = np.arange(count, dtype=np.float32)
    if transform == "asymmetric":
        where = out / factor
    elif transform == "align_corners":
        where = out * (old - 1) / (new - 1) if count > 1 else out * 0
    elif transform == "pytorch_half_pixel" and count == 1:
        where = out * 0
    elif transform == "tf_half_pixel_for_nn":
        where = (out + half) / factor
    elif transform == "half_pixel_symmetric":
        begin = old / 2 * (1 - new / (factor * old))
        where = (begin + (out + 0.5).astype(np.float64) / np.float64(factor) - 0.5).astype(np.float32)
    else:
        where = (out + half) / factor - half
    if rounding == "simple":
        rounding = "ceil" if factor < 1 else "floor"
    return np.asarray(np.clip(_ROUNDINGS[rounding](where.astype(np.float64)), 0, size - 1), np.int64)
