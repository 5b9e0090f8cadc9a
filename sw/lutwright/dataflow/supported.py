"""What the cells of hw/rtl can do: everything else is refused by name before anything is folded or lowered."""

from __future__ import annotations

from collections.abc import Callable

from lutwright.dataflow.kinds import is_depthwise
from lutwright.errors import UnsupportedOp
from lutwright.ir.graph import Graph, Node
from lutwright.numerics.requantise import Lookup
from lutwright.numerics.steps import Table

_MOST_CODES = 1 << 20  # entries of a table: it becomes a memory


def require_cells(graph: Graph) -> None:
    """Raise UnsupportedOp naming the first node of `graph` that no cell does."""
    if not graph.nodes:
        raise UnsupportedOp(f"graph '{graph.name}'", "must compute something for the hardware", "no nodes")
    for node in graph.nodes:
        if node.op in _CHECKS:
            _CHECKS[node.op](graph, node)


def _must(node: Node, holds: bool, rule: str, found: object, fix: str) -> None:
    if not holds:
        raise UnsupportedOp(f"node '{node.name}' ({node.op})", rule, found, fix)


def _conv(graph: Graph, node: Node) -> None:
    w, stride = node.attrs["weights"], node.attrs["stride"]
    _must(node, stride[0] == stride[1], "strides must be equal for the hardware", stride, "Use a square stride.")
    square = w.shape[1] == w.shape[2] and (w.shape[1] > 1 or (stride[0] == 1 and not any(node.attrs["pads"])))
    grouped = node.attrs["groups"] == 1 or is_depthwise(node)
    found = f"kernel {w.shape[1:3]}, groups {node.attrs['groups']}"
    fix = "Run passes/square_windows.py first."
    _must(node, square and grouped, "the window must be square and the layer dense or depthwise", found, fix)


def _pool(graph: Graph, node: Node) -> None:
    kernel, stride, pads = (node.attrs[key] for key in ("kernel", "stride", "pads"))
    tiles = kernel == stride and not any(pads)
    x = graph.tensors[node.inputs[0]].shape
    alone = [k == s or (n - k) // s == 0 for k, s, n in zip(kernel, stride, x[:2], strict=True)]
    if (node.op == "SumPool" and all(alone) and not any(pads)) or (tiles and max(kernel) >= 2):
        return
    square = kernel[0] == kernel[1] >= 2 and stride[0] == stride[1]
    found = f"kernel {kernel}, stride {stride}"
    rule = "windows that overlap must be square, 2x2 or more, with equal strides for the hardware"
    _must(node, square, rule, found, "Use a square kernel.")


def _step(graph: Graph, node: Node) -> None:
    steps, form = node.attrs["steps"], node.attrs["form"]
    if isinstance(form, Lookup) or (form is None and isinstance(steps, Table)):
        size = steps.codes.size
        fix = "Use a monotone activation, or fewer bits before it."
        _must(node, size <= _MOST_CODES, f"a table must have at most {_MOST_CODES} codes for the hardware", size, fix)


def _scores(graph: Graph, node: Node) -> None:
    channels = graph.tensors[node.inputs[0]].channels
    _must(node, channels >= 2, "must choose among two channels or more for the hardware", channels, "Leave it out.")


_CHECKS: dict[str, Callable[[Graph, Node], None]] = {
    "ArgMax": _scores,
    "Conv": _conv,
    "MaxPool": _pool,
    "Step": _step,
    "SumPool": _pool,
    "TopK": _scores,
}
