"""The hls4ml backend beside plain hls4ml on the same files: python benchmarks/hls.py."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from command import exit_status
from hls_models import NETWORKS, frames_of, model_file
from hls_ours import ours
from hls_page import page
from hls_plain import plain
from hls_verdict import verdict
from verification import verified_words

from lutwright.check.opened import open_proto
from lutwright.errors import BadOption
from lutwright.files import write_file
from lutwright.hls.options import HlsOptions
from lutwright.hls.version import require_hls4ml


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit status: 0, or that of the error that is printed."""
    return exit_status(lambda: _run(_parsed(arguments)))


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", choices=NETWORKS, default=list(NETWORKS), help="which networks")
    parser.add_argument("--frames", type=int, default=None, help="frames of each network (default: its own number)")
    parser.add_argument("--seed", type=int, default=1, help="of weights and frames")
    parser.add_argument("--timeout", type=float, default=3600, help="seconds for plain hls4ml on one network")
    parser.add_argument("--out", type=Path, help="write the table to this Markdown file as well")
    parser.add_argument("--json", type=Path, help="write every figure to this JSON file as well; rows there are kept")
    options = parser.parse_args(arguments)
    if options.frames is not None and options.frames < 1:
        raise BadOption("--frames", "must be 1 or more", options.frames)
    return options


def _run(options: argparse.Namespace) -> None:
    require_hls4ml()
    load = os.getloadavg()[0]
    rows: dict[str, Any] = {}
    if options.json and options.json.exists():
        rows = json.loads(options.json.read_text())
    for name in options.models:
        if name not in rows:
            rows[name] = _row(name, options)
        if options.json:
            write_file(options.json, json.dumps(rows, indent=1) + "\n")
    asked = [] if options.models == list(NETWORKS) else ["--models", *options.models]
    asked += [] if options.frames is None else ["--frames", str(options.frames)]
    command = " ".join(["python benchmarks/hls.py", *asked, "--seed", str(options.seed)])
    text = page(command, load, [rows[name] for name in options.models])
    print(text)
    if options.out:
        write_file(options.out, text)


def _row(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Every figure of one network. Raises Mismatch where the integers are not the model."""
    network = NETWORKS[name]
    count = network.frames if options.frames is None else options.frames
    _tell(f"{network.title}: making it")
    model = model_file(name, options.seed)
    opened = open_proto(model, name.replace("-", "_"))
    x = frames_of(name, opened, count, options.seed)
    _tell(f"{network.title}: comparing the integers with the model")
    verified_words(opened, x[: min(count, 100)])
    _tell(f"{network.title}: the hls4ml backend")
    mine = ours(opened, x, HlsOptions())
    _tell(f"{network.title}: {asdict(mine)}")
    io = "io_parallel" if network.parallel else "io_stream"
    told: list[dict[str, Any]] = []
    for precision in network.precisions:
        if precision is None:
            told.append({"precision": "", "said": "", "compile_seconds": 0.0, "rate": 0.0, "verdict": None})
            continue
        other = plain(model, x, io, precision, options.timeout)
        judged = None if other.outputs is None else asdict(verdict(opened, x, other.outputs))
        told.append({"precision": precision, "said": other.said, "verdict": judged})
        told[-1] |= {"compile_seconds": other.compile_seconds, "rate": other.rate}
        _tell(f"{network.title}: hls4ml: {told[-1]}")
    return {"title": network.title, "frames": count, "ours": asdict(mine), "plain": told}


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
