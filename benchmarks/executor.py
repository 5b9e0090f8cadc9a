"""The integer executor against Brevitas and qonnx, and the conversion of model files: python benchmarks/executor.py."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tables
import torch
from command import exit_status
from conversion import measure
from engines import engines
from networks import RECIPES, build, images
from numpy.typing import NDArray
from timing import best_seconds, timed
from torch import nn
from verification import check_output, verified_words

from lutwright.check.opened import Opened, open_proto
from lutwright.errors import BadOption
from lutwright.files import write_file


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit status: 0, or that of the error that is printed."""
    return exit_status(lambda: _run(_parsed(arguments)))


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", choices=RECIPES, default=list(RECIPES), help="which networks")
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 64, 256], help="frames at a time")
    parser.add_argument("--seconds", type=float, default=3.0, help="to spend on each figure of speed")
    parser.add_argument("--seed", type=int, default=1, help="of weights and frames")
    parser.add_argument("--out", type=Path, help="write the tables to this Markdown file as well")
    parser.add_argument("--json", type=Path, help="write every figure to this JSON file as well")
    options = parser.parse_args(arguments)
    if min(options.batches) < 1:
        raise BadOption("--batches", "must be 1 or more", min(options.batches))
    if not options.seconds > 0:
        raise BadOption("--seconds", "must be more than 0", options.seconds)
    return options


def _run(options: argparse.Namespace) -> None:
    speed: list[dict[str, Any]] = []
    conversion: list[dict[str, Any]] = []
    load = tables.load()
    for name in options.models:
        _tell(f"{name}: making it")
        module, model = build(name, options.seed)
        if RECIPES[name].converted:
            conversion.append(_conversion(name, model))
        if RECIPES[name].timed:
            speed += _speed(name, module, open_proto(model, name), options)
    told = [f"--{key} {shlex.join(map(str, value))}" for key, value in _settings(options).items()]
    text = tables.page(" ".join(["python benchmarks/executor.py", *told]), load, speed, conversion)
    print(text)
    if options.out:
        write_file(options.out, text)
    if options.json:
        write_file(options.json, json.dumps({"speed": speed, "conversion": conversion}, indent=1) + "\n")


def _settings(options: argparse.Namespace) -> dict[str, list[Any]]:
    return {
        "models": options.models,
        "batches": options.batches,
        "seconds": [options.seconds],
        "seed": [options.seed],
    }


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _conversion(name: str, model: onnx.ModelProto) -> dict[str, Any]:
    _tell(f"{name}: converting it")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        onnx.save(model, path)
        found = measure(path)
    return {"model": name, "title": RECIPES[name].title, **asdict(found)}


def _speed(name: str, module: nn.Module, opened: Opened, options: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for each batch. Raises Mismatch, before it times anything, where an engine computes something else."""
    recipe = RECIPES[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        x = images(recipe.shape, max(options.batches)).numpy()
    _tell(f"{name}: comparing every word with the model")
    words, compared = verified_words(opened, x)
    return [
        {"model": name, "title": recipe.title, "batch": n, "words": compared}
        | _figures(module, opened, x[:n], words[:n], options.seconds)
        for n in options.batches
    ]


def _figures(
    module: nn.Module, opened: Opened, x: NDArray[np.float32], words: NDArray[np.int64], seconds: float
) -> dict[str, Any]:
    """Frames a second and agreeing classes by engine, on frames `x` whose exact output is `words`."""
    _tell(f"{opened.graph.name}: batch {len(x)}")
    with engines(module, opened, x, RECIPES[opened.graph.name].cached) as engine_calls:
        names = [name for name, calls in engine_calls.items() for _ in calls]
        calls = [call for calls in engine_calls.values() for call in calls]
        outputs = [timed(call) for call in calls]
        agree = {name: check_output(name, opened, words, made) for name, (made, _) in zip(names, outputs, strict=True)}
        best = best_seconds(calls, [took for _, took in outputs], seconds)
    rate = {name: len(x) / min(b for n, b in zip(names, best, strict=True) if n == name) for name in engine_calls}
    return {"rate": rate, "agree": agree}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
