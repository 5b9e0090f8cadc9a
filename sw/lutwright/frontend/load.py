"""Reading an ONNX file: what is in it is checked before anything is done with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from lutwright.errors import BadModel

_MOST_NODES = 100_000


def load_model(path: Path) -> onnx.ModelProto:
    """Return the model in the ONNX file `path`; BadModel where it is missing, no ONNX, cut off or without a graph."""
    where = f"model '{path}'"
    if not path.is_file():
        raise BadModel(where, "must be a file", "missing" if not path.exists() else "a folder", "Check the path.")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise BadModel(where, "must be a whole ONNX file", "damaged or cut off", "Export the model again.") from error
    graph = model.graph
    if not graph.node or not graph.input or not graph.output:
        raise BadModel(
            where,
            "must hold an ONNX graph with nodes, inputs and outputs",
            "one without",
            "Check that this is an ONNX file.",
        )
    if len(graph.node) > _MOST_NODES:
        raise BadModel(where, f"must have at most {_MOST_NODES} nodes", len(graph.node))
    return model


def constants(graph: onnx.GraphProto) -> dict[str, NDArray[np.generic]]:
    """The initialisers of `graph` by name; BadModel where one is damaged or lies outside of the file."""
    values: dict[str, NDArray[np.generic]] = {}
    for tensor in graph.initializer:
        where = f"initialiser '{tensor.name}'"
        if tensor.data_location == TensorProto.EXTERNAL:
            raise BadModel(
                where, "must be inside of the ONNX file", "external data", "Save the model with its data in one file."
            )
        try:
            values[tensor.name] = numpy_helper.to_array(tensor)
        except (ValueError, TypeError, KeyError) as error:
            raise BadModel(
                where, "must hold as many values as its shape says", "another number", "Export the model again."
            ) from error
        if values[tensor.name].dtype.kind == "f" and not np.isfinite(values[tensor.name]).all():
            raise BadModel(where, "must be finite", "NaN or infinity in it", "Train the model again.")
    return values


def in_order(graph: onnx.GraphProto, known: set[str]) -> list[onnx.NodeProto]:
    """The nodes of `graph` sorted so that each comes after what it reads; `known` are the tensors there at the start.

    Raises BadModel where a node reads a tensor that nothing makes, or the graph is cyclic.
    """
    made = {name for node in graph.node for name in node.output}
    waiting = list(graph.node)
    ready = set(known) | {""}
    order: list[onnx.NodeProto] = []
    while waiting:
        later: list[onnx.NodeProto] = []
        for node in waiting:
            if all(name in ready for name in node.input):
                order.append(node)
                ready.update(node.output)
            else:
                later.append(node)
        if len(later) == len(waiting):
            node = later[0]
            lost = [name for name in node.input if name not in ready]
            reason = "a cycle" if all(name in made for name in lost) else f"nothing that makes {lost[0]!r}"
            raise BadModel(
                f"node '{node.name}' ({node.op_type})",
                "every input must be made before it is read",
                reason,
                "Export the model again.",
            )
        waiting = later
    return order
