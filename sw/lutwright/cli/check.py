"""The verb `check`: what a model computes in floats against the integers that the hardware will compute."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich import box
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

import lutwright
from lutwright.check.against_hls import HlsResult, check_hls
from lutwright.check.compare_model import Options, check_model
from lutwright.check.compare_model import Progress as OnProgress
from lutwright.check.inputs import load_frames
from lutwright.check.opened import open_model
from lutwright.check.result import CheckResult, Stage
from lutwright.check.what_if import Questions
from lutwright.cli.console import JSON_OPTION, answer, shown, terminal, verb
from lutwright.errors import BadOption, LutwrightError, Mismatch
from lutwright.files import check_writable, write_file
from lutwright.frontend.values import InputType
from lutwright.hls.options import HlsOptions
from lutwright.hls.version import require_hls4ml
from lutwright.report.check_pictures import shorten
from lutwright.report.check_report import answer_cells, check_report, float32_sentence, output_cells


@verb
def check(
    model: Path = typer.Argument(help="QONNX or ONNX file of a quantised network."),
    data: str = typer.Option(
        "", "--data", help="Data set (name or path), or .npz of x and y (default: random frames)."
    ),
    frames: int | None = typer.Option(
        None, "--frames", min=1, help="Frames (default: all of the data, or 100 random)."
    ),
    seed: int = typer.Option(1, "--seed", min=0, help="Seed of the random frames."),
    declared: str | None = typer.Option(
        None, "--input", help="What an unquantised input holds: TYPE[:SCALE], such as uint8:1/256."
    ),
    accumulator_bits: list[str] = typer.Option(
        [], "--accumulator-bits", help="What if every accumulator wrapped at N bits; N or N,N,.."
    ),
    requantise: list[str] = typer.Option(
        [], "--requantise", help="What if every step function were a shift, multiply or threshold."
    ),
    weight_bits: list[str] = typer.Option(
        [], "--weight-bits", help="What if a layer had weights of N bits: LAYER=N or all=N; LAYER=N,N,.. for several."
    ),
    report: Path | None = typer.Option(None, "--report", help="Write an HTML page there."),
    backend: str = typer.Option("", "--backend", help="hls4ml: its C model too, word by word (needs g++)."),
    io: str = typer.Option("io_stream", "--io", help="hls4ml: io_stream or io_parallel."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Check that the integers of the hardware are the model's own, word by word, before anything is synthesised."""
    questions = Questions(
        tuple(number for text in accumulator_bits for number in _numbers("--accumulator-bits", text)),
        tuple(form for text in requantise for form in text.split(",")),
        _widths(weight_bits),
    )
    if report is not None:
        check_writable(report)
    if backend not in ("", "hls4ml"):
        raise BadOption("--backend", "must be hls4ml, or left out", repr(backend), "Example: --backend hls4ml.")
    hls = HlsOptions(io=io) if backend else None
    if hls is not None:
        require_hls4ml()
    options = Options(data, frames, seed, None if declared is None else InputType.parse(declared), questions)
    with _bar() as progress:
        result = check_model(model, options, progress)
    if result.refused is not None:
        terminal.print(f"[bold red]{result.refused.error}[/]: {shown(result.refused.message)}", soft_wrap=True)
        if report is not None:
            _write_report(result, report)
        answer(result.as_dict(), as_json)
        raise typer.Exit(LutwrightError.exit_code)
    _show(result)
    if report is not None:
        _write_report(result, report)
    made = _check_hls(model, options, hls) if hls is not None else None
    answer(result.as_dict() | ({"hls4ml": made.as_dict()} if made else {}), as_json)
    first = result.first if result.mismatches else made.first if made else ""
    if first:
        terminal.print(f"[bold red]Mismatch[/]: {shown(first)}", soft_wrap=True)
        raise typer.Exit(Mismatch.exit_code)


def _check_hls(model: Path, options: Options, hls: HlsOptions) -> HlsResult:
    """The hls4ml backend's C model on the same frames, told as a table."""
    opened = open_model(model, options.declared)
    with terminal.status("compiling the C model"):
        made = check_hls(opened, load_frames(opened, options.data, options.frames, options.seed), hls)
    table = _plain_table(f"the C model of the hls4ml backend ({hls.io}) against the integers")
    for column in ("layer", "words", "equal"):
        table.add_column(column, justify="left" if column == "layer" else "right")
    for stage in made.stages:
        equal = "yes" if not stage.mismatches else f"[bold red]{stage.mismatches:,} not[/]"
        table.add_row(escape(stage.name), f"{stage.words:,}", equal)
    terminal.print(table)
    colour, verdict = ("red", "not equal") if made.mismatches else ("green", "equal")
    terminal.print(
        f"[bold {colour}]hls4ml {verdict}[/]: {made.words:,} words on {made.frames:,} frames, "
        f"{made.mismatches:,} different."
    )
    return made


