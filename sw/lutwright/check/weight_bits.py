"""A model with the weights of some layers quantised to other bit widths, by editing its QONNX file."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import numpy_helper

from lutwright.check.opened import Opened
from lutwright.check.qonnx_ops import Array, attributes, place
from lutwright.check.rungs import Float32Rung
from lutwright.errors import BadOption, UnsupportedOp
from lutwright.numerics.quantiser import Quantiser

ALL = "all"
_MOST_BITS = 16
_LAYERS = ("Conv", "Dense")
# What may stand between the Quant of the weights and the layer.
_THROUGH = ("Transpose", "Reshape", "Identity", "Squeeze", "Unsqueeze", "Cast")


def with_weight_bits(opened: Opened, widths: Mapping[str, int]) -> onnx.ModelProto:
    """A copy of the model whose layers have weights of `widths[layer]` bits.

    layer: a stage of the integer graph, a node of the model, or "all"; a layer's own entry goes before "all". The
    range that the weights cover stays: they are clipped where the layer's Quant clips them, its scale grows by 2 for
    each bit that is dropped, and it rounds the clipped weights of the file anew. Raises BadOption for a layer or a
    width that cannot be, UnsupportedOp where the weights do not come out of a Quant with zero point 0.
    """
    edited = onnx.ModelProto()
    edited.CopyFrom(opened.model)
    constants = Float32Rung(opened.model).constants
    makers = {output: node for node in edited.graph.node for output in node.output}
    for node, bits in _layers(opened, edited, widths):
        _requantise(edited.graph, _quant_of(node, makers, constants), constants, bits)
    return edited


def _layers(opened: Opened, edited: onnx.ModelProto, widths: Mapping[str, int]) -> list[tuple[onnx.NodeProto, int]]:
    """The model's nodes to change and the width of each."""
    nodes = {place(node): node for node in edited.graph.node}
    layers = [n for n in opened.graph.nodes if n.op in _LAYERS and n.source in nodes]
    names = {name for n in layers for name in (n.name, nodes[n.source].name)}
    for name, bits in widths.items():
        if name != ALL and name not in names:
            known = ", ".join(n.name for n in layers)
            raise BadOption("--weight-bits", f"the layer must be all or one of {known}", repr(name))
        if not 1 <= bits <= _MOST_BITS:
            raise BadOption("--weight-bits", f"the bits must be 1 to {_MOST_BITS}", bits)
    chosen = []
    for layer in layers:
        node = nodes[layer.source]
        bits = widths.get(layer.name, widths.get(node.name, widths.get(ALL, 0)))
        if bits:
            chosen.append((node, bits))
    return chosen


def _quant_of(
    layer: onnx.NodeProto, makers: Mapping[str, onnx.NodeProto], constants: Mapping[str, Array]
) -> onnx.NodeProto:
    """The Quant node of the layer's weights."""
    name = next((name for name in layer.input[1::-1] if name in constants), "")
    while name in makers and makers[name].op_type in _THROUGH:
        name = makers[name].input[0]
    found = makers.get(name)
    if found is None or found.op_type not in ("Quant", "IntQuant"):
        raise UnsupportedOp(
            place(layer),
            "its weights must come out of a Quant node to be given other bits",
            found.op_type if found is not None else "a constant",
            "Leave this layer out.",
        )
    if np.any(constants[found.input[2]]):
        raise UnsupportedOp(place(found), "the zero point must be 0 to change the bits", "others", "Leave it out.")
    return found


def _requantise(graph: onnx.GraphProto, quant: onnx.NodeProto, constants: Mapping[str, Array], bits: int) -> None:
    """Give `quant` its own scale and bit width, so that a Quant that shares them stays as it is."""
    if attributes(quant).get("signed", 1) and bits < 2:
        raise BadOption("--weight-bits", "signed weights need 2 bits or more", bits, "Train binary weights instead.")
    told, old = attributes(quant), float(np.max(constants[quant.input[3]]))
    before = constants[quant.input[1]]
    scale = before * np.float32(2.0 ** (old - bits))
    ends = Quantiser(1.0, 0.0, int(old), bool(told.get("signed", 1)), bool(told.get("narrow", 0)))
    clipped = np.clip(constants[quant.input[0]], ends.low * before, ends.high * before)
    for index, value in ((0, clipped), (1, scale), (3, np.full_like(constants[quant.input[3]], bits))):
        name = f"{quant.output[0]}.what_if.{index}"
        graph.initializer.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        quant.input[index] = name
