"""The verb `explore`: which rates a model can have on a board and what they cost, estimated or synthesised."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape
from rich.table import Table

from lutwright.boards import Board, at_clock, load_board
from lutwright.cli.build import folding_of
from lutwright.cli.console import JSON_OPTION, answer, terminal, verb
from lutwright.emit.project import MANIFEST, hardware_graph, model_bytes, plan_project
from lutwright.emit.shell import constraint_name
from lutwright.errors import BadOption
from lutwright.explore.cluster import client, run_all
from lutwright.explore.jobs import Job, Outcome, run
from lutwright.explore.points import Point, front, points
from lutwright.explore.rows import csv_text, folding_name, row
from lutwright.explore.store import Store
from lutwright.files import check_writable, new_folder, write_tree
from lutwright.flow.families import open_flow
from lutwright.flow.tools import YOSYS, command
from lutwright.frontend.names import model_stem
from lutwright.frontend.translate import InputType
from lutwright.ir.graph import Graph
from lutwright.report.front import front_picture

_TABLE = "front.csv"


def find_points(graph: Graph, board: Board, count: int) -> list[Point]:
    """The foldings to compare, with a line on the terminal that says how far the search is."""
    if count < 2:
        raise BadOption("--points", "must be 2 or more", count, "Leave it out for 16.")
    with terminal.status("foldings") as status:
        return points(graph, board, count, lambda done, total: status.update(f"folding {done + 1} of {total}"))


def project_job(graph: Graph, point: Point, board: Board, model: bytes, route: bool) -> Job:
    """The job that measures `point`."""
    files = plan_project(graph, point.choice, board, model).files
    needed = {name: files[name] for name in files if name.startswith("rtl/") or name == constraint_name(board)}
    return Job(needed, board, route, json.loads(files[MANIFEST])["top"])


def measure(jobs: dict[str, Job], store: Store, scheduler: str | None, workers: int | None) -> dict[str, Outcome]:
    """The outcome of each of `jobs`, by key: from `store`, or done now, in parallel, and stored."""
    known = {key: outcome for key in jobs if (outcome := store.get(key)) is not None}
    left = {key: job for key, job in jobs.items() if key not in known}

    def keep(key: str, outcome: Outcome) -> None:
        store.put(key, outcome)
        known[key] = outcome
        status.update(f"synthesis: {len(known)} of {len(jobs)} done")

    with terminal.status(f"synthesis: {len(known)} of {len(jobs)} done") as status:
        if left:
            with client(scheduler, workers) as connected:
                run_all(connected, run, left, keep)
    return known


def rows_table(rows: list[dict[str, Any]], title: str) -> Table:
    """The front on the terminal."""
    table = Table(title=title)
    for column in ("frames/s", "clocks", "LUT", "FF", "BRAM", "DSP", "fits", "measured", "Fmax", "made"):
        table.add_column(column, justify="right")
    for one in rows:
        if one["front"]:
            fmax = one["fmax_mhz"]
            seen = one["measured_lut"] if one["measured_lut"] is not None else ""
            table.add_row(
                f"{one['frames_per_second']:,.0f}",
                *(str(one[kind]) for kind in ("interval", "lut", "ff", "bram", "dsp")),
                "yes" if one["fits"] else "no",
                str(seen),
                "" if fmax is None else f"{fmax:.1f}",
                "no" if one["refused"] else "yes" if one["measured_lut"] is not None else "",
            )
    return table


@verb
def explore(
    model: Path = typer.Argument(help="QONNX file."),
    board: str = typer.Option(..., "--board", help="Board name (see `lutwright boards`) or a board file."),
    count: int = typer.Option(16, "--points", help="Foldings to compare."),
    out: Path | None = typer.Option(None, "--out", help="Folder (default ./MODEL-BOARD-explore)."),
    clock: float | None = typer.Option(None, "--clock", help="Clock in MHz, by a PLL (default: the oscillator)."),
    synthesised: bool = typer.Option(False, "--synthesise", help="Synthesise the points on the front that fit."),
    route: bool = typer.Option(False, "--route", help="And place and route them."),
    scheduler: str | None = typer.Option(None, "--scheduler", help="Address of a Dask scheduler of yours."),
    workers: int | None = typer.Option(
        None, "--workers", min=1, help="Processes without --scheduler (default: cores)."
    ),
    input_type: str = typer.Option("", "--input", help="Integers that an unquantised input holds: uint8:1/256."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Find which rates a model can have on a board, and what each costs."""
    own = load_board(board)
    target = own if clock is None else at_clock(own, clock)
    if synthesised or route:
        command(YOSYS)  # say what is missing before the long work
    if route:
        open_flow(target)
    place = out or Path(f"{model_stem(model)}-{own.name}-explore")
    check_writable(place / "front" / _TABLE)
    graph = hardware_graph(model, InputType.parse(input_type) if input_type else None)
    found = find_points(graph, target, count)
    best = front(found)
    outcomes: dict[Point, Outcome] = {}
    if synthesised or route:
        keys: dict[Point, str] = {}
        jobs: dict[str, Job] = {}
        for point in best:
            if point.fits:
                job = project_job(graph, point, target, model_bytes(model), route)
                keys[point], jobs[job.key] = job.key, job
        measured = measure(jobs, Store(place / "results"), scheduler, workers)
        outcomes = {point: measured[key] for point, key in keys.items()}
    rows = [row(point, point in best, target.clock.mhz, outcomes.get(point)) for point in found]
    title = f"{graph.name} on {own.name} at {target.clock.mhz:.6g} MHz"
    files = {_TABLE: csv_text(rows), "front.svg": front_picture(rows, title, own.resources.lut) + "\n"}
    files |= {folding_name(point): folding_of(graph, point.choice, target) for point in best}
    with new_folder(place / "front", _TABLE) as folder:
        write_tree(folder, {name: text.encode() for name, text in files.items()})
    terminal.print(rows_table(rows, title))
    terminal.print(f"{len(best)} of {len(found)} foldings on the front: {escape(str(place / 'front'))}")
    answer({"board": own.name, "clock_mhz": target.clock.mhz, "out": str(place), "points": rows}, as_json)
