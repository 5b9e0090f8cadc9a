"""The vendors' tools: where they are installed they make the bitstream of a project; else Yosys counts its cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lutwright.boards import Board
from lutwright.emit.vendor import bitstream_name
from lutwright.errors import DoesNotFit, ToolFailed, ToolMissing
from lutwright.flow import quartus, vivado
from lutwright.flow.bitstream import Measured, check_area, check_speed
from lutwright.flow.synth import Cells, synthesise
from lutwright.flow.tools import QUARTUS, VIVADO, Tool, command, run_tool, tail

TIMEOUT = 4 * 3600.0
"""Seconds after which a vendor's tool is killed, unless the caller says otherwise."""


@dataclass(frozen=True)
class Vendor:
    """How a project is built. arguments: of `tool`, in the project. reports: what it leaves. read: area and Fmax in MHz
    out of the reports of a project, for a board's clock in MHz."""

    tool: Tool
    arguments: tuple[str, ...]
    reports: tuple[str, ...]
    read: Callable[[Path, float], tuple[dict[str, int], float]]


_VIVADO = Vendor(
    VIVADO,
    ("-mode", "batch", "-nojournal", "-nolog", "-source", "vivado/build.tcl"),
    vivado.REPORTS,
    vivado.read,
)
VENDORS = {
    "xc7": _VIVADO,
    "xcup": _VIVADO,
    "cyclonev": Vendor(QUARTUS, ("-t", "quartus/build.tcl"), quartus.REPORTS, quartus.read),
}
"""By family of boards.Family; the others have open tools."""


def missing_tool(board: Board) -> ToolMissing | None:
    """The error that says that the vendor's tool for `board` is not installed; None where it is."""
    try:
        command(VENDORS[board.family].tool)
    except ToolMissing as error:
        return error
    return None


def make_vendor_bitstream(project: Path, board: Board, timeout: float = TIMEOUT) -> Measured:
    """Build `project`, as its Makefile does, and read the reports.

    timeout: seconds. The bitstream is there only if it is complete and meets the board's clock; an old one is removed
    first. Log in logs/. Raises ToolMissing, ToolFailed, DoesNotFit (area or speed).
    """
    vendor, bitstream = VENDORS[board.family], project / bitstream_name(board)
    for path in (bitstream, *(project / name for name in vendor.reports)):
        path.unlink(missing_ok=True)
    log = project / "logs" / f"{vendor.tool.name}.log"
    run_tool(vendor.tool, list(vendor.arguments), project, log, timeout)
    made = (*vendor.reports, bitstream_name(board))
    missing = [name for name in made if not (project / name).is_file()]
    if missing:
        raise ToolFailed(
            f"tool '{vendor.tool.name}'", f"must write {missing[0]}", "nothing", f"Log {log.name}: {tail(log)}"
        )
    area, fmax = vendor.read(project, board.clock.mhz)
    cells = Cells(area["lut"], area["ff"], area["bram"], area["dsp"], {})
    measured = Measured(cells.lut, cells.ff, cells.bram, cells.dsp, fmax, board.clock.mhz, bitstream, cells)
    try:
        check_area(board, area)
        check_speed(board, measured)
    except DoesNotFit:
        bitstream.unlink()
        raise
    return measured


def count_cells_of(project: Path, sources: list[Path], board: Board, top: str) -> Cells:
    """What Yosys makes of `top` for the family of `board`; a core beside a processor has no pads.

    Raises DoesNotFit where the board has less, ToolMissing, ToolFailed.
    """
    cells = synthesise(project, sources, board, top, pads=board.processor is None).cells
    check_area(board, {"lut": cells.lut, "ff": cells.ff, "bram": cells.bram, "dsp": cells.dsp})
    return cells
