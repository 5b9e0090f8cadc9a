"""The integer graph.

A Graph is a value: nodes in topological order over named tensors. Every tensor holds integers; its exact range
[low, high] is derived from the weights and the input range, its hardware type from the range. `scale` is only for
people and for the floats at the edges: value = integer * scale, per channel where scale has more than one entry. Codes
of a quantiser with a zero point are stored less that zero point, so that the integer 0 always means 0; binary values
are -1 and 1. Shapes leave out the batch and are NHWC: an image is (height, width, channels), a vector (channels,).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from lutwright.errors import BadGraph
from lutwright.numerics.edge import Edge, Exit
from lutwright.numerics.quantiser import FloatArray
from lutwright.numerics.ranges import IntType, type_of


@dataclass(frozen=True, eq=False)
class Tensor:
    """One integer tensor: `shape` without the batch, exact range [low, high], float64 `scale` [1] or [channels]."""

    name: str
    shape: tuple[int, ...]
    low: int
    high: int
    scale: FloatArray

    @property
    def type(self) -> IntType:
        """The narrowest hardware type that holds the range."""
        return type_of(self.low, self.high)

    @property
    def channels(self) -> int:
        """Size of the last dimension."""
        return self.shape[-1]

    @property
    def words(self) -> int:
        """Integers in one frame."""
        return int(np.prod(self.shape))


@dataclass(frozen=True, eq=False)
class Node:
    """One operation. `attrs` holds what ir/ops.py asks of `op`; `source` names the model's node for messages."""

    name: str
    op: str
    inputs: tuple[str, ...]
    output: str
    attrs: Mapping[str, Any]
    source: str = ""


@dataclass(frozen=True, eq=False)
class Output:
    """One output of a network: the integers of `tensor`, called `name`: letters, digits and underscores.

    `exit` turns them into the model's float output, and is None where they are indices or of no model.
    """

    tensor: str
    name: str = "output"
    exit: Exit | None = None


@dataclass(frozen=True, eq=False)
class Graph:
    """A network. `edge` turns the model's float input into the integers of tensor `input`; `outputs`, one or more with
    different names, stand in the order of the model. Later nodes may read a tensor that is put out."""

    name: str
    nodes: tuple[Node, ...]
    tensors: Mapping[str, Tensor]
    input: str
    outputs: tuple[Output, ...]
    edge: Edge
    metadata: Mapping[str, str]

    @property
    def only(self) -> Output:
        """The output of a graph that has one; BadGraph where there are several."""
        if len(self.outputs) != 1:
            names = ", ".join(output.name for output in self.outputs)
            raise BadGraph(f"graph '{self.name}'", "must have one output here", names, "Ask for `outputs`.")
        return self.outputs[0]

    @property
    def output(self) -> str:
        """The tensor of the only output; BadGraph where there are several."""
        return self.only.tensor

    @property
    def exit(self) -> Exit | None:
        """The exit of the only output; BadGraph where there are several."""
        return self.only.exit

    @cached_property
    def ends(self) -> tuple[str, ...]:
        """The tensors that are put out, each once."""
        return tuple(dict.fromkeys(output.tensor for output in self.outputs))

    def node(self, name: str) -> Node:
        """The node called `name`; KeyError where there is none."""
        return self._named[name]

    def consumers(self, tensor: str) -> list[Node]:
        """The nodes that read `tensor`."""
        return list(self._readers.get(tensor, ()))

    @cached_property
    def _named(self) -> dict[str, Node]:
        return {node.name: node for node in reversed(self.nodes)}

    @cached_property
    def _readers(self) -> dict[str, list[Node]]:
        readers: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                readers.setdefault(name, []).append(node)
        return readers

    def with_nodes(self, nodes: tuple[Node, ...], tensors: Mapping[str, Tensor]) -> Graph:
        """A copy with other nodes and tensors."""
        return replace(self, nodes=nodes, tensors=dict(tensors))
