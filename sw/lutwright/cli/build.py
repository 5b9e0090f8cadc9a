"""The verb `build`: a model becomes a hardware project for a board, and on request a bitstream."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape
from rich.table import Table

from lutwright.boards import Board, at_clock, load_board
from lutwright.cli.build_hls import HlsWish, build_hls, refuse_options
from lutwright.cli.console import JSON_OPTION, answer, terminal, verb
from lutwright.dataflow.breakdown import Row, breakdown
from lutwright.dataflow.choose import Choice, choose, take
from lutwright.dataflow.cost import Cost
from lutwright.dataflow.folding_file import Folding, folding_text, read_folding
from lutwright.dataflow.memories import block_names
from lutwright.dataflow.packet import packet_bytes
from lutwright.dataflow.parts import NOTHING
from lutwright.dataflow.stage import Pipeline
from lutwright.emit.project import (
    MANIFEST,
    core_interface,
    features_for_hardware,
    hardware_graph,
    model_bytes,
    open_project,
    plan_project,
)
from lutwright.emit.shell import bus_bytes
from lutwright.errors import BadOption, ToolMissing
from lutwright.explore.seeds import MOST, best_of, best_seed
from lutwright.files import check_writable, new_folder, write_file, write_tree
from lutwright.flow.bitstream import Measured, make_bitstream
from lutwright.flow.route import FIRST_SEED
from lutwright.flow.synth import Cells
from lutwright.flow.vendor import VENDORS, count_cells_of, make_vendor_bitstream, missing_tool
from lutwright.frontend.names import model_stem
from lutwright.frontend.translate import InputType, import_model
from lutwright.hls.version import ANY
from lutwright.ir.graph import Graph
from lutwright.learn.backbone import feature_graph, feature_node, feature_source
from lutwright.learn.chip import LearnerChip, learner_chip
from lutwright.learn.cost import learner_cost, views_cost
from lutwright.learn.wish import LearnerWish, parse_learner


@dataclass(frozen=True)
class Wish:
    """What the user asks of the folding. fps: frames a second, None for the most that fit. folding: a folding file,
    taken where it is there and written where it is not."""

    fps: float | None = None
    folding: Path | None = None


def build_project(
    model: Path,
    board: Board,
    out: Path,
    declared: InputType | None = None,
    wish: Wish = Wish(),
    learner: LearnerWish | None = None,
) -> tuple[Graph, Choice]:
    """Convert `model`, fold it for `board` and write the project to folder `out`, whole or not at all.

    learner: to put behind the features of the model, in place of its classifier.
    """
    if wish.folding is not None:
        check_writable(wish.folding)
    if learner is None:
        graph, chip = hardware_graph(model, declared), None
        choice = fold_model(graph, board, wish)
    else:
        graph, choice, chip = fold_learner(model, board, declared, wish, learner)
    plan = plan_project(graph, choice, board, model_bytes(model), declared, chip)
    with new_folder(out, MANIFEST) as folder:
        write_tree(folder, plan.files)
    if wish.folding is not None and not wish.folding.exists():
        write_file(wish.folding, folding_of(graph, choice, board))
    return graph, choice


def fold_model(graph: Graph, board: Board, wish: Wish, beside: Cost = NOTHING) -> Choice:
    """The folding of `graph` for `board` that `wish` asks for; `beside`: what else is on the chip."""
    path = wish.folding
    if path is None or not path.exists():
        return choose(graph, board, wish.fps, beside)
    return take(graph, board, read_folding(path.read_bytes(), path.name, graph), wish.fps, beside)


def fold_learner(
    model: Path, board: Board, declared: InputType | None, wish: Wish, learner: LearnerWish
) -> tuple[Graph, Choice, LearnerChip]:
    """The features of `model` for hardware, folded for what `board` has beside the learner, and the chip of both."""
    cut = feature_graph(import_model(model, declared), learner.features)
    graph = features_for_hardware(cut)
    views, config = learner.made_views(graph), learner.config(graph)
    beside = learner_cost(config, learner.lanes, board.family) + views_cost(graph, views)
    choice = fold_model(graph, board, wish, beside)
    source = feature_source(cut, views)
    chip = learner_chip(graph, choice.pipeline, config, learner.lanes, views, source, feature_node(cut))
    return graph, choice, chip


def folding_of(graph: Graph, choice: Choice, board: Board) -> str:
    """The folding file of `choice`."""
    clocks = {row.name: row.clocks for row in breakdown(graph, choice, board.family) if row.fold is not None}
    title = f"Folding of {graph.name} for {board.name}, {choice.pipeline.interval} clocks a frame."
    return folding_text(Folding(choice.folds, block_names(choice.pipeline)), clocks, title)


def clock_words(board: Board) -> dict[str, float]:
    """The words of --json for the clock of `board`, in MHz."""
    clock = board.clock
    asked = clock.pll.asked if clock.pll else clock.mhz
    return {"asked_mhz": asked, "obtained_mhz": clock.mhz, "oscillator_mhz": clock.oscillator_mhz}


def clock_line(board: Board) -> str:
    """The clock of `board` for people."""
    pll = board.clock.pll
    if pll is None:
        return f"Clock: {board.clock.mhz:g} MHz, {'the processor' if board.processor else 'the oscillator'}."
    made = f"{pll.mhz:.9g} MHz out of {pll.oscillator:g} MHz by a PLL"
    off = "" if pll.mhz == pll.asked else f" ({pll.mhz / pll.asked - 1:+.2%})"
    return f"Clock: {pll.asked:g} MHz asked, {made}{off}."


def build_bitstream(out: Path, board: Board, seeds: int = 1) -> tuple[Measured, dict[int, float | None]]:
    """Synthesise, place, route and pack the project in `out`, showing which step runs.

    seeds: how many are placed and routed, the best of which is kept. Returns the figures, and Fmax in MHz by seed.
    """
    project = open_project(out)
    speeds: dict[int, float | None] = {}
    with terminal.status("bitstream") as status:

        def ended(found: Mapping[int, float | None]) -> None:
            speeds.update(found)
            status.update(f"{seeds_line(found, seeds)} for {board.name}")

        route = best_of(seeds, ended) if seeds != 1 else FIRST_SEED
        top, sources = project.manifest["top"], project.board_sources
        made = make_bitstream(out, sources, board, top, route, lambda step: status.update(f"{step} for {board.name}"))
    return made, speeds or {1: made.fmax_mhz}


def build_by_vendor(out: Path, board: Board) -> tuple[Measured | Cells, ToolMissing | None]:
    """Build the project in `out` with the vendor's tool; where that is absent, count it with Yosys and say so."""
    missing = missing_tool(board)
    with terminal.status("vendor's tool" if missing is None else "synthesis") as status:
        if missing is None:
            status.update(f"{VENDORS[board.family].tool.package} for {board.name}")
            return make_vendor_bitstream(out, board), None
        project = open_project(out)
        return count_cells_of(out, project.board_sources, board, project.manifest["top"]), missing


