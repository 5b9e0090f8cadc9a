"""How fast the learner learns and predicts on this CPU, in numpy and in PyTorch: python benchmarks/learner.py."""

from __future__ import annotations

import argparse
import json
import platform
import shlex
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import tables
import torch
from timing import best_seconds, timed

from lutwright.errors import BadOption, LutwrightError, Mismatch
from lutwright.files import write_file
from lutwright.learn import Learner, LearnerConfig
from lutwright.learn.config import DISTANCES, POLICIES
from lutwright.learn.module import LearnerModule
from lutwright.numerics.quantiser import IntArray

_NOTES = """\
Examples and queries a second, the best of many calls that take turns. *One* comes by itself, a *batch* of {count}
queries in one call; learning goes one by one in either case, from empty anchors. Before anything is timed, every word
of both states and every class is compared; they are equal.
"""


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit status: 0, or that of the error that is printed."""
    try:
        _run(_parsed(arguments))
    except LutwrightError as error:
        print(f"{error.name}: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--sizes", nargs="+", default=["64,8,4,10", "256,16,8,10"], help="features,subspaces,anchors,classes"
    )
    parser.add_argument("--policy", choices=POLICIES, default="weighted")
    parser.add_argument("--distance", choices=DISTANCES, default="l1")
    parser.add_argument("--count", type=int, default=1000, help="examples, and queries")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch")
    parser.add_argument("--seconds", type=float, default=2.0, help="to spend on each figure")
    parser.add_argument("--seed", type=int, default=1, help="of examples and queries")
    parser.add_argument("--out", type=Path, help="write the page to this Markdown file as well")
    parser.add_argument("--json", type=Path, help="write every figure to this JSON file as well")
    options = parser.parse_args(arguments)
    for name in ("count", "threads", "seconds"):
        if not getattr(options, name) > 0:
            raise BadOption(f"--{name}", "must be more than 0", getattr(options, name))
    return options


def _run(options: argparse.Namespace) -> None:
    load = tables.load()
    torch.set_num_threads(options.threads)
    rows = [_row(_config(size, options), options) for size in options.sizes]
    text = _page(options, load, rows)
    print(text)
    if options.out:
        write_file(options.out, text)
    if options.json:
        write_file(options.json, json.dumps(rows, indent=1) + "\n")


def _config(size: str, options: argparse.Namespace) -> LearnerConfig:
    numbers = size.split(",")
    if len(numbers) != 4 or not all(number.isdecimal() for number in numbers):
        raise BadOption("--sizes", "must be features,subspaces,anchors,classes", repr(size))
    features, subspaces, anchors, classes = map(int, numbers)
    return LearnerConfig(features, subspaces, anchors, classes, policy=options.policy, distance=options.distance)


def _row(config: LearnerConfig, options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one size, as rates by what was timed. Raises Mismatch where the two disagree."""
    rng = np.random.default_rng(options.seed)
    x, queries = rng.integers(config.low, config.high + 1, (2, options.count, config.features))
    labels = rng.integers(0, config.classes, options.count)
    learner, module = _taught(config, x, labels), _taught_module(config, x, labels)
    _compare(learner, module, queries)
    tensor = torch.from_numpy(queries)
    calls: dict[str, Callable[[], object]] = {
        "learn": lambda: _taught(config, x, labels),
        "learn, torch": lambda: _taught_module(config, x, labels),
        "one": lambda: [learner.predict(query) for query in queries],
        "one, torch": lambda: [module(query) for query in tensor.split(1)],
        "batch": lambda: learner.predict_many(queries),
        "batch, torch": lambda: module(tensor),
    }
    first = [timed(call)[1] for call in calls.values()]
    best = best_seconds(list(calls.values()), first, options.seconds)
    rates = {name: options.count / took for name, took in zip(calls, best, strict=True)}
    return {"size": _title(config), "words": learner.state.y.size, "bits": config.memory_bits, "rate": rates}


def _taught(config: LearnerConfig, x: IntArray, labels: IntArray) -> Learner:
    learner = Learner(config)
    learner.learn_many(x, labels)
    return learner


def _taught_module(config: LearnerConfig, x: IntArray, labels: IntArray) -> LearnerModule:
    module = LearnerModule(config)
    module.learn(torch.from_numpy(x), torch.from_numpy(labels))
    return module


def _compare(learner: Learner, module: LearnerModule, queries: IntArray) -> None:
    where = f"learner {_title(learner.config)}"
    if not learner.state.equals(module.state()):
        raise Mismatch(where, "PyTorch must know the same as the reference, word by word")
    one, other = learner.predict_many(queries).label, module(torch.from_numpy(queries)).numpy()
    if not np.array_equal(one, other):
        raise Mismatch(where, "PyTorch must predict the same as the reference", f"{int((one != other).sum())} others")


def _title(config: LearnerConfig) -> str:
    return f"d={config.features} P={config.subspaces} k={config.anchors} C={config.classes}"


def _page(options: argparse.Namespace, load: float, rows: Sequence[dict[str, Any]]) -> str:
    names = ("sizes", "policy", "distance", "count", "threads", "seconds", "seed")
    settings = {name: getattr(options, name) for name in names}
    told = [f"--{name} {shlex.join(map(str, v if isinstance(v, list) else [v]))}" for name, v in settings.items()]
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "torch"))
    columns = list(rows[0]["rate"])
    lines = [
        "# The learner, measured",
        "",
        f"    {' '.join(['python benchmarks/learner.py', *told])}",
        "",
        f"Python {platform.python_version()}, {versions}; {tables.processor()}, load average {load:.1f} at the start.",
        "",
        _NOTES.format(count=options.count),
        f"| size | kbit | {' | '.join(columns)} |",
        f"|---|{'---:|' * (len(columns) + 1)}",
    ]
    for row in rows:
        figures = [f"{row['bits'] / 1000:,.0f}", *(tables.number(row["rate"][name]) for name in columns)]
        lines.append(f"| {row['size']} | {' | '.join(figures)} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
