"""Every Conv and pool in the shape that the window cells know: a square kernel, or one row; dense or depthwise.

Of a Conv, taps of weight 0 are added on the right and below, with as much padding there, so that nothing changes;
constants of 0 cost no hardware. Groups that are not depthwise become a dense layer with zeros between the groups.
Unequal strides become the common one, and a Resize that picks. Kernels of one row stay.
"""

from __future__ import annotations

from dataclasses import replace
from math import gcd

import numpy as np

from lutwright.ir.graph import Graph, Node, Tensor
from lutwright.ir.ops import infer
from lutwright.ir.window import output_size
from lutwright.ir.window_shape import is_row, is_tiled, kernel_of
from lutwright.numerics.quantiser import IntArray


def square_windows(graph: Graph) -> Graph:
    """`graph` with kernels that are square or a row, equal strides and no partial groups."""
    nodes: list[Node] = []
    tensors = dict(graph.tensors)
    for node in graph.nodes:
        if node.op not in ("Conv", "MaxPool", "SumPool"):
            nodes.append(node)
            continue
        x, out = graph.tensors[node.inputs[0]], graph.tensors[node.output]
        one = replace(node, attrs={**node.attrs, "stride": _stride(node, x)})
        one = _square(one, x) if node.op == "Conv" else one
        if _done(one, x):
            nodes.append(one)
            continue
        every, picked = _all_windows(one, x, out)
        tensors[every.output] = infer(every, [x], out.scale)
        # Windows between the wanted ones may reach further than those.
        narrower = {"range": (out.low, out.high)}
        nodes += [every, replace(picked, attrs={**picked.attrs, **narrower})]
    return graph.with_nodes(tuple(nodes), tensors)


def _done(node: Node, x: Tensor) -> bool:
    """Whether the strides are what the cells know: equal, along a row, or those of a pool whose windows are tiles."""
    rows, columns = node.attrs["stride"]
    return rows == columns or is_row(node) or (node.op != "Conv" and is_tiled(node, x.shape))


def _all_windows(node: Node, x: Tensor, out: Tensor) -> tuple[Node, Node]:
    """`node` with one stride both ways, and the rows and columns of it that the wanted strides pick."""
    stride, kernel, pads = node.attrs["stride"], kernel_of(node), node.attrs["pads"]
    common = gcd(*stride)
    name = f"{node.name}_all"
    # No further below and beside than the wanted windows, so that none more lies wholly in the padding.
    ends = [
        max(0, min(pads[axis + 2], (out.shape[axis] - 1) * stride[axis] + kernel[axis] - pads[axis] - x.shape[axis]))
        for axis in (0, 1)
    ]
    changed = {"stride": (common, common), "pads": (*pads[:2], *ends)}
    every = replace(node, name=name, output=f"{name}.out", attrs={**node.attrs, **changed})
    rows, columns = (np.arange(out.shape[axis]) * (stride[axis] // common) for axis in (0, 1))
    attrs = {"rows": rows, "columns": columns}
    return every, Node(node.name, "Resize", (every.output,), node.output, attrs, node.source)


def _square(node: Node, x: Tensor) -> Node:
    """The Conv `node`, dense or depthwise, with a square kernel; one of a single row stays a row."""
    w, groups, pads, stride = (node.attrs[key] for key in ("weights", "groups", "pads", "stride"))
    if groups > 1 and not groups == w.shape[0] == x.channels:
        w, groups = _dense(w, groups), 1
    kernel = w.shape[1:3]
    k = max(*kernel, *stride, 2 if any(pads) else 1)
    more = (0, 0) if is_row(node) else (k - kernel[0], k - kernel[1])
    w = np.pad(w, ((0, 0), (0, more[0]), (0, more[1]), (0, 0)))
    pads = (pads[0], pads[1], pads[2] + more[0], pads[3] + more[1])
    return replace(node, attrs={**node.attrs, "weights": w, "groups": groups, "pads": pads})


def _stride(node: Node, x: Tensor) -> tuple[int, int]:
    """The stride; 1 across a lone row; where there is one window down or across, either way, that of the other."""
    (rows, columns), pads, kernel = node.attrs["stride"], node.attrs["pads"], kernel_of(node)
    height, width, _ = x.shape
    if height == 1 and is_row(replace(node, attrs={**node.attrs, "stride": (1, columns)})):
        return 1, columns
    if output_size(height, kernel[0], min(rows, columns), pads[0] + pads[2]) == 1:
        return columns, columns
    if output_size(width, kernel[1], min(rows, columns), pads[1] + pads[3]) == 1:
        return rows, rows
    return rows, columns


def _dense(w: IntArray, groups: int) -> IntArray:
    """[outputs, kh, kw, inputs / groups] -> [outputs, kh, kw, inputs], 0 between the groups."""
    outputs, height, width, depth = w.shape
    made = np.zeros((outputs, height, width, depth * groups), np.int64)
    each = outputs // groups
    for g in range(groups):
        made[g * each : (g + 1) * each, ..., g * depth : (g + 1) * depth] = w[g * each : (g + 1) * each]
    return made
