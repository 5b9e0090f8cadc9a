"""The folds that a layer can have: its engines, and the PE and SIMD that each of them takes."""

from __future__ import annotations

import numpy as np

from lutwright.dataflow.folding import ENGINES, MOST_DIGITS, Fold, divisors, signed_digits
from lutwright.dataflow.kinds import is_complement, is_depthwise, is_mux
from lutwright.errors import BadFolding
from lutwright.ir.graph import Graph, Node
from lutwright.ir.window_shape import is_row


def layers(graph: Graph) -> list[Node]:
    """The nodes that are folded, in order."""
    return [node for node in graph.nodes if node.op in ("Conv", "Dense")]


def engines(node: Node) -> tuple[str, ...]:
    """The engines that can do the Conv or Dense `node`, of folding.ENGINES."""
    if is_depthwise(node):
        return ("depthwise",)
    if node.op == "Conv" and is_complement(node):
        return ("mux", "unrolled")  # the bias comes out of the multiplexers; other engines need a stage for it
    return ("mux", "folded", "dsp", "unrolled") if is_mux(node) else ("folded", "dsp", "unrolled")


def parallel(node: Node, engine: str) -> tuple[list[int], list[int]]:
    """Every PE and every SIMD, ascending, with which `engine` does `node`; any two of them go together."""
    weights = node.attrs["weights"]
    outputs, inputs, channels = weights.shape[0], int(np.prod(weights.shape[1:])), weights.shape[-1]
    if engine == "unrolled":
        return [outputs], [inputs]
    if engine == "depthwise":
        return divisors(outputs), [inputs]
    if engine == "mux" or node.op == "Dense":
        return divisors(outputs), divisors(channels)
    if is_row(node):
        return divisors(outputs), divisors(inputs)  # a window of one row is held whole: any part of it
    taps = inputs // channels
    parts = [taps // r for r in divisors(taps) if r > 1]
    return divisors(outputs), sorted({*parts, *(taps * group for group in divisors(channels))})


def possible(node: Node) -> list[Fold]:
    """Every fold of `node` that a search may take; the unrolled engine only where its adders are found in seconds."""
    found = []
    for engine in engines(node):
        if engine == "unrolled" and signed_digits(node.attrs["weights"]) > MOST_DIGITS:
            continue
        pes, simds = parallel(node, engine)
        found += [Fold(pe, simd, engine) for pe in pes for simd in simds]
    return found


def require_fold(node: Node, fold: Fold, where: str) -> None:
    """Raise BadFolding, about `where`, where `node` cannot have `fold`."""
    if fold.engine not in ENGINES:
        raise BadFolding(where, f"engine must be one of {', '.join(ENGINES)}", repr(fold.engine))
    takes = engines(node)
    if fold.engine not in takes:
        raise BadFolding(where, f"engine must be one that does this layer ({', '.join(takes)})", repr(fold.engine))
    for name, value, sizes in zip(("pe", "simd"), (fold.pe, fold.simd), parallel(node, fold.engine), strict=True):
        if value not in sizes:
            raise BadFolding(
                where,
                f"{name} must be one of {', '.join(map(str, sizes))} for the engine {fold.engine}",
                value,
                "It must divide what the layer has.",
            )
