"""The C model of an hls4ml project as a core: a shell whose streams the bench plays, each frame one call of C++."""

from __future__ import annotations

import numpy as np

import lutwright
from lutwright.dataflow.stage import Link, Outlet, Pipeline, Stage, Stream
from lutwright.emit.render import render
from lutwright.emit.rtl import bench_files, port_name
from lutwright.hls.frames import put_out
from lutwright.hls.lower import HlsModel
from lutwright.ir.graph import Graph, Output, Tensor

SHELL_CELL = "hls_shell"


def shell_pipeline(graph: Graph, model: HlsModel) -> Pipeline:
    """The shell as a pipeline: a stage for each tensor that is put out; beats are pixels, as in hls4ml's streams.

    A stage's clocks are those of the shell, which takes a frame and then gives it; they tell nothing of the HLS design.
    """
    source = _stream(graph.tensors[graph.input])
    makers = {node.output: node.name for node in graph.nodes}
    most = max(_stream(graph.tensors[tensor]).beats for tensor in graph.ends)
    stages = tuple(
        Stage(
            name=model.sources[tensor],
            cell=SHELL_CELL,
            node=makers.get(tensor, "input"),
            tensor=tensor,
            parameters={},
            inputs=(Link(),),
            takes=(source,),
            stream=_stream(graph.tensors[tensor]),
            cycles=source.beats + most + 2,
        )
        for tensor in graph.ends
    )
    by_tensor = {stage.tensor: stage for stage in stages}
    return Pipeline(graph.name, source, stages, tuple(_outlet(one, by_tensor[one.tensor]) for one in graph.outputs))


def _outlet(output: Output, stage: Stage) -> Outlet:
    return Outlet(output.name, output.tensor, Link(stage.name), stage.stream)


def _stream(tensor: Tensor) -> Stream:
    """A pixel a beat; of a tensor without rows all words in one beat."""
    kind = tensor.type
    lanes = tensor.channels
    return Stream(lanes, kind.width, kind.signed, int(np.prod(tensor.shape)) // lanes)


def shell_files(pipeline: Pipeline, model: HlsModel) -> dict[str, bytes]:
    """File name -> bytes: the shell, the C++ that its call reaches, and the bench, which is that of every core."""
    values: dict[str, object] = {
        "name": pipeline.name,
        "version": lutwright.__version__,
        "source": pipeline.source,
        "outputs": [_values(pipeline, model, outlet) for outlet in pipeline.outlets],
        "made": [{"name": name, "words": model.layer(name).words} for name in put_out(model)],
    }
    return {
        f"{pipeline.name}.sv": render("hls_shell.sv.j2", values),
        "frame.cpp": render("hls_frame.cpp.j2", values),
        **bench_files(pipeline, inside=False),
    }


def _values(pipeline: Pipeline, model: HlsModel, outlet: Outlet) -> dict[str, object]:
    layer = model.sources[outlet.tensor]
    return {
        "name": outlet.name,
        "port": port_name(pipeline, outlet),
        "stream": outlet.stream,
        "layer": put_out(model).index(layer),
    }
