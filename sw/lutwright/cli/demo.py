"""The verb `demo`: a network learns, becomes hardware, agrees with PyTorch on every word and turns into bitstreams."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape
from rich.table import Table

import lutwright
from lutwright.boards import Board, load_board
from lutwright.cli.build import build_project, layer_table, link_frames, measured_dict
from lutwright.cli.console import JSON_OPTION, answer, terminal, verb
from lutwright.cli.sim import SimResult, runs_table, simulate_project
from lutwright.dataflow.choose import Choice
from lutwright.emit.project import open_project
from lutwright.errors import Mismatch
from lutwright.files import new_folder, write_file
from lutwright.flow.bitstream import Measured, make_bitstream
from lutwright.flow.tools import stop_running
from lutwright.ir.execute import execute
from lutwright.ir.graph import Graph
from lutwright.report.page import demo_page
from lutwright.report.pictures import digit, training_curve
from lutwright.simulate.board import compile_board, play_board
from lutwright.simulate.compare import Comparison
from lutwright.train import need_torch

if TYPE_CHECKING:
    from lutwright.train.run import TrainResult

_MARKER = "report.html"
_TAPPED = 100
_BOARD_FRAMES = 3


@dataclass
class Clock:
    """Seconds of each step, in order."""

    steps: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time the block as step `name`, and say on the terminal that it runs and how long it took."""
        begin = time.perf_counter()
        with terminal.status(name):
            yield
        self.steps.append((name, time.perf_counter() - begin))
        terminal.print(f"[green]done[/] {name}: {self.steps[-1][1]:.1f} s")


@dataclass
class BoardResult:
    """One board's project, and its bitstream when that is finished."""

    board: Board
    choice: Choice
    folder: Path
    bitstream: Future[tuple[Measured, float]]


@contextmanager
def _workers() -> Iterator[ThreadPoolExecutor]:
    """Two threads for the bitstreams; where the block fails, what they still run is killed and not waited for."""
    pool = ThreadPoolExecutor(2)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        stop_running()
        raise
    finally:
        pool.shutdown()


def _train(recipe: str, folder: Path, clock: Clock) -> TrainResult:
    need_torch()
    from lutwright.cli.train import training_bar
    from lutwright.train.recipe import load_recipe
    from lutwright.train.run import train_recipe

    plan = load_recipe(recipe)
    begin = time.perf_counter()
    with training_bar(plan.schedule.sal_epochs + plan.schedule.tune_epochs) as on_epoch:
        result = train_recipe(plan, folder / "model", progress=on_epoch)
    clock.steps.append(("training", time.perf_counter() - begin))
    terminal.print(
        f"[green]done[/] training: {clock.steps[-1][1]:.1f} s, {result.test_accuracy:.1%} of the test images"
    )
    return result


def _against_torch(trained: TrainResult, graph: Graph) -> list[Comparison]:
    from lutwright.check.against_torch import compare_with_torch
    from lutwright.data import load

    return compare_with_torch(trained.network, graph, load(trained.recipe.dataset).test_images)


def _timed_bitstream(folder: Path, board: Board) -> tuple[Measured, float]:
    project = open_project(folder)
    begin = time.perf_counter()
    measured = make_bitstream(folder, project.board_sources, board, project.manifest["top"])
    return measured, time.perf_counter() - begin


