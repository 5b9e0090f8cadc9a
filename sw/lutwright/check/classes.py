"""From a model's output to the class of each frame."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lutwright.ir.graph import Graph, Output
from lutwright.numerics.quantiser import IntArray


def output_values(output: Output, words: IntArray) -> NDArray[Any]:
    """The model's output of integers [batch, *shape of the output tensor]: floats, or indices as they are."""
    if output.exit is not None:
        return np.asarray(output.exit.values(words))
    return words


def class_output(graph: Graph) -> int:
    """Which output tells the classes: the first index, else the first scores that no node reads on, else any scores.

    Where there are neither it is output 0.
    """
    told = [i for i in range(len(graph.outputs)) if _count(graph, graph.outputs[i]) is not None]
    indices = [i for i in told if graph.outputs[i].exit is None]
    scores = [i for i in told if not graph.consumers(graph.outputs[i].tensor)]
    return (*indices, *scores, *told, 0)[0]


def class_count(graph: Graph) -> int | None:
    """How many classes the model tells apart; None where it has none (see `classes`)."""
    return _count(graph, graph.outputs[class_output(graph)])


def _count(graph: Graph, output: Output) -> int | None:
    tensor = graph.tensors[output.tensor]
    if output.exit is None:
        return tensor.high + 1 if tensor.words == max(tensor.shape) else None
    sizes = output.exit.view.model_shape
    return tensor.words if tensor.words > 1 and tensor.words == max(sizes) else None


def classes(values: NDArray[Any]) -> IntArray | None:
    """The class int64 [batch] that outputs [batch, ...] stand for; None where they are neither scores nor an index.

    Integers are indices already (the first one counts, as of TopK); floats are scores, ties go to the lowest.
    """
    words = int(np.prod(values.shape[1:]))
    if values.size == 0 or max(values.shape[1:], default=1) != words:
        return None
    flat = values.reshape(len(values), words)
    if values.dtype.kind in "iu":
        return flat[:, 0].astype(np.int64)
    return np.argmax(flat, axis=1).astype(np.int64) if words > 1 else None


def accuracy(values: NDArray[Any], labels: IntArray) -> float | None:
    """Share of frames whose class is their label; None where the output has no classes."""
    found = classes(values)
    return None if found is None else float((found == labels).mean())
