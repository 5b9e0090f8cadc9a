"""The Verilog that AMD's tools made of an hls4ml project, as a core: a shell between its ports and the bench."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import lutwright
from lutwright.dataflow.stage import Pipeline, Stream
from lutwright.emit.render import render
from lutwright.emit.rtl import bench_files, port_name
from lutwright.errors import BadOption
from lutwright.hls.frames import put_out
from lutwright.hls.lower import HlsModel

_DATA = "_TDATA"


def verilog_pipeline(shell: Pipeline, clocks: int) -> Pipeline:
    """The Verilog as a pipeline: the streams of `shell` (hls/shell.py), `clocks` a frame as its report tells."""
    stages = tuple(replace(stage, cycles=clocks) for stage in shell.stages)
    return replace(shell, name=f"{shell.name}_verilog", stages=stages)


def verilog_files(pipeline: Pipeline, inner: str, model: HlsModel, ports: Mapping[str, int]) -> dict[str, bytes]:
    """File name -> bytes of the shell around module `inner`, and of its bench.

    ports: name -> bits of the Verilog's ports, in their order, as its report tells them.
    Raises BadOption where they are not one AXI4-Stream for the input and one for each output.
    """
    wanted = [pipeline.source, *(_outlets(pipeline, model).values())]
    found = [name for name in ports if name.endswith(_DATA)]
    rule = "needs a design whose ports are one AXI4-Stream for each input and output, as Vitis makes of io_stream"
    if len(found) != len(wanted) or len(wanted) != 1 + len(pipeline.outlets):
        raise BadOption("--level verilog", rule, f"{len(found)} streams for {1 + len(pipeline.outlets)}")
    told = [_values(name, ports[name], stream, rule) for name, stream in zip(found, wanted, strict=True)]
    places = {layer: index for index, layer in enumerate(_outlets(pipeline, model))}
    values: dict[str, object] = {
        "name": pipeline.name,
        "inner": inner,
        "version": lutwright.__version__,
        "source": told[0],
        "outputs": [
            {**told[1 + places[model.sources[outlet.tensor]]], "port": port_name(pipeline, outlet)}
            for outlet in pipeline.outlets
        ],
    }
    shell = {f"{pipeline.name}.sv": render("hls_verilog.sv.j2", values)}
    return shell | bench_files(pipeline, inside=False)


def _outlets(pipeline: Pipeline, model: HlsModel) -> dict[str, Stream]:
    """Layer that puts something out -> its stream, in the order of the function's arguments."""
    streams = {model.sources[outlet.tensor]: outlet.stream for outlet in pipeline.outlets}
    return {layer: streams[layer] for layer in put_out(model)}


def _values(port: str, bits: int, stream: Stream, rule: str) -> dict[str, object]:
    """A stream of the Verilog: its name, its bits and those of an element, which lie close or on whole 2^n bytes."""
    whole = 8 << max(0, (-(-stream.bits // 8) - 1).bit_length())
    fits = {8 * stream.bytes: stream.bits, stream.width: stream.bits, stream.lanes * whole: whole}
    if bits not in fits:
        found = f"{bits} bits for {stream.lanes} elements of {stream.bits} at '{port}'"
        raise BadOption("--level verilog", rule, found)
    return {"hls": port.removesuffix(_DATA), "bits": bits, "slot": fits[bits], "stream": stream}
