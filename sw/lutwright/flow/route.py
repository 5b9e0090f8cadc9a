"""Place and route with nextpnr: a netlist in a project's folder becomes a routed design, and a report of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lutwright.boards import Board
from lutwright.emit.shell import CONSTRAINTS
from lutwright.errors import DoesNotFit, ToolFailed
from lutwright.flow.families import open_flow
from lutwright.flow.tools import TIMEOUT, run_tool, tail

Report = dict[str, Any]
"""What nextpnr reports: "utilization", "fmax" and more."""


@dataclass(frozen=True)
class Design:
    """A netlist flow/`top`.json in the folder `project`, for a board. lut: cells that it takes. timeout: seconds."""

    project: Path
    board: Board
    top: str
    lut: int
    timeout: float = TIMEOUT


Route = Callable[[Design], Report]
"""What places and routes a design and leaves the result in its project."""

# nextpnr's words for a design that has no room.
_NO_ROOM = re.compile(r"[Uu]nable to (find|place|legali[sz]e)|no (more )?[Bb]els|[Ff]ailed to place|not enough")


def constraints(board: Board, top: str) -> str:
    """File name of the constraint file in a project."""
    return f"{top}{CONSTRAINTS[board.family]}"


def inputs(board: Board, top: str) -> tuple[str, ...]:
    """The files of a project that place and route reads."""
    return f"flow/{top}.json", constraints(board, top)


def outputs(board: Board, top: str) -> tuple[str, ...]:
    """The files of a project that place and route writes: the design, the report, the log."""
    return f"flow/{top}{open_flow(board).routed}", f"flow/{top}_report.json", f"logs/place_{top}.log"


def with_seed(seed: int) -> Route:
    """Place and route with one seed; the same seed, netlist and board give the same result.

    What it makes raises ToolMissing, ToolFailed, or DoesNotFit (area).
    """

    return lambda design: _route(design, seed)


FIRST_SEED = with_seed(1)
"""Place and route as it is without a wish."""


def _route(design: Design, seed: int) -> Report:
    project, board, top = design.project, design.board, design.top
    flow = open_flow(board)
    made, told, logged = outputs(board, top)
    report, log = project / told, project / logged
    report.unlink(missing_ok=True)
    common = ["--json", f"flow/{top}.json", "--report", told, "--seed", str(seed)]
    speed = ["--freq", f"{board.clock.mhz:.9g}", "--timing-allow-fail"]
    own = flow.place(board, constraints(board, top), made, design.lut)
    try:
        run_tool(flow.router, [*own, *common, *speed, *board.tools.place], project, log, design.timeout)
        return dict(json.loads(report.read_text()))
    except ToolFailed as error:
        raise _no_room(board, log) or error from None
    except (OSError, ValueError) as error:
        raise ToolFailed(
            f"tool '{flow.router.name}'", "must write its report", "nothing readable", f"Log {log.name}: {tail(log)}"
        ) from error


def fmax(report: Report) -> float:
    """MHz that the slowest clock of a report reaches. Raises ToolFailed where it tells none."""
    clocks = report.get("fmax")
    if not isinstance(clocks, dict) or not clocks or not isinstance(report.get("utilization"), dict):
        raise ToolFailed(
            "nextpnr",
            "the report must name utilisation and Fmax",
            f"only {sorted(report)}",
            "Use the versions of lutwright[flow].",
        )
    return round(min(float(clock["achieved"]) for clock in clocks.values()), 2)


def too_many(board: Board, cell: str, used: int, limit: int) -> DoesNotFit:
    """The error that says that a design needs more of nextpnr's cells than there are."""
    return DoesNotFit(
        f"board '{board.name}'",
        f"has {limit} cells {cell}, the design needs {used}",
        fix="Use a larger board, or lower PE and SIMD.",
    )


def _no_room(board: Board, log: Path) -> DoesNotFit | None:
    """What nextpnr's log says of a design that has no room, or None where it failed for another reason."""
    text = log.read_text(errors="replace")
    for name, used, limit in re.findall(r"^Info:\s+(\w+):\s+(\d+)/\s*(\d+)\s+\d+%", text, re.M):
        if int(used) > int(limit):
            return too_many(board, name, int(used), int(limit))
    if found := _NO_ROOM.search(text):
        line = next(line for line in text.splitlines() if found.group(0) in line)
        return DoesNotFit(
            f"board '{board.name}'",
            f"nextpnr found no place for the design ({line.strip()})",
            fix="Use a larger board, or lower PE and SIMD.",
        )
    return None
