"""From the integer graph to the layers of an hls4ml model.

Dense and dense Conv are hls4ml's own layers where these are exact on integers; all else is extension layers. Flatten is
no layer: its words are those of its input. Whatever cannot be exact is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from lutwright.errors import UnsupportedOp
from lutwright.hls.layer import HlsLayer
from lutwright.hls.lower_macs import BEFORE, conv, dense
from lutwright.hls.lower_moves import concat, depth_to_space, order, pad, reorder, resize
from lutwright.hls.lower_points import add, affine, copy, pool, step
from lutwright.hls.options import HlsOptions
from lutwright.ir.graph import Graph, Node, Tensor
from lutwright.numerics.ranges import IntType

# Doubles carry the words in and out of the C model, and hls4ml writes constants as doubles.
MOST_BITS = 53
# Copies that hls4ml makes of one stream.
MOST_READERS = 7


@dataclass(frozen=True, eq=False)
class HlsModel:
    """The layers in order, the input first; outputs: for each output of the graph the layer that makes it.

    sources: tensor of the graph -> the layer whose words it has.
    """

    layers: tuple[HlsLayer, ...]
    outputs: tuple[str, ...]
    sources: Mapping[str, str]

    def layer(self, name: str) -> HlsLayer:
        """The layer called `name`; KeyError where there is none."""
        return self._named[name]

    @cached_property
    def _named(self) -> dict[str, HlsLayer]:
        return {layer.name: layer for layer in self.layers}


Part = Callable[[Node, list[Tensor], Tensor, list[HlsLayer], HlsOptions], Iterable[HlsLayer]]

# What each operator becomes; the last layer makes the node's tensor. Names and inputs are set by _Lowering.
_PARTS: dict[str, Part] = {
    "Conv": conv,
    "Dense": dense,
    "Step": step,
    "Affine": affine,
    "Add": add,
    "MaxPool": pool,
    "SumPool": pool,
    "Pad": pad,
    "Resize": resize,
    "DepthToSpace": depth_to_space,
    "Reorder": reorder,
    "Concat": concat,
    "ArgMax": order,
    "TopK": order,
}


@dataclass
class _Lowering:
    graph: Graph
    options: HlsOptions
    layers: list[HlsLayer] = field(default_factory=list)
    made: dict[str, HlsLayer] = field(default_factory=dict)  # tensor -> layer
    names: set[str] = field(default_factory=lambda: {"input"})  # hls4ml keeps that one to itself

    def name(self, wanted: str) -> str:
        """`wanted` in lower case, made unique: hls4ml looks names up without regard to case."""
        base = "".join(c if c.isascii() and c.isalnum() else "_" for c in wanted.lower()).strip("_") or "layer"
        base = base if not base[0].isdigit() else f"l{base}"
        found, number = base, 1
        while found in self.names:
            number += 1
            found = f"{base}_n{number}"
        self.names.add(found)
        return found

    def append(self, layer: HlsLayer, wanted: str) -> HlsLayer:
        """`layer` at the end of the model, under a name like `wanted`."""
        named = replace(layer, name=self.name(wanted))
        _require_width(self.graph, named, wanted)
        self.layers.append(named)
        return named

    def node(self, node: Node) -> None:
        """The layers of `node`."""
        if node.op == "Flatten":
            self.made[node.output] = self.made[node.inputs[0]]
            return
        tensors = [self.graph.tensors[name] for name in node.inputs]
        out, given = self.graph.tensors[node.output], [self.made[name] for name in node.inputs]
        parts = list(_PARTS[node.op](node, tensors, out, given, self.options))
        before: HlsLayer | None = None
        for index, part in enumerate(parts):
            last = index == len(parts) - 1
            inputs = tuple(before.name if name == BEFORE and before else name for name in part.inputs)
            wanted = node.name if last else f"{node.name}_part{index + 1}"
            before = self.append(replace(part, inputs=inputs, tensor=node.output if last else ""), wanted)
        if before is not None:
            self.made[node.output] = before

    def output(self, tensor: str) -> str:
        """The layer that puts `tensor` out: a copy where it is the input, which cannot be an output too."""
        layer = self.made[tensor]
        if layer.name == self.layers[0].name:
            layer = self.append(replace(copy(layer), tensor=tensor), "input_copy")
            self.made[tensor] = layer
        return layer.name


def lower(graph: Graph, options: HlsOptions) -> HlsModel:
    """The layers of verified `graph`, whose steps have forms. Raises UnsupportedOp naming what has no exact layer."""
    if not graph.nodes:
        raise UnsupportedOp(f"graph '{graph.name}'", "must compute something", "no nodes")
    work = _Lowering(graph, options)
    x = graph.tensors[graph.input]
    work.made[graph.input] = work.append(HlsLayer("", "Input", (), x.shape, x.type), "frame")
    for node in graph.nodes:
        work.node(node)
    ends = {tensor: work.output(tensor) for tensor in graph.ends}
    outputs = tuple(ends[output.tensor] for output in graph.outputs)
    _require_readers(graph, work.layers, outputs, options)
    sources = {tensor: layer.name for tensor, layer in work.made.items()}
    return HlsModel(tuple(work.layers), outputs, sources)


def _require_width(graph: Graph, layer: HlsLayer, node: str) -> None:
    types: list[IntType] = [layer.type, *(array.type for array in layer.arrays.values()), *layer.precision.values()]
    widest = max(one.width for one in types)
    if widest > MOST_BITS:
        raise UnsupportedOp(
            f"node '{node}'",
            f"words and constants must have at most {MOST_BITS} bits for hls4ml, which carries them as doubles",
            widest,
            "Use fewer weight or activation bits.",
        )


def _require_readers(graph: Graph, layers: list[HlsLayer], outputs: tuple[str, ...], options: HlsOptions) -> None:
    if options.io != "io_stream":
        return
    for layer in layers:
        readers = sum(one.inputs.count(layer.name) for one in layers) + (layer.name in outputs)
        if readers > MOST_READERS:
            raise UnsupportedOp(
                f"node '{layer.name}'",
                f"must have at most {MOST_READERS} readers in an io_stream project of hls4ml",
                readers,
                "Use --io io_parallel.",
            )
