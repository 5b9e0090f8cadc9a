"""An hls4ml project in the bench of a core: its C model, or the Verilog that AMD's tools made of it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from lutwright.dataflow.stage import Pipeline
from lutwright.errors import BadOption
from lutwright.files import write_tree
from lutwright.hls.project import HlsProject
from lutwright.hls.verilog import verilog_files, verilog_pipeline
from lutwright.simulate.hls_model import compile_library
from lutwright.simulate.runner import Bench


def compile_shell(project: HlsProject, work: Path, waves: bool = False, level: str = "-O1") -> Bench:
    """Compile the C model of `project` and, with Verilator, the bench around its shell, in folder `work`.

    level: the compiler's optimisation of the C model. Raises ToolMissing, or ToolFailed with the compiler's last lines.
    """
    model = compile_library(project.sources, project.graph.name, project.call, work / "model", level)
    sources = project.shell_sources
    bench = Bench(sources, "tb_core", work, {"TAPS": 0}, waves=waves, top_only=True, link=[model.program])
    bench.compile()
    return bench


def compile_verilog(
    project: HlsProject,
    made: Path,
    ports: Mapping[str, int],
    clocks: int,
    work: Path,
    simulator: str = "verilator",
    waves: bool = False,
) -> tuple[Bench, Pipeline]:
    """Compile the Verilog in folder `made` and the bench around its shell, in folder `work`.

    ports: name -> bits; clocks: a frame, both as the report of the synthesis tells. Returns the bench and its pipeline.
    Raises BadOption where there is no Verilog or its ports are others, ToolMissing, ToolFailed.
    """
    sources = sorted(made.glob("*.v"))
    if not sources:
        fix = "Run build --synthesis where the tools are installed."
        raise BadOption("--level verilog", "needs the Verilog of a synthesis", f"none in {made}", fix)
    pipeline = verilog_pipeline(project.pipeline, clocks)
    shell = verilog_files(pipeline, project.graph.name, project.model, ports)
    write_tree(work / "shell", shell)
    sources += [work / "shell" / name for name in shell]
    bench = Bench(sources, "tb_core", work, {"TAPS": 0}, simulator, waves=waves, top_only=True)
    bench.compile()
    for memory in made.glob("*.dat"):
        shutil.copy(memory, work)  # $readmemh looks in the working folder
    return bench, pipeline
