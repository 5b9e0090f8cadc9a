"""The verb `sim`: play frames into a project's hardware, or its C model, and compare every word with the integers."""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import typer
from rich.markup import escape
from rich.table import Table

from lutwright.cli.console import JSON_OPTION, answer, terminal, verb
from lutwright.dataflow.stage import Pipeline
from lutwright.emit.project import Project, backend_of, class_output, open_project
from lutwright.errors import BadOption, CannotSimulate, Mismatch
from lutwright.flow.hls_synthesis import read_reports, solution
from lutwright.hls.project import BACKEND, HlsProject, open_hls_project
from lutwright.ir.execute import execute_outputs
from lutwright.ir.graph import Graph
from lutwright.learn.chip import LearnerChip
from lutwright.prove.bitstream import bitstream_sources
from lutwright.prove.netlist import netlist_sources
from lutwright.runtime.frames import Frames, load_frames
from lutwright.simulate.board import compare_board
from lutwright.simulate.core import Run, RunResult, compile_core, play, standard_runs
from lutwright.simulate.hls_model import layer_run
from lutwright.simulate.hls_shell import compile_shell, compile_verilog
from lutwright.simulate.learner_chip import compile_chip
from lutwright.simulate.learner_runs import play_runs
from lutwright.simulate.runner import SIMULATORS, Bench
from lutwright.simulate.virtual_board import board_bench


@dataclass(frozen=True)
class SimResult:
    """All runs of one simulation, and the seconds to compile and to run it.

    timed: its clocks are those of hardware; those of a C model say nothing.
    """

    runs: list[RunResult]
    accuracy: float | None
    compile_seconds: float
    run_seconds: float
    timed: bool = True

    @property
    def frames(self) -> int:
        """Frames played in all runs."""
        return sum(result.run.frames for result in self.runs)

    @property
    def words(self) -> int:
        """Words compared in all runs."""
        return sum(result.words for result in self.runs)

    @property
    def mismatches(self) -> int:
        """Words that differ in all runs."""
        return sum(result.mismatches for result in self.runs)

    @property
    def first(self) -> str:
        """Where the first mismatch is, or ""."""
        return next((c.first for result in self.runs for c in result.comparisons if c.mismatches), "")


LEVELS = ("rtl", "netlist", "bitstream")
HLS_LEVELS = ("cmodel", "verilog")
# Frames through a serial line take as many clocks as on the board.
_PINS_FRAMES = 5


@dataclass(frozen=True)
class BenchOptions:
    """simulator: verilator or icarus; taps: compare every stage; waves: record every signal."""

    simulator: str
    taps: bool
    waves: bool


def simulate_project(
    project: Project,
    count: int | None,
    data: str,
    simulator: str,
    taps: bool,
    work: Path,
    waves: bool = False,
    level: str = "rtl",
) -> SimResult:
    """Compile the core of `project` in folder `work` and play `count` frames of `data` in every standard run.

    Of a learner's project it is the whole chip, or with `taps` the stages of its core. level: one of LEVELS; of the
    netlist there are no taps, and the bitstream is the whole board, played through its pins.
    """
    if level == "bitstream":
        return _simulate_bitstream(project, _PINS_FRAMES if count is None else count, data, simulator, work)
    if project.learner is not None and not taps:
        return _simulate_chip(project, project.learner, count, data, simulator, work, waves, level)
    views = None if project.learner is None else project.learner.views
    frames = load_frames(project.graph, data, count, None if project.learner is None else project.learner.shape)
    if views is not None:
        frames = replace(frames, codes=views.of(frames.codes)[:, 0])
    begin = time.perf_counter()
    netlist = level == "netlist"
    design = netlist_sources(project, work, simulator) if netlist else project.core_sources
    bench = compile_core([*design, project.bench], work, simulator, taps, waves, netlist)
    compiled = time.perf_counter()
    runs = standard_runs(len(frames.codes), project.pipeline.interval, len(project.pipeline.outlets))
    results = play(bench, project.graph, project.pipeline, frames.codes, runs, taps, level)
    done = time.perf_counter()
    return SimResult(results, _accuracy(project.graph, frames, results[0]), compiled - begin, done - compiled)