def seeds_line(found: Mapping[int, float | None], count: int) -> str:
    """How far place and route with several seeds is."""
    line = f"place and route: {len(found)} of {count} seeds"
    best = best_seed(found) if found else 0
    return f"{line}, best {found[best]:.1f} MHz (seed {best})" if found.get(best) else line


def layer_table(graph: Graph, choice: Choice, family: str) -> Table:
    """One row a layer: how it is folded, how long it is busy, what it is estimated to cost, and of what it has most."""
    rows = breakdown(graph, choice, family)
    table = Table(title=f"{graph.name}: {choice.pipeline.interval} clocks a frame")
    for column in ("layer", "engine", "PE x SIMD", "clocks", "LUT", "FF", "BRAM", "DSP", "most"):
        table.add_column(column, justify="left" if column in ("layer", "engine", "most") else "right")
    leaders = _leaders(rows)
    for row in rows:
        fold = row.fold
        table.add_row(
            escape(row.name),
            fold.engine if fold else "",
            f"{fold.pe} x {fold.simd}" if fold else "",
            str(row.clocks) if row.clocks else "",
            *(str(need) for need in row.cost.as_dict().values()),
            ", ".join(leaders.get(row.name, ())),
        )
    table.add_section()
    total = (str(need) for need in choice.estimate.as_dict().values())
    table.add_row("all", "", "", str(choice.pipeline.interval), *total, "")
    told = [f"{row.name} ({', '.join(_short(name, row.name) for name in row.blocks)})" for row in rows if row.blocks]
    table.caption, table.caption_justify = escape(f"In block RAM: {', '.join(told) or 'nothing'}."), "left"
    return table


