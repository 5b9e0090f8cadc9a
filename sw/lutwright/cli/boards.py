"""lutwright boards: the boards that a project can be built for."""

from __future__ import annotations

from typing import Any

import typer
from rich.table import Table

from lutwright.boards import Board, all_boards, load_board
from lutwright.cli.console import JSON_OPTION, answer, terminal, verb


def _row(board: Board) -> dict[str, Any]:
    return board.model_dump() | {"clocks_per_bit": board.clocks_per_bit}


def _table(boards: list[Board]) -> Table:
    table = Table(title="Boards", title_justify="left")
    for name in ("name", "title", "clock", "LUT", "FF", "block RAM", "DSP"):
        table.add_column(name, justify="right" if name in {"LUT", "FF", "DSP"} else "left", no_wrap=name != "title")
    for board in boards:
        have = board.resources
        table.add_row(
            board.name,
            board.title,
            f"{board.clock.mhz:g} MHz",
            str(have.lut),
            str(have.ff),
            f"{have.bram} x {have.bram_kbit} kbit",
            str(have.dsp),
        )
    return table


@verb
def boards(
    name: str | None = typer.Argument(None, help="One board: a name, or the path of a board file to check."),
    as_json: bool = JSON_OPTION,
) -> None:
    """List the boards, or check one board file."""
    chosen = [load_board(name)] if name else all_boards()
    if not as_json:
        terminal.print(_table(chosen))
    answer({"boards": [_row(board) for board in chosen]}, as_json)