def _accuracy(graph: Graph, frames: Frames, first: RunResult) -> float | None:
    """The share of right classes; None where the frames have no labels, the graph no class, or a word is wrong."""
    told = class_output(graph)
    if frames.labels is None or first.mismatches or told is None:
        return None
    # The words are equal, so the hardware's classes are the integer model's.
    return float((execute_outputs(graph, frames.codes)[told][:, 0] == frames.labels).mean())


def simulate_hls(
    project: HlsProject, level: str, count: int | None, data: str, options: BenchOptions, work: Path
) -> SimResult:
    """Compile `project` in folder `work` and play `count` frames of `data` in every standard run.

    level: "cmodel" or "verilog". Taps compare every layer too, which the C model tells outside the bench.
    """
    frames = load_frames(project.graph, data, count)
    begin = time.perf_counter()
    if level == "verilog":
        bench, pipeline = _compile_verilog(project, options, work)
    else:
        bench, pipeline = compile_shell(project, work, options.waves), project.pipeline
    compiled = time.perf_counter()
    runs = standard_runs(len(frames.codes), pipeline.interval, len(pipeline.outlets))
    results = play(bench, project.graph, pipeline, frames.codes, runs, False, BACKEND if level == "cmodel" else level)
    if options.taps:
        results.append(layer_run(project, frames.codes, work / "layers"))
    done = time.perf_counter()
    accuracy = _accuracy(project.graph, frames, results[0])
    return SimResult(results, accuracy, compiled - begin, done - compiled, timed=level == "verilog")


def _compile_verilog(project: HlsProject, options: BenchOptions, work: Path) -> tuple[Bench, Pipeline]:
    """The bench of the Verilog that was synthesised, with ports and clocks as its report tells them."""
    name = project.graph.name
    told = read_reports(project.folder, name).csynth
    ports = {port.name: port.bits for port in told.ports}
    clocks = max(end or 0 for end in (*told.latency, *told.interval, project.pipeline.interval))
    made = solution(project.folder, name) / "verilog"
    return compile_verilog(project, made, ports, clocks, work, options.simulator, options.waves)


def _simulate_bitstream(project: Project, count: int, data: str, simulator: str, work: Path) -> SimResult:
    """Send `count` frames of `data` through the pins of the board that the bitstream makes."""
    if project.learner is not None:
        raise CannotSimulate(
            f"project '{project.folder}'",
            "must end in what the network answers",
            "in a learner",
            "Use --level netlist.",
        )
    frames = load_frames(project.graph, data, count)
    begin = time.perf_counter()
    bench = board_bench(bitstream_sources(project, work, simulator), project.board, work, simulator=simulator)
    bench.compile()
    compiled = time.perf_counter()
    found = compare_board(bench, project, frames.codes, "bitstream")
    done = time.perf_counter()
    played = RunResult(Run("through the pins", count), (found,), 0)
    return SimResult([played], _accuracy(project.graph, frames, played), compiled - begin, done - compiled)


def _simulate_chip(
    project: Project,
    chip: LearnerChip,
    count: int | None,
    data: str,
    simulator: str,
    work: Path,
    waves: bool,
    level: str,
) -> SimResult:
    """Learn and predict `count` images of `data` on the whole chip, in every standard run."""
    frames = load_frames(project.graph, data, count, chip.shape)
    labels = frames.labels
    if labels is None:
        labels = np.random.default_rng(1).integers(0, chip.config.classes + 1, len(frames.codes))
    begin = time.perf_counter()
    design = netlist_sources(project, work, simulator) if level == "netlist" else None
    bench = compile_chip(project, work, simulator, waves, design)
    compiled = time.perf_counter()
    runs = standard_runs(len(frames.codes), project.pipeline.interval)
    results = play_runs(bench, project, chip, frames.codes, labels, runs)
    return SimResult(results, None, compiled - begin, time.perf_counter() - compiled)


