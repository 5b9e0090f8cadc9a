"""The learner in software and as hardware, measured: python benchmarks/learner.py."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tables
import torch
from command import exit_status
from learner_hardware import areas, clocks, routed
from learner_page import page
from learner_rates import rates

from lutwright.errors import BadOption
from lutwright.files import write_file
from lutwright.learn.config import DISTANCES, POLICIES, LearnerConfig

Row = dict[str, Any]


def _rates(options: argparse.Namespace) -> list[Row]:
    torch.set_num_threads(options.threads)
    return [rates(config, options.count, options.seconds, options.seed) for config in _configs(options)]


def _hardware(measure: Callable[..., Row], *names: str) -> Callable[[argparse.Namespace], list[Row]]:
    """The rows of each size with each number of lanes; `names`: of the options that `measure` takes."""

    def rows(options: argparse.Namespace) -> list[Row]:
        told = [getattr(options, name) for name in names]
        return [measure(config, lanes, *told) for config in _configs(options) for lanes in options.lanes]

    return rows


PARTS: Mapping[str, Callable[[argparse.Namespace], list[Row]]] = {
    "rates": _rates,
    "clocks": _hardware(clocks, "seed"),
    "area": _hardware(areas, "families", "timeout"),
    "route": _hardware(routed, "families", "mhz", "timeout"),
}
_TOLD = ("parts", "sizes", "lanes", "policy", "distance", "count", "threads", "seconds", "seed", "mhz")


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit status: 0, or that of the error that is printed."""
    return exit_status(lambda: _run(_parsed(arguments)))


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="which tables")
    parser.add_argument(
        "--sizes", nargs="+", default=["64,8,4,10", "256,16,8,10"], help="features,subspaces,anchors,classes"
    )
    parser.add_argument("--lanes", nargs="+", type=int, default=[1, 4], help="subspaces at a time, in hardware")
    parser.add_argument("--policy", choices=POLICIES, default="weighted")
    parser.add_argument("--distance", choices=DISTANCES, default="l1")
    parser.add_argument("--count", type=int, default=1000, help="examples, and queries, whose rates are measured")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch")
    parser.add_argument("--seconds", type=float, default=2.0, help="to spend on each rate")
    parser.add_argument("--seed", type=int, default=1, help="of examples and queries")
    parser.add_argument("--families", nargs="+", choices=("ecp5", "gowin"), default=["ecp5", "gowin"])
    parser.add_argument("--mhz", type=float, default=100, help="the clock that place and route is asked for")
    parser.add_argument("--timeout", type=float, default=3600, help="seconds for one run of a tool")
    parser.add_argument("--out", type=Path, help="write the page to this Markdown file as well")
    parser.add_argument("--json", type=Path, help="write every figure to this JSON file as well")
    options = parser.parse_args(arguments)
    for name in ("count", "threads", "seconds", "mhz", "timeout"):
        if not getattr(options, name) > 0:
            raise BadOption(f"--{name}", "must be more than 0", getattr(options, name))
    return options


def _run(options: argparse.Namespace) -> None:
    load = tables.load()
    rows = {part: PARTS[part](options) for part in options.parts}
    text = page({name: getattr(options, name) for name in _TOLD}, load, rows)
    print(text)
    if options.out:
        write_file(options.out, text)
    if options.json:
        write_file(options.json, json.dumps(rows, indent=1) + "\n")


def _configs(options: argparse.Namespace) -> list[LearnerConfig]:
    return [_config(size, options) for size in options.sizes]


def _config(size: str, options: argparse.Namespace) -> LearnerConfig:
    numbers = size.split(",")
    if len(numbers) != 4 or not all(number.isdecimal() for number in numbers):
        raise BadOption("--sizes", "must be features,subspaces,anchors,classes", repr(size))
    features, subspaces, anchors, classes = map(int, numbers)
    return LearnerConfig(features, subspaces, anchors, classes, policy=options.policy, distance=options.distance)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
