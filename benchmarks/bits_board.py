"""The network of the demo on one board, step by step; each step's figures are kept as soon as they are there."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lutwright.boards import Board, load_board
from lutwright.cli.build import build_bitstream, build_project, link_frames
from lutwright.cli.sim import SimResult, simulate_project
from lutwright.dataflow.choose import Choice
from lutwright.emit.project import BuildPlan, Project, open_project
from lutwright.errors import BadProject, CannotSimulate
from lutwright.flow.bitstream import Measured
from lutwright.flow.synth import Cells
from lutwright.flow.tools import FLOW_TOOLS
from lutwright.flow.vendor import VENDORS, count_cells_of
from lutwright.flow.yosys_passes import maps, synth_passes
from lutwright.report.board_results import STEPS, Record, read_record, write_record
from lutwright.resources import room

MODEL = room("examples") / "models" / "mnist-mux.onnx"
KINDS = ("lut", "ff", "bram", "dsp")


@dataclass(frozen=True)
class BoardJob:
    """One board: its record goes to `results`, its project to `work`.

    steps: which of those of report/board_results.py may be run. frames: through the netlist in a run without stalls,
    and through the pins.
    """

    board: str
    results: Path
    work: Path
    steps: tuple[str, ...] = STEPS
    netlist_frames: int = 20
    pins_frames: int = 5


def run_board(job: BoardJob) -> Record:
    """Run what the record of the board lacks, or all where it is of another project or of other tools."""
    folder = job.work / job.board
    _, choice = build_project(MODEL, load_board(job.board), folder)
    project = open_project(folder)
    record, fresh = read_record(job.board, job.results), {"project": _design(project), "tools": _tools()}
    if any(record.get(key) != value for key, value in fresh.items()):
        record = dict(fresh)
    steps: dict[str, Callable[[], Record]] = {
        "build": lambda: _build(project, choice),
        "netlist": lambda: _prove(project, job.netlist_frames, "netlist", folder / "prove-netlist"),
        "bitstream": lambda: _read_back(project, job.pins_frames, folder / "prove-bitstream"),
    }
    if project.board.family in VENDORS:
        steps = {"synthesis": lambda: _count(project, choice)}
    for name, step in steps.items():
        if name in record or name not in job.steps:
            continue
        record[name] = step()
        write_record(job.board, record, job.results)
    return record


def _count(project: Project, choice: Choice) -> Record:
    """What Yosys makes of the design, beside a processor of the core and its streams."""
    board, estimate = project.board, choice.estimate.as_dict()
    made = count_cells_of(project.folder, project.board_sources, board, project.manifest["top"])
    return _resources(board, estimate, made)


def _resources(board: Board, estimate: Mapping[str, float], made: Cells | Measured) -> Record:
    """By kind, what the design takes, what the board has, and the estimate."""
    return {
        kind: {
            "used": getattr(made, kind),
            "available": getattr(board.resources, kind),
            "estimate": int(estimate[kind]),
        }
        for kind in KINDS
    }


def _build(project: Project, choice: Choice) -> Record:
    board, begin = project.board, time.perf_counter()
    made = build_bitstream(project.folder, board)[0]
    seconds, estimate = time.perf_counter() - begin, choice.estimate.as_dict()
    pipeline = project.pipeline
    return {
        **_resources(board, estimate, made),
        "bram_kbit": board.resources.bram_kbit,
        "fmax_mhz": round(made.fmax_mhz, 1),
        "clock_mhz": made.clock_mhz,
        "interval": pipeline.interval,
        "frames_per_second": round(made.clock_mhz * 1e6 / pipeline.interval),
        "link_frames_per_second": round(link_frames(board, pipeline)),
        "seconds": round(seconds),
    }


def _prove(project: Project, frames: int, level: str, work: Path) -> Record:
    begin = time.perf_counter()
    try:
        found: SimResult = simulate_project(
            project, frames, project.manifest["data"], "verilator", False, work, level=level
        )
    except CannotSimulate as error:
        return {"refused": f"{error.rule}, not {error.found}"}
    seconds = round(time.perf_counter() - begin)
    told = {"frames": found.frames, "words": found.words, "mismatches": found.mismatches, "first": found.first}
    return told | {"seconds": seconds}


def _read_back(project: Project, frames: int, work: Path) -> Record:
    """Prove the bitstream; where its figures are there and its file is not, make it again."""
    try:
        return _prove(project, frames, "bitstream", work)
    except BadProject:
        build_bitstream(project.folder, project.board)
        return _prove(project, frames, "bitstream", work)


def _design(project: Project) -> str:
    """The digest of what a bitstream is made of, and how it is synthesised."""
    paths = [*(project.folder / "rtl").iterdir(), project.folder / project.manifest["constraints"]]
    family = project.board.family
    passes = {"passes": "\n".join(synth_passes(family, "")).encode()} | maps(family)
    return BuildPlan({path.name: path.read_bytes() for path in paths} | passes).digest


def _tools() -> dict[str, str]:
    names = {tool.package for tool in FLOW_TOOLS} | {"verilator"}
    found = {}
    for name in sorted(names):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found
