"""What the cells of hw/rtl can do: everything else is refused by name before anything is folded or lowered."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lutwright.errors import UnsupportedOp
from lutwright.ir.graph import Graph, Node
from lutwright.numerics.requantise import Lookup
from lutwright.numerics.steps import Table

_MOST = 1 << 31  # CODE_LOW and CODE_HIGH of requantise_affine are ints of SystemVerilog

_NO_CELL = {
    "Add": "Use a network without residual additions.",
    "Concat": "Use a network without concatenation.",
    "DepthToSpace": "Leave the rearrangement to the host.",
    "Pad": "Use the padding of the convolution behind it.",
    "Reorder": "Leave the rearrangement to the host.",
    "Resize": "Leave the resizing to the host.",
    "SumPool": "Use a max pool or a convolution with a stride.",
    "TopK": "End the network with ArgMax.",
}


def require_cells(graph: Graph) -> None:
    """Raise UnsupportedOp naming the first node of `graph` that no cell does, or that does not continue the chain."""
    here, signed = graph.input, graph.tensors[graph.input].type.signed
    for node in graph.nodes:
        if node.op in _NO_CELL:
            raise _refusal(node, "must be an operation that the hardware has a cell for", node.op, _NO_CELL[node.op])
        if node.inputs != (here,):
            fix = "Use a network that is one chain of layers."
            raise _refusal(node, f"must read '{here}', the output of the node before", ", ".join(node.inputs), fix)
        if node.op in ("Step", "Affine"):
            fix = "Put the step function directly behind the layer's sums."
            _must(node, signed, "the input must be two's complement for the hardware", graph.tensors[here].type, fix)
        if node.op in _CHECKS:
            _CHECKS[node.op](graph, node)
        signed = _is_signed(graph, node, signed)
        here = node.output
    if graph.output != here:
        where = f"graph '{graph.name}'"
        raise UnsupportedOp(where, f"the output must be '{here}', the last of the chain", f"'{graph.output}'")


def _is_signed(graph: Graph, node: Node, before: bool) -> bool:
    """Whether what `node` makes travels in two's complement: accumulators always do, codes where they need it."""
    if node.op in ("Conv", "Dense", "Affine"):
        return True
    return graph.tensors[node.output].type.signed if node.op in ("Step", "ArgMax") else before


def _refusal(node: Node, rule: str, found: object, fix: str) -> UnsupportedOp:
    return UnsupportedOp(f"node '{node.name}' ({node.op})", rule, found, fix)


def _must(node: Node, holds: bool, rule: str, found: object, fix: str) -> None:
    if not holds:
        raise _refusal(node, rule, found, fix)


def _conv(graph: Graph, node: Node) -> None:
    w, stride, groups = (node.attrs[key] for key in ("weights", "stride", "groups"))
    _must(node, groups == 1, "groups must be 1 for the hardware", groups, "Use a plain convolution.")
    _must(node, stride[0] == stride[1], "strides must be equal for the hardware", stride, "Use a square stride.")
    square = w.shape[1] == w.shape[2]
    _must(node, square, "the kernel must be square for the hardware", w.shape[1:3], "Use a square kernel.")
    _offset(graph, node)


def _offset(graph: Graph, node: Node) -> None:
    """Biases and offsets are added by requantise_affine."""
    out = graph.tensors[node.output]
    if node.op == "Affine" or "bias" in node.attrs:
        most = max(-out.low, out.high + 1)
        _must(node, most <= _MOST, "results must fit into 32 bits for the hardware", most, "Use fewer bits.")


def _max_pool(graph: Graph, node: Node) -> None:
    kernel, stride, pads = (node.attrs[key] for key in ("kernel", "stride", "pads"))
    plain = kernel[0] == kernel[1] >= 2 and stride == kernel and not any(pads)
    found = f"kernel {kernel}, stride {stride}, pads {pads}"
    rule = "the kernel must be square, 2 or more, equal to the stride and without padding for the hardware"
    _must(node, plain, rule, found, "Use a 2x2 pool with stride 2.")


def _step(graph: Graph, node: Node) -> None:
    steps, form = node.attrs["steps"], node.attrs["form"]
    table = isinstance(form, Lookup) or (form is None and isinstance(steps, Table))
    fix = "Use a monotone activation before the quantiser."
    _must(node, not table, "each channel must be monotone for the hardware", "a table", fix)


def _argmax(graph: Graph, node: Node) -> None:
    shape = graph.tensors[node.inputs[0]].shape
    fix = "Flatten the image first."
    _must(node, len(shape) == 1 and shape[0] >= 2, "the input must be a vector of two or more", shape, fix)


_CHECKS: dict[str, Callable[[Graph, Node], None]] = {
    "Affine": _offset,
    "ArgMax": _argmax,
    "Conv": _conv,
    "Dense": _offset,
    "MaxPool": _max_pool,
    "Step": _step,
}


def is_complement(node: Node) -> bool:
    """Whether the bias of a Conv is what passes/complement_signs leaves where each kernel keeps one +1 or -1."""
    w = node.attrs["weights"]
    if "bias" not in node.attrs or w.shape[1] * w.shape[2] < 2:
        return False
    one_each = bool(((w != 0).sum(axis=(1, 2)) == 1).all())
    left = -(w < 0).sum(axis=(1, 2, 3))
    return one_each and int(np.abs(w).max()) == 1 and bool((node.attrs["bias"] == left).all())
