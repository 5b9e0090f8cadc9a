"""An integer graph executed with some of its nodes changed, node by node, because it no longer keeps its ranges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from lutwright.ir.execute import execute_all
from lutwright.ir.graph import Graph, Node, Output, Tensor
from lutwright.ir.ops import OPS
from lutwright.numerics.quantiser import IntArray
from lutwright.numerics.requantise import Requantise

_BATCH = 256


@dataclass(eq=False)
class Altered:
    """`graph` with sums that wrap and step functions in other forms.

    bits:  node name -> width in two's complement at which the node's output wraps.
    forms: name of a Step -> the form that is run in its place. An accumulator that a wrap carried out of the range for
           which the step function was found takes the code of the nearer end.
    After run, wrapped holds the number of words that wrapped, different the number of codes of a changed Step that
    differ from those of its step function, both by node name.
    """

    graph: Graph
    bits: Mapping[str, int] = field(default_factory=dict)
    forms: Mapping[str, Requantise] = field(default_factory=dict)
    wrapped: dict[str, int] = field(default_factory=dict)
    different: dict[str, int] = field(default_factory=dict)
    _alone: dict[str, Graph] = field(default_factory=dict)

    def run(self, codes: IntArray) -> tuple[IntArray, ...]:
        """Run input codes int64 [batch, ...]; return each output int64 [batch, ...]."""
        parts = [self._block(codes[i : i + _BATCH]) for i in range(0, max(1, len(codes)), _BATCH)]
        return tuple(np.concatenate(blocks) for blocks in zip(*parts, strict=True))

    def _block(self, codes: IntArray) -> tuple[IntArray, ...]:
        values = {self.graph.input: codes}
        last = {name: i for i, node in enumerate(self.graph.nodes) for name in node.inputs}
        for i, node in enumerate(self.graph.nodes):
            made = self._node(node, [values[name] for name in node.inputs])
            values[node.output] = self._wrap(node, made) if node.name in self.bits else made
            for name in set(node.inputs):
                if last[name] == i and name not in self.graph.ends:
                    del values[name]
        return tuple(values[output.tensor] for output in self.graph.outputs)

    def _node(self, node: Node, inputs: list[IntArray]) -> IntArray:
        if node.op == "Step":
            return self._step(node, inputs[0])
        tensors = [self.graph.tensors[name] for name in node.inputs]
        if len(inputs) == 1 and _within(inputs[0], tensors[0]):
            alone = self._alone.setdefault(node.name, _single(self.graph, node))
            return execute_all(alone, inputs[0], {node.output})[node.output]
        widened = [_widened(t, x) for t, x in zip(tensors, inputs, strict=True)]
        return OPS[node.op].execute(node, inputs, widened)

    def _step(self, node: Node, acc: IntArray) -> IntArray:
        steps = node.attrs["steps"]
        acc = np.clip(acc, steps.low, steps.high)
        codes = steps.apply(acc)
        if node.name not in self.forms:
            return np.asarray(codes)
        other = self.forms[node.name].apply(acc)
        self.different[node.name] = self.different.get(node.name, 0) + int((codes != other).sum())
        return np.asarray(other)

    def _wrap(self, node: Node, acc: IntArray) -> IntArray:
        half = 1 << (self.bits[node.name] - 1)
        made = ((acc + half) & (2 * half - 1)) - half
        self.wrapped[node.name] = self.wrapped.get(node.name, 0) + int((made != acc).sum())
        return np.asarray(made)


def _within(x: IntArray, tensor: Tensor) -> bool:
    return not x.size or (int(x.min()) >= tensor.low and int(x.max()) <= tensor.high)


def _widened(tensor: Tensor, x: IntArray) -> Tensor:
    """`tensor` with a range that also holds what is in `x`."""
    if not x.size:
        return tensor
    return replace(tensor, low=min(tensor.low, int(x.min())), high=max(tensor.high, int(x.max())))


def _single(graph: Graph, node: Node) -> Graph:
    """A graph of this node alone, which the fast executor can run."""
    tensors = {name: graph.tensors[name] for name in (*node.inputs, node.output)}
    return Graph(node.name, (node,), tensors, node.inputs[0], (Output(node.output),), graph.edge, {})
