"""Networks as hardware: area, clocks, speed, and other tools on the same integers: python benchmarks/hardware.py."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from command import exit_status
from hardware_page import page
from hardware_rows import (
    Limits,
    Row,
    demo_rows,
    digits_rows,
    engine_rows,
    matrix_rows,
    mlp_rows,
    model_rows,
    speed_rows,
)

from lutwright.files import write_file

TABLES: Mapping[str, Callable[[Limits], list[Row]]] = {
    "digits": digits_rows,
    "mlp": mlp_rows,
    "matrices": matrix_rows,
    "engines": engine_rows,
    "demo": demo_rows,
    "model": model_rows,
    "speed": speed_rows,
}


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit status: 0, or that of the error that is printed."""
    return exit_status(lambda: _run(_parsed(arguments)))


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=TABLES, default=list(TABLES), help="which tables")
    parser.add_argument("--skip", nargs="*", choices=("peers", "route"), default=[], help="what takes longest")
    parser.add_argument("--timeout", type=float, default=1500, help="seconds for one run of a tool")
    parser.add_argument("--mhz", type=float, default=100, help="the clock that place and route is asked for")
    parser.add_argument("--out", type=Path, help="write the tables to this Markdown file as well")
    parser.add_argument("--json", type=Path, help="write every figure to this JSON file as well")
    return parser.parse_args(arguments)


def _run(options: argparse.Namespace) -> None:
    limits = Limits(options.timeout, options.mhz, frozenset(options.skip))
    rows = {part: TABLES[part](limits) for part in options.parts}
    parts = "" if options.parts == list(TABLES) else f" --parts {' '.join(options.parts)}"
    skipped = f" --skip {' '.join(options.skip)}" if options.skip else ""
    text = page(f"python benchmarks/hardware.py{parts}{skipped}", options.mhz, rows)
    print(text)
    if options.out:
        write_file(options.out, text)
    if options.json:
        write_file(options.json, json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
