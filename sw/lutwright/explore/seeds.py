"""Place and route with several seeds, in parallel on Dask: the fastest result is kept."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lutwright.boards import Board
from lutwright.errors import BadOption, DoesNotFit, ToolFailed
from lutwright.explore.cluster import client, run_all
from lutwright.files import write_file, write_tree
from lutwright.flow.route import Design, Report, Route, fmax, inputs, outputs, with_seed

MOST = 1000
"""Seeds that may be tried at once."""


@dataclass(frozen=True)
class SeedJob:
    """What place and route reads of a project, by path, to be routed with one seed; the rest as in route.Design."""

    files: dict[str, bytes]
    board: Board
    top: str
    lut: int
    timeout: float
    seed: int

    @property
    def key(self) -> str:
        """The seed, and a digest of all else."""
        total = hashlib.sha256(f"{self.board.model_dump_json()} {self.top}".encode())
        for name in sorted(self.files):
            total.update(name.encode() + b"\0" + hashlib.sha256(self.files[name]).digest())
        return f"seed-{self.seed}-{total.hexdigest()[:16]}"


@dataclass(frozen=True)
class Routed:
    """What came of one seed: what place and route wrote, by path, and its report; or the error that there was.

    refused: the words of an error: where, rule, found, fix. small: whether it is DoesNotFit, else it is ToolFailed.
    """

    files: dict[str, bytes]
    report: Report
    refused: tuple[str, str, object, str] | None = None
    small: bool = False

    @property
    def mhz(self) -> float | None:
        """Fmax, None where there is none."""
        return None if self.refused else fmax(self.report)

    def error(self) -> DoesNotFit | ToolFailed:
        """The error, as it was."""
        assert self.refused is not None
        return (DoesNotFit if self.small else ToolFailed)(*self.refused)


def run_seed(job: SeedJob) -> Routed:
    """Do `job` in a folder of its own. That a seed fails is a result: the next one may not."""
    with tempfile.TemporaryDirectory(prefix="lutwright-") as place:
        folder = Path(place)
        write_tree(folder, job.files)
        try:
            report = with_seed(job.seed)(Design(folder, job.board, job.top, job.lut, job.timeout))
            fmax(report)  # must be there
            return Routed({name: (folder / name).read_bytes() for name in outputs(job.board, job.top)}, report)
        except (DoesNotFit, ToolFailed) as error:
            told = error.where, error.rule, error.found, error.fix
            return Routed({}, {}, told, isinstance(error, DoesNotFit))


def best_of(count: int, ended: Callable[[Mapping[int, float | None]], None]) -> Route:
    """What routes a project with the seeds 1 to `count` and leaves there what the best of them made.

    The best has the highest Fmax, of equals the lowest seed, in whatever order they end. Where none comes through the
    error of the lowest seed is raised.
    ended: called at the start and whenever one ends, with Fmax in MHz by seed, None for one that failed.
    Raises BadOption for a count that is not 1 to MOST, and what it makes ToolMissing without Dask.
    """
    if not 1 <= count <= MOST:
        raise BadOption("--seeds", f"must be 1 to {MOST}", count, "Leave it out for one.")

    def routed(design: Design) -> Report:
        project, board, top = design.project, design.board, design.top
        files = {name: (project / name).read_bytes() for name in inputs(board, top)}
        about = files, board, top, design.lut, design.timeout
        made = [SeedJob(*about, seed) for seed in range(1, count + 1)]
        jobs = {job.key: job for job in made}
        results: dict[int, Routed] = {}

        def keep(key: str, result: Routed) -> None:
            results[jobs[key].seed] = result
            ended({seed: results[seed].mhz for seed in sorted(results)})

        ended({})
        with client(workers=min(count, os.cpu_count() or 1)) as connected:
            run_all(connected, run_seed, jobs, keep)
        best = results[best_seed({seed: result.mhz for seed, result in results.items()})]
        if best.refused:
            raise best.error()
        for name, data in best.files.items():
            write_file(project / name, data)
        return best.report

    return routed


def best_seed(speeds: Mapping[int, float | None]) -> int:
    """The seed of the highest Fmax, of equals the lowest; the lowest of all where every one failed."""
    return min(speeds, key=lambda seed: (-(speeds[seed] or 0.0), seed))
