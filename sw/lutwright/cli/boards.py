"""lutwright boards: the boards that a project can be built for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer
from rich.table import Table

from lutwright.boards import Board, Resources, all_boards, load_board
from lutwright.cli.console import JSON_OPTION, answer, terminal, verb
from lutwright.emit.vendor import bitstream_name
from lutwright.flow.families import FLOWS
from lutwright.flow.vendor import VENDORS
from lutwright.report.board_results import ran, read_record

_LETTERS = {"build": "b", "synthesis": "s", "netlist": "n", "bitstream": "p"}


def _row(board: Board) -> dict[str, Any]:
    words = board.model_dump() | {"link": board.link, "flow": _tools(board), "ran": list(ran(read_record(board.name)))}
    return words | ({"clocks_per_bit": board.clocks_per_bit} if board.serial else {})


def _tools(board: Board) -> dict[str, str]:
    """What makes a bitstream for `board` behind or in place of Yosys, and what its name ends in."""
    if board.family in VENDORS:
        tool = VENDORS[board.family].tool.package
        return {"route": tool, "pack": tool, "bitstream": Path(bitstream_name(board)).suffix}
    flow = FLOWS[board.family]
    return {"route": flow.router.name, "pack": flow.packer.name, "bitstream": flow.suffix}


def _memory(have: Resources) -> str:
    return f"{have.bram}x{have.bram_kbit}" + (f" {have.spram}x256" if have.spram else "")


def _table(boards: list[Board]) -> Table:
    table = Table(title="Boards", title_justify="left", box=None, padding=(0, 1, 0, 0))  # no more than 80 columns
    for name in ("name", "part", "MHz", "LUT", "RAM kbit", "DSP", "link", "tool", "ran"):
        table.add_column(name, justify="right" if name in {"MHz", "LUT", "DSP"} else "left", no_wrap=True)
    for board in boards:
        have, tools = board.resources, _tools(board)
        table.add_row(
            board.name,
            board.part,
            f"{board.clock.mhz:g}",
            str(have.lut),
            _memory(have),
            str(have.dsp),
            board.link,
            tools["route"].removeprefix("nextpnr-").removeprefix("himbaechel-"),
            "".join(_LETTERS[step] for step in ran(read_record(board.name))) or "-",
        )
    table.caption = (
        "Link uart: a project, a simulation through its pins. Link dma: a project with a driver for PYNQ.\n"
        "Tool ice40, ecp5, gowin: of nextpnr, makes the bitstream. Vivado, Quartus: where it is installed; "
        "else Yosys counts.\n"
        "Ran with the demo's network (benchmarks/BOARDS.md): b the bitstream, s synthesis alone, n its netlist proved, "
        "p the bitstream, read back and played through its pins, proved."
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