def runs_table(result: SimResult, title: str) -> Table:
    """One row a run."""
    table = Table(title=title)
    for column in ("run", "frames", "words", "different", "clocks a frame"):
        table.add_column(column, justify="left" if column == "run" else "right")
    for one in result.runs:
        clocks = str(one.cycles_per_frame) if result.timed else "-"
        table.add_row(one.run.name, str(one.run.frames), f"{one.words:,}", str(one.mismatches), clocks)
    return table


@verb
def sim(
    project: Path = typer.Argument(help="Folder made by `lutwright build`."),
    frames: int | None = typer.Option(
        None, "--frames", min=3, help="Frames (default: the whole test set, or 100 random; 5 of a bitstream)."
    ),
    taps: bool = typer.Option(False, "--taps", help="Compare every stage, not only the output."),
    simulator: str = typer.Option("verilator", "--simulator", help="verilator or icarus."),
    level: str = typer.Option(
        "",
        "--level",
        help="rtl (default); netlist: the core as synthesised, of its family's cells; bitstream: the board, read "
        "back from the file that was packed (iCE40). Of an hls4ml project: cmodel (default), verilog once synthesised.",
    ),
    data: str | None = typer.Option(
        None, "--data", help="Data set (name or path), or random (default: what the model was trained on)."
    ),
    waves: bool = typer.Option(False, "--waves", help="Record every signal into PROJECT/waves; slow, use few frames."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Simulate a project's core, with and without stalls and through a reset, and compare every word.

    Of a project with a learner the whole chip learns and predicts; results and state are compared.
    Of an hls4ml project the C model, or the Verilog that HLS made of it, plays in the same bench.
    """
    if simulator not in SIMULATORS:
        raise BadOption("--simulator", f"must be one of {', '.join(SIMULATORS)}", repr(simulator))
    hls = backend_of(project) == BACKEND
    known = HLS_LEVELS if hls else LEVELS
    level = level or known[0]
    if level not in known:
        fix = f"Leave the option out for {known[0]}."
        raise BadOption("--level", f"must be one of {', '.join(known)}", repr(level), fix)
    if taps and level in ("netlist", "bitstream"):
        rule = "goes with --level rtl: what the tools made has other names inside"
        raise BadOption("--taps", rule, f"--level {level}", "Leave it out.")
    if level == "cmodel" and simulator != "verilator":
        raise BadOption("--simulator", "must be verilator for the C model of an hls4ml project", repr(simulator))
    opened = open_hls_project(project) if hls else open_project(project)
    source = opened.manifest["data"] if data is None else data
    with tempfile.TemporaryDirectory(prefix="lutwright-") as work, terminal.status(f"simulating {opened.graph.name}"):
        if isinstance(opened, HlsProject):
            result = simulate_hls(opened, level, frames, source, BenchOptions(simulator, taps, waves), Path(work))
        else:
            result = simulate_project(opened, frames, source, simulator, taps, Path(work), waves, level)
        if waves:
            shutil.copytree(work, project / "waves", dirs_exist_ok=True)
    first = result.runs[0]
    terminal.print(runs_table(result, f"{opened.graph.name}: {level} against integer, {simulator}"))
    rate = result.frames / result.run_seconds
    terminal.print(
        f"{rate:,.0f} frames/s of wall time, compiled in {result.compile_seconds:.0f} s."
        + (f" Accuracy {result.accuracy:.1%}." if result.accuracy is not None else "")
    )
    answer(
        {
            "level": level,
            "simulator": simulator,
            "frames": result.frames,
            "words": result.words,
            "mismatches": result.mismatches,
            "cycles_per_frame": first.cycles_per_frame if result.timed else None,
            "frames_per_second": round(rate, 1),
            "accuracy": result.accuracy,
            "first_mismatch": result.first,
            "taps": taps,
            "runs": [
                {
                    "name": r.run.name,
                    "frames": r.run.frames,
                    "words": r.words,
                    "mismatches": r.mismatches,
                    "cycles_per_frame": r.cycles_per_frame if result.timed else None,
                }
                for r in result.runs
            ],
        },
        as_json,
    )
    if result.mismatches:
        terminal.print(f"[bold red]Mismatch[/]: {escape(result.first)}", soft_wrap=True)
        raise typer.Exit(Mismatch.exit_code)
