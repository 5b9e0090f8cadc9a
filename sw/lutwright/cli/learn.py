"""The verb `learn`: labelled examples to a project's learner, accuracy as it goes, its state to and from files."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

import lutwright
from lutwright.cli.console import JSON_OPTION, answer, terminal, verb
from lutwright.cli.run import serial_port
from lutwright.data import DataSet, load
from lutwright.data.subset import trained_classes
from lutwright.emit.project import Project, open_project
from lutwright.errors import BadOption
from lutwright.files import check_writable, write_file
from lutwright.learn import Learner
from lutwright.learn.chip import LearnerChip
from lutwright.learn.device import Device
from lutwright.learn.file import Stored, pack
from lutwright.learn.schedule import Labels, Schedule, Wish, schedule
from lutwright.learn.session import How, Outcome, Row, run_session
from lutwright.report.page import learn_page
from lutwright.report.pictures import learning_curve
from lutwright.runtime.learner_board import BoardDevice
from lutwright.runtime.learner_device import ChipDevice
from lutwright.runtime.learner_pictures import Network
from lutwright.runtime.link import Link
from lutwright.simulate.learner_chip import compile_chip

_HEAD = ("learnt last", "examples", "tested", "old", "new", "all")
_WIDTHS = (24, 9, 8, 8, 8, 8)


@dataclass(frozen=True, eq=False)
class Task:
    """A project with a learner, what it is to learn, and the reference, which begins with what is known already."""

    project: Project
    chip: LearnerChip
    data: DataSet
    schedule: Schedule
    learner: Learner

    @property
    def network(self) -> Network:
        """The network before the learner."""
        return Network(self.project, self.chip)


def class_numbers(option: str, text: str) -> tuple[int, ...]:
    """Return the classes of "0-5", "0,2,7-9" or "none"; BadOption, with the name `option`, for other text."""
    found: list[int] = []
    for part in [] if text.strip() in ("", "none") else text.split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        if not all(word.isascii() and word.isdigit() and len(word) < 6 for word in (first, last if dash else first)):
            raise BadOption(option, "must be classes like 0-5 or 0,2,7-9, or none", repr(text))
        found += range(int(first), int(last if dash else first) + 1)
    return tuple(found)


def chip_of(project: Project) -> LearnerChip:
    """Return the learner's chip of `project`; BadOption where it has none."""
    if project.learner is None:
        fix = "Build it with --learner."
        raise BadOption(f"project '{project.folder}'", "must have a learner", "a network alone", fix)
    return project.learner


def own_classes(project: Project) -> tuple[int, ...]:
    """Return the classes that the network was trained on, where its model tells; else none."""
    return trained_classes(project.graph.metadata)


def other_classes(project: Project, data: DataSet, old: tuple[int, ...]) -> tuple[int, ...]:
    """Return the classes of `data` beside `old` that the learner has room for."""
    return tuple(label for label in range(min(data.classes, chip_of(project).config.classes)) if label not in old)


