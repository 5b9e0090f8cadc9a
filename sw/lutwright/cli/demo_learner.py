"""The verb `demo-learner`: a chip that knows six digits learns four more, in simulated RTL, bit by bit as software.

Everything is compared on the way; at the first difference it stops with Mismatch.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import typer
from rich.markup import escape
from rich.table import Table

from lutwright.boards import Board, load_board
from lutwright.cli.build import build_project, layer_table
from lutwright.cli.console import JSON_OPTION, answer, terminal, verb
from lutwright.cli.demo import Clock
from lutwright.cli.learn import (
    Task,
    chip_of,
    other_classes,
    outcome_words,
    own_classes,
    percent,
    print_cells,
    print_head,
    report_of,
    row_cells,
    run_task,
    task_of,
)
from lutwright.data import load
from lutwright.dataflow.choose import Choice
from lutwright.emit.project import open_project
from lutwright.errors import Mismatch
from lutwright.files import new_folder, write_file
from lutwright.learn import Learner
from lutwright.learn.device import Action, Load, Save, Show
from lutwright.learn.file import Stored, pack, read, state_words, unpack
from lutwright.learn.schedule import Wish
from lutwright.learn.session import How, Outcome, compare_states
from lutwright.learn.wish import parse_learner
from lutwright.resources import room
from lutwright.runtime.learner_device import ChipDevice
from lutwright.simulate.learner_chip import compile_chip
from lutwright.simulate.runner import Bench

_MARKER = "report.html"
_STATE = "learnt.state"
_MODEL = "mnist-mux-six"
_LEARNER = "classes=10,subspaces=16,anchors=6,distance=l2,fraction_bits=1,count_bits=6"


@dataclass(frozen=True)
class Reloaded:
    """A state that went from one chip to another: words compared, and queries answered alike by all three."""

    words: int
    queries: int


def reload_state(task: Task, bench: Bench, outcome: Outcome, path: Path) -> Reloaded:
    """Load the state file `path` into a chip fresh from reset and into a fresh reference, and ask both anew what was
    asked at the last checkpoint.

    Raises Mismatch unless both have the state that was saved, and give the answers that the chip which learnt gave.
    """
    config, chip = task.chip.config, task.chip
    stored = unpack(read(path), f"learner's state '{path}'")
    learner = Learner(config, chip.source)
    learner.load(path)
    last = task.schedule.checkpoints[-1]
    test = task.network.pictures(task.data.test_images, last.rows.tolist(), task.data.name)
    rows = last.rows.tolist()
    words = state_words(stored.config, stored.state)
    asked: list[Action] = [Load(words), Save(), *(Show(test.codes[row]) for row in rows), Save()]
    _, first, *found, after = ChipDevice(bench, task.project, chip).play(asked)
    expected = learner.predict_many(np.stack([test.features[row] for row in rows]))
    for when, got in (("after it was loaded", first), ("after it was asked", after)):
        assert isinstance(got, np.ndarray)
        compare_states(config, words, got, when)
    for index, row in enumerate(rows):
        wanted = expected[index]
        if found[index] != wanted or wanted.label != outcome.last[index]:
            rule = f"the fresh chip and the one that learnt must answer as the reference ({wanted})"
            raise Mismatch(f"test image {row}", rule, f"{found[index]} and class {outcome.last[index]}")
    return Reloaded(2 * len(words), len(rows))


def _estimate(choice: Choice, board: Board) -> str:
    need, have = choice.estimate.as_dict(), board.resources
    shares = (f"{need[kind]:,} {kind.upper()} ({need[kind] / max(1, getattr(have, kind)):.0%})" for kind in need)
    return ", ".join(shares)


def _closing(outcome: Outcome, reloaded: Reloaded, clocks: int, estimate: str, board: Board, total: float) -> Table:
    table = Table(title="lutwright demo-learner", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    last = outcome.rows[-1]
    facts = {
        "old classes, new classes, all": ", ".join(percent(share) for share in (last.old, last.new, last.all)),
        "learnt one by one, asked": f"{outcome.examples:,} examples, {outcome.queries:,} queries",
        "rtl = reference": f"{outcome.results:,} results, {outcome.words:,} words of state, 0 different",
        "state into a fresh chip": f"{reloaded.queries} queries, {reloaded.words:,} words, 0 different",
        "simulated clocks": f"{clocks:,}",
        f"{board.name}, estimated": estimate,
        "whole demo": f"{total:.0f} s",
    }
    for name, value in facts.items():
        table.add_row(name, value)
    return table


@verb
def demo_learner(
    out: Path = typer.Option(Path("demo-learner-out"), "--out", help="Folder for everything that the demo makes."),
    model: Path | None = typer.Option(None, "--model", help=f"ONNX file (default: {_MODEL} of examples/models)."),
    data: str = typer.Option("mnist5k", "--data", help="Data set, name or path."),
    learner: str = typer.Option(_LEARNER, "--learner", help="As of `lutwright build`."),
    board: str = typer.Option("ulx3s-45f", "--board", help="Board to build for."),
    examples: int = typer.Option(50, "--examples", help="Examples of each class."),
    test: int = typer.Option(1000, "--test", help="Test images at most."),
    every: int = typer.Option(10, "--every", help="Examples of a new class from one look at the accuracy to the next."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Teach a simulated chip new classes one example at a time, compare every bit of it, and write one report."""
    target, clock, start = load_board(board), Clock(), time.perf_counter()
    wanted, images = parse_learner(learner), load(data)
    with new_folder(out, _MARKER) as folder, tempfile.TemporaryDirectory(prefix="lutwright-") as work:
        place = folder / target.name
        with clock.step("network and learner to hardware"):
            source = model or room("examples") / "models" / f"{_MODEL}.onnx"
            graph, choice = build_project(source, target, place, learner=wanted)
            project = open_project(place)
        terminal.print(layer_table(graph, choice, target.family))
        with clock.step("compiling the chip for simulation"):
            bench = compile_chip(project, Path(work))
        old = own_classes(project)
        wish = Wish(old, other_classes(project, images, old), examples, test, every)
        task, device = task_of(project, images, wish), ChipDevice(bench, project, chip_of(project))
        print_head()
        with clock.step("learning in the RTL, compared with software after every example"):
            outcome = run_task(task, device, How(), lambda row: print_cells(row_cells(row)))
        write_file(folder / _STATE, pack(Stored(task.chip.config, outcome.state, task.chip.source)))
        with clock.step("the state into a fresh chip and a fresh reference"):
            reloaded = reload_state(task, bench, outcome, folder / _STATE)
        total = time.perf_counter() - start
        facts = [
            ("state saved, loaded into a fresh chip and a fresh reference",
             f"{reloaded.queries} queries and {reloaded.words:,} words of state, 0 different"),
            ("simulated clocks", f"{device.clocks:,}"),
            (f"estimate for {target.title}", _estimate(choice, target)),
            *((name, f"{seconds:.1f} s") for name, seconds in clock.steps),
        ]  # fmt: skip
        write_file(folder / _MARKER, report_of(task, outcome, "its chip in simulation", facts, total))
    terminal.print(_closing(outcome, reloaded, device.clocks, _estimate(choice, target), target, total))
    terminal.print(f"Report: {escape(str(out / _MARKER))}")
    answer(
        outcome_words(outcome)
        | {"reloaded": vars(reloaded), "clocks": device.clocks, "estimate": choice.estimate.as_dict()}
        | {"report": str(out / _MARKER), "state": str(out / _STATE), "total_seconds": round(total, 1)}
        | {"seconds": {name: round(seconds, 1) for name, seconds in clock.steps}},
        as_json,
    )
