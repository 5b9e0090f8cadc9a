"""The core as SystemVerilog: a top that reads like the model, the cells it uses, its memory files, its bench."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import lutwright
from lutwright.dataflow.stage import Link, Outlet, Parameter, Pipeline, Stage, Stream, Vector
from lutwright.emit.render import render
from lutwright.emit.unrolled import unrolled_file
from lutwright.ir.graph import Graph
from lutwright.numerics.packing import literal, memory_lines
from lutwright.resources import room


def core_files(graph: Graph, pipeline: Pipeline) -> dict[str, bytes]:
    """File name -> bytes of the core: NAME.sv, the cells, the memory files. The same graph gives the same bytes."""
    files = {f"{pipeline.name}.sv": render("core.sv.j2", _core_values(graph, pipeline))}
    for cell in sorted(cell_closure(pipeline_cells(pipeline))):
        files[f"{cell}.sv"] = (room("hw") / "rtl" / f"{cell}.sv").read_bytes()
    for stage in pipeline.stages:
        if stage.made is not None:
            files[f"{stage.cell}.sv"] = unrolled_file(stage.made)
        for name, rows in stage.files.items():
            files[name] = memory_lines(rows.values, rows.bits)
    return files


def pipeline_cells(pipeline: Pipeline) -> set[str]:
    """The cells of hw/rtl that `pipeline` instantiates."""
    return {stage.cell for stage in pipeline.stages if stage.made is None}


def bench_files(pipeline: Pipeline, inside: bool = True) -> dict[str, bytes]:
    """File name -> bytes of the bench that plays frames into the core and records every tap.

    inside: the stages are to be seen in the core; of one that only has the streams of the pipeline they are not.
    """
    values: dict[str, object] = {
        "name": pipeline.name,
        "in_bytes": pipeline.source.bytes,
        "outputs": [
            {
                "id": bench_id(pipeline, outlet),
                "port": port_name(pipeline, outlet),
                "bytes": outlet.stream.bytes,
                "record": record_name(pipeline, outlet).format("%0d"),
                "noise": _NOISE[index % len(_NOISE)],
            }
            for index, outlet in enumerate(pipeline.outlets)
        ],
        "taps": [{"name": s.name, "width": s.stream.width} for s in (tapped(pipeline) if inside else [])],
    }
    return {"tb_core.sv": render("tb_core.sv.j2", values)}


# Nine bytes of the bench's generator that differ; the stalls of a tenth output are those of the first.
_NOISE = tuple(f"{word}[{8 * i + 15}:{8 * i + 8}]" for word in ("noise", "noise_a", "noise_b") for i in range(3))


def port_name(pipeline: Pipeline, outlet: Outlet) -> str:
    """The AXI4-Stream port of `outlet`: m_axis where it is the only one, else m_axis_<name>."""
    return "m_axis" if len(pipeline.outlets) == 1 else f"m_axis_{outlet.name}"


def bench_id(pipeline: Pipeline, outlet: Outlet) -> str:
    """What the bench puts behind the names of what belongs to `outlet`: nothing where it is the only one."""
    return "" if len(pipeline.outlets) == 1 else f"_{outlet.name}"


def record_name(pipeline: Pipeline, outlet: Outlet) -> str:
    """The bench's record of `outlet`, with {} for the number of the run; no stage has a name with a dot."""
    return "record_{}_output.hex" if len(pipeline.outlets) == 1 else f"record_{{}}_output.{outlet.name}.hex"


def tapped(pipeline: Pipeline) -> list[Stage]:
    """The stages whose stream carries a whole tensor, one a tensor (the last of them)."""
    by_tensor = {stage.tensor: stage for stage in pipeline.stages if stage.tensor}
    return list(by_tensor.values())