def task_of(project: Project, data: DataSet, wish: Wish, known: Path | None = None) -> Task:
    """Return the task `wish` for `project`, whose learner begins with the state file `known`.

    Raises BadOption and BadData as `learn.schedule.schedule` does, and BadState.
    """
    chip = chip_of(project)
    learner = Learner(chip.config, chip.source)
    if known is not None:
        learner.load(known)
    begun = (learner.state.examples // chip.config.versions).tolist()
    labels = Labels(data.name, data.train_labels, data.test_labels)
    return Task(project, chip, data, schedule(labels, wish, chip.config.classes, begun), learner)


def run_task(task: Task, device: Device, how: How, on_row: Callable[[Row], None] = lambda row: None) -> Outcome:
    """Play `task` on `device`; raises Mismatch, BadData for images of another shape, and what the device raises."""
    data, network = task.data, task.network
    tested = [row for each in task.schedule.checkpoints for row in each.rows.tolist()]
    test = network.pictures(data.test_images, tested, data.name)
    train = network.pictures(data.train_images, [each.row for each in task.schedule.examples], data.name)
    return run_session(task.schedule, train, test, task.learner, device, how, on_row)


@contextmanager
def device_of(project: Project, port: str | None, virtual: bool) -> Iterator[Device]:
    """Yield the project's chip: on the board at `port`, on a simulated board, or alone in Verilator."""
    chip = chip_of(project)
    if port is None and not virtual:
        with tempfile.TemporaryDirectory(prefix="lutwright-") as work:
            with terminal.status("compiling the chip for simulation"):
                bench = compile_chip(project, Path(work))
            yield ChipDevice(bench, project, chip)
        return
    baud = project.manifest["baud"]
    with serial_port(project, port) as line, Link(line, baud, 60.0 if port is None else 2.0) as link:
        link.require(project.manifest["project_id"])
        yield BoardDevice(link, chip)


def percent(share: float | None) -> str:
    """A fraction as people read it; "" for none."""
    return "" if share is None else f"{share:.1%}"


def row_cells(row: Row) -> tuple[str, ...]:
    """The cells of a checkpoint, as in the table's head."""
    title = "old classes" if row.label is None else f"class {row.label}, {row.count} examples"
    return (title, f"{row.learnt:,}", f"{row.tested:,}", *(percent(share) for share in (row.old, row.new, row.all)))


def print_head() -> None:
    """Print the head of the table that grows."""
    print_cells(_HEAD)


def print_cells(cells: tuple[str, ...]) -> None:
    """Print one row of the table that grows."""
    shown = [cell.rjust(width) for cell, width in zip(cells[1:], _WIDTHS[1:], strict=True)]
    terminal.print(cells[0].ljust(_WIDTHS[0]) + "".join(shown), markup=False)


def report_of(task: Task, outcome: Outcome, where: str, facts: list[tuple[str, str]], seconds: float) -> str:
    """The HTML page of a session on a device called `where`. facts: what else there is to tell."""
    config, last = task.chip.config, outcome.rows[-1]
    learner = f"d={config.features} P={config.subspaces} k={config.anchors} C={config.classes}, {config.policy}"
    compared = f"{outcome.results:,} results and {outcome.words:,} words of state, 0 different"
    told = [
        ("learner", f"{learner}, {config.distance}, features {config.feature_bits} bits"),
        ("memory of the anchors", f"{config.memory_bits:,} bits"),
        ("compared with the reference", compared if outcome.results else "nothing"),
        ("seconds", f"{seconds:.1f}"),
        *facts,
    ]
    cards = [(percent(getattr(last, name)), f"of {name} classes")
             for name in ("old", "new", "all")]  # fmt: skip
    cards += [(f"{outcome.examples:,}", "examples learnt"), (f"{outcome.words:,}", "words of state compared")]
    rows = [row.record() for row in outcome.rows]
    return learn_page(
        {
            "name": task.project.graph.name,
            "device": where,
            "version": lutwright.__version__,
            "data": task.data.name,
            "cards": [{"value": value or "-", "label": label} for value, label in cards],
            "curve": learning_curve(rows),
            "rows": [row_cells(row) for row in outcome.rows],
            "facts_title": "The run",
            "facts": told,
        }
    )


def outcome_words(outcome: Outcome) -> dict[str, Any]:
    """The words of --json for a session."""
    return {
        "examples": outcome.examples,
        "queries": outcome.queries,
        "results_compared": outcome.results,
        "words_compared": outcome.words,
        "mismatches": 0,
        "checkpoints": [row.record() for row in outcome.rows],
    }


def said(outcome: Outcome, clocks: int, seconds: float) -> str:
    """What a session came to, in one line."""
    compared = f"{outcome.results:,} results and {outcome.words:,} words of state equal the reference"
    told = compared if outcome.results or outcome.words else "nothing compared"
    played = f", {clocks:,} clocks" if clocks else ""
    return f"{outcome.examples:,} examples, {outcome.queries:,} queries: {told}{played}, {seconds:.1f} s."


@verb
def learn(
    project: Path = typer.Argument(..., help="Folder made by `lutwright build --learner`."),
    data: str | None = typer.Option(None, "--data", help="Data set (name or path; default: the model's own)."),
    old: str | None = typer.Option(None, "--old", help="Classes that come first: 0-5, or none (default: the model's)."),
    new: str | None = typer.Option(None, "--new", help="Classes that come after, one by one (default: the others)."),
    examples: int = typer.Option(50, "--examples", help="Examples of each class."),
    test: int = typer.Option(1000, "--test", help="Test images at most."),
    every: int = typer.Option(10, "--every", help="Examples of a new class from one look at the accuracy to the next."),
    load_state: Path | None = typer.Option(None, "--load", help="State file to begin with."),
    save_state: Path | None = typer.Option(None, "--save", help="State file to write in the end."),
    port: str | None = typer.Option(None, "--port", help="Serial port of a board, for instance /dev/ttyUSB1."),
    virtual: bool = typer.Option(False, "--virtual", help="Use a simulated board behind a pseudo-terminal; slow."),
    seed: int = typer.Option(1, "--seed", help="Of the choice and order of the examples."),
    check: bool = typer.Option(True, "--check/--no-check", help="Compare every result, and the state, with software."),
    report: Path | None = typer.Option(None, "--report", help="HTML page to write, with the accuracy curve."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Teach a project's learner classes example by example: its chip in simulation, or on a board."""
    if port is not None and virtual:
        raise BadOption("--port", "or --virtual must be given, not both", "both", "Leave one of them out.")
    for path in (save_state, report):
        if path is not None:
            check_writable(path)
    opened = open_project(project)
    chip_of(opened)
    images = load(_data_name(opened, data))
    first = own_classes(opened) if old is None else class_numbers("--old", old)
    rest = other_classes(opened, images, first) if new is None else class_numbers("--new", new)
    task = task_of(opened, images, Wish(first, rest, examples, test, every, seed), load_state)
    begin = time.perf_counter()
    on_board = port is not None or virtual
    with device_of(opened, port, virtual) as device:
        print_head()
        outcome = run_task(task, device, How(check, not on_board), lambda row: print_cells(row_cells(row)))
    seconds = time.perf_counter() - begin
    clocks = getattr(device, "clocks", 0)
    if save_state is not None:
        write_file(save_state, pack(Stored(task.chip.config, outcome.state, task.chip.source)))
    if report is not None:
        where = (port or "a simulated board") if on_board else "its chip in simulation"
        write_file(report, report_of(task, outcome, where, [("clocks", f"{clocks:,}")] if clocks else [], seconds))
    terminal.print(said(outcome, clocks, seconds), soft_wrap=True)
    answer(outcome_words(outcome) | {"clocks": clocks, "seconds": round(seconds, 1)}, as_json)


def _data_name(project: Project, asked: str | None) -> str:
    name = project.manifest["data"] if asked is None else asked
    if not name:
        raise BadOption("--data", "must name a data set", "nothing", "The model does not tell what it was trained on.")
    return str(name)
