"""A model opened for a check: the file, its integer graph, and that graph after the passes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import onnx

from lutwright.check.result import Refusal
from lutwright.errors import LutwrightError
from lutwright.frontend.load import load_model
from lutwright.frontend.names import identifier, model_stem
from lutwright.frontend.translate import Import, import_with_taps
from lutwright.frontend.values import InputType
from lutwright.ir.graph import Graph
from lutwright.passes import run_pipeline


@dataclass(frozen=True, eq=False)
class Opened:
    """`model` as its file has it, `imported` the translation, `fitted` its graph after passes.run_pipeline."""

    model: onnx.ModelProto
    imported: Import
    fitted: Graph
    declared: InputType | None

    @property
    def graph(self) -> Graph:
        """The integer graph before the passes."""
        return self.imported.graph

    @property
    def input_is_integer(self) -> bool:
        """Whether the model's input is integers as it comes, and no quantiser makes them."""
        return self.imported.declared is not None

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of the model's input without the batch."""
        fixed = {tensor.name for tensor in self.model.graph.initializer}
        value = next(value for value in self.model.graph.input if value.name not in fixed)
        return tuple(int(d.dim_value) for d in value.type.tensor_type.shape.dim)[1:]


def open_model(path: Path, declared: InputType | None = None) -> Opened:
    """Read and translate the model file `path`; errors as frontend.translate.import_model."""
    return open_proto(load_model(path), identifier(model_stem(path)), declared)


def open_proto(model: onnx.ModelProto, name: str, declared: InputType | None = None) -> Opened:
    """Translate `model` under `name`; errors as frontend.translate.import_with_taps."""
    imported = import_with_taps(model, name, declared)
    return Opened(model, imported, run_pipeline(imported.graph), declared)


def refusal(error: LutwrightError) -> Refusal:
    """What `error` says, with node and operator where it names them."""
    found = re.match(r"node '(?P<node>.*)' \((?P<op>[^()]*)\)", error.where)
    reason = error.rule + (f", not {error.found}" if error.found is not None else "") + "."
    whole = f"{reason} {error.fix}".strip()
    if found is None:
        return Refusal("", "", whole, error.name, str(error))
    return Refusal(found["node"], found["op"], whole, error.name, str(error))
