"""The packet of a core as SystemVerilog: several outputs as one stream, for the shell of a board."""

from __future__ import annotations

import lutwright
from lutwright.dataflow.packet import core_stream, packet_bytes, packet_stages
from lutwright.dataflow.stage import Pipeline, Stage, Stream
from lutwright.emit.render import render
from lutwright.emit.rtl import cell_closure, port_name, stage_values
from lutwright.resources import room


def packet_name(pipeline: Pipeline) -> str:
    """The module that a shell instantiates: the core itself where it has one output."""
    return pipeline.name if len(pipeline.outlets) == 1 else f"{pipeline.name}_packet"


def packet_stream(pipeline: Pipeline) -> Stream:
    """What that module sends."""
    if len(pipeline.outlets) == 1:
        return pipeline.outlets[0].stream
    return Stream(1, 8, False, packet_bytes(pipeline))


def packet_files(pipeline: Pipeline) -> dict[str, bytes]:
    """File name -> bytes of the packet and its cells; nothing where there is one output."""
    stages = packet_stages(pipeline)
    if not stages:
        return {}
    cores = [(outlet, core_stream(outlet)) for outlet in pipeline.outlets]
    values: dict[str, object] = {
        "name": packet_name(pipeline),
        "core": pipeline.name,
        "version": lutwright.__version__,
        "in_bytes": pipeline.source.bytes,
        "cores": [
            {"name": outlet.name, "port": port_name(pipeline, outlet), "width": stream.width, "stream": stream}
            for outlet, stream in cores
        ],
        "stages": stage_values(stages, pipeline.source, {f"core_{outlet.name}": 1 for outlet, _ in cores}, _comment),
        "outputs": [
            {
                "port": "m_axis",
                "beat": "beat",
                "bytes": 1,
                "stream": packet_stream(pipeline),
                "data": "packet_data",
                "valid": "packet_valid",
                "ready": "packet_ready",
            }
        ],
    }
    files = {f"{packet_name(pipeline)}.sv": render("packet.sv.j2", values)}
    for cell in sorted(cell_closure({stage.cell for stage in stages})):
        files[f"{cell}.sv"] = (room("hw") / "rtl" / f"{cell}.sv").read_bytes()
    return files


def _comment(stage: Stage) -> str:
    return f"{stage.name}: {stage.stream.beats} beats of {stage.stream.lanes} x 8 bits a frame"
