"""The network of the demo on every board: python benchmarks/bits.py. What was run once is kept on disk."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bits_board import BoardJob, run_board
from bits_page import page
from command import exit_status

from lutwright.boards import all_boards
from lutwright.errors import BadOption
from lutwright.explore.cluster import client, run_all
from lutwright.files import write_file
from lutwright.report.board_results import STEPS, Record, read_record, results_folder


def main(given: Sequence[str] | None = None) -> int:
    """Run what lacks and write the page; the status of the first error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boards", default="", help="names, separated by commas (default: all)")
    parser.add_argument("--steps", default=",".join(STEPS), help="which may be run (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=1, help="boards at a time, on Dask where more than one")
    parser.add_argument("--results", type=Path, default=results_folder(), help="folder of the records")
    parser.add_argument("--work", type=Path, default=Path(".bits"), help="folder of the projects")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/BOARDS.md"))
    told = parser.parse_args(given)
    return exit_status(lambda: _run(told))


def _run(told: argparse.Namespace) -> None:
    names = told.boards.split(",") if told.boards else known_boards()
    unknown = [name for name in names if name not in known_boards()]
    if unknown:
        raise BadOption("--boards", f"must be of {', '.join(known_boards())}", ", ".join(unknown))
    steps = tuple(told.steps.split(","))
    if not set(steps) <= set(STEPS):
        raise BadOption("--steps", f"must be of {', '.join(STEPS)}", told.steps)
    jobs = {name: BoardJob(name, told.results.resolve(), told.work.resolve(), steps) for name in names}

    def finished(name: str, record: Record) -> None:
        print(f"{name}: {', '.join(key for key in record if isinstance(record[key], dict) and key != 'tools')}")
        write_file(told.out, page(kept(told.results), "python benchmarks/bits.py"))

    if told.jobs > 1:
        with client(workers=told.jobs) as connected:
            run_all(connected, run_board, jobs, finished)
    else:
        for name, job in jobs.items():
            finished(name, run_board(job))


def known_boards() -> list[str]:
    """All boards: those whose bitstreams open tools make, and those that Yosys counts."""
    return [board.name for board in all_boards()]


def kept(results: Path) -> dict[str, Record]:
    """The records there are, by board."""
    found = {board.name: read_record(board.name, results) for board in all_boards()}
    return {name: record for name, record in found.items() if record}


if __name__ == "__main__":
    sys.exit(main())
