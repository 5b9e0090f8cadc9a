"""What the cells of hw/rtl can do: everything else is refused by name before anything is folded or lowered."""

from __future__ import annotations

from collections.abc import Callable

from lutwright.dataflow.kinds import is_depthwise
from lutwright.errors import UnsupportedOp
from lutwright.ir.graph import Graph, Node
from lutwright.ir.window_shape import is_point, is_row, is_tiled
from lutwright.numerics.requantise import Lookup
from lutwright.numerics.steps import Table

_MOST_CODES = 1 << 20  # entries of a table: it becomes a memory
_FIX = "Run passes/square_windows.py first."


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
    w = node.attrs["weights"]
    _strides(node)
    square = is_row(node) or (w.shape[1] == w.shape[2] and (w.shape[1] > 1 or is_point(node)))
    grouped = node.attrs["groups"] == 1 or is_depthwise(node)
    found = f"kernel {w.shape[1:3]}, groups {node.attrs['groups']}"
    rule = "the window must be square or a row and the layer dense or depthwise"
    _must(node, square and grouped, rule, found, _FIX)


def _strides(node: Node) -> None:
    stride = node.attrs["stride"]
    _must(node, is_row(node) or stride[0] == stride[1], "strides must be equal for the hardware", stride, _FIX)


def _pool(graph: Graph, node: Node) -> None:
    if not is_tiled(node, graph.tensors[node.inputs[0]].shape):
        _strides(node)


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
