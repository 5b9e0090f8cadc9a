"""Simulating a core: frames in, every word out compared with the integer executor."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lutwright.dataflow.stage import Pipeline
from lutwright.emit.rtl import tapped
from lutwright.errors import ToolFailed
from lutwright.ir.execute import execute_all
from lutwright.ir.graph import Graph
from lutwright.numerics.quantiser import IntArray
from lutwright.simulate.compare import Comparison, compare
from lutwright.simulate.records import read_output, read_record, write_stimulus
from lutwright.simulate.runner import Bench

_ANSWERS = "answers.json"


@dataclass(frozen=True)
class Run:
    """One run of the bench. stall_in, stall_out: idle clocks of 256 on each side; seed of the stall pattern.

    reset_after: clocks after which the core is reset in mid-frame and the run begins again, or 0 for no reset.
    """

    name: str
    frames: int
    stall_in: int = 0
    stall_out: int = 0
    seed: int = 1
    reset_after: int = 0


@dataclass(frozen=True)
class RunResult:
    """Comparisons of one run, and its clocks a frame: median of the second half, 0 where fewer than four frames ran."""

    run: Run
    comparisons: tuple[Comparison, ...]
    cycles_per_frame: int

    @property
    def words(self) -> int:
        """Words compared."""
        return sum(c.words for c in self.comparisons)

    @property
    def mismatches(self) -> int:
        """Words that differ."""
        return sum(c.mismatches for c in self.comparisons)


def standard_runs(frames: int, interval: int) -> list[Run]:
    """What law 3 asks for: no stalls; stalls on either side and on both; a reset in mid-frame."""
    short = max(3, min(frames, 100))
    return [
        Run("no stalls", frames),
        Run("stalls on both sides", short, 96, 128, 7),
        Run("slow input", max(3, short // 4), 224, 0, 11),
        Run("slow output", max(3, short // 4), 0, 252, 13),
        Run("reset in mid-frame", short, 32, 32, 17, interval * 3 // 2),
    ]


def compile_core(sources: list[Path], work: Path, simulator: str, taps: bool, waves: bool = False) -> Bench:
    """Compile the bench of a core; `sources` holds its RTL and tb_core.sv."""
    bench = Bench(sources, "tb_core", work, {"TAPS": int(taps)}, simulator, waves=waves, top_only=True)
    bench.compile()
    for source in sources:
        for memory in source.parent.glob("*.mem"):
            shutil.copy(memory, work)  # $readmemh looks in the working folder
    return bench


def play(
    bench: Bench, graph: Graph, pipeline: Pipeline, codes: IntArray, runs: list[Run], taps: bool, level: str
) -> list[RunResult]:
    """Play `codes` [frames, ...shape] in every run and compare all records; ToolFailed where the simulation fails.

    A run plays the first `run.frames` of the frames. level: what to call the simulated side in messages.
    """
    work = bench.work
    write_stimulus(work / "stimulus.hex", codes, pipeline.source)
    jobs = [_job(run, pipeline) for run in runs]
    (work / "runs.json").write_text(json.dumps(jobs))
    (work / _ANSWERS).unlink(missing_ok=True)
    for stage in tapped(pipeline):
        for index in range(len(runs)):
            (work / f"record_{index}_{stage.name}.hex").unlink(missing_ok=True)
    hung: ToolFailed | None = None
    try:
        bench.run("tb_core", {"LUTWRIGHT_RUNS": str(work / "runs.json")}, expect=1)
    except ToolFailed as error:
        if not (work / _ANSWERS).is_file():
            raise
        hung = error
    done = len(json.loads((work / _ANSWERS).read_text()))
    most = max(run.frames for run in runs)
    keep = {stage.tensor for stage in tapped(pipeline)} if taps else {graph.output}
    expected = execute_all(graph, codes[:most], keep)
    results = [_result(work, index, run, pipeline, expected, taps, level) for index, run in enumerate(runs[:done])]
    if hung is not None and not any(result.mismatches for result in results):
        raise hung
    return results


def _job(run: Run, pipeline: Pipeline) -> dict[str, Any]:
    slow = 256 / (256 - max(run.stall_in, run.stall_out))
    limit = int(slow * 3 * pipeline.interval * (run.frames + 4)) + 20_000
    return asdict(run) | {
        "in_beats": run.frames * pipeline.source.beats,
        "out_beats": run.frames * pipeline.stream.beats,
        "limit": limit,
        "drain": int(slow * 2 * pipeline.interval),
    }


def _result(
    work: Path, index: int, run: Run, pipeline: Pipeline, expected: dict[str, IntArray], taps: bool, level: str
) -> RunResult:
    output = pipeline.last
    values, unknown, last, clocks = read_output(work / f"record_{index}_output.hex", pipeline.stream)
    comparisons = []
    for stage in tapped(pipeline) if taps else []:
        if stage.tensor != output.tensor:
            got, blurred = read_record(work / f"record_{index}_{stage.name}.hex", stage.stream)
            comparisons.append(compare(stage.node, expected[stage.tensor][: run.frames], got, blurred, level))
    comparisons.append(compare(output.node, expected[output.tensor][: run.frames], values, unknown, level))
    beats = pipeline.stream.beats
    want_last = (np.arange(last.size) % beats == beats - 1).astype(np.int64)
    comparisons.append(compare("tlast", want_last[:, None], last[:, None], np.zeros(last.size, np.bool_), level))
    ends = clocks[beats - 1 :: beats]
    steady = round(float(np.median(np.diff(ends[ends.size // 2 :])))) if ends.size > 3 else 0
    return RunResult(run, tuple(comparisons), steady)
