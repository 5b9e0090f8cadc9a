"""What convolutions, pools and padding share: strides, pads, layouts of windows over an image or a signal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import onnx

from lutwright.errors import BadModel
from lutwright.frontend.quantisers import place
from lutwright.frontend.translator import MOST_WORDS, Translator
from lutwright.frontend.values import Symbol
from lutwright.numerics.view import View, plain


def image(shape: tuple[int, ...], spatial: int) -> View:
    """The plain view of an image (H, W, C), or with `spatial` 1 of a signal (1, L, C)."""
    return plain((shape[2], *shape[:2])) if spatial == 2 else plain((shape[2], shape[1]))


def geometry(
    t: Translator,
    node: onnx.NodeProto,
    told: dict[str, Any],
    kernel: tuple[int, ...],
    size: tuple[int, ...],
    spatial: int,
) -> tuple[tuple[int, int], tuple[int, int, int, int]]:
    """(strides), (pads top, left, bottom, right) of a window, two-dimensional also for signals."""
    lead = [1] * (2 - spatial)
    stride = (*lead, *(int(s) for s in told.get("strides", [1] * spatial)))
    if len(stride) != 2 or min(stride) < 1:
        raise BadModel(place(node), f"must have {spatial} positive strides", list(stride), "Export the model again.")
    pads = _pads(t, node, told, kernel, size, stride, spatial)
    padded = [n + pads[i] + pads[i + 2] for i, n in enumerate(size)]
    if padded[0] * padded[1] > MOST_WORDS:
        raise t.refuse(node, f"the padded input must have at most {MOST_WORDS} places", padded, "Pad less.")
    if any(n < k for n, k in zip(padded, kernel, strict=True)):
        raise BadModel(
            place(node),
            "the kernel must fit into the padded input",
            f"{tuple(kernel)} on {size}",
            "Export the model again.",
        )
    return (min(stride[0], padded[0]), min(stride[1], padded[1])), pads  # a longer stride makes no difference


def _pads(
    t: Translator,
    node: onnx.NodeProto,
    told: dict[str, Any],
    kernel: tuple[int, ...],
    size: tuple[int, ...],
    stride: tuple[int, ...],
    spatial: int,
) -> tuple[int, int, int, int]:
    """(top, left, bottom, right), each 0 or more."""
    given = [int(p) for p in told.get("pads", [0] * 2 * spatial)]
    auto = told.get("auto_pad", "NOTSET")
    if auto not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        rule = "auto_pad must be NOTSET, VALID, SAME_UPPER or SAME_LOWER"
        raise BadModel(place(node), rule, repr(auto), "Export the model again.")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        needs = [(-(-n // s) - 1) * s + k - n for n, s, k in zip(size, stride, kernel, strict=True)]
        if min(needs) < -1:  # some runtimes crop at both ends then, others do not
            raise t.refuse(node, f"{auto} must not leave out pixels between windows", needs, "Give pads.")
        needs = [max(0, n) for n in needs]
        small, large = [n // 2 for n in needs], [n - n // 2 for n in needs]
        first, second = (small, large) if auto == "SAME_UPPER" else (large, small)
        return first[0], first[1], second[0], second[1]
    if auto == "VALID":
        given = [0] * 2 * spatial
    if len(given) != 2 * spatial or min(given, default=0) < 0:
        raise BadModel(place(node), f"must have {2 * spatial} pads of 0 or more", given, "Export the model again.")
    first, second = [*[0] * (2 - spatial), *given[:spatial]], [*[0] * (2 - spatial), *given[spatial:]]
    return first[0], first[1], second[0], second[1]


def channels_last(t: Translator, node: onnx.NodeProto, handler: Any) -> Symbol:
    """Run a handler of (C, H, W) on an input that the model holds as (H, W, C)."""
    x = t.symbol(node)
    y = handler(t, node, replace(x, view=x.view.seen(np.moveaxis(x.view.index, -1, 0))))
    return replace(y, view=y.view.seen(np.moveaxis(y.view.index, 0, -1)))


def pooled(t: Translator, node: onnx.NodeProto, op: str, x: Symbol, **attrs: Any) -> Symbol:
    """Emit `op`, which works on each channel alone: the chain of `x` stays behind it."""
    spatial = len(x.view.model_shape) - 1
    y = t.emit(node, op, (x,), x.chain.scale, x.view, **attrs)
    return replace(y, chain=x.chain, view=image(t.tensors[y.tensor].shape, spatial))