def _short(memory: str, layer: str) -> str:
    """What the memory of `layer` is: its weights, or what its name says beside that of the layer."""
    return "weights" if memory == layer else memory.removeprefix(f"{layer}_")


def _leaders(rows: list[Row]) -> dict[str, list[str]]:
    """Row name -> what it has the most of: clocks, lut, ..."""
    found: dict[str, list[str]] = {}
    kinds = {"clocks": [row.clocks for row in rows]}
    kinds |= {kind.upper(): [row.cost.as_dict()[kind] for row in rows] for kind in ("lut", "ff", "bram", "dsp")}
    for kind, values in kinds.items():
        if max(values):
            found.setdefault(rows[values.index(max(values))].name, []).append(kind)
    return found


def layer_words(graph: Graph, choice: Choice, family: str) -> list[dict[str, Any]]:
    """The words of --json for the layer table."""
    return [
        {"layer": row.name, "clocks": row.clocks, **row.cost.as_dict(), "block_rams": list(row.blocks)}
        | ({"engine": row.fold.engine, "pe": row.fold.pe, "simd": row.fold.simd} if row.fold else {})
        for row in breakdown(graph, choice, family)
    ]


def measured_dict(measured: Measured) -> dict[str, Any]:
    """The words of --json for a finished bitstream."""
    return {
        "lut": measured.lut,
        "ff": measured.ff,
        "bram": measured.bram,
        "dsp": measured.dsp,
        "fmax_mhz": round(measured.fmax_mhz, 2),
        "clock_mhz": measured.clock_mhz,
    }


def resource_table(estimate: dict[str, int], measured: dict[str, Any], board: Board, how: str = "measured") -> Table:
    """Estimate beside measurement, with the error and the share of the board. how: the measurement was made."""
    table = Table(title=f"{board.title}: estimated and {how}")
    for column in ("", "estimate", how, "error", "of the board"):
        table.add_column(column, justify="left" if not column else "right")
    for kind in ("lut", "ff", "bram", "dsp"):
        told, seen, have = estimate[kind], measured[kind], getattr(board.resources, kind)
        error = f"{(told - seen) / seen:+.0%}" if seen else ("0 %" if told == seen else "-")
        table.add_row(kind.upper(), str(told), str(seen), error, f"{seen / have:.0%}" if have else "-")
    return table


def link_frames(board: Board, pipeline: Pipeline) -> float:
    """Frames a second that the link lets through; answers travel the other way, so that only the longer of two counts.

    Serial: ten bits a byte, eight bytes around each frame, and the board buffers two frames. AXI DMA: the width of its
    streams in every clock, without the time that software takes.
    """
    sent = pipeline.source.bytes * pipeline.source.beats
    if board.processor is not None:
        return board.clock.mhz * 1e6 * bus_bytes(core_interface(pipeline, 0)) / max(sent, packet_bytes(pipeline))
    return board.uart.baud / 10 / (max(sent, packet_bytes(pipeline)) + 8)