def cell_closure(cells: set[str]) -> set[str]:
    """`cells` and every cell of hw/rtl that they instantiate."""
    known = {path.stem: path.read_text() for path in (room("hw") / "rtl").glob("*.sv")}
    found: set[str] = set()
    waiting = set(cells)
    while waiting:
        cell = waiting.pop()
        found.add(cell)
        words = set(re.findall(r"^\s*(\w+)\s+(?:#\s*\(|\w+\s*\()", known[cell], re.MULTILINE))
        waiting |= (words & known.keys()) - found
    return found


def _core_values(graph: Graph, pipeline: Pipeline) -> dict[str, object]:
    return {
        "name": pipeline.name,
        "title": f"the network '{graph.name}' as a pipeline of streaming stages",
        "version": lutwright.__version__,
        "source": pipeline.source,
        "in_bytes": pipeline.source.bytes,
        "interval": pipeline.interval,
        "slowest": pipeline.slowest.name,
        "stages": stage_values(pipeline.stages, pipeline.source, {}, lambda stage: _comment(graph, stage)),
        "outputs": [_outlet_values(pipeline, outlet) for outlet in pipeline.outlets],
        "padding": pipeline.source.width % 8 != 0,
    }


def _outlet_values(pipeline: Pipeline, outlet: Outlet) -> dict[str, object]:
    ports, port = {stage.name: stage.ports for stage in pipeline.stages}, port_name(pipeline, outlet)
    alone = len(pipeline.outlets) == 1
    return {
        "title": "output:   " if alone else f"output '{outlet.name}': ",
        "port": port,
        "beat": "beat" if alone else f"{port}_beat",
        "bytes": outlet.stream.bytes,
        "stream": outlet.stream,
        "data": f"{outlet.link.stage}_data",
        "valid": _signal(outlet.link, "valid", ports),
        "ready": _signal(outlet.link, "ready", ports),
    }


def stage_values(
    stages: Sequence[Stage], source: Stream, ports: Mapping[str, int], comment: Callable[[Stage], str]
) -> list[dict[str, object]]:
    """What stages.sv.j2 needs of `stages`; `ports` has the streams of what stands before them."""
    ports = {**ports, **{stage.name: stage.ports for stage in stages}}
    return [
        {
            "name": stage.name,
            "cell": stage.cell,
            "width": stage.stream.width,
            "ports": stage.ports,
            "data": _joined([_data(link, source) for link in stage.inputs]),
            "valid": _joined([_signal(link, "valid", ports) for link in stage.inputs]),
            "ready": _joined([_signal(link, "ready", ports) for link in stage.inputs]),
            "comment": comment(stage),
            "loop": stage.loop,
            "opens": stage.loop not in ("", stage.name),
            "parameters": [(key, _value(value)) for key, value in stage.parameters.items()],
        }
        for stage in stages
    ]


def _joined(names: list[str]) -> str:
    """One signal, or several side by side with the first in the low bits."""
    return names[0] if len(names) == 1 else "{" + ", ".join(reversed(names)) + "}"


def _data(link: Link, source: Stream) -> str:
    if link.stage:
        return f"{link.stage}_data"
    return f"s_axis_tdata[{source.width - 1}:0]" if source.width != 8 * source.bytes else "s_axis_tdata"


def _signal(link: Link, kind: str, ports: Mapping[str, int]) -> str:
    """The valid or ready of one end of a stream."""
    if not link.stage:
        return f"s_axis_t{kind}"
    return f"{link.stage}_{kind}" + (f"[{link.port}]" if ports[link.stage] > 1 else "")


def _comment(graph: Graph, stage: Stage) -> str:
    s = stage.stream
    shape = ""
    if stage.tensor:
        tensor = graph.tensors[stage.tensor]
        shape = f"{'x'.join(map(str, tensor.shape))} in [{tensor.low}, {tensor.high}], "
    return f"{stage.name}: {shape}{s.beats} beats of {s.lanes} x {s.bits} bits, busy {stage.cycles} clocks a frame"


def _value(value: Parameter) -> str:
    if isinstance(value, Vector):
        return literal(value.values, value.bits)
    return f'"{value}"' if isinstance(value, str) else str(value)
