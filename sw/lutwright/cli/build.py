"""The verb `build`: a model becomes a hardware project for a board, and on request a bitstream."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape
from rich.table import Table

from lutwright.boards import Board, load_board
from lutwright.cli.console import JSON_OPTION, answer, terminal, verb
from lutwright.dataflow.breakdown import Row, breakdown
from lutwright.dataflow.choose import Choice, choose, take
from lutwright.dataflow.folding_file import Folding, folding_text, read_folding
from lutwright.emit.project import MANIFEST, hardware_graph, model_bytes, open_project, plan_project
from lutwright.errors import BadOption
from lutwright.files import check_writable, new_folder, write_file, write_tree
from lutwright.flow.bitstream import Measured, make_bitstream
from lutwright.frontend.translate import InputType
from lutwright.ir.graph import Graph


@dataclass(frozen=True)
class Wish:
    """What the user asks of the folding. fps: frames a second, None for the most that fit. folding: a folding file,
    taken where it is there and written where it is not."""

    fps: float | None = None
    folding: Path | None = None


def build_project(
    model: Path, board: Board, out: Path, declared: InputType | None = None, wish: Wish = Wish()
) -> tuple[Graph, Choice]:
    """Convert `model`, fold it for `board` and write the project to folder `out`, whole or not at all."""
    if wish.folding is not None:
        check_writable(wish.folding)
    graph = hardware_graph(model, declared)
    choice = fold_model(graph, board, wish)
    plan = plan_project(graph, choice, board, model_bytes(model), declared)
    with new_folder(out, MANIFEST) as folder:
        write_tree(folder, plan.files)
    if wish.folding is not None and not wish.folding.exists():
        write_file(wish.folding, folding_of(graph, choice, board))
    return graph, choice


def fold_model(graph: Graph, board: Board, wish: Wish) -> Choice:
    """The folding of `graph` for `board` that `wish` asks for."""
    path = wish.folding
    if path is None or not path.exists():
        return choose(graph, board, wish.fps)
    return take(graph, board, read_folding(path.read_bytes(), path.name, graph), wish.fps)


def folding_of(graph: Graph, choice: Choice, board: Board) -> str:
    """The folding file of `choice`."""
    clocks = {row.name: row.clocks for row in breakdown(graph, choice, board.family) if row.fold is not None}
    title = f"Folding of {graph.name} for {board.name}, {choice.pipeline.interval} clocks a frame."
    return folding_text(Folding(choice.folds, choice.target.block_bits), clocks, title)


def at_clock(board: Board, mhz: float) -> Board:
    """`board` at a clock of `mhz` MHz, which must be its own: the shell has no PLL."""
    if mhz != board.clock.mhz:
        raise BadOption(
            "--clock",
            f"must be {board.clock.mhz:g}, the oscillator of board '{board.name}', since no PLL is made",
            f"{mhz:g}",
            "Leave it out; `lutwright explore` takes any clock for its figures.",
        )
    return board


def build_bitstream(out: Path, board: Board) -> Measured:
    """Synthesise, place, route and pack the project in `out`, showing which step runs."""
    project = open_project(out)
    with terminal.status("bitstream") as status:
        return make_bitstream(
            out,
            project.board_sources,
            board,
            project.manifest["top"],
            progress=lambda step: status.update(f"{step} for {board.name}"),
        )


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
    return table


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
        {"layer": row.name, "clocks": row.clocks, **row.cost.as_dict()}
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


def resource_table(estimate: dict[str, int], measured: dict[str, Any], board: Board) -> Table:
    """Estimate beside measurement, with the error and the share of the board."""
    table = Table(title=f"{board.title}: estimated and measured")
    for column in ("", "estimate", "measured", "error", "of the board"):
        table.add_column(column, justify="left" if not column else "right")
    for kind in ("lut", "ff", "bram", "dsp"):
        told, seen, have = estimate[kind], measured[kind], getattr(board.resources, kind)
        error = f"{(told - seen) / seen:+.0%}" if seen else ("0 %" if told == seen else "-")
        table.add_row(kind.upper(), str(told), str(seen), error, f"{seen / have:.0%}" if have else "-")
    return table


def link_frames(board: Board, in_bytes: int) -> float:
    """Frames a second that the serial link lets through: ten bits a byte, eight bytes around each frame.

    Answers travel the other way and the board buffers two frames, so that only the frames themselves count.
    """
    return board.uart.baud / 10 / (in_bytes + 8)


@verb
def build(
    model: Path = typer.Argument(help="QONNX file."),
    board: str = typer.Option(..., "--board", help="Board name (see `lutwright boards`) or a board file."),
    out: Path | None = typer.Option(None, "--out", help="Project folder (default ./MODEL-BOARD)."),
    bitstream: bool = typer.Option(False, "--bitstream", help="Also synthesise, place, route and pack."),
    input_type: str = typer.Option("", "--input", help="Integers that an unquantised input holds: uint8:1/256."),
    fps: float | None = typer.Option(None, "--fps", help="Frames a second; the smallest folding that makes them."),
    clock: float | None = typer.Option(None, "--clock", help="Clock in MHz; must be one that the board has."),
    folding: Path | None = typer.Option(
        None, "--folding", help="Folding file (TOML): taken where it is there, written where it is not."
    ),
    backend: str = typer.Option("rtl", "--backend", help="rtl is the one there is."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Turn a QONNX model into a hardware project for a board."""
    if backend != "rtl":
        raise BadOption("--backend", "must be rtl", repr(backend), "Leave the option out.")
    if fps is not None and not 0 < fps < math.inf:
        raise BadOption("--fps", "must be a rate above 0", f"{fps:g}", "Leave it out for the most that fit.")
    target = load_board(board)
    target = target if clock is None else at_clock(target, clock)
    place = out or Path(f"{model.stem}-{target.name}")
    begin = time.perf_counter()
    declared = InputType.parse(input_type) if input_type else None
    graph, choice = build_project(model, target, place, declared, Wish(fps, folding))
    estimate = choice.estimate.as_dict()
    rate = target.clock.mhz * 1e6 / choice.pipeline.interval
    result: dict[str, Any] = {
        "project": str(place),
        "board": target.name,
        "estimate": estimate,
        "interval": choice.pipeline.interval,
        "slowest": choice.pipeline.slowest.name,
        "core_frames_per_second": round(rate),
        "layers": layer_words(graph, choice, target.family),
        "limit": choice.limit,
    }
    terminal.print(layer_table(graph, choice, target.family))
    if choice.limit:
        terminal.print(f"Not faster: {escape(choice.limit)}")
    if bitstream:
        measured = build_bitstream(place, target)
        result |= {"measured": measured_dict(measured), "bitstream": str(measured.bitstream)}
        terminal.print(resource_table(estimate, result["measured"], target))
        terminal.print(
            f"Fmax {measured.fmax_mhz:.1f} MHz, board clock {measured.clock_mhz:g} MHz. Bitstream: "
            f"{escape(str(measured.bitstream))}"
        )
    pipeline = choice.pipeline
    result["link_frames_per_second"] = round(
        link_frames(target, -(-pipeline.source.width // 8) * pipeline.source.beats),
        1,
    )
    result["seconds"] = round(time.perf_counter() - begin, 1)
    terminal.print(
        f"Core: {rate:,.0f} frames/s at {target.clock.mhz:g} MHz. Link: "
        f"{result['link_frames_per_second']:,.1f} frames/s at {target.uart.baud:,} baud. "
        f"Project: {escape(str(place))}"
    )
    answer(result, as_json)