def link_line(board: Board, pipeline: Pipeline) -> str:
    """The link of `board` for people."""
    if board.processor is not None:
        how = f"over AXI DMA of {8 * bus_bytes(core_interface(pipeline, 0))} bits, without what the software takes"
    else:
        how = f"at {board.uart.baud:,} baud"
    return f"Link: {link_frames(board, pipeline):,.1f} frames/s {how}."


def output_words(graph: Graph, pipeline: Pipeline) -> list[dict[str, Any]]:
    """The words of --json for the outputs, in the order in which the board sends them."""
    return [
        {
            "name": outlet.name,
            "shape": list(graph.tensors[outlet.tensor].shape),
            "type": str(graph.tensors[outlet.tensor].type),
            "beats": outlet.stream.beats,
            "bytes_a_beat": outlet.stream.bytes,
        }
        for outlet in pipeline.outlets
    ]


def speed_line(measured: Measured) -> str:
    """Speed and bitstream for people."""
    return (
        f"Fmax {measured.fmax_mhz:.1f} MHz, board clock {measured.clock_mhz:.6g} MHz. Bitstream: "
        f"{escape(str(measured.bitstream))}"
    )


def vendor_words(out: Path, board: Board, result: dict[str, Any]) -> ToolMissing | None:
    """Build `out` by build_by_vendor and say so, to people and in `result`; the tool that is missing, if one is."""
    made, missing = build_by_vendor(out, board)
    if isinstance(made, Measured):
        result |= {"measured": measured_dict(made), "bitstream": str(made.bitstream)}
        terminal.print(resource_table(result["estimate"], result["measured"], board))
        terminal.print(speed_line(made))
        return None
    counted = {kind: getattr(made, kind) for kind in ("lut", "ff", "bram", "dsp")}
    result |= {"synthesis": counted, "bitstream": None, "not_run": str(missing)}
    terminal.print(resource_table(result["estimate"], counted, board, "synthesised"))
    terminal.print(f"No bitstream: {escape(str(missing))} What Yosys counts stands above, without Fmax.")
    return missing


