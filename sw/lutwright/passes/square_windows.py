"""Every Conv in the shape that the window cells know: a square kernel, no smaller than its stride; dense or depthwise.

Taps of weight 0 are added on the right and below, with as much padding there, so that nothing changes; constants of 0
cost no hardware. Groups that are not depthwise become a dense layer with zeros between the groups. Unequal strides
become the common one, and a Resize that picks.
"""

from __future__ import annotations

from dataclasses import replace
from math import gcd

import numpy as np

from lutwright.ir.graph import Graph, Node
from lutwright.ir.ops import infer
from lutwright.ir.window import output_size
from lutwright.numerics.quantiser import IntArray


def square_windows(graph: Graph) -> Graph:
    """`graph` with square kernels, equal strides and no partial groups."""
    nodes: list[Node] = []
    tensors = dict(graph.tensors)
    for node in graph.nodes:
        if node.op != "Conv":
            nodes.append(node)
            continue
        square = _square(graph, node)
        steps = square.attrs["stride"]
        if steps[0] == steps[1]:
            nodes.append(square)
            continue
        every, picked = _all_windows(graph, square)
        nodes += [every, picked]
        tensors[every.output] = infer(every, [tensors[node.inputs[0]]], tensors[node.output].scale)
    return graph.with_nodes(tuple(nodes), tensors)


def _all_windows(graph: Graph, node: Node) -> tuple[Node, Node]:
    """`node` with one stride both ways, and the rows and columns of it that the wanted strides pick."""
    rows, columns = node.attrs["stride"]
    common = gcd(rows, columns)
    height, width, _ = graph.tensors[node.output].shape
    name = f"{node.name}_all"
    every = replace(node, name=name, output=f"{name}.out", attrs={**node.attrs, "stride": (common, common)})
    attrs = {"rows": np.arange(height) * (rows // common), "columns": np.arange(width) * (columns // common)}
    return every, Node(node.name, "Resize", (every.output,), node.output, attrs, node.source)


def _square(graph: Graph, node: Node) -> Node:
    w, groups, pads = node.attrs["weights"], node.attrs["groups"], node.attrs["pads"]
    stride = _stride(graph, node)
    if groups > 1 and not groups == w.shape[0] == graph.tensors[node.inputs[0]].channels:
        w, groups = _dense(w, groups), 1
    kernel = w.shape[1:3]
    k = max(*kernel, *stride, 2 if any(pads) else 1)
    more = k - kernel[0], k - kernel[1]
    w = np.pad(w, ((0, 0), (0, more[0]), (0, more[1]), (0, 0)))
    pads = (pads[0], pads[1], pads[2] + more[0], pads[3] + more[1])
    return replace(node, attrs={**node.attrs, "weights": w, "groups": groups, "pads": pads, "stride": stride})


def _stride(graph: Graph, node: Node) -> tuple[int, int]:
    """The stride; along a side on which there is only one window, either way, that of the other side."""
    (rows, columns), pads, kernel = node.attrs["stride"], node.attrs["pads"], node.attrs["weights"].shape[1:3]
    height, width, _ = graph.tensors[node.inputs[0]].shape
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
