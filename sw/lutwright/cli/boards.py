"""lutwright boards: the boards that a project can be built for."""

from __future__ import annotations

from typing import Any

import typer
from rich.table import Table

from lutwright.boards import Board, Resources, all_boards, load_board
from lutwright.cli.console import JSON_OPTION, answer, terminal, verb
from lutwright.flow.families import FLOWS
from lutwright.report.board_results import ran, read_record

_LETTERS = {"build": "b", "synthesis": "s", "netlist": "n", "bitstream": "p"}


def _row(board: Board) -> dict[str, Any]:
    flow = FLOWS[board.family]
    tools = {"route": flow.router.name, "pack": flow.packer.name, "bitstream": flow.suffix}
    told = {"clocks_per_bit": board.clocks_per_bit, "flow": tools, "ran": list(ran(read_record(board.name)))}
    return board.model_dump() | told


def _memory(have: Resources) -> str:
    return f"{have.bram}x{have.bram_kbit}" + (f" {have.spram}x256" if have.spram else "")


def _table(boards: list[Board]) -> Table:
    table = Table(title="Boards", title_justify="left", box=None, padding=(0, 1, 0, 0))  # no more than 80 columns
    for name in ("name", "family", "part", "MHz", "LUT", "FF", "RAM kbit", "DSP", "ran"):
        table.add_column(name, justify="right" if name in {"MHz", "LUT", "FF", "DSP"} else "left", no_wrap=True)
    for board in boards:
        have = board.resources
        table.add_row(
            board.name,
            board.family,
            board.part,
            f"{board.clock.mhz:g}",
            str(have.lut),
            str(have.ff),
            _memory(have),
            str(have.dsp),
            "".join(_LETTERS[step] for step in ran(read_record(board.name))) or "-",
        )
    table.caption = (
        "Each: a project, a simulation through its pins, a bitstream by open tools. Ran with the demo's network "
        "(benchmarks/BOARDS.md): b the bitstream, s synthesis alone, n its netlist proved, p the bitstream, read back "
        "and played through its pins, proved."
    )
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
