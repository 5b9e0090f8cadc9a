"""Layers of weighted sums: Dense and Conv, as hls4ml's own layers or as the multiplexer and grouped convolutions."""

from __future__ import annotations

import numpy as np

from lutwright.hls.layer import Array, HlsLayer, narrow, signed_for
from lutwright.hls.options import HlsOptions
from lutwright.hls.windows import window_constants
from lutwright.ir.graph import Node, Tensor
from lutwright.ir.linear import sum_bound
from lutwright.ir.op import largest
from lutwright.numerics.quantiser import IntArray
from lutwright.numerics.ranges import IntType, type_of

BEFORE = "<before>"  # as an input: the layer in front, of the same node
# hls4ml writes out the windows of an io_parallel convolution, one C++ expression a word: no more than so many.
_MOST_WRITTEN = 20_000


def _weight_type(weights: IntArray) -> IntType:
    """The type of weights of hls4ml's own layers.

    hls4ml takes ap_uint<1> for the codes 0 and 1 of -1 and 1, and ap_int<2> for ternary: it makes no product of -2.
    """
    kind = type_of(min(-1, int(weights.min())), int(weights.max()))
    return IntType(True, 3) if kind.width == 2 and int(weights.min()) < -1 else IntType(True, max(2, kind.width))


def _bias(node: Node, outputs: int) -> IntArray:
    return np.array(np.broadcast_to(node.attrs.get("bias", np.zeros(1, np.int64)), outputs))


def _types(node: Node, x: Tensor, bias: IntArray) -> dict[str, IntType]:
    return {
        "weight": _weight_type(node.attrs["weights"]),
        "bias": IntType(True, narrow(bias).type.width + 1),
        "accum": signed_for(sum_bound(node, x)),
    }


def dense(node: Node, inputs: list[Tensor], out: Tensor, given: list[HlsLayer], options: HlsOptions) -> list[HlsLayer]:
    """hls4ml's Dense, behind its Reshape where the words come as pixels."""
    x, weights = inputs[0], node.attrs["weights"]
    bias = _bias(node, weights.shape[0])
    made = HlsLayer(
        "",
        "Dense",
        (given[0].name,),
        out.shape,
        out.type,
        attrs={
            "n_in": x.channels,
            "n_out": out.channels,
            "weight_data": np.ascontiguousarray(weights.T),
            "bias_data": bias,
        },
        precision=_types(node, x, bias),
    )
    if len(given[0].shape) == 1:
        return [made]
    flat = HlsLayer("", "Reshape", (given[0].name,), (x.channels,), given[0].type, attrs={"target_shape": [x.channels]})
    return [flat, HlsLayer(**{**vars(made), "inputs": (BEFORE,)})]


def conv(node: Node, inputs: list[Tensor], out: Tensor, given: list[HlsLayer], options: HlsOptions) -> list[HlsLayer]:
    """A multiplexer convolution where most of each kernel is zero, else hls4ml's Conv2D, else a grouped convolution."""
    x = inputs[0]
    kept = kept_weights(node)
    if kept:
        return [_mux(node, x, out, given[0], kept)]
    if is_native(node, x, out, options):
        return [_native(node, x, out, given[0])]
    return [_grouped(node, x, out, given[0])]


def kept_weights(node: Node) -> int:
    """The most weights that are left in any kernel of a pruned Conv, 0 for a Conv that is not worth multiplexers."""
    weights = node.attrs["weights"]
    places = weights.shape[1] * weights.shape[2]
    kept = max(1, int((weights != 0).sum(axis=(1, 2)).max()))
    return kept if node.attrs["groups"] == 1 and places > 1 and 2 * kept <= places else 0


def is_native(node: Node, x: Tensor, out: Tensor, options: HlsOptions) -> bool:
    """Whether hls4ml's Conv2D computes `node` exactly, in a program of bearable size.

    Its windows of one row ignore the stride down; its line buffer takes no kernel larger than its image.
    """
    _, height, width, channels = node.attrs["weights"].shape
    square = height == width and node.attrs["stride"][0] == node.attrs["stride"][1] <= height
    if node.attrs["groups"] != 1 or not square or min(x.shape[:2]) < height:
        return False
    written = out.shape[0] * out.shape[1] * height * width * channels
    return options.io == "io_stream" or written <= _MOST_WRITTEN


def _native(node: Node, x: Tensor, out: Tensor, given: HlsLayer) -> HlsLayer:
    weights = node.attrs["weights"]
    bias = _bias(node, weights.shape[0])
    top, left, bottom, right = node.attrs["pads"]
    attrs = {
        "data_format": "channels_last",
        "in_height": x.shape[0],
        "in_width": x.shape[1],
        "n_chan": x.channels,
        "out_height": out.shape[0],
        "out_width": out.shape[1],
        "n_filt": out.channels,
        "filt_height": weights.shape[1],
        "filt_width": weights.shape[2],
        "stride_height": node.attrs["stride"][0],
        "stride_width": node.attrs["stride"][1],
        "pad_top": top,
        "pad_left": left,
        "pad_bottom": bottom,
        "pad_right": right,
        "weight_data": np.ascontiguousarray(weights.transpose(1, 2, 3, 0)),
        "bias_data": bias,
    }
    return HlsLayer("", "Conv2D", (given.name,), out.shape, out.type, attrs=attrs, precision=_types(node, x, bias))


def _mux(node: Node, x: Tensor, out: Tensor, given: HlsLayer, kept: int) -> HlsLayer:
    """Positions and weights [outputs, channels * kept], those of a channel side by side."""
    weights = node.attrs["weights"]
    outputs, height, width, channels = weights.shape
    flat = weights.reshape(outputs, height * width, channels)
    order = np.argsort(flat == 0, axis=1, kind="stable")[:, :kept]  # the kept ones first, in their order
    values = np.take_along_axis(flat, order, axis=1)
    position, values = (a.transpose(0, 2, 1).reshape(outputs, channels * kept) for a in (order, values))
    bias = _bias(node, outputs)
    constants = window_constants(node, x, out) | {"kept": kept, "terms": channels * kept}
    arrays = {"position": narrow(np.ascontiguousarray(position))}
    signs = bool((np.abs(values) == 1).all())
    if signs:
        negative = (values < 0).astype(np.int64)
        bias = bias + negative.sum(axis=1)
        most = channels * kept * (largest(x) + 1) + int(np.abs(bias).max())
        arrays["negative"] = Array(np.ascontiguousarray(negative), IntType(False, 1))
    else:
        most = sum_bound(node, x)
        arrays["weight"] = narrow(np.ascontiguousarray(values))
    arrays["bias"] = narrow(bias)
    return HlsLayer(
        "",
        "LutwrightMux",
        (given.name,),
        out.shape,
        out.type,
        header="lutwright_mux.h",
        function="mux_sign" if signs else "mux_weight",
        constants=constants,
        types={"sum": signed_for(most)},
        arrays=arrays,
    )


def _grouped(node: Node, x: Tensor, out: Tensor, given: HlsLayer) -> HlsLayer:
    weights = node.attrs["weights"]
    groups = int(node.attrs["groups"])
    return HlsLayer(
        "",
        "LutwrightConv",
        (given.name,),
        out.shape,
        out.type,
        header="lutwright_conv.h",
        function="conv",
        constants=window_constants(node, x, out) | {"groups": groups, "depth": x.channels // groups},
        types={"sum": signed_for(sum_bound(node, x))},
        arrays={"weight": narrow(weights), "bias": narrow(_bias(node, weights.shape[0]))},
    )
