"""Simulating the whole chip of a learner: images and commands in, results and answers out, in one long run.

    bench = compile_chip(project, work)
    record = play_chip(bench, project, [Frame(codes, 3, True), Frame(other, 0, False), *save_operations(config)])
    record.label[1], state_from_answers(config, record.data[1:])

The bench plays a program in HDL (rtl_templates/tb_learner_chip.sv.j2); no Python runs between two clocks.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from lutwright.emit.project import Project
from lutwright.errors import BadFeatures, BadOption
from lutwright.learn.chip import LearnerChip
from lutwright.learn.clocks import clear_clocks, learn_clocks, predict_clocks
from lutwright.learn.config import LearnerConfig
from lutwright.learn.file import body_bytes, from_words, state_words
from lutwright.learn.state import State
from lutwright.numerics.packing import to_bytes
from lutwright.numerics.quantiser import IntArray
from lutwright.simulate.chip_tail import ChipTail
from lutwright.simulate.core import Run
from lutwright.simulate.runner import Bench

COUNT, FORGET, CLEAR, REWIND, READ, WRITE = range(6)
"""Operations of a command, as in hw/rtl/learner.sv."""

_POLL = 0.2  # seconds between two looks at the records
_RECORDS = ("results.txt", "answers.txt", "chip.json")


@dataclass(frozen=True, eq=False)
class Frame:
    """An image to learn or to predict: its input codes int64 [H, W, C] (whole, where views crop it), as the network's.

    label: its class where it is learnt.
    """

    codes: IntArray
    label: int = 0
    learn: bool = False


@dataclass(frozen=True)
class Command:
    """A command to the learner; it waits until every frame before it has had its result."""

    op: int
    label: int = 0
    data: int = 0


Operation = Frame | Command


QUIET = Run("no stalls", 0)


@dataclass(frozen=True, eq=False)
class ChipRecord:
    """What came out, in order: of each frame label, votes, margin, status and the clock of its result, int64 [frames];
    of each command data and status, int64 [commands]. clocks: of the whole run, 0 while it is not over."""

    label: IntArray
    votes: IntArray
    margin: IntArray
    status: IntArray
    clock: IntArray
    data: IntArray
    answer_status: IntArray
    clocks: int


def save_operations(config: LearnerConfig) -> list[Operation]:
    """The commands whose answers are the state: rewind, then a read for each word. See `state_from_answers`."""
    read = Command(READ)
    return [Command(REWIND), *([read] * (body_bytes(config) // 4))]


def load_operations(config: LearnerConfig, state: State) -> list[Operation]:
    """The commands that make a learner's state `state`: rewind, then a write for each word."""
    return [Command(REWIND), *(Command(WRITE, 0, int(word)) for word in state_words(config, state))]


def state_from_answers(config: LearnerConfig, words: IntArray, where: str = "state of the chip") -> State:
    """The state of which `words` int64 are the data of the answers to the reads; BadState where they are none."""
    return from_words(config, np.asarray(words).astype(np.uint32), where)


def compile_chip(
    project: Project,
    work: Path,
    simulator: str = "verilator",
    waves: bool = False,
    sources: Sequence[Path] | None = None,
) -> Bench:
    """Compile the bench of the chip of `project` in folder `work`; BadOption where the project has no learner.

    sources: what stands for the chip in place of its RTL.
    """
    _chip(project)
    design = project.chip_sources if sources is None else sources
    bench = Bench([*design, project.chip_bench], "tb_learner_chip", work, {}, simulator, waves=waves, top_only=True)
    bench.compile()
    for memory in (project.folder / "rtl").glob("*.mem"):
        shutil.copy(memory, bench.work)  # $readmemh looks in the working folder
    return bench


