"""The verb `build`: a model becomes a hardware project for a board, and on request a bitstream."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape
from rich.table import Table

from lutwright.boards import Board, load_board
from lutwright.cli.console import JSON_OPTION, answer, terminal, verb
from lutwright.dataflow.choose import Choice, choose
from lutwright.dataflow.cost import SHELL, cost
from lutwright.emit.project import MANIFEST, hardware_graph, model_bytes, open_project, plan_project
from lutwright.errors import BadOption
from lutwright.files import new_folder, write_tree
from lutwright.flow.bitstream import Measured, make_bitstream
from lutwright.frontend.translate import InputType
from lutwright.ir.graph import Graph


def build_project(model: Path, board: Board, out: Path, declared: InputType | None = None) -> tuple[Graph, Choice]:
    """Convert `model`, fold it for `board` and write the project to folder `out`, whole or not at all."""
    graph = hardware_graph(model, declared)
    choice = choose(graph, board)
    plan = plan_project(graph, choice, board, model_bytes(model), declared)
    with new_folder(out, MANIFEST) as folder:
        write_tree(folder, plan.files)
    return graph, choice


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
    """One row a stage: what it is, how it is folded, how long it is busy, what it is estimated to cost."""
    table = Table(title=f"{graph.name}: {choice.pipeline.interval} clocks a frame")
    for column in ("stage", "cell", "output", "PE x SIMD", "clocks", "LUT", "FF", "BRAM"):
        table.add_column(column, justify="left" if column in ("stage", "cell", "output") else "right")
    for stage in choice.pipeline.stages:
        need = cost(stage).on(family).as_dict()
        fold = choice.folds[stage.node] if stage.name in choice.folds else None
        shape = "x".join(map(str, graph.tensors[stage.tensor].shape)) if stage.tensor else ""
        table.add_row(
            stage.name,
            stage.cell,
            shape,
            f"{fold.pe} x {fold.simd}" if fold else "",
            str(stage.cycles),
            str(need["lut"]),
            str(need["ff"]),
            str(need["bram"]),
        )
    table.add_row(
        "board shell", "", "", "", "", str(round(SHELL.on(family).lut)), str(round(SHELL.ff)), str(SHELL.bram)
    )
    return table


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
    backend: str = typer.Option("rtl", "--backend", help="rtl is the one there is."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Turn a QONNX model into a hardware project for a board."""
    if backend != "rtl":
        raise BadOption("--backend", "must be rtl", repr(backend), "Leave the option out.")
    target = load_board(board)
    place = out or Path(f"{model.stem}-{target.name}")
    begin = time.perf_counter()
    graph, choice = build_project(model, target, place, InputType.parse(input_type) if input_type else None)
    estimate = choice.estimate.as_dict()
    rate = target.clock.mhz * 1e6 / choice.pipeline.interval
    result: dict[str, Any] = {
        "project": str(place),
        "board": target.name,
        "estimate": estimate,
        "interval": choice.pipeline.interval,
        "slowest": choice.pipeline.slowest.name,
        "core_frames_per_second": round(rate),
    }
    terminal.print(layer_table(graph, choice, target.family))
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
