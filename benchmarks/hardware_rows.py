"""The rows of every table of the hardware benchmark, as dictionaries of figures."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from calibrate import block_bits
from hardware_networks import HELD_OUT, Design, board_files, design, layer_design, network, random_codes
from hardware_nngen import by_nngen
from hardware_peers import Peer, by_da4ml, matrix_by_da4ml
from hardware_route import fmax
from hardware_simulation import simulate
from hardware_synthesis import FAMILIES, alone, count

from lutwright.boards import load_board
from lutwright.dataflow.choice import adder_levels
from lutwright.dataflow.cost import cost, pipeline_cost
from lutwright.dataflow.folding import Fold
from lutwright.dataflow.unrolled import unroll
from lutwright.emit.rtl import core_files
from lutwright.emit.unrolled import unrolled_file
from lutwright.errors import ToolFailed
from lutwright.numerics.quantiser import IntArray

Row = dict[str, Any]
LEVELS = 2
"""Adders between two registers, of every tool."""
LARGEST = 5
"""Stages of a design that are shown by themselves."""
_UNROLLED = {"Conv_1": Fold(16, 72, "unrolled")}


@dataclass(frozen=True)
class Limits:
    """Seconds for one run of a tool; the clock in MHz that is asked of nextpnr; which parts are left out."""

    timeout: float
    mhz: float
    skip: frozenset[str]


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def tried(what: str, figure: Callable[[], Any]) -> Any:
    """What `figure` returns, or None where a tool failed or took too long, which is said."""
    try:
        return figure()
    except ToolFailed as error:
        _tell(f"{what}: {error}")
        return None


def area(title: str, files: Mapping[str, bytes], top: str, limits: Limits, clock: bool) -> Row:
    """Counts on 7-series, with DSP blocks and without, and on ECP5, and the routed clock there."""
    row: Row = {}
    for key, family, dsp in (("xc7", "xc7", True), ("xc7_lut", "xc7", False), ("ecp5", "ecp5", False)):
        if key == "xc7_lut" and row["xc7"] and not row["xc7"]["dsp"]:
            row[key] = row["xc7"]  # none was taken
            continue
        _tell(f"{title}: {key}")
        row[key] = tried(title, lambda f=family, d=dsp: asdict(count(files, top, f, d, limits.timeout)))
    if clock and "route" not in limits.skip:
        _tell(f"{title}: place and route")
        row["mhz"] = tried(title, lambda: fmax(files, top, limits.mhz, limits.timeout))
    return row


def _ours(made: Design, limits: Limits, frames: int, clock: bool = True) -> Row:
    _tell(f"{made.title}: simulation")
    played = simulate(made, frames)
    row: Row = {
        "tool": "lutwright",
        "title": made.title,
        "clocks": played.clocks,
        "told": made.pipeline.interval,
        "exact": [frames, frames],
    }
    files = core_files(made.graph, made.pipeline)
    return row | area(made.title, files, made.graph.name, limits, clock)


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
    return [row | area(name, peer.files, peer.top, limits, False)]


# ---- networks --------------------------------------------------------------------------------------------------------


def digits_rows(limits: Limits) -> list[Row]:
    """The digits CNN at three intervals with its largest stages, and by others."""
    rows = []
    for interval, folds in ((64, _UNROLLED), (256, {}), (1024, {})):
        made = design("plain-digits", interval, folds=folds)
        rows.append(_ours(made, limits, 540) | {"stages": _largest(made, limits)})
    graph = network("plain-digits")
    codes = random_codes(graph, 540, 1)
    rows += _theirs("da4ml", limits, lambda: by_da4ml(graph, codes, LEVELS))
    return rows + _theirs("NNgen", limits, lambda: by_nngen(graph, codes[:40]))


def _largest(made: Design, limits: Limits) -> list[tuple[str, str, int]]:
    """Name, cell and 7-series LUTs without DSP of the LARGEST stages of `made` by estimate, each synthesised alone."""
    found = []
    for stage in sorted(made.pipeline.stages, key=lambda stage: -cost(stage).on("xc7").lut)[:LARGEST]:
        _tell(f"{made.title}, {made.pipeline.interval} clocks: stage {stage.name}")
        seen = tried(stage.name, lambda s=stage: count(alone(s), "alone", "xc7", timeout=limits.timeout).lut)
        cell = "unrolled" if stage.made is not None else stage.cell
        found.append((stage.name, cell, seen or 0))
    return sorted(found, key=lambda stage: -stage[2])


def mlp_rows(limits: Limits) -> list[Row]:
    """The jet tagger's MLP, a frame a clock: with the latency of da4ml's, and as `build` makes it for limits.mhz."""
    made = design("mlp", 1)
    fast = adder_levels(limits.mhz)
    rows = [_ours(made, limits, 1000, clock=False)]
    rows.append(_ours(design("mlp", 1, levels=fast), limits, 1000) | {"levels": fast})
    codes = random_codes(made.graph, 1000, 1)
    return rows + _theirs("da4ml", limits, lambda: by_da4ml(made.graph, codes, LEVELS))


def demo_rows(limits: Limits) -> list[Row]:
    """The MNIST demo at a pixel a clock as a whole project: with its board's link, on the board's family."""
    rows = []
    for name in ("tangnano9k", "ulx3s-45f"):
        board = load_board(name)
        files, interval = board_files("mnist-mux", 784, board)
        _tell(f"MNIST demo on {board.title}")
        seen = tried(
            board.title, lambda f=files, b=board: asdict(count(f, "board_top", b.family, timeout=limits.timeout))
        )
        have = {"lut": board.resources.lut, "ff": board.resources.ff, "bram": board.resources.bram}
        rows.append({"title": board.title, "board": name, "clocks": interval, "counted": seen, "have": have})
    return rows


# ---- layers ----------------------------------------------------------------------------------------------------------


def engine_rows(limits: Limits) -> list[Row]:
    """The same layer dense and with one weight a kernel, on each engine."""
    rows = []
    for kind, bits, interval, engine in (
        ("dense", 4, 1024, "folded"),
        ("dense", 1, 1024, "folded"),
        ("mux", 4, 1024, "mux"),
        ("mux", 1, 1024, "mux"),
        ("dense", 4, 256, "unrolled"),
        ("dense", 1, 256, "unrolled"),
        ("mux", 4, 256, "mux"),
        ("mux", 1, 256, "mux"),
        ("mux", 4, 256, "unrolled"),
        ("mux", 1, 256, "unrolled"),
    ):
        made = _ours(layer_design(kind, bits, interval, engine), limits, 20, clock=False)
        rows.append(made | {"kind": kind, "bits": bits, "engine": engine})
    return rows


def matrix_rows(limits: Limits) -> list[Row]:
    """A constant matrix by itself: the unrolled engine's module, and da4ml's Verilog."""
    rows: list[Row] = []
    for title, matrix, top in (
        ("conv 8 -> 16, 3 x 3, 4 bits", _matrix("plain-digits", "Conv_1"), 15),
        ("dense 32 -> 32, 6 bits", _matrix("mlp", "dense5"), 63),
        ("conv 16 -> 16, 3 x 3, 4 bits, one weight a kernel", _layer_matrix("mux", 4), 15),
    ):
        bits = top.bit_length()
        ends = int(np.minimum(matrix, 0).sum(axis=1).min()) * top, int(np.maximum(matrix, 0).sum(axis=1).max()) * top
        acc_bits = max(end.bit_length() for end in ends) + 1
        ours = unroll("matrix", matrix, (0, top), bits, False, acc_bits, LEVELS)
        files, clocks = {"matrix.sv": unrolled_file(ours)}, ours.latency
        rows.append(
            {"tool": "lutwright", "title": title, "latency": clocks} | area(title, files, "matrix", limits, False)
        )
        if "peers" not in limits.skip:
            theirs, clocks = matrix_by_da4ml(matrix, top, LEVELS)
            row = {"tool": "da4ml", "title": title, "latency": clocks}
            rows.append(row | area(f"da4ml, {title}", theirs, "peer", limits, False))
    return rows


def _matrix(name: str, node: str) -> IntArray:
    weights: IntArray = next(n for n in network(name).nodes if n.name == node).attrs["weights"]
    return weights.reshape(len(weights), -1)


def _layer_matrix(kind: str, bits: int) -> IntArray:
    graph = layer_design(kind, bits, 256, "unrolled").graph
    weights: IntArray = next(n for n in graph.nodes if n.op == "Conv").attrs["weights"]
    return weights.reshape(len(weights), -1)


# ---- simulation, and the model of cost -------------------------------------------------------------------------------


def speed_rows(limits: Limits) -> list[Row]:
    """Frames a second of the RTL of whole networks in Verilator."""
    rows = []
    for title, name, interval, frames in (
        ("MNIST demo", "mnist-mux", 784, 500),
        ("CNV 2W2A", "cnv", 8192, 10),
        ("ResNet-20 4W4A", "resnet20", 4096, 10),
    ):
        made = design(name, interval)
        _tell(f"{title}: simulation")
        played = tried(name, lambda m=made, f=frames: asdict(simulate(m, f)))
        rows.append({"title": title, "told": made.pipeline.interval, "simulated": played})
    return rows


def model_rows(limits: Limits) -> list[Row]:
    """Estimate and count of networks that the cost model was not calibrated on."""
    rows = []
    for family in FAMILIES:
        for held in HELD_OUT:
            made = held.design(block_bits(family))
            files, top = core_files(made.graph, made.pipeline), made.graph.name
            _tell(f"{held.title}: {family}")
            seen = tried(held.title, lambda f=files, t=top, on=family: asdict(count(f, t, on, timeout=limits.timeout)))
            told = pipeline_cost(made.pipeline).on(family).as_dict() | {"clocks": made.pipeline.interval}
            rows.append({"title": held.title, "family": family, "told": told, "counted": seen})
            if family == "ecp5":
                _tell(f"{held.title}: simulation")
                rows[-1]["clocks"] = tried(held.title, lambda m=made: simulate(m, 8).clocks)
    return rows
