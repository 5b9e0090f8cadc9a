"""PyTorch against the integer graph: every compared layer of the unmodified Brevitas forward, word by word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lutwright.errors import BadModel, Mismatch
from lutwright.frontend.names import identifier
from lutwright.ir.execute import execute_all
from lutwright.ir.graph import Graph
from lutwright.simulate.compare import Comparison, compare

if TYPE_CHECKING:
    from torch import nn


def compare_with_torch(network: nn.Module, graph: Graph, images: NDArray[np.uint8]) -> list[Comparison]:
    """Run `images` (uint8 NHWC) through the Brevitas module and through `graph`; compare each layer's output.

    A float of PyTorch is right only if it is exactly code * scale. Raises BadModel where the layers do not
    correspond, Mismatch at the first layer that differs.
    """
    from lutwright.data import presented
    from lutwright.train.reference import layer_outputs

    floats = presented(images)
    seen = layer_outputs(network, floats)
    codes = graph.edge.codes(floats.transpose(0, 2, 3, 1))
    names = {layer: _tensor(graph, layer) for layer in seen}
    have = execute_all(graph, codes, set(names.values()))
    results = [_compare(graph, layer, names[layer], seen[layer], have[names[layer]]) for layer in seen]
    for result in results:
        if result.mismatches:
            raise Mismatch(
                "integer against torch",
                "every word must be equal",
                result.first,
                "The model's float arithmetic rounds differently; report this model.",
            )
    return results


def _tensor(graph: Graph, layer: str) -> str:
    """The tensor of `graph` that module `layer` of the model puts out; "logits" are the scores before ArgMax."""
    if layer == "logits":
        last = graph.nodes[-1]
        return last.inputs[0] if last.op == "ArgMax" else graph.output
    name = graph.input if layer == graph.input else f"{identifier(layer)}.out"
    if name not in graph.tensors:
        raise BadModel(f"layer '{layer}'", "must be in the ONNX file", "absent", "Export this very module.")
    return name


def _compare(
    graph: Graph, layer: str, tensor: str, floats: NDArray[np.float32], words: NDArray[np.int64]
) -> Comparison:
    ordered = floats.transpose(0, 2, 3, 1) if floats.ndim == 4 else floats
    exact = ordered.astype(np.float64) / graph.tensors[tensor].scale
    nearest = np.rint(exact)
    off_grid = (exact != nearest).reshape(-1, ordered.shape[-1]).any(axis=1)
    rows = nearest.astype(np.int64).reshape(-1, ordered.shape[-1])
    return compare(layer, words, rows, off_grid, "torch")
