"""lutwright run: frames to a board that holds a project's bitstream, classes back."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from lutwright.cli.console import JSON_OPTION, answer, terminal, verb
from lutwright.emit.project import Project as Opened
from lutwright.emit.project import open_project
from lutwright.errors import BadData, BadOption, BadProject, LinkError, Mismatch
from lutwright.runtime.find import find_board
from lutwright.runtime.frames import load_frames
from lutwright.runtime.link import Identity, Link
from lutwright.runtime.packets import places, unpack
from lutwright.simulate.board import compile_board, frame_bytes, result_bytes
from lutwright.simulate.virtual_board import virtual_board


@dataclass(frozen=True)
class Project:
    """What `run` reads of project.json."""

    name: str
    project_id: int
    in_bytes: int
    in_beats: int
    out_bytes: int
    out_beats: int
    baud: int

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame on the link."""
        return self.in_bytes * self.in_beats


@dataclass(frozen=True)
class Frames:
    """What to send: frames uint8 [N, bytes]; labels int [N] and expected results uint8 [N, bytes] where known.

    place: the bytes of a result that are the class, low byte first; None for all of them.
    """

    frames: NDArray[np.uint8]
    labels: NDArray[np.int64] | None = None
    expected: NDArray[np.uint8] | None = None
    place: slice | None = None


@dataclass(frozen=True)
class BoardRun:
    """What came back: one result a frame and the class in it, frames a second over the link, accuracy where labels
    are known."""

    results: list[bytes]
    classes: list[int]
    seconds: float
    accuracy: float | None
    compared: bool

    @property
    def frames_per_second(self) -> float:
        """Frames a second, link included."""
        return len(self.classes) / self.seconds if self.seconds else 0.0


