"""The verb `program`: a project's bitstream into the board that is attached."""

from __future__ import annotations

from pathlib import Path

import typer
from rich.markup import escape

from lutwright.cli.console import JSON_OPTION, answer, terminal, verb
from lutwright.emit.project import open_project
from lutwright.errors import BadOption
from lutwright.flow.families import FLOWS
from lutwright.flow.program import program_board


@verb
def program(
    project: Path = typer.Argument(help="Folder made by `lutwright build --bitstream`."),
    flash: bool = typer.Option(False, "--flash", help="Into the board's flash: it starts with it at power-on."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Load a project's bitstream into the board that is attached, with openFPGALoader."""
    opened = open_project(project)
    board = opened.board
    if board.family not in FLOWS:
        rule = f"must be of a family whose bitstreams are made here ({', '.join(FLOWS)})"
        raise BadOption(f"board '{board.name}'", rule, board.family, "Load it with the vendor's tool.")
    with terminal.status(f"programming {board.name}"):
        loaded = program_board(project, board, opened.manifest["top"], flash)
    terminal.print(f"{escape(str(loaded))} is on {board.name}. Next: lutwright run {escape(str(project))} --port PORT.")
    answer({"board": board.name, "loader": board.loader, "bitstream": str(loaded), "flash": flash}, as_json)