@verb
def build(
    model: Path = typer.Argument(help="QONNX file."),
    board: str = typer.Option(..., "--board", help="Board name (see `lutwright boards`) or a board file."),
    out: Path | None = typer.Option(None, "--out", help="Project folder (default ./MODEL-BOARD)."),
    bitstream: bool = typer.Option(False, "--bitstream", help="Also synthesise, place, route and pack."),
    seeds: int = typer.Option(1, "--seeds", help="With --bitstream: place and route so often, keep the fastest."),
    input_type: str = typer.Option("", "--input", help="Integers that an unquantised input holds: uint8:1/256."),
    fps: float | None = typer.Option(None, "--fps", help="Frames a second; the smallest folding that makes them."),
    clock: float | None = typer.Option(None, "--clock", help="Clock in MHz, by a PLL (default: the oscillator)."),
    folding: Path | None = typer.Option(
        None, "--folding", help="Folding file (TOML): taken where it is there, written where it is not."
    ),
    learner: str = typer.Option(
        "",
        "--learner",
        help="Put a learner behind the features: classes=10,subspaces=8,anchors=4 and more (docs/learner.md).",
    ),
    backend: str = typer.Option("rtl", "--backend", help="rtl, or hls4ml: an HLS project for AMD's tools."),
    part: str = typer.Option("", "--part", help="hls4ml: the AMD part, where the board has none."),
    hls_tool: str = typer.Option("", "--hls-tool", help="hls4ml: Vitis (default) or Vivado."),
    io: str = typer.Option("", "--io", help="hls4ml: io_stream (default) or io_parallel."),
    reuse: int | None = typer.Option(None, "--reuse", help="hls4ml: reuse factor of every layer (default 1)."),
    strategy: str = typer.Option("", "--strategy", help="hls4ml: latency (default) or resource, for its own layers."),
    synthesis: bool = typer.Option(False, "--synthesis", help="hls4ml: also run AMD's tools, and tell their reports."),
    any_version: bool = typer.Option(False, ANY, help="hls4ml: take another version than the one proved."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Turn a QONNX model into a hardware project for a board."""
    if backend not in ("rtl", "hls4ml"):
        raise BadOption("--backend", "must be rtl or hls4ml", repr(backend), "Leave the option out for rtl.")
    declared = InputType.parse(input_type) if input_type else None
    if backend == "hls4ml":
        given = {"--bitstream": bitstream, "--fps": fps, "--folding": folding, "--learner": learner}
        refuse_options(backend, "rtl", given | {"--seeds": seeds != 1})
        chosen = {"tool": hls_tool, "io": io, "reuse": reuse, "strategy": strategy}
        hls = HlsWish(chosen, part, clock, any_version, synthesis)
        answer(build_hls(model, board, out, declared, hls), as_json)
        return
    theirs = {"--hls-tool": hls_tool, "--io": io, "--reuse": reuse, "--strategy": strategy}
    refuse_options(backend, "hls4ml", theirs | {"--part": part, "--synthesis": synthesis, ANY: any_version})
    if fps is not None and not 0 < fps < math.inf:
        raise BadOption("--fps", "must be a rate above 0", f"{fps:g}", "Leave it out for the most that fit.")
    target = load_board(board)
    if seeds > 1 and target.family in VENDORS:
        raise BadOption("--seeds", f"must be 1: the vendor's tool places board '{target.name}'", seeds, "Leave it out.")
    if not 1 <= seeds <= MOST or (seeds > 1 and not bitstream):
        raise BadOption("--seeds", f"must be 1 to {MOST}, with --bitstream", seeds, "Leave it out for one.")
    target = target if clock is None else at_clock(target, clock)
    place = out or Path(f"{model_stem(model)}-{target.name}")
    begin = time.perf_counter()
    wanted = parse_learner(learner) if learner else None
    graph, choice = build_project(model, target, place, declared, Wish(fps, folding), wanted)
    estimate = choice.estimate.as_dict()
    rate = target.clock.mhz * 1e6 / choice.pipeline.interval
    result: dict[str, Any] = {
        "project": str(place),
        "board": target.name,
        "estimate": estimate,
        "interval": choice.pipeline.interval,
        "slowest": choice.pipeline.slowest.name,
        "clock": clock_words(target),
        "core_frames_per_second": round(rate),
        "layers": layer_words(graph, choice, target.family),
        "limit": choice.limit,
    }
    terminal.print(layer_table(graph, choice, target.family))
    if choice.limit:
        terminal.print(f"Not faster: {escape(choice.limit)}")
    unmade: ToolMissing | None = None
    if bitstream and target.family in VENDORS:
        unmade = vendor_words(place, target, result)
    elif bitstream:
        measured, speeds = build_bitstream(place, target, seeds)
        result |= {"measured": measured_dict(measured), "bitstream": str(measured.bitstream)}
        result |= {"fmax_by_seed": speeds, "seed": best_seed(speeds)}
        terminal.print(resource_table(estimate, result["measured"], target))
        if seeds > 1:
            terminal.print(f"P{seeds_line(speeds, seeds)[1:]}.")
        terminal.print(speed_line(measured))
    terminal.print(clock_line(target))
    pipeline = choice.pipeline
    result["link_frames_per_second"] = round(link_frames(target, pipeline), 1)
    result["outputs"] = output_words(graph, pipeline)
    if len(result["outputs"]) > 1:
        named = (f"{row['name']} {'x'.join(map(str, row['shape']))} {row['type']}" for row in result["outputs"])
        terminal.print(f"Outputs: {escape(', '.join(named))}.")
    result["seconds"] = round(time.perf_counter() - begin, 1)
    terminal.print(
        f"Core: {rate:,.0f} frames/s at {target.clock.mhz:.6g} MHz. {link_line(target, pipeline)} "
        f"Project: {escape(str(place))}"
    )
    answer(result, as_json)
    if unmade is not None:
        raise typer.Exit(unmade.exit_code)
