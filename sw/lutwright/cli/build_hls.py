"""The backend hls4ml of the verb `build`."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from lutwright.boards import load_board
from lutwright.cli.console import terminal
from lutwright.emit.project import MANIFEST, model_bytes
from lutwright.errors import BadOption
from lutwright.files import new_folder, write_tree
from lutwright.flow.hls_synthesis import Synthesis, synthesise
from lutwright.frontend.names import model_stem
from lutwright.frontend.translate import InputType, import_model
from lutwright.hls.lower import lower
from lutwright.hls.options import HlsOptions
from lutwright.hls.project import ROOM, for_hls, layer_words, part_of, plan_hls_project
from lutwright.hls.script import SCRIPT, program
from lutwright.hls.version import require_hls4ml


@dataclass(frozen=True)
class HlsWish:
    """What the user asks of an hls4ml project; empty and None where the board or the default says it.

    chosen: fields of HlsOptions.
    """

    chosen: Mapping[str, Any]
    part: str = ""
    clock: float | None = None
    any_version: bool = False
    synthesis: bool = False


def refuse_options(backend: str, other: str, given: Mapping[str, object]) -> None:
    """Raise BadOption for an option of backend `other` that was given: name -> value; None, "" or False: it was not."""
    for name, value in given.items():
        if not (value is None or value is False or value == ""):
            raise BadOption(name, f"belongs to --backend {other}", backend, "Leave it out.")


def build_hls(
    model: Path, board_name: str, out: Path | None, declared: InputType | None, wish: HlsWish
) -> dict[str, Any]:
    """Write the hls4ml project of `model`, whole or not at all; return the words of --json."""
    begin = time.perf_counter()
    version = require_hls4ml(wish.any_version)
    board = load_board(board_name)
    clock = board.clock.mhz if wish.clock is None else wish.clock
    if not 0 < clock < math.inf:
        raise BadOption("--clock", "must be a frequency above 0", f"{clock:g}", "Example: 200.")
    part = part_of(board, wish.part)
    given = {name: value for name, value in wish.chosen.items() if value not in (None, "")}
    options = HlsOptions(part=part, clock_ns=1e3 / clock, **given)
    place = out or Path(f"{model_stem(model)}-{board.name}-hls4ml")
    graph = for_hls(import_model(model, declared))
    plan = plan_hls_project(graph, options, board, model_bytes(model), declared, version)
    with new_folder(place, MANIFEST) as folder:
        write_tree(folder, plan.files)
    need = program(options.tool)
    found = shutil.which(need) is not None
    rows = layer_words(lower(graph, options))
    terminal.print(_table(graph.name, rows))
    terminal.print(f"hls4ml {version}, {options.tool}, {part}, {clock:.6g} MHz. Project: {escape(str(place))}")
    made = None
    if wish.synthesis:
        with terminal.status(f"{need} synthesises {graph.name}"):
            made = synthesise(place, graph.name, place / ROOM / SCRIPT, need)
        terminal.print(_synthesis_table(made))
    else:
        why = "" if found else f" ({need} is not installed)"
        terminal.print(f"Synthesis was not run{why}; it is: {escape(f'sh {place / ROOM / SCRIPT}')}", soft_wrap=True)
    return {
        "project": str(place),
        "backend": "hls4ml",
        "hls4ml": version,
        "board": board.name,
        "options": options.as_dict(),
        "layers": rows,
        "synthesis": None if made is None else made.as_dict(),
        "not_run": ["synthesis"] if made is None else [] if made.vivado else ["Vivado's synthesis"],
        "tool_found": found,
        "seconds": round(time.perf_counter() - begin, 1),
    }


def _synthesis_table(made: Synthesis) -> Table:
    """What the tools reported, beside what the part has."""
    c = made.csynth
    table = Table(title=f"{c.top} on {c.part}: {c.estimated_ns:g} ns estimated for {c.target_ns:g} ns")
    for column in ("", "HLS estimate", "Vivado", "of the part"):
        table.add_column(column, justify="left" if not column else "right")
    for kind, told in asdict(c.used).items():
        seen = "not run" if made.vivado is None else f"{asdict(made.vivado.used)[kind]:,}"
        table.add_row(kind.upper(), f"{told:,}", seen, f"{asdict(c.available)[kind]:,}")
    table.add_row("clocks to answer", _clocks(c.latency), "", "")
    table.add_row("clocks a frame", _clocks(c.interval), "", "")
    return table


def _clocks(ends: tuple[int | None, int | None]) -> str:
    low, high = ("?" if end is None else f"{end:,}" for end in ends)
    return low if low == high else f"{low} to {high}"


def _table(name: str, rows: list[dict[str, Any]]) -> Table:
    table = Table(title=f"{name}: layers for hls4ml")
    for column in ("name", "layer", "shape", "type"):
        table.add_column(column)
    for row in rows:
        table.add_row(escape(row["name"]), row["layer"], "x".join(map(str, row["shape"])), row["type"])
    return table
