"""Simulating a core: frames in, every word out compared with the integer executor."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lutwright.dataflow.stage import Outlet, Pipeline
from lutwright.emit.rtl import bench_id, record_name, tapped
from lutwright.errors import Deadlock, ToolFailed
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
    slow: the number of the only output that stalls, None where every one does.
    Raises Deadlock where a side would stall for ever.
    """

    name: str
    frames: int
    stall_in: int = 0
    stall_out: int = 0
    seed: int = 1
    reset_after: int = 0
    slow: int | None = None

    def __post_init__(self) -> None:
        for side, stall in (("input", self.stall_in), ("output", self.stall_out)):
            if not 0 <= stall < 256:
                rule = f"the {side} must stall 0 to 255 of 256 clocks, so that beats move"
                raise Deadlock(f"run '{self.name}'", rule, stall, "Stall less.")


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


def standard_runs(frames: int, interval: int, outputs: int = 1) -> list[Run]:
    """What law 3 asks for: no stalls; stalls on either side and on both; a reset in mid-frame.

    Of several outputs each is also slow alone, while the others take whatever comes.
    """
    short = max(3, min(frames, 100))
    alone = range(outputs if outputs > 1 else 0)
    return [
        Run("no stalls", frames),
        Run("stalls on both sides", short, 96, 128, 7),
        Run("slow input", max(3, short // 4), 224, 0, 11),
        Run("slow output", max(3, short // 4), 0, 252, 13),
        Run("reset in mid-frame", short, 32, 32, 17, interval * 3 // 2),
        *(Run(f"only output {i} slow", max(3, short // 4), 0, 248, 19 + i, slow=i) for i in alone),
    ]


def compile_core(
    sources: list[Path], work: Path, simulator: str, taps: bool, waves: bool = False, netlist: bool = False
) -> Bench:
    """Compile the bench of a core; `sources` holds its RTL, or with `netlist` its netlist, and tb_core.sv."""
    told: dict[str, object] = {"NETLIST": 1} if netlist else {}
    bench = Bench(sources, "tb_core", work, {"TAPS": int(taps)}, simulator, waves=waves, top_only=True, defines=told)
    bench.compile()
    for folder in {source.resolve().parent for source in sources} - {work.resolve()}:
        for memory in folder.glob("*.mem"):
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
    for index in range(len(runs)):
        names = [record_name(pipeline, outlet).format(index) for outlet in pipeline.outlets]
        for name in (*names, *(f"record_{index}_{stage.name}.hex" for stage in tapped(pipeline))):
            (work / name).unlink(missing_ok=True)
    hung: ToolFailed | None = None
    try:
        bench.run("tb_core", {"LUTWRIGHT_RUNS": str(work / "runs.json")}, expect=1)
    except ToolFailed as error:
        if not (work / _ANSWERS).is_file():
            raise
        hung = error
    done = len(json.loads((work / _ANSWERS).read_text()))
    most = max(run.frames for run in runs)
    keep = {stage.tensor for stage in tapped(pipeline)} if taps else set()
    expected = execute_all(graph, codes[:most], {*keep, *graph.ends, *_made(pipeline)})
    results = [_result(work, index, run, pipeline, expected, taps, level) for index, run in enumerate(runs[:done])]
    if hung is not None and not any(result.mismatches for result in results):
        raise hung
    return results


def _job(run: Run, pipeline: Pipeline) -> dict[str, Any]:
    slow = 256 / (256 - max(run.stall_in, run.stall_out))
    limit = int(slow * 3 * pipeline.interval * (run.frames + 4)) + 20_000
    controls = {"in_beats": run.frames * pipeline.source.beats}
    for outlet in pipeline.outlets:
        controls[f"out_beats{bench_id(pipeline, outlet)}"] = run.frames * outlet.stream.beats
    if len(pipeline.outlets) > 1:
        controls["slow"] = -1 if run.slow is None else run.slow
    return asdict(run) | {
        "controls": controls,
        "limit": limit,
        "drain": int(slow * 2 * pipeline.interval),
    }


def _result(
    work: Path, index: int, run: Run, pipeline: Pipeline, expected: dict[str, IntArray], taps: bool, level: str
) -> RunResult:
    made = _made(pipeline)
    comparisons = []
    for stage in tapped(pipeline) if taps else []:
        if stage.tensor not in made:
            got, blurred = read_record(work / f"record_{index}_{stage.name}.hex", stage.stream)
            comparisons.append(compare(stage.node, expected[stage.tensor][: run.frames], got, blurred, level))
    steady = 0
    for outlet in pipeline.outlets:
        found, clocks = _outlet(
            work / record_name(pipeline, outlet).format(index), run, pipeline, outlet, expected, level
        )
        comparisons += found
        steady = max(steady, clocks)
    return RunResult(run, tuple(comparisons), steady)


def _made(pipeline: Pipeline) -> set[str]:
    """The tensors whose stages are seen at the outlets: a node that only renames words has no stage."""
    makers = [pipeline.maker(outlet.link) for outlet in pipeline.outlets]
    return {maker.tensor for maker in makers if maker is not None}


def _outlet(
    record: Path, run: Run, pipeline: Pipeline, outlet: Outlet, expected: dict[str, IntArray], level: str
) -> tuple[list[Comparison], int]:
    """The comparisons of an outlet, and the clocks between two frames of it; 0 where there are too few of them."""
    values, unknown, last, clocks = read_output(record, outlet.stream)
    maker = pipeline.maker(outlet.link)
    node, tensor = (maker.node, maker.tensor) if maker is not None else ("input", outlet.tensor)
    alone, beats = len(pipeline.outlets) == 1, outlet.stream.beats
    where = node if alone else f"{node}, output '{outlet.name}'"
    words = compare(where, expected[tensor][: run.frames], values, unknown, level)
    want_last = (np.arange(last.size) % beats == beats - 1).astype(np.int64)
    called = "tlast" if alone else f"tlast of '{outlet.name}'"
    ends = compare(called, want_last[:, None], last[:, None], np.zeros(last.size, np.bool_), level)
    times = clocks[beats - 1 :: beats]
    steady = round(float(np.median(np.diff(times[times.size // 2 :])))) if times.size > 3 else 0
    return [words, ends], steady
