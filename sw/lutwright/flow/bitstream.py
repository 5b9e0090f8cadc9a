"""From sources to a bitstream with open tools: synthesise, place and route, pack; and what was measured on the way.

`Measured` counts what nextpnr placed:

    lut   iCE40: logic cells. ECP5: TRELLIS_COMB (carry and LUT RAM included). Gowin: LUT sites, LUT4 + ALU +
          4 * RAM16SDP4, where LUT4 includes four of each RAM's eight and those that feed a flip-flop
    ff    flip-flops; on iCE40 as Yosys counts them
    bram  iCE40: blocks of 4 kbit. ECP5 (DP16KD) and Gowin (BSRAM): of 18 kbit
    dsp   18 x 18 multipliers, on iCE40 16 x 16; two 9 x 9 are one
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lutwright.boards import Board
from lutwright.errors import BadProject, DoesNotFit, ToolFailed
from lutwright.flow.families import open_flow
from lutwright.flow.route import FIRST_SEED, Design, Report, Route, constraints, fmax, outputs, too_many
from lutwright.flow.synth import Cells, Synthesis, synthesise
from lutwright.flow.tools import TIMEOUT, command, run_tool, tail

# What a designer calls them, with the field of boards.Resources.
_NAMES = {"lut": "LUTs", "ff": "flip-flops", "bram": "block RAMs", "dsp": "multipliers"}
_ADVICE = {
    "lut": "Use a larger board, or lower PE and SIMD.",
    "ff": "Use a larger board, or lower PE and SIMD.",
    "bram": "Use a larger board, or put small memories into LUTs.",
    "dsp": "Use a larger board.",
}


@dataclass(frozen=True)
class Measured:
    """A routed design and its figures, and where its bitstream is or would be.

    Frequencies in MHz, `used` and `available` by nextpnr's cell names.
    """

    lut: int
    ff: int
    bram: int
    dsp: int
    fmax_mhz: float
    clock_mhz: float
    bitstream: Path
    cells: Cells
    used: Mapping[str, int] = field(default_factory=dict)
    available: Mapping[str, int] = field(default_factory=dict)


def _quiet(_: str) -> None:
    """The progress callback of callers that want none."""


def make_bitstream(
    project: Path,
    sources: list[Path],
    board: Board,
    top: str,
    route: Route = FIRST_SEED,
    progress: Callable[[str], None] = _quiet,
    timeout: float = TIMEOUT,
) -> Measured:
    """Make `project`/`top`.bin, .bit or .fs from `sources` and `project`'s constraint file `top`.pcf, .lpf or .cst.

    route:    places and routes; the same one and the same sources give the same bitstream, byte for byte.
    progress: called with the name of each step before it starts.
    timeout:  seconds for each tool. Logs are kept in logs/, intermediate files in flow/.
    The bitstream appears only when it is complete and meets the board's clock; an old one is removed first.
    Raises DoesNotFit (area or speed), ToolMissing, ToolFailed, BadProject.
    """
    bitstream = _bitstream(project, board, top)
    bitstream.unlink(missing_ok=True)
    command(open_flow(board).packer)  # say what is missing before the long work
    measured = place_and_route(project, sources, board, top, route, progress, timeout)
    check_speed(board, measured)
    progress("bitstream")
    _pack(project, board, top, bitstream, timeout)
    return measured


def place_and_route(
    project: Path,
    sources: list[Path],
    board: Board,
    top: str,
    route: Route = FIRST_SEED,
    progress: Callable[[str], None] = _quiet,
    timeout: float = TIMEOUT,
) -> Measured:
    """As make_bitstream, without the bitstream, and whether the board's clock is met or not.

    Raises DoesNotFit (area), ToolMissing, ToolFailed, BadProject.
    """
    pins = project / constraints(board, top)
    if not pins.is_file():
        raise BadProject(
            f"project '{project.name}'",
            f"the constraint file '{pins.name}' must be there",
            "absent",
            "Build the project again.",
        )
    command(open_flow(board).router)
    progress("synthesis")
    synthesis = synthesise(project, sources, board, top, timeout=timeout)
    check_area(board, {kind: getattr(synthesis.cells, kind) for kind in _NAMES})
    progress("place and route")
    report = route(Design(project, board, top, synthesis.cells.lut, timeout))
    return _measure(board, report, synthesis, _bitstream(project, board, top))


def check_speed(board: Board, measured: Measured) -> None:
    """Raise DoesNotFit where a routed design is too slow for the clock of `board`."""
    if measured.fmax_mhz < board.clock.mhz:
        raise DoesNotFit(
            f"board '{board.name}' (speed)",
            f"runs at {board.clock.mhz:.6g} MHz, the design reaches {measured.fmax_mhz:.1f} MHz",
            fix=f"Ask for a --clock of at most {math.floor(measured.fmax_mhz)}, try another seed, or use narrower "
            f"stages.",
        )


def _bitstream(project: Path, board: Board, top: str) -> Path:
    return project / f"{top}{open_flow(board).suffix}"


def check_area(board: Board, used: Mapping[str, int]) -> None:
    """Raise DoesNotFit where a design needs more than `board` has; used: lut, ff, bram, dsp."""
    for kind, name in _NAMES.items():
        limit = getattr(board.resources, kind)
        if used[kind] > limit:
            raise DoesNotFit(
                f"board '{board.name}'", f"has {limit} {name}, the design needs {used[kind]}", fix=_ADVICE[kind]
            )


def _measure(board: Board, report: Report, synthesis: Synthesis, bitstream: Path) -> Measured:
    """Read nextpnr's report; DoesNotFit where the area does not suffice."""
    speed, table = fmax(report), report["utilization"]
    used = {str(name): int(row["used"]) for name, row in sorted(table.items())}
    available = {str(name): int(row["available"]) for name, row in sorted(table.items())}
    over = [name for name in used if used[name] > available[name]]
    if over:
        raise too_many(board, over[0], used[over[0]], available[over[0]])
    totals = {"ff": synthesis.cells.ff} | open_flow(board).totals(lambda kind: used.get(kind, 0))
    check_area(board, totals)
    return Measured(
        **totals,
        fmax_mhz=speed,
        clock_mhz=board.clock.mhz,
        bitstream=bitstream,
        cells=synthesis.cells,
        used=used,
        available=available,
    )


def _pack(project: Path, board: Board, top: str, bitstream: Path, timeout: float) -> None:
    """Write the bitstream beside its final name, then rename it."""
    partial = bitstream.with_name(f".{bitstream.name}.partial")
    log = project / "logs" / f"pack_{top}.log"
    try:
        flow = open_flow(board)
        run_tool(flow.packer, flow.pack(board, outputs(board, top)[0], partial.name), project, log, timeout)
        if not partial.is_file() or partial.stat().st_size == 0:
            raise ToolFailed("packer", "must write a bitstream", "nothing", f"Log {log.name}: {tail(log)}")
        os.replace(partial, bitstream)
    finally:
        partial.unlink(missing_ok=True)
