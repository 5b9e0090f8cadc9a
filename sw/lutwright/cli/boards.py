"""lutwright boards: the boards that a project can be built for."""

from __future__ import annotations

from typing import Any

import typer
from rich.table import Table

from lutwright.boards import Board, Resources, all_boards, load_board
from lutwright.cli.console import JSON_OPTION, answer, terminal, verb
from lutwright.flow.families import FLOWS


def _row(board: Board) -> dict[str, Any]:
    flow = FLOWS[board.family]
    tools = {"route": flow.router.name, "pack": flow.packer.name, "bitstream": flow.suffix}
    return board.model_dump() | {"clocks_per_bit": board.clocks_per_bit, "flow": tools}


def _memory(have: Resources) -> str:
    return f"{have.bram}x{have.bram_kbit}" + (f" {have.spram}x256" if have.spram else "")


def _table(boards: list[Board]) -> Table:
    table = Table(title="Boards", title_justify="left", box=None, padding=(0, 1, 0, 0))  # no more than 80 columns
    for name in ("name", "family", "part", "MHz", "LUT", "FF", "RAM kbit", "DSP", "file"):
        table.add_column(name, justify="right" if name in {"MHz", "LUT", "FF", "DSP"} else "left", no_wrap=True)
    for board in boards:
        have, flow = board.resources, FLOWS[board.family]
        table.add_row(
            board.name,
            board.family,
            board.part,
            f"{board.clock.mhz:g}",
            str(have.lut),
            str(have.ff),
            _memory(have),
            str(have.dsp),
            flow.suffix,
        )
    table.caption = "Each: a project, a simulation through its pins, a bitstream (file) by open tools."
    table.caption_justify = "left"
    return table


@verb
def boards(
    name: str | None = typer.Argument(None, help="One board: a name, or the path of a board file to check."),
    as_json: bool = JSON_OPTION,
) -> None:
    """List the boards and what is made for each, or check one board file."""
    chosen = [load_board(name)] if name else all_boards()
    if not as_json:
        terminal.print(_table(chosen))
    answer({"boards": [_row(board) for board in chosen]}, as_json)
