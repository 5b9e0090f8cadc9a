"""The integer graph.

A Graph is a value: nodes in topological order over named tensors. Every tensor holds integers; its exact range
[low, high] is derived from the weights and the input range, its hardware type from the range. `scale` is only for
people and for the floats at the edges: value = (code - zero_point) * scale, per channel where scale has more than one
entry. Shapes leave out the batch and are NHWC: an image is (height, width, channels), a vector (channels,).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lutwright.numerics.quantiser import Quantiser
from lutwright.numerics.ranges import IntType, type_of


@dataclass(frozen=True, eq=False)
class Tensor:
    """One integer tensor: `shape` without the batch, exact range [low, high], float64 `scale` [1] or [channels]."""

    name: str
    shape: tuple[int, ...]
    low: int
    high: int
    scale: NDArray[np.float64]
    zero_point: int = 0

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
class Graph:
    """A network. `edge` is the quantiser that turns the model's float input into the codes of tensor `input`."""

    name: str
    nodes: tuple[Node, ...]
    tensors: Mapping[str, Tensor]
    input: str
    output: str
    edge: Quantiser
    metadata: Mapping[str, str]

    def node(self, name: str) -> Node:
        """The node called `name`; KeyError where there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    def consumers(self, tensor: str) -> list[Node]:
        """The nodes that read `tensor`."""
        return [node for node in self.nodes if tensor in node.inputs]

    def with_nodes(self, nodes: tuple[Node, ...], tensors: Mapping[str, Tensor], output: str | None = None) -> Graph:
        """A copy with other nodes, tensors and perhaps another output."""
        return replace(self, nodes=nodes, tensors=dict(tensors), output=output or self.output)
