"""Every position policy on every recipe: python benchmarks/methods.py. Finished trainings are taken from disk."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from command import exit_status
from methods_page import page, plot
from methods_run import METHODS, Job, hardware_of, record, run

from lutwright.boards import load_board
from lutwright.cli.build import Wish, build_bitstream, build_project
from lutwright.files import write_file

HERE = Path(__file__).parent
RESULTS = HERE / "methods"
CACHE = HERE / ".figures"
BOARD = "ulx3s-85f"

# Recipe, clocks a frame at which areas are compared, seeds, and the part of its epochs that is trained.
SETS: dict[str, tuple[int, int, float]] = {
    "mnist-mux": (784, 3, 0.6),
    "fashion-mux": (3136, 1, 0.2),
    "spoken-digits-mux": (1024, 3, 0.3),
    "cifar10-mux-resnet": (65536, 1, 0.2),
}


def main(arguments: Sequence[str]) -> int:
    """Train what is missing, write the page; return the exit status."""
    return exit_status(lambda: _run(_parsed(arguments)))


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--seeds", type=int, help="how many, in place of each set's own number")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time, one thread each")
    parser.add_argument("--fresh", action="store_true", help="train all anew")
    parser.add_argument("--estimate", action="store_true", help="estimate anew the hardware of what was trained here")
    parser.add_argument("--route", action="store_true", help="place and route the best multiplexer network of each set")
    parser.add_argument("--out", type=Path, help="write the page to this Markdown file, plots beside it in methods/")
    return parser.parse_args(arguments)


def _run(options: argparse.Namespace) -> None:
    jobs = [
        Job(recipe, method, seed, SETS[recipe][2])
        for recipe in options.sets
        for seed in range(1, 1 + (options.seeds or SETS[recipe][1]))
        for method in options.methods
    ]
    train([job for job in jobs if options.fresh or not _known(job)], options.jobs)
    if options.estimate:
        estimate(options.sets)
    for recipe in options.sets if options.route else ():
        keep_routed(route(recipe))
    sets = {recipe: rows for recipe in SETS if (rows := results(recipe))}
    missing = [recipe for recipe in SETS if recipe not in sets]
    command = f"python benchmarks/methods.py --route --sets {' '.join(sets)}" if missing else "make methods"
    text = page(sets, routed(), BOARD, command)
    print(text)
    if options.out:
        write_file(options.out, text)
        for recipe, rows in sets.items():
            write_file(RESULTS / f"{recipe}.svg", plot(recipe, rows))


def routed() -> list[dict[str, Any]]:
    """Return what was placed and routed, in the order of SETS."""
    path = RESULTS / "routed.json"
    rows = json.loads(path.read_text()) if path.is_file() else []
    return sorted(rows, key=lambda row: list(SETS).index(row["recipe"]))


def keep_routed(row: dict[str, Any]) -> None:
    """Put `row` among what was placed and routed, on disk at once: each takes minutes."""
    rows = [other for other in routed() if other["recipe"] != row["recipe"]] + [row]
    write_file(RESULTS / "routed.json", json.dumps(rows, indent=1) + "\n")


def results(recipe: str) -> list[dict[str, Any]]:
    """Return the results of `recipe` as it is now, by method and seed."""
    path = RESULTS / f"{recipe}.json"
    rows = json.loads(path.read_text()) if path.is_file() else []
    order = list(METHODS)
    current = [
        row for row in rows if row["digest"] == Job(recipe, row["method"], row["seed"], SETS[recipe][2]).digest()
    ]
    return sorted(current, key=lambda row: (order.index(row["method"]), row["seed"]))


def _known(job: Job) -> bool:
    return any(row["digest"] == job.digest() for row in results(job.recipe))


def train(jobs: Sequence[Job], workers: int) -> None:
    """Run `jobs`, so many at a time; what is done is on disk at once."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(one, job): job for job in jobs}
        for number, future in enumerate(as_completed(waiting), 1):
            row, job = future.result(), waiting[future]
            keep(job.recipe, row)
            print(f"[{number}/{len(jobs)}] {job.recipe} {job.method} {job.seed}: {row['accuracy']:.2%}", flush=True)


def one(job: Job) -> dict[str, Any]:
    """Train one job in a process of its own; its checkpoint and its model are kept in the cache."""
    CACHE.mkdir(exist_ok=True)
    checkpoint = CACHE / f"{job.recipe}-{job.digest()}.checkpoint"
    result, model = run(job, BOARD, SETS[job.recipe][0], checkpoint, lambda line: print(line, flush=True))
    if model:
        write_file(CACHE / f"{job.recipe}-{job.digest()}.onnx", model)
    checkpoint.unlink(missing_ok=True)
    return record(result)


def keep(recipe: str, row: dict[str, Any]) -> None:
    """Put `row` among the results of `recipe` that are on disk."""
    rows = [other for other in results(recipe) if other["digest"] != row["digest"]] + [row]
    write_file(RESULTS / f"{recipe}.json", "[\n" + ",\n".join(json.dumps(each) for each in rows) + "\n]\n")


def estimate(recipes: Sequence[str]) -> None:
    """Put the cost model's present figures into all results whose trained network is still in the cache."""
    for recipe in recipes:
        for row in results(recipe):
            model = CACHE / f"{recipe}-{row['digest']}.onnx"
            if model.is_file():
                keep(recipe, row | hardware_of(model.read_bytes(), BOARD, SETS[recipe][0]))


def route(recipe: str) -> dict[str, Any]:
    """Place and route the most accurate multiplexer network of `recipe` at its clocks a frame; return what it takes."""
    best = max((r for r in results(recipe) if r["method"] not in ("float", "dense")), key=lambda row: row["accuracy"])
    board = load_board(BOARD)
    fps = board.clock.mhz * 1e6 / SETS[recipe][0]
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        model = CACHE / f"{recipe}-{best['digest']}.onnx"
        _, choice = build_project(model, board, project, None, Wish(fps, None))
        measured, _ = build_bitstream(project, board)
    return {
        "recipe": recipe,
        "method": best["method"],
        "accuracy": best["accuracy"],
        "fps": board.clock.mhz * 1e6 / choice.pipeline.interval,
        "lut": measured.lut,
        "ff": measured.ff,
        "bram": measured.bram,
        "fmax": measured.fmax_mhz,
        "estimate": choice.estimate.as_dict()["lut"],
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