def _numbers(option: str, text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise BadOption(option, "must be integers, separated by commas", repr(text), "Example: 12,16.") from error


def _widths(texts: list[str]) -> tuple[dict[str, int], ...]:
    """ "conv1=4" and "all=8,4" as one width for each layer and question; a single number stands in every question."""
    given: dict[str, list[int]] = {}
    for text in texts:
        layer, equals, numbers = text.rpartition("=")
        if not equals or not layer:
            raise BadOption("--weight-bits", "must be LAYER=N", repr(text), "Example: all=4.")
        given[layer] = _numbers("--weight-bits", numbers)
    count = max(map(len, given.values()), default=0)
    for layer, widths in given.items():
        if len(widths) not in (1, count):
            raise BadOption(
                "--weight-bits", f"{layer} must have 1 or {count} widths", len(widths), "Give as many each."
            )
    return tuple({layer: widths[i % len(widths)] for layer, widths in given.items()} for i in range(count))


@contextmanager
def _bar() -> Iterator[OnProgress]:
    """Show a progress bar on standard error; yield the callback that moves it on."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=terminal, transient=True) as bar:
        task = bar.add_task("reading the model", total=None)
        yield lambda text, done, total: bar.update(task, description=text, completed=done, total=total)


def _show(result: CheckResult) -> None:
    terminal.print(_stage_table(result))
    if len(result.outputs) > 1:
        terminal.print(_output_table(result))
    if result.what_if:
        terminal.print(_answer_table(result))
    scores = ", ".join(f"{rung} {score:.2%}" for rung, score in result.accuracy.items())
    if scores:
        terminal.print(f"Accuracy: {scores}.")
    terminal.print(shown(float32_sentence(result.as_dict())))
    colour, verdict = ("red", "not equal") if result.mismatches else ("green", "equal")
    terminal.print(
        f"[bold {colour}]{verdict}[/]: {result.words:,} words on {result.frames:,} frames ({shown(result.source)}), "
        f"{result.mismatches:,} different."
    )


# (column, at the left, left out where the terminal is narrow)
_COLUMNS = (
    ("stage", True, False),
    ("op", True, True),
    ("shape", True, True),
    ("words", False, False),
    ("equal", False, False),
    ("f32 diff", False, False),
    ("observed", False, False),
    ("derived", False, True),
    ("bits", False, False),
    ("form", True, False),
    ("sat.", False, True),
)
_WIDE = 124


def _stage_table(result: CheckResult) -> Table:
    table = _plain_table(f"{result.name}: the model in {result.arithmetic} against its integers")
    shown = [i for i, (_, _, narrow) in enumerate(_COLUMNS) if not narrow or terminal.width >= _WIDE]
    for index in shown:
        name, left, _ = _COLUMNS[index]
        table.add_column(name, justify="left" if left else "right", no_wrap=True)
    rows = [[_row(stage)[index] for index in shown] for stage in result.stages]
    heads = [_COLUMNS[index][0] for index in shown]
    taken = sum(max(map(len, column)) + 2 for column in list(zip(heads, *rows, strict=True))[1:])
    for row in rows:
        table.add_row(escape(shorten(row[0], max(12, terminal.width - taken - 2))), *map(_marked, row[1:]))
    return table


def _marked(cell: str) -> str:
    return f"[bold red]{cell}[/]" if cell.endswith(" not") else cell


def _plain_table(title: str) -> Table:
    return Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)


def _row(s: Stage) -> tuple[str, ...]:
    equal = "-" if not s.words else "yes" if not s.mismatches else f"{s.mismatches:,} not"
    return (
        s.name,
        s.op,
        "x".join(map(str, s.shape)),
        f"{s.words:,}" if s.words else "-",
        equal,
        f"{s.float32_differences:,}" if s.words else "-",
        f"{s.observed_low}..{s.observed_high}",
        f"{s.low}..{s.high}",
        str(s.bits),
        s.requantise,
        "" if s.saturated is None else f"{s.saturated:.0%}",
    )


def _output_table(result: CheckResult) -> Table:
    table = _plain_table("outputs")
    for column in ("output", "words", "changed by the passes", "floats", "different", "furthest apart"):
        table.add_column(column, justify="left" if column == "output" else "right")
    for row in result.as_dict()["outputs"]:
        table.add_row(*(shown(cell) for cell in output_cells(row).values()))
    return table


def _answer_table(result: CheckResult) -> Table:
    table = _plain_table("what if")
    for column in ("question", "accuracy", "classes changed", "words different", "detail"):
        table.add_column(column, justify="left" if column in ("question", "detail") else "right")
    for row in result.as_dict()["what_if"]:
        table.add_row(*(shown(cell) for cell in answer_cells(row).values()))
    return table


def _write_report(result: CheckResult, path: Path) -> None:
    counts = {stage.name: stage.histogram for stage in result.stages}
    write_file(path, check_report(result.as_dict(), counts, lutwright.__version__))
    terminal.print(f"report: {escape(str(path))}", soft_wrap=True)