def closing_table(words: dict[str, Any]) -> Table:
    """What was reached, in one table."""
    table = Table(title="lutwright demo", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in words.items():
        table.add_row(name, str(value))
    return table


@verb
def demo(
    out: Path = typer.Option(Path("demo-out"), "--out", help="Folder for everything that the demo makes."),
    boards: str = typer.Option(
        "tangnano9k,ulx3s-45f", "--boards", help="Boards to make bitstreams for, separated by commas."
    ),
    recipe: str = typer.Option("mnist-mux", "--recipe", help="Recipe to train."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Train, convert, simulate, make bitstreams, and write one report."""
    targets = [load_board(name) for name in boards.split(",")]
    clock = Clock()
    start = time.perf_counter()
    with new_folder(out, _MARKER) as folder, _workers() as pool:
        trained = _train(recipe, folder, clock)
        results = []
        with clock.step("conversion"):
            for board in targets:
                place = folder / board.name
                graph, choice = build_project(trained.model, board, place)
                results.append(BoardResult(board, choice, place, pool.submit(_timed_bitstream, place, board)))
        terminal.print(layer_table(graph, results[0].choice, results[0].board.family))
        with clock.step("integer against PyTorch, every layer"):
            layers = _against_torch(trained, graph)
        project = open_project(results[0].folder)
        simulated = _simulate(project.folder, clock)
        terminal.print(runs_table(simulated, "rtl against integer"))
        with clock.step(f"the whole board through its UART pins, {_BOARD_FRAMES} frames"):
            bench = compile_board(project, folder / "simulation" / "board")
            from lutwright.runtime.frames import load_frames

            answers = play_board(
                bench, project, load_frames(project.graph, project.manifest["data"], _BOARD_FRAMES).codes
            )
        with clock.step("waiting for the bitstreams (they are made beside the rest)"):
            made = [result.bitstream.result() for result in results]
        clock.steps += [(f"bitstream {r.board.name}", seconds) for r, (_, seconds) in zip(results, made, strict=True)]
        total = time.perf_counter() - start
        words = _words(trained, layers, simulated, answers, results, [m for m, _ in made], total)
        write_file(
            folder / _MARKER, _page(trained, graph, layers, simulated, results, [m for m, _ in made], clock, total)
        )
    terminal.print(closing_table(words["table"]))
    terminal.print(f"Report: {escape(str(out / _MARKER))}")
    answer(
        {key: value for key, value in words.items() if key != "table"}
        | {"report": str(out / _MARKER), "seconds": {name: round(seconds, 1) for name, seconds in clock.steps}},
        as_json,
    )
    if simulated.mismatches:
        raise Mismatch("rtl against integer", "every word must be equal", simulated.first)


def _simulate(place: Path, clock: Clock) -> SimResult:
    project = open_project(place)
    with clock.step("1,000 test images through the RTL, then stalls and a reset, every stage compared"):
        return simulate_project(
            project, None, project.manifest["data"], "verilator", True, place.parent / "simulation" / "core"
        )


def _board_line(result: BoardResult, measured: Measured) -> str:
    pipeline = result.choice.pipeline
    rate = result.board.clock.mhz * 1e6 / pipeline.interval
    link = link_frames(result.board, pipeline)
    return (
        f"Fmax {measured.fmax_mhz:.1f} MHz, board clock {measured.clock_mhz:g} MHz; "
        f"{pipeline.interval} clocks a frame: "
        f"core {rate:,.0f} frames/s, link {link:,.0f} frames/s at {result.board.uart.baud:,} baud."
    )


def _words(
    trained: TrainResult,
    layers: list[Comparison],
    simulated: SimResult,
    answers: int,
    results: list[BoardResult],
    made: list[Measured],
    total: float,
) -> dict[str, Any]:
    table: dict[str, Any] = {
        "test accuracy": f"{trained.test_accuracy:.1%}",
        "integer = PyTorch": f"{sum(c.words for c in layers):,} words, {sum(c.mismatches for c in layers)} different",
        "rtl = integer": f"{simulated.words:,} words in {simulated.frames:,} frames, {simulated.mismatches} different",
        "board through its UART pins": f"{answers} frames, 0 different",
        "clocks a frame": simulated.runs[0].cycles_per_frame,
        "simulated frames a second": f"{simulated.frames / simulated.run_seconds:,.0f}",
    }
    for result, measured in zip(results, made, strict=True):
        have = result.board.resources
        table[result.board.name] = (
            f"{measured.lut} LUT ({measured.lut / have.lut:.0%}), {measured.ff} FF, {measured.bram} BRAM, "
            f"{measured.dsp} DSP"
        )
        table[f"{result.board.name} speed"] = _board_line(result, measured)
        table[f"{result.board.name} bitstream"] = str(measured.bitstream.name)
    table["whole demo"] = f"{total:.0f} s"
    return {
        "table": table,
        "test_accuracy": trained.test_accuracy,
        "words": simulated.words,
        "mismatches": simulated.mismatches,
        "torch_words": sum(c.words for c in layers),
        "cycles_per_frame": simulated.runs[0].cycles_per_frame,
        "boards": {
            r.board.name: {"estimate": r.choice.estimate.as_dict(), "measured": measured_dict(m)}
            for r, m in zip(results, made, strict=True)
        },
        "total_seconds": round(total, 1),
    }


def _page(
    trained: TrainResult,
    graph: Graph,
    layers: list[Comparison],
    simulated: SimResult,
    results: list[BoardResult],
    made: list[Measured],
    clock: Clock,
    total: float,
) -> str:
    from lutwright.data import load

    data = load(trained.recipe.dataset)
    codes = graph.edge.codes(data.test_images.astype("float32") / 256)
    classes = execute(graph, codes)[:, 0]  # equal to the hardware's, word by word, or the demo would have stopped
    wrong = [i for i in range(len(classes)) if classes[i] != data.test_labels[i]]
    shown = [i for i in range(20) if i not in wrong] + wrong
    first = simulated.runs[0]
    rows = [
        {
            "name": "integer = PyTorch, every layer",
            "frames": len(classes),
            "words": sum(c.words for c in layers),
            "mismatches": 0,
            "clocks": 0,
        }
    ]
    rows += [
        {
            "name": f"RTL = integer, every stage: {r.run.name}",
            "frames": r.run.frames,
            "words": r.words,
            "mismatches": r.mismatches,
            "clocks": r.cycles_per_frame,
        }
        for r in simulated.runs
    ]
    table = layer_table(graph, results[0].choice, results[0].board.family)
    cells = [list(column.cells) for column in table.columns]
    return demo_page(
        {
            "name": graph.name,
            "version": lutwright.__version__,
            "curve": training_curve(trained.history),
            "comparisons": rows,
            "played": len(classes),
            "times": [*clock.steps, ("whole demo", total)],
            "boards": [
                {"title": r.board.title, "line": _board_line(r, m), "rows": _board_rows(r, m)}
                for r, m in zip(results, made, strict=True)
            ],
            "layers": {"head": [str(c.header) for c in table.columns], "rows": list(zip(*cells, strict=True))},
            "digits": [
                {
                    "image": digit(data.test_images[i]),
                    "label": int(data.test_labels[i]),
                    "got": int(classes[i]),
                    "wrong": i in wrong,
                }
                for i in shown
            ],
            "cards": [
                {"value": f"{trained.test_accuracy:.1%}", "label": "of 1,000 held-out digits"},
                {"value": f"{simulated.words:,}", "label": "words compared, RTL and integer"},
                {"value": str(simulated.mismatches), "label": "of them different"},
                {"value": f"{first.cycles_per_frame}", "label": "clocks a frame"},
                {"value": f"{made[0].lut:,}", "label": f"LUTs on {results[0].board.title}"},
                {"value": f"{made[0].fmax_mhz:.0f} MHz", "label": "Fmax there"},
            ],
        }
    )


def _board_rows(result: BoardResult, measured: Measured) -> list[dict[str, Any]]:
    estimate, seen = result.choice.estimate.as_dict(), measured_dict(measured)
    rows = []
    for kind in ("lut", "ff", "bram", "dsp"):
        have = getattr(result.board.resources, kind)
        rows.append(
            {
                "kind": kind.upper(),
                "estimate": estimate[kind],
                "measured": seen[kind],
                "available": have,
                "share": f"{seen[kind] / have:.0%}" if have else "-",
            }
        )
    return rows
