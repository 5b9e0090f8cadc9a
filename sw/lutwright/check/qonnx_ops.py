"""The QONNX operators as the qonnx package computes them, in the float type of what comes in.

The package's own functions are called, not its node classes: those cast every result to float32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from lutwright.errors import ToolMissing, UnsupportedOp

Array = NDArray[Any]
# The inputs of a node (None for one that is left out) to its outputs.
Kernel = Callable[[list[Array]], list[Array]]

DOMAINS = ("qonnx.custom_op.general", "finn.custom_op.general", "onnx.brevitas")
_MOST_COMPARISONS = 1 << 24  # of MultiThreshold at a time
# The QONNX specification has a name for truncation that the package lacks.
_SYNONYMS = {"ROUND_TO_ZERO": "DOWN"}


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """The attributes of `node` by name, texts decoded."""
    found = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    return {
        name: value.decode(errors="replace") if isinstance(value, bytes) else value for name, value in found.items()
    }


def place(node: onnx.NodeProto) -> str:
    """How messages call `node`."""
    return f"node '{node.name or node.output[0]}' ({node.op_type})"


def qonnx_kernel(node: onnx.NodeProto) -> Kernel:
    """The kernel of a node of one of DOMAINS. The number of its inputs tells the versions of Trunc apart.

    Raises UnsupportedOp for an operator that is not one of Quant, IntQuant, BipolarQuant, Trunc and MultiThreshold,
    ToolMissing without the package qonnx.
    """
    if node.op_type not in _KERNELS:
        known = ", ".join(sorted(_KERNELS))
        raise UnsupportedOp(place(node), f"QONNX operators must be one of {known}", node.op_type, "Convert the model.")
    try:
        import qonnx.custom_op.general  # noqa: F401
    except ImportError as error:
        raise ToolMissing(
            "check", "the package qonnx must be installed", "absent", "pip install 'lutwright[train]'."
        ) from error
    return _KERNELS[node.op_type](attributes(node))


def _rounding(told: Mapping[str, Any], default: str) -> str:
    mode = str(told.get("rounding_mode", default)).upper()
    return _SYNONYMS.get(mode, mode)


def _quant(told: Mapping[str, Any]) -> Kernel:
    from qonnx.custom_op.general.intquant import int_quant

    signed, narrow, mode = told.get("signed", 1), told.get("narrow", 0), _rounding(told, "ROUND")

    def run(inputs: list[Array]) -> list[Array]:
        x, scale, zero, bits = inputs
        made = int_quant(x, scale, zero, np.asarray(bits, x.dtype), signed, narrow, mode)  # 2^bits of an int8 overflows
        return [np.asarray(made, x.dtype)]

    return run


def _bipolar(told: Mapping[str, Any]) -> Kernel:
    from qonnx.custom_op.general.bipolar_quant import binary_quant

    return lambda inputs: [np.asarray(binary_quant(inputs[0], inputs[1]), inputs[0].dtype)]


def _trunc(told: Mapping[str, Any]) -> Kernel:
    from qonnx.custom_op.general.trunc import trunc_v1, trunc_v2

    signed, narrow, mode = told.get("signed", 1), told.get("narrow", 0), _rounding(told, "FLOOR")

    def run(inputs: list[Array]) -> list[Array]:
        x, scale, zero, bits_in = inputs[:4]
        bits_in, bits_out = (np.asarray(bits, x.dtype) for bits in (bits_in, inputs[-1]))
        if len(inputs) < 6:
            made = trunc_v1(x, scale, zero, bits_in, bits_out, mode)
        else:
            made = trunc_v2(x, scale, zero, bits_in, narrow, signed, inputs[4], bits_out, mode)
        return [np.asarray(made, x.dtype)]

    return run


def _multi_threshold(told: Mapping[str, Any]) -> Kernel:
    from qonnx.custom_op.general.multithreshold import multithreshold

    scale, bias, layout = told.get("out_scale", 1.0), told.get("out_bias", 0.0), told.get("data_layout", "")

    def run(inputs: list[Array]) -> list[Array]:
        x, thresholds = inputs
        names = layout or {2: "NC", 3: "NWC", 4: "NCHW"}.get(x.ndim, "")
        axis = names.index("C") if "C" in names else 1
        moved = x.swapaxes(axis, 1)
        rows = max(1, _MOST_COMPARISONS // max(1, thresholds.shape[-1] * x[0].size))
        made = [
            multithreshold(moved[i : i + rows], thresholds, scale, bias) for i in range(0, max(1, len(moved)), rows)
        ]
        return [np.asarray(np.concatenate(made).swapaxes(axis, 1), x.dtype)]

    return run


_KERNELS: dict[str, Callable[[Mapping[str, Any]], Kernel]] = {
    "Quant": _quant,
    "IntQuant": _quant,
    "BipolarQuant": _bipolar,
    "Trunc": _trunc,
    "MultiThreshold": _multi_threshold,
}
