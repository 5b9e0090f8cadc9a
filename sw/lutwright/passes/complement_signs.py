"""Make -x as ~x in multiplexer convolutions whose kept weights are all +1 or -1.

In two's complement ~x = -x - 1, so each negative weight leaves the sum one too low, whatever x is. That count is a
constant of the output channel: it becomes the bias of the Conv, and the thresholds of the Step behind move with it. The
hardware then needs an inverter in place of an adder for each weight.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lutwright.ir.graph import Graph, Node, Tensor
from lutwright.ir.ops import infer
from lutwright.ir.refresh import refresh
from lutwright.numerics.steps import Steps


def complement_signs(graph: Graph) -> Graph:
    """`graph` with the bias -(number of negative weights) on each such Conv, and the Step behind it moved as much."""
    nodes = list(graph.nodes)
    tensors: dict[str, Tensor] = dict(graph.tensors)
    for index, node in enumerate(nodes):
        users = graph.consumers(node.output)
        if not _applies(node) or len(users) != 1 or not _steps(users[0]) or node.output in graph.ends:
            continue
        bias = -(node.attrs["weights"] < 0).sum(axis=(1, 2, 3))
        moved = replace(node, attrs={**node.attrs, "bias": bias})
        made = infer(moved, [tensors[node.inputs[0]]], tensors[node.output].scale)
        steps = _move(users[0].attrs["steps"], bias, made)
        nodes[index] = moved
        nodes[nodes.index(users[0])] = replace(users[0], attrs={"steps": steps, "form": None})
        tensors[made.name] = made
    return refresh(graph.with_nodes(tuple(nodes), tensors))  # codes that no channel reaches now may be fewer


def _steps(node: Node) -> bool:
    """A Step with thresholds to move."""
    return node.op == "Step" and isinstance(node.attrs["steps"], Steps)


def _applies(node: Node) -> bool:
    """A Conv without bias and groups, one weight in each kernel, every one of them +1 or -1."""
    if node.op != "Conv" or "bias" in node.attrs or node.attrs["groups"] != 1:
        return False
    w = node.attrs["weights"]
    one_each = bool(((w != 0).sum(axis=(1, 2)) == 1).all())
    return one_each and w.shape[1] * w.shape[2] > 1 and int(np.abs(w).max()) == 1


def _move(steps: Steps, bias: np.ndarray, acc: Tensor) -> Steps:
    """`steps` with the thresholds of channel c moved by bias[c], over the range of `acc`."""
    moved = np.where(steps.thresholds <= steps.high, steps.thresholds + bias[:, None], acc.high + 1)
    # A threshold at or below the lowest sum of all channels is passed always: it becomes part of the base.
    passed = moved <= acc.low
    thresholds = np.sort(np.where(passed | (moved > acc.high), acc.high + 1, moved), axis=1)
    return Steps(thresholds, steps.base + steps.direction * passed.sum(axis=1), steps.direction, acc.low, acc.high)
