"""The files of an hls4ml project, written by hls4ml itself from our layers."""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
from pathlib import Path
from typing import Any

from lutwright.errors import ToolFailed
from lutwright.hls.layer import HlsLayer, type_text
from lutwright.hls.lower import HlsModel
from lutwright.hls.options import HlsOptions

_UNCERTAINTY = {"Vivado": "12.5%", "Vitis": "27%"}  # hls4ml's own


def hls_files(model: HlsModel, name: str, options: HlsOptions) -> dict[str, bytes]:
    """Relative path -> bytes of the project `name`. The same model and options give the same bytes.

    Raises ToolFailed where hls4ml fails.
    """
    with tempfile.TemporaryDirectory(prefix="lutwright-hls-") as folder:
        place = Path(folder) / name
        said = io.StringIO()
        try:
            with contextlib.redirect_stdout(said), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                _write(model, name, options, place)
        except Exception as error:  # hls4ml raises whatever it likes
            raise ToolFailed(
                "tool 'hls4ml'",
                f"failed on '{name}' ({type(error).__name__}: {error})",
                fix="Report this model.",
            ) from error
        files = {str(p.relative_to(place)): p.read_bytes() for p in sorted(place.rglob("*")) if p.is_file()}
    return {path: data.replace(str(place).encode(), b".") for path, data in files.items()}


def _write(model: HlsModel, name: str, options: HlsOptions, place: Path) -> None:
    from hls4ml.model import ModelGraph

    from lutwright.hls import extension

    outputs = list(dict.fromkeys(model.outputs))
    layers = [_layer_dict(layer, extension.ATTRIBUTE) for layer in model.layers]
    graph = ModelGraph.from_layer_list(_config(model, name, options, place), layers, [layers[0]["name"]], outputs)
    graph.config.config["Stamp"] = "lutwright"  # hls4ml's own would differ each time
    graph.config.backend.writer.write_hls(graph)


def _layer_dict(layer: HlsLayer, attribute: str) -> dict[str, Any]:
    made: dict[str, Any] = {"name": layer.name, "class_name": layer.kind, **layer.attrs}
    if layer.kind == "Input":
        return made | {"class_name": "InputLayer", "input_shape": list(layer.shape), "data_format": "channels_last"}
    if layer.function:
        made[attribute] = layer
    return made | {"inputs": list(layer.inputs)}


def _config(model: HlsModel, name: str, options: HlsOptions, place: Path) -> dict[str, Any]:
    return {
        "OutputDir": str(place),
        "ProjectName": name,
        "Backend": options.tool,
        "Part": options.part,
        "ClockPeriod": options.clock_ns,
        "ClockUncertainty": _UNCERTAINTY[options.tool],
        "IOType": options.io,
        "TraceOutput": True,
        "HLSConfig": {
            "Model": {
                # Nothing takes this one: every tensor and constant has a type of its own.
                "Precision": {"default": "ap_int<64>"},
                "ReuseFactor": options.reuse,
                "Strategy": options.strategy.capitalize(),
            },
            "LayerName": {layer.name: _layer_config(layer, options) for layer in model.layers},
        },
        "WriterConfig": {
            "Namespace": None,
            "WriteWeightsTxt": True,
            "WriteTar": False,
            "TBOutputStream": "both",
            "WriteEmulationConstants": False,
        },
    }


def _layer_config(layer: HlsLayer, options: HlsOptions) -> dict[str, Any]:
    types = {"result": layer.type} | dict(layer.precision)
    return {
        "Precision": {name: type_text(kind) for name, kind in types.items()},
        "ReuseFactor": options.reuse,
        "Trace": bool(layer.tensor),
    }
