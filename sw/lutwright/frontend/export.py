"""A Brevitas module as a QONNX file, the same bytes every time."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import onnx
from torch import nn

from lutwright.files import write_file

# Scopes inside a Brevitas layer that say nothing to a reader.
_INNER = {"act_quant", "export_handler", "activation_impl", "fused_activation_quant_proxy"}
# Operators that share a module with a more important node.
_SECOND = {"Relu": "relu", "Transpose": "transpose"}
# What the constant inputs of an operator are called, by position.
_ROLES = {
    "Quant": ("weight", "scale", "zero_point", "bits"),
    "BipolarQuant": ("weight", "scale"),
    "BatchNormalization": ("", "weight", "bias", "running_mean", "running_var"),
    "Conv": ("", "weight", "bias"),
    "Gemm": ("", "weight", "bias"),
}


def qonnx_bytes(module: nn.Module, input_shape: tuple[int, ...], metadata: Mapping[str, str] | None = None) -> bytes:
    """Return `module` as a cleaned QONNX model, serialised.

    module:      of Brevitas layers, in float32; exported in eval mode and given back in the mode it came in.
    input_shape: of the one input, batch first, e.g. (1, 1, 28, 28).
    metadata:    what the file's metadata_props shall say; written in the order of the keys.

    Nodes carry the names of their modules: `conv1` (Conv), `conv1.weight_quant` (Quant of its weights), `act1.relu`
    and `act1` (Relu and Quant). Constants are called after node and role (`bn1.bias`, `act1.scale`, `act1.bits`,
    `conv1.weight`, `conv1.weight_quant.scale`), computed tensors `<node>.out`, the graph's ends `input` and
    `output`. The file holds no time, no path and no version of an exporter.
    """
    model = _exported(module, input_shape)
    _name_nodes(model.graph)
    _name_tensors(model.graph)
    _strip(model)
    for key, value in sorted((metadata or {}).items()):
        model.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def export_qonnx(
    module: nn.Module, input_shape: tuple[int, ...], path: Path, metadata: Mapping[str, str] | None = None
) -> None:
    """Write `module` to `path` as `qonnx_bytes` returns it, whole or not at all."""
    write_file(path, qonnx_bytes(module, input_shape, metadata))


def _exported(module: nn.Module, input_shape: tuple[int, ...]) -> onnx.ModelProto:
    # Imported here, not above: these packages print and warn while they are imported.
    with _quiet():
        from brevitas.export import export_qonnx as brevitas_export
        from qonnx.core.modelwrapper import ModelWrapper
        from qonnx.transformation import fold_constants, general, infer_shapes, quant_constant_folding

        # PyTorch's older exporter: the newer one writes stack traces with absolute paths into the file, and a Gemm
        # without bias, which qonnx and hls4ml cannot read.
        model = ModelWrapper(brevitas_export(module, input_shape=input_shape, dynamo=False))
        # qonnx's own clean-up without its two last steps, which would replace every name by a number.
        for step in (
            infer_shapes.InferShapes(),
            general.GiveUniqueParameterTensors(),
            fold_constants.FoldConstants(exclude_op_types=["Quant", "BipolarQuant"]),
            quant_constant_folding.FoldTransposeIntoQuantInit(),
            general.RemoveUnusedTensors(),
            general.RemoveStaticGraphInputs(),
            infer_shapes.InferShapes(),
        ):
            model = model.transform(step)
        return model.model


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporters' progress, warnings and log lines off the terminal."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _name_nodes(graph: onnx.GraphProto) -> None:
    """Name every node after its module: `/act1/act_quant/export_handler/Quant` becomes `act1`."""
    used: Counter[str] = Counter()
    for node in graph.node:
        scopes = [scope for scope in node.name.split("/")[:-1] if scope and scope not in _INNER]
        if node.op_type in _SECOND or not scopes:
            scopes.append(_SECOND.get(node.op_type, node.op_type.lower()))
        name = ".".join(scopes)
        used[name] += 1
        node.name = name if used[name] == 1 else f"{name}_{used[name]}"


def _name_tensors(graph: onnx.GraphProto) -> None:
    """Name every tensor after the node that makes it or, for a constant, uses it."""
    constants = {tensor.name for tensor in graph.initializer}
    names = {"": "", graph.input[0].name: "input"}
    names |= {value.name: f"output{i or ''}" for i, value in enumerate(graph.output)}
    for node in graph.node:
        roles = _ROLES.get(node.op_type, ())
        for index, tensor in enumerate(node.input):
            if tensor in constants and tensor not in names:
                role = roles[index] if index < len(roles) else f"in{index}"
                names[tensor] = f"{node.name}.{role}".replace(".weight_quant.weight", ".weight")
        for index, tensor in enumerate(node.output):
            names.setdefault(tensor, f"{node.name}.out{index or ''}")
    for node in graph.node:
        node.input[:] = [names[tensor] for tensor in node.input]
        node.output[:] = [names[tensor] for tensor in node.output]
    for values in (graph.input, graph.output, graph.initializer, graph.value_info):
        for value in values:
            value.name = names[value.name]


def _strip(model: onnx.ModelProto) -> None:
    """Remove what tells of the machine or the exporter, and what says nothing."""
    model.producer_name, model.producer_version, model.doc_string = "lutwright", "", ""
    model.graph.name, model.graph.doc_string = "network", ""
    model.graph.ClearField("quantization_annotation")
    model.ClearField("metadata_props")
    constants = {tensor.name for tensor in model.graph.initializer}
    shapes = [value for value in model.graph.value_info if value.name not in constants]
    del model.graph.value_info[:]
    model.graph.value_info.extend(shapes)
    for node in model.graph.node:
        node.doc_string = ""
        node.ClearField("metadata_props")