def read_project(folder: Path) -> Project:
    """Read project.json of `folder`; BadProject where it is absent or incomplete."""
    where = f"project '{folder.name}'"
    try:
        data = json.loads((folder / "project.json").read_text(encoding="utf-8"))
        core = data["core"]
        if not data["baud"]:
            raise BadProject(
                where,
                "must be for a board with a serial line",
                "one with AXI DMA",
                "Copy its folder pynq/ to the board, and use the driver there.",
            )
        return Project(
            str(data["name"]),
            int(data["project_id"]),
            int(core["in_bytes"]),
            int(core["in_beats"]),
            int(core["out_bytes"]),
            int(core["out_beats"]),
            int(data["baud"]),
        )
    except OSError as error:
        raise BadProject(
            where,
            "must hold a readable project.json",
            error.strerror or str(error),
            "Name a folder that `lutwright build --board` made.",
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise BadProject(
            where,
            "project.json must say name, project_id, core and baud",
            f"without {error}",
            "Build the project again, with --board.",
        ) from error


def project_frames(opened: Opened, source: str, count: int | None) -> Frames:
    """Frames of data set `source` (or random ones) as the board takes them, with the integer model's results."""
    loaded = load_frames(opened.graph, source, count)
    frames = np.frombuffer(b"".join(frame_bytes(opened, loaded.codes)), np.uint8).reshape(len(loaded.codes), -1)
    expected = np.frombuffer(b"".join(result_bytes(opened, loaded.codes)), np.uint8).reshape(len(loaded.codes), -1)
    told = opened.class_output
    place = None if told is None else list(places(opened.pipeline).values())[told]
    return Frames(frames, None if told is None else loaded.labels, expected, place)


@contextmanager
def serial_port(opened: Opened, port: str | None) -> Iterator[str]:
    """Yield `port`, or where that is None the port of a simulated board, which ends with the block."""
    if port is not None:
        yield port
        return
    with tempfile.TemporaryDirectory(prefix="lutwright-") as work:
        with terminal.status("compiling the simulated board"):
            bench = compile_board(opened, Path(work))
        with virtual_board(bench, opened.board) as virtual:
            yield virtual


def run_on_board(
    project: Project, port: str, data: Frames, timeout: float = 2.0, progress: Callable[[int], None] = lambda done: None
) -> BoardRun:
    """Send every frame of `data` to the board on `port` and collect its results.

    A class is one unsigned number, low byte first. timeout: seconds for an answer. progress: called with the
    number of answered frames. Raises LinkError, BadData, or Mismatch at the first result that is not the expected.
    """
    if data.frames.ndim != 2 or data.frames.shape[1] != project.frame_bytes or data.frames.dtype != np.uint8:
        raise BadData(
            f"frames for '{project.name}'",
            f"must be uint8 [N, {project.frame_bytes}]",
            f"{data.frames.dtype} {list(data.frames.shape)}",
            "Quantise and pack them as the project does.",
        )
    results: list[bytes] = []
    with Link(port, project.baud, timeout) as link:
        _same_sizes(port, link.require(project.project_id), project)
        begin = time.perf_counter()
        for i, result in enumerate(link.classify_all(frame.tobytes() for frame in data.frames)):
            if data.expected is not None and result != data.expected[i].tobytes():
                expected = data.expected[i].tobytes().hex()
                raise Mismatch(
                    f"board on '{port}', frame {i}",
                    f"the result must be {expected}",
                    result.hex(),
                    "Compare the levels in between with `lutwright sim`.",
                )
            results.append(result)
            progress(len(results))
        seconds = time.perf_counter() - begin
    classes = [int.from_bytes(result[data.place or slice(None)], "little") for result in results]
    accuracy = None if data.labels is None or not classes else float(np.mean(np.array(classes) == data.labels))
    return BoardRun(results, classes, seconds, accuracy, data.expected is not None)


def _same_sizes(port: str, identity: Identity, project: Project) -> None:
    """The board's sizes must be the project's, whose hash agreed."""
    said = (identity.in_bytes, identity.in_beats, identity.out_bytes, identity.out_beats)
    ours = (project.in_bytes, project.in_beats, project.out_bytes, project.out_beats)
    if said != ours:
        raise LinkError(
            f"port '{port}'",
            f"the board's sizes must be the project's {ours}",
            said,
            "Build the project and the bitstream again.",
        )


def _report(opened: Opened, run: BoardRun) -> dict[str, Any]:
    """The words of --json: the classes, or of several outputs each by its name."""
    several = {name: words.tolist() for name, words in unpack(opened.graph, opened.pipeline, run.results).items()}
    return {
        "frames": len(run.classes),
        **({"classes": run.classes} if len(several) == 1 else {"outputs": several}),
        "seconds": round(run.seconds, 3),
        "frames_per_second": round(run.frames_per_second, 2),
        "accuracy": run.accuracy,
        "compared": run.compared,
    }


@verb
def run(
    project: Path = typer.Argument(..., help="Folder made by `lutwright build --board`."),
    port: str | None = typer.Option(
        None, "--port", help="Serial port of the board, for instance /dev/ttyUSB1 (default: where its project answers)."
    ),
    virtual: bool = typer.Option(False, "--virtual", help="Use a simulated board behind a pseudo-terminal instead."),
    frames: int | None = typer.Option(None, "--frames", min=1, help="How many frames to send (default: all)."),
    data: str | None = typer.Option(
        None, "--data", help="Data set (name or path), or random (default: what the model was trained on)."
    ),
    timeout: float | None = typer.Option(
        None,
        "--timeout",
        min=0.01,
        help="Seconds to wait for an answer (default: 2 for a board, 60 for a simulated one).",
    ),
    as_json: bool = JSON_OPTION,
) -> None:
    """Classify the project's test frames on a board, and compare with the integer model."""
    if port is not None and virtual:
        raise BadOption("--port", "or --virtual may be given, one of them", "both", "Say --virtual, or name a port.")
    opened = open_project(project)
    if opened.learner is not None:
        rule = "must end in what the network answers"
        raise BadProject(f"project '{project}'", rule, "in a learner", f"Use lutwright learn {project}.")
    ours = read_project(project)
    sent = project_frames(opened, opened.manifest["data"] if data is None else data, frames)
    place = port if port is not None or virtual else find_board(ours.project_id, ours.baud)
    patience = timeout if timeout is not None else 60.0 if virtual else 2.0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with serial_port(opened, place) as line, Progress(*columns, console=terminal, disable=as_json) as bar:
        task = bar.add_task(f"{ours.name} on {'a simulated board' if virtual else line}", total=len(sent.frames))
        done = run_on_board(ours, line, sent, patience, lambda count: bar.update(task, completed=count))
    if not as_json:
        right = "" if done.accuracy is None else f", {done.accuracy:.2%} right"
        equal = ", all equal to the integer model" if done.compared else ""
        terminal.print(f"{len(done.classes)} frames, {done.frames_per_second:.1f} a second{right}{equal}.")
    answer(_report(opened, done), as_json)