def play_chip(
    bench: Bench,
    project: Project,
    operations: Sequence[Operation],
    run: Run = QUIET,
    progress: Callable[[int, int], None] | None = None,
) -> ChipRecord:
    """Play `operations` through the compiled chip, from its reset on.

    run: its stalls and its reset; how many frames there are the operations say. progress: called now and then, by
    another thread, with how many operations of all are done; `read_chip` says what has come so far.
    Raises ToolFailed where the simulation fails or hangs, or a beat changes while it waits.
    """
    chip, work = _chip(project), bench.work
    for name in _RECORDS:
        (work / name).unlink(missing_ok=True)
    write_program(work / "program.txt", chip, operations)
    frames = sum(isinstance(operation, Frame) for operation in operations)
    job = asdict(run) | {
        "results": frames,
        "answers": len(operations) - frames,
        "quiet": _quiet(chip, project.pipeline.interval, run),
    }
    (work / "run.json").write_text(json.dumps(job))
    with _watched(bench, chip, len(operations), progress):
        bench.run("tb_learner_chip", {"LUTWRIGHT_RUN": str(work / "run.json")}, expect=1)
    return read_chip(bench, project)


def read_chip(bench: Bench, project: Project) -> ChipRecord:
    """What has come so far in the run that `bench` plays, or of the last one; ToolFailed where bits are unknown."""
    tail = ChipTail(bench.work, _chip(project))
    results, clock = tail.timed_results()
    columns = [(each.label, each.votes, each.margin, int(each.status)) for each in results]
    label, votes, margin, status = np.array(columns, np.int64).reshape(-1, 4).T
    data, told = tail.answers()
    over = bench.work / "chip.json"
    clocks = int(json.loads(over.read_text())["clocks"]) if over.is_file() else 0
    return ChipRecord(label, votes, margin, status, clock, data.astype(np.int64), told.astype(np.int64), clocks)


def write_program(path: Path, chip: LearnerChip, operations: Sequence[Operation]) -> None:
    """Write what the bench plays; BadFeatures where an image has another shape or codes of other bits."""
    written: dict[int, bytes] = {}  # images may come again and again
    with path.open("wb") as out:
        for operation, group in groupby(operations):
            if isinstance(operation, Command):
                times = sum(1 for _ in group)
                out.write(f"1 {operation.op:x}{operation.label:04x} {operation.data:x} {times:x}\n".encode())
                continue
            for frame in group:
                assert isinstance(frame, Frame)
                beats = written.get(id(frame.codes))
                if beats is None:
                    beats = written[id(frame.codes)] = _beats(chip, frame.codes)
                out.write(f"0 {chip.user(frame.label, frame.learn):x} 0 0\n".encode() + beats)


def _chip(project: Project) -> LearnerChip:
    if project.learner is None:
        fix = "Build it with --learner."
        raise BadOption(f"project '{project.folder}'", "must have a learner", "a network alone", fix)
    return project.learner


def _beats(chip: LearnerChip, codes: IntArray) -> bytes:
    """The lines of an image, a beat each, in hexadecimal."""
    stream = chip.image
    if codes.shape != chip.shape:
        raise BadFeatures("image", f"must have the shape {list(chip.shape)}", list(codes.shape))
    mask = (1 << stream.bits) - 1
    raw = to_bytes(np.asarray(codes, np.int64).reshape(-1, stream.lanes) & mask, stream.bits)
    return b"".join(bytes(row[::-1]).hex().encode() + b"\n" for row in raw)


def _quiet(chip: LearnerChip, interval: int, run: Run) -> int:
    """Clocks without a sign of life after which the chip hangs; far more than any operation takes."""
    config = chip.config
    slow = 256 / (256 - max(run.stall_in, run.stall_out))
    work = max(learn_clocks(config, chip.lanes), predict_clocks(config, chip.lanes), clear_clocks(config, chip.lanes))
    image = chip.image.beats + config.versions * (max(interval, chip.frame_beats) + work)
    return int(slow * 8 * image) + 50_000


def _done(bench: Bench, chip: LearnerChip) -> int:
    """Operations that have said something so far."""
    sizes = {"results.txt": 2 * chip.out_bytes + 10, "answers.txt": 11}
    paths = [(bench.work / name, size) for name, size in sizes.items()]
    return sum(path.stat().st_size // size for path, size in paths if path.is_file())


@contextmanager
def _watched(
    bench: Bench, chip: LearnerChip, total: int, progress: Callable[[int, int], None] | None
) -> Iterator[None]:
    """Call `progress` while the block runs, and once more behind it."""
    if progress is None:
        yield
        return
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_POLL):
            progress(_done(bench, chip), total)

    thread = threading.Thread(target=watch, name="progress of a chip", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    progress(_done(bench, chip), total)
