"""The verb `sim`: play frames into a project's hardware and compare every word with the integer model."""

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
from lutwright.emit.project import Project, open_project
from lutwright.errors import BadOption, CannotSimulate, Mismatch
from lutwright.ir.execute import execute_outputs
from lutwright.learn.chip import LearnerChip
from lutwright.prove.bitstream import bitstream_sources
from lutwright.prove.netlist import netlist_sources
from lutwright.runtime.frames import Frames, load_frames
from lutwright.simulate.board import compare_board
from lutwright.simulate.core import Run, RunResult, compile_core, play, standard_runs
from lutwright.simulate.learner_chip import compile_chip
from lutwright.simulate.learner_runs import play_runs
from lutwright.simulate.runner import SIMULATORS
from lutwright.simulate.virtual_board import board_bench


@dataclass(frozen=True)
class SimResult:
    """All runs of one simulation, and the seconds to compile and to run it."""

    runs: list[RunResult]
    accuracy: float | None
    compile_seconds: float
    run_seconds: float

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
# Frames through a serial line take as many clocks as on the board.
_PINS_FRAMES = 5


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
    right = _accuracy(project, frames) if not results[0].mismatches else None
    return SimResult(results, right, compiled - begin, done - compiled)


def _accuracy(project: Project, frames: Frames) -> float | None:
    """That of the integer model, and so of hardware whose words are equal; None where no class or label is known."""
    told = project.class_output
    if frames.labels is None or told is None:
        return None
    return float((execute_outputs(project.graph, frames.codes)[told][:, 0] == frames.labels).mean())


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
    right = _accuracy(project, frames) if not found.mismatches else None
    played = RunResult(Run("through the pins", count), (found,), 0)
    return SimResult([played], right, compiled - begin, done - compiled)


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
        table.add_row(
            one.run.name, str(one.run.frames), f"{one.words:,}", str(one.mismatches), str(one.cycles_per_frame)
        )
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
        "rtl",
        "--level",
        help="rtl; netlist: the core as synthesised, of its family's cells; bitstream: the whole board, read back from "
        "the file that was packed (iCE40).",
    ),
    data: str | None = typer.Option(
        None, "--data", help="Data set (name or path), or random (default: what the model was trained on)."
    ),
    waves: bool = typer.Option(False, "--waves", help="Record every signal into PROJECT/waves; slow, use few frames."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Simulate a project's core, with and without stalls and through a reset, and compare every word.

    Of a project with a learner the whole chip learns and predicts; results and state are compared.
    """
    if level not in LEVELS:
        raise BadOption("--level", f"must be one of {', '.join(LEVELS)}", repr(level), "Leave the option out for rtl.")
    if taps and level != "rtl":
        rule = "goes with --level rtl: what the tools made has other names inside"
        raise BadOption("--taps", rule, f"--level {level}", "Leave it out.")
    if simulator not in SIMULATORS:
        raise BadOption("--simulator", f"must be one of {', '.join(SIMULATORS)}", repr(simulator))
    opened = open_project(project)
    with tempfile.TemporaryDirectory(prefix="lutwright-") as work, terminal.status(f"simulating {opened.graph.name}"):
        result = simulate_project(
            opened, frames, opened.manifest["data"] if data is None else data, simulator, taps, Path(work), waves, level
        )
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
            "cycles_per_frame": first.cycles_per_frame,
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
                    "cycles_per_frame": r.cycles_per_frame,
                }
                for r in result.runs
            ],
        },
        as_json,
    )
    if result.mismatches:
        terminal.print(f"[bold red]Mismatch[/]: {escape(result.first)}", soft_wrap=True)
        raise typer.Exit(Mismatch.exit_code)
