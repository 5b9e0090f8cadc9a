"""Operations on each element by itself: Step, Affine, Add."""

from __future__ import annotations

import numpy as np

from lutwright.ir.graph import Node, Tensor
from lutwright.ir.op import Attribute, Op, fits_int64, inherited, integers, largest, must, per_channel, products
from lutwright.numerics.quantiser import IntArray
from lutwright.numerics.steps import Steps, Table

# ---- Step: steps (Steps or Table), form (a hardware form that equals them, or None) ----------------------------------


_STEPS = Attribute("Steps or a Table", lambda value: isinstance(value, Steps | Table))
_FORM = Attribute("a hardware form or None", lambda value: value is None or hasattr(value, "apply"))


def _step_infer(node: Node, inputs: list[Tensor]) -> Tensor:
    x, steps = inputs[0], node.attrs["steps"]
    must(node, steps.channels == x.channels, f"there must be {x.channels} channels of steps", steps.channels)
    covered = steps.low <= x.low and x.high <= steps.high
    must(node, covered, f"the steps must cover [{x.low}, {x.high}]", f"[{steps.low}, {steps.high}]")
    if isinstance(steps, Table):
        codes = steps.codes[:, x.low - steps.low : x.high - steps.low + 1]
    else:  # monotone: the ends are the extremes
        codes = steps.apply(np.repeat([[x.low], [x.high]], x.channels, axis=1))
    return Tensor(node.output, x.shape, int(codes.min()), int(codes.max()), inherited(x, x.shape))


def _step_execute(node: Node, inputs: list[IntArray], tensors: list[Tensor]) -> IntArray:
    form = node.attrs["form"]
    return np.asarray((node.attrs["steps"] if form is None else form).apply(inputs[0]))


# ---- Affine: y = x*gain + offset -------------------------------------------------------------------------------------


def affine_bound(node: Node, x: Tensor) -> int:
    """A bound on the magnitudes of x, gain, offset, x*gain and the result."""
    gain, offset = (float(np.abs(node.attrs[key].astype(np.float64)).max()) for key in ("gain", "offset"))
    return int(max(largest(x), gain, gain * largest(x)) + offset)


def _affine_infer(node: Node, inputs: list[Tensor]) -> Tensor:
    x = inputs[0]
    per_channel(node, "gain", x.channels)
    per_channel(node, "offset", x.channels)
    fits_int64(node, affine_bound(node, x), "results")
    low, high = products(node, x, node.attrs["gain"])
    offset = node.attrs["offset"]
    return Tensor(node.output, x.shape, int((low + offset).min()), int((high + offset).max()), inherited(x, x.shape))


def _affine_execute(node: Node, inputs: list[IntArray], tensors: list[Tensor]) -> IntArray:
    return inputs[0] * node.attrs["gain"] + node.attrs["offset"]


# ---- Add: y = a*gains[0] + b*gains[1]; a and b may be the same tensor ------------------------------------------------


_GAINS = Attribute(
    "two int64 arrays of one dimension",
    lambda value: isinstance(value, tuple) and len(value) == 2 and all(integers(1).holds(gain) for gain in value),
)


def add_bound(node: Node, inputs: list[Tensor]) -> int:
    """A bound on the magnitudes of the inputs, the products and the sum."""
    parts = [
        max(largest(x), float(np.abs(gain.astype(np.float64)).max()) * max(1, largest(x)))
        for x, gain in zip(inputs, node.attrs["gains"], strict=True)
    ]
    return int(sum(parts))


def _add_infer(node: Node, inputs: list[Tensor]) -> Tensor:
    a, b = inputs
    must(node, a.shape == b.shape, "both inputs must have one shape", f"{a.shape} and {b.shape}")
    gains = node.attrs["gains"]
    for gain in gains:
        must(node, gain.size in (1, a.channels), f"gains must have 1 or {a.channels} entries", gain.size)
    fits_int64(node, add_bound(node, inputs), "sums")
    if node.inputs[0] == node.inputs[1]:
        low, high = products(node, a, gains[0] + gains[1])
    else:
        (low, high), (low_b, high_b) = products(node, a, gains[0]), products(node, b, gains[1])
        low, high = low + low_b, high + high_b
    return Tensor(node.output, a.shape, int(low.min()), int(high.max()), inherited(a, a.shape))


def _add_execute(node: Node, inputs: list[IntArray], tensors: list[Tensor]) -> IntArray:
    gains = node.attrs["gains"]
    return inputs[0] * gains[0] + inputs[1] * gains[1]


ROWS = (
    Op("Step", "accumulator to code", {"steps": _STEPS, "form": _FORM}, _step_infer, _step_execute),
    Op(
        "Affine",
        "gain and offset of each channel",
        {"gain": integers(1), "offset": integers(1)},
        _affine_infer,
        _affine_execute,
    ),
    Op("Add", "weighted sum of two tensors", {"gains": _GAINS}, _add_infer, _add_execute, inputs=(2, 2)),
)
