"""Networks as hardware: area, clocks, speed, and other tools on the same integers: python benchmarks/hardware.py."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from calibrate import block_bits
from hardware_networks import HELD_OUT, Design, design, layer_design, random_codes
from hardware_page import page
from hardware_peers import Peer, by_da4ml, by_nngen
from hardware_route import fmax
from hardware_simulation import simulate
from hardware_synthesis import count

from lutwright.dataflow.cost import pipeline_cost
from lutwright.dataflow.folding import Fold
from lutwright.emit.rtl import core_files
from lutwright.errors import LutwrightError, ToolFailed
from lutwright.files import write_file

Row = dict[str, Any]
PARTS = ("digits", "mlp", "engines", "speed", "model")
_UNROLLED = {"Conv_1": Fold(16, 72, "unrolled")}


@dataclass(frozen=True)
class Limits:
    """Seconds for one run of a tool; the clock in MHz that is asked of nextpnr; which parts are left out."""

    timeout: float
    mhz: float
    skip: frozenset[str]


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit status: 0, or that of the error that is printed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="which tables")
    parser.add_argument("--skip", nargs="*", choices=("peers", "route"), default=[], help="what takes longest")
    parser.add_argument("--timeout", type=float, default=1500, help="seconds for one run of a tool")
    parser.add_argument("--mhz", type=float, default=100, help="the clock that place and route is asked for")
    parser.add_argument("--out", type=Path, help="write the tables to this Markdown file as well")
    parser.add_argument("--json", type=Path, help="write every figure to this JSON file as well")
    options = parser.parse_args(arguments)
    limits = Limits(options.timeout, options.mhz, frozenset(options.skip))
    try:
        rows = {part: _TABLES[part](limits) for part in options.parts}
    except LutwrightError as error:
        print(f"{error.name}: {error}", file=sys.stderr)
        return error.exit_code
    text = page(f"python benchmarks/hardware.py --parts {' '.join(options.parts)}", rows)
    print(text)
    if options.out:
        write_file(options.out, text)
    if options.json:
        write_file(options.json, json.dumps(rows, indent=1) + "\n")
    return 0


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _tried(what: str, figure: Callable[[], Any]) -> Any:
    """What `figure` returns, or None where a tool failed or took too long, which is said."""
    try:
        return figure()
    except ToolFailed as error:
        _tell(f"{what}: {error}")
        return None


def _area(title: str, files: Mapping[str, bytes], top: str, limits: Limits, clock: bool) -> Row:
    """Counts on 7-series, with DSP blocks and without, and on ECP5, and the routed clock there."""
    row: Row = {}
    for key, family, dsp in (("xc7", "xc7", True), ("xc7_lut", "xc7", False), ("ecp5", "ecp5", False)):
        if key == "xc7_lut" and row["xc7"] and not row["xc7"]["dsp"]:
            row[key] = row["xc7"]  # none was taken
            continue
        _tell(f"{title}: {key}")
        row[key] = _tried(title, lambda f=family, d=dsp: asdict(count(files, top, f, d, limits.timeout)))
    if clock and "route" not in limits.skip:
        _tell(f"{title}: place and route")
        row["mhz"] = _tried(title, lambda: fmax(files, top, limits.mhz, limits.timeout))
    return row


def _ours(made: Design, limits: Limits, frames: int, clock: bool = True) -> Row:
    _tell(f"{made.title}: simulation")
    played = simulate(made, frames)
    estimate = pipeline_cost(made.pipeline)
    row: Row = {
        "tool": "lutwright",
        "title": made.title,
        "clocks": played.clocks,
        "told": made.pipeline.interval,
        "exact": [frames, frames],
        "estimate": {family: estimate.on(family).as_dict() for family in ("ecp5", "xc7")},
    }
    files = core_files(made.graph, made.pipeline)
    return row | _area(made.title, files, made.graph.name, limits, clock)


def _theirs(name: str, limits: Limits, make: Callable[[], Peer]) -> list[Row]:
    """The row of another tool, or what keeps it away."""
    if "peers" in limits.skip:
        return []
    _tell(f"{name}: {limits.timeout:g} s a run at most")
    try:
        peer = make()
    except ImportError as error:
        return [{"tool": name, "title": name, "why": f"not installed ({error.name})"}]
    row: Row = {"tool": name, "title": name, "clocks": peer.clocks, "exact": [peer.exact, peer.frames]}
    return [row | _area(name, peer.files, peer.top, limits, False)]


# ---- tables ----------------------------------------------------------------------------------------------------------


def digits_rows(limits: Limits) -> list[Row]:
    """The digits CNN at three intervals, and by others."""
    rows = []
    for interval, folds in ((64, _UNROLLED), (256, {}), (1024, {})):
        rows.append(_ours(design("plain-digits", interval, folds=folds), limits, 540))
    graph = design("plain-digits", 1024).graph
    codes = random_codes(graph, 540, 1)
    rows += _theirs("da4ml", limits, lambda: by_da4ml(graph, codes, 2))
    return rows + _theirs("NNgen", limits, lambda: by_nngen(graph, codes[:40]))


def mlp_rows(limits: Limits) -> list[Row]:
    """The jet tagger's MLP, a frame a clock."""
    made = design("mlp", 1)
    rows = [_ours(made, limits, 1000)]
    return rows + _theirs("da4ml", limits, lambda: by_da4ml(made.graph, random_codes(made.graph, 1000, 1), 2))


