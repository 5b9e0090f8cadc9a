"""Layers that work on each word, or on each channel of a window, by itself: Step, Affine, Add and the pools."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lutwright.hls.layer import Array, HlsLayer, narrow, signed_for
from lutwright.hls.options import HlsOptions
from lutwright.hls.windows import window_constants
from lutwright.ir.graph import Node, Tensor
from lutwright.ir.op import largest
from lutwright.numerics.quantiser import IntArray
from lutwright.numerics.ranges import IntType, type_of
from lutwright.numerics.requantise import Lookup, Multiply, Threshold
from lutwright.numerics.steps import Table


def _shared(*columns: IntArray) -> list[IntArray]:
    """`columns` [channels, ...] with one row in place of many where all rows of each are alike."""
    alike = all(bool((column == column[:1]).all()) for column in columns)
    return [column[:1] if alike else column for column in columns]


def _pointwise(x: Tensor, sets: int, given: HlsLayer) -> dict[str, int]:
    return {"words": given.words, "channels": x.channels, "sets": sets}


def step(node: Node, inputs: list[Tensor], out: Tensor, given: list[HlsLayer], options: HlsOptions) -> list[HlsLayer]:
    """A Step in its hardware form; without one by its thresholds or its table."""
    steps, form = node.attrs["steps"], node.attrs["form"]
    if form is None:
        form = Lookup(steps) if isinstance(steps, Table) else Threshold(steps)
    makers: dict[type, Callable[[Any, Tensor, Tensor, HlsLayer], HlsLayer]]
    makers = {Multiply: _multiply, Threshold: _threshold, Lookup: _lookup}
    return [makers[type(form)](form, inputs[0], out, given[0])]


def _multiply(form: Multiply, x: Tensor, out: Tensor, given: HlsLayer) -> HlsLayer:
    powers = form.form == "shift"
    gain = np.array([int(m).bit_length() - 1 for m in form.multiplier]) if powers else form.multiplier
    gain, offset = _shared(gain, np.broadcast_to(form.offset, gain.shape))
    most = largest(x) * int(np.abs(form.multiplier).max()) + int(np.abs(form.offset).max()) + (2 << form.shift)
    constants = _pointwise(x, gain.size, given) | {"powers": int(powers), "shift": form.shift, "even": int(form.even)}
    constants |= {"code_low": form.code_low, "code_high": form.code_high}
    return HlsLayer(
        "",
        "LutwrightRequantise",
        (given.name,),
        given.shape,
        out.type,
        header="lutwright_step.h",
        function="multiply_step",
        constants=constants,
        types={"sum": signed_for(most)},
        arrays={"gain": narrow(gain), "offset": narrow(offset)},
    )


def _threshold(form: Threshold, x: Tensor, out: Tensor, given: HlsLayer) -> HlsLayer:
    steps = form.steps
    falling = (steps.direction < 0).astype(np.int64)
    thresholds, base, falling = _shared(steps.thresholds, steps.base, falling)
    levels = max(1, thresholds.shape[1].bit_length())
    never = max(x.high, int(thresholds.max())) + 1
    count = (1 << levels) - 1
    padded = np.full((thresholds.shape[0], count), never, np.int64)
    padded[:, : thresholds.shape[1]] = thresholds
    kind = type_of(min(x.low, int(padded.min())), never)
    ends = steps.base + steps.direction * steps.thresholds.shape[1]
    codes = type_of(int(min(steps.base.min(), ends.min())), int(max(steps.base.max(), ends.max())))
    return HlsLayer(
        "",
        "LutwrightRequantise",
        (given.name,),
        given.shape,
        out.type,
        header="lutwright_step.h",
        function="threshold_step",
        constants=_pointwise(x, base.size, given) | {"levels": levels, "count": count},
        types={"code": codes},
        arrays={"thresholds": Array(padded, kind), "base": narrow(base), "falling": Array(falling, IntType(False, 1))},
    )


def _lookup(form: Lookup, x: Tensor, out: Tensor, given: HlsLayer) -> HlsLayer:
    table = form.table
    (codes,) = _shared(table.codes)
    span = codes.shape[1]
    place = type_of(min(x.low, table.low, 0), max(x.high, span))
    return HlsLayer(
        "",
        "LutwrightTable",
        (given.name,),
        given.shape,
        out.type,
        header="lutwright_step.h",
        function="table_step",
        constants=_pointwise(x, codes.shape[0], given) | {"span": span, "low": table.low},
        types={"place": place},
        arrays={"codes": narrow(codes)},
    )


def affine(node: Node, inputs: list[Tensor], out: Tensor, given: list[HlsLayer], options: HlsOptions) -> list[HlsLayer]:
    """A gain and an offset for each channel."""
    return [_affine(node.attrs["gain"], node.attrs["offset"], inputs[0], out.type, given[0])]


def _affine(gain: IntArray, offset: IntArray, x: Tensor, kind: IntType, given: HlsLayer) -> HlsLayer:
    gain, offset = _shared(*np.broadcast_arrays(gain, offset))
    most = max(1, largest(x)) * max(1, int(np.abs(gain).max())) + int(np.abs(offset).max())
    return HlsLayer(
        "",
        "LutwrightAffine",
        (given.name,),
        given.shape,
        kind,
        header="lutwright_linear.h",
        function="affine",
        constants=_pointwise(x, gain.size, given),
        types={"sum": signed_for(most)},
        arrays={"gain": narrow(gain), "offset": narrow(offset)},
    )


def copy(given: HlsLayer) -> HlsLayer:
    """The words of `given` once more."""
    high = (1 << (given.type.width - given.type.signed)) - 1
    x = Tensor("", given.shape, -high - 1 if given.type.signed else 0, high, np.ones(1))
    return _affine(np.ones(1, np.int64), np.zeros(1, np.int64), x, given.type, given)


def add(node: Node, inputs: list[Tensor], out: Tensor, given: list[HlsLayer], options: HlsOptions) -> list[HlsLayer]:
    """The weighted sum of two tensors; of a tensor with itself, an affine map."""
    gains = node.attrs["gains"]
    if given[0].name == given[1].name:
        total = gains[0] + gains[1]
        return [_affine(total, np.zeros(1, np.int64), inputs[0], out.type, given[0])]
    gain_a, gain_b = _shared(*np.broadcast_arrays(*gains))
    most = sum(
        max(1, largest(x)) * max(1, int(np.abs(gain).max())) for x, gain in zip(inputs, (gain_a, gain_b), strict=True)
    )
    return [
        HlsLayer(
            "",
            "LutwrightAdd",
            (given[0].name, given[1].name),
            given[0].shape,
            out.type,
            header="lutwright_linear.h",
            function="add",
            constants=_pointwise(inputs[0], gain_a.size, given[0]),
            types={"sum": signed_for(most)},
            arrays={"gain_a": narrow(gain_a), "gain_b": narrow(gain_b)},
        )
    ]


def pool(node: Node, inputs: list[Tensor], out: Tensor, given: list[HlsLayer], options: HlsOptions) -> list[HlsLayer]:
    """The largest or the sum of each window."""
    x, largest_of = inputs[0], node.op == "MaxPool"
    constants = window_constants(node, x, out) | {"pad": x.low if largest_of else 0}
    return [
        HlsLayer(
            "",
            "LutwrightPool",
            (given[0].name,),
            out.shape,
            out.type,
            header="lutwright_pool.h",
            function="max_pool" if largest_of else "sum_pool",
            constants=constants,
            types={} if largest_of else {"sum": signed_for(largest(x) * constants["taps"])},
        )
    ]