def engine_rows(limits: Limits) -> list[Row]:
    """The same layer dense and with one weight a kernel, on each engine."""
    rows = []
    for kind, bits, interval, engine in (
        ("dense", 4, 1024, "folded"),
        ("mux", 4, 1024, "mux"),
        ("mux", 1, 1024, "mux"),
        ("dense", 4, 256, "unrolled"),
        ("dense", 1, 256, "unrolled"),
        ("mux", 4, 256, "mux"),
        ("mux", 1, 256, "mux"),
        ("mux", 4, 256, "unrolled"),
        ("mux", 1, 256, "unrolled"),
    ):
        rows.append(_ours(layer_design(kind, bits, interval, engine), limits, 20, clock=False))
    return rows


def speed_rows(limits: Limits) -> list[Row]:
    """Frames a second of the RTL of whole networks in Verilator."""
    rows = []
    for name, interval, frames in (("mnist-mux", 784, 500), ("cnv", 8192, 10), ("resnet20", 4096, 10)):
        made = design(name, interval)
        _tell(f"{name}: simulation")
        played = _tried(name, lambda m=made, f=frames: asdict(simulate(m, f)))
        rows.append({"title": name, "told": made.pipeline.interval, "simulated": played})
    return rows


def model_rows(limits: Limits) -> list[Row]:
    """Estimate and count of networks that the cost model was not calibrated on."""
    rows = []
    for family in ("ecp5", "gowin", "xc7", "ice40"):
        for title, (name, interval) in HELD_OUT.items():
            made = design(name, interval, block_bits(family))
            files, top = core_files(made.graph, made.pipeline), made.graph.name
            _tell(f"{title}: {family}")
            seen = _tried(title, lambda f=files, t=top, on=family: asdict(count(f, t, on, timeout=limits.timeout)))
            told = pipeline_cost(made.pipeline).on(family).as_dict() | {"clocks": made.pipeline.interval}
            rows.append({"title": title, "family": family, "told": told, "counted": seen})
            if family == "ecp5":
                _tell(f"{title}: simulation")
                rows[-1]["clocks"] = _tried(title, lambda m=made: simulate(m, 8).clocks)
    return rows


_TABLES: Mapping[str, Callable[[Limits], list[Row]]] = {
    "digits": digits_rows,
    "mlp": mlp_rows,
    "engines": engine_rows,
    "speed": speed_rows,
    "model": model_rows,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
