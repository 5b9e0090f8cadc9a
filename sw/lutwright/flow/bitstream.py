"""From sources to a bitstream with open tools: synthesise, place and route, pack; and what was measured on the way.

`Measured` counts what nextpnr placed:

    lut   Gowin: LUT sites, LUT4 + ALU + 4 * RAM16SDP4, where LUT4 includes four of each RAM's eight and those that feed
          a flip-flop. ECP5: TRELLIS_COMB (carry and LUT RAM included)
    ff    Gowin: DFF. ECP5: TRELLIS_FF
    bram  Gowin: BSRAM. ECP5: DP16KD. Blocks of 18 kbit
    dsp   18 x 18 multipliers; two 9 x 9 are one
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lutwright.boards import Board
from lutwright.errors import BadProject, DoesNotFit, ToolFailed
from lutwright.flow.ecp5 import router
from lutwright.flow.synth import Cells, Synthesis, synthesise
from lutwright.flow.tools import (
    ECPPACK,
    GOWIN_PACK,
    NEXTPNR_ECP5,
    NEXTPNR_GOWIN,
    TIMEOUT,
    command,
    run_tool,
    tail,
)

SUFFIX = {"gowin": ".fs", "ecp5": ".bit"}
_CONSTRAINTS = {"gowin": ".cst", "ecp5": ".lpf"}
# What a designer calls them, with the field of boards.Resources.
_NAMES = {"lut": "LUTs", "ff": "flip-flops", "bram": "block RAMs", "dsp": "multipliers"}
_ADVICE = {
    "lut": "Use a larger board, or lower PE and SIMD.",
    "ff": "Use a larger board, or lower PE and SIMD.",
    "bram": "Use a larger board, or put small memories into LUTs.",
    "dsp": "Use a larger board.",
}
# nextpnr's words for a design that has no room.
_NO_ROOM = re.compile(r"[Uu]nable to (find|place|legali[sz]e)|no (more )?[Bb]els|[Ff]ailed to place|not enough")


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
    seed: int = 1,
    progress: Callable[[str], None] = _quiet,
    timeout: float = TIMEOUT,
) -> Measured:
    """Make `project`/`top`.fs or .bit from `sources` and the constraint file `top`.cst or .lpf of `project`.

    seed:     of nextpnr; the same seed and sources give the same bitstream, byte for byte.
    progress: called with the name of each step before it starts.
    timeout:  seconds for each tool. Logs are kept in logs/, intermediate files in flow/.
    The bitstream appears only when it is complete and meets the board's clock; an old one is removed first.
    Raises DoesNotFit (area or speed), ToolMissing, ToolFailed, BadProject.
    """
    bitstream = _bitstream(project, board, top)
    bitstream.unlink(missing_ok=True)
    command(GOWIN_PACK if board.family == "gowin" else ECPPACK)  # say what is missing before the long work
    measured = place_and_route(project, sources, board, top, seed, progress, timeout)
    check_speed(board, measured)
    progress("bitstream")
    _pack(project, board, top, bitstream, timeout)
    return measured


def place_and_route(
    project: Path,
    sources: list[Path],
    board: Board,
    top: str,
    seed: int = 1,
    progress: Callable[[str], None] = _quiet,
    timeout: float = TIMEOUT,
) -> Measured:
    """As make_bitstream, without the bitstream, and whether the board's clock is met or not.

    Raises DoesNotFit (area), ToolMissing, ToolFailed, BadProject.
    """
    constraints = project / f"{top}{_CONSTRAINTS[board.family]}"
    if not constraints.is_file():
        raise BadProject(
            f"project '{project.name}'",
            f"the constraint file '{constraints.name}' must be there",
            "absent",
            "Build the project again.",
        )
    command(NEXTPNR_GOWIN if board.family == "gowin" else NEXTPNR_ECP5)
    progress("synthesis")
    synthesis = synthesise(project, sources, board, top, timeout=timeout)
    _check_area(board, {kind: getattr(synthesis.cells, kind) for kind in _NAMES})
    progress("place and route")
    report = _place(project, board, top, seed, timeout, synthesis.cells.lut)
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
    return project / f"{top}{SUFFIX[board.family]}"


def _check_area(board: Board, used: Mapping[str, int]) -> None:
    """Stop before place and route where the counts alone exceed the board."""
    for kind, name in _NAMES.items():
        limit = getattr(board.resources, kind)
        if used[kind] > limit:
            raise DoesNotFit(
                f"board '{board.name}'", f"has {limit} {name}, the design needs {used[kind]}", fix=_ADVICE[kind]
            )


def _place(project: Path, board: Board, top: str, seed: int, timeout: float, lut: int) -> dict[str, object]:
    """Place and route; return nextpnr's report."""
    report, log = project / "flow" / f"{top}_report.json", project / "logs" / f"place_{top}.log"
    report.unlink(missing_ok=True)
    common = [
        "--json",
        f"flow/{top}.json",
        "--report",
        f"flow/{top}_report.json",
        "--seed",
        str(seed),
        "--freq",
        f"{board.clock.mhz:.9g}",
        "--timing-allow-fail",
        *board.tools.place,
    ]
    if board.family == "gowin":
        tool = NEXTPNR_GOWIN
        # The default is to look for a place for 10 minutes before giving up on a part that is too full.
        own = [
            "--device",
            board.part,
            "--vopt",
            f"family={board.device}",
            "--vopt",
            f"cst={top}.cst",
            "--write",
            f"flow/{top}_routed.json",
            "--placer-heap-cell-placement-timeout",
            "64",
        ]
    else:
        tool = NEXTPNR_ECP5
        own = [
            f"--{board.device}",
            "--package",
            board.package,
            "--speed",
            board.speed,
            "--lpf",
            f"{top}.lpf",
            "--textcfg",
            f"flow/{top}.config",
            *router(lut),
        ]
    try:
        run_tool(tool, own + common, project, log, timeout)
        return dict(json.loads(report.read_text()))
    except ToolFailed as error:
        raise _no_room(board, log) or error from None
    except (OSError, ValueError) as error:
        raise ToolFailed(
            f"tool '{tool.name}'", "must write its report", "nothing readable", f"Log {log.name}: {tail(log)}"
        ) from error


def _no_room(board: Board, log: Path) -> DoesNotFit | None:
    """What nextpnr's log says of a design that has no room, or None where it failed for another reason."""
    text = log.read_text(errors="replace")
    for name, used, limit in re.findall(r"^Info:\s+(\w+):\s+(\d+)/\s*(\d+)\s+\d+%", text, re.M):
        if int(used) > int(limit):
            return _too_many(board, name, int(used), int(limit))
    if found := _NO_ROOM.search(text):
        line = next(line for line in text.splitlines() if found.group(0) in line)
        return DoesNotFit(
            f"board '{board.name}'",
            f"nextpnr found no place for the design ({line.strip()})",
            fix="Use a larger board, or lower PE and SIMD.",
        )
    return None


def _too_many(board: Board, cell: str, used: int, limit: int) -> DoesNotFit:
    return DoesNotFit(
        f"board '{board.name}'",
        f"has {limit} cells {cell}, the design needs {used}",
        fix="Use a larger board, or lower PE and SIMD.",
    )


def _measure(board: Board, report: Mapping[str, object], synthesis: Synthesis, bitstream: Path) -> Measured:
    """Read nextpnr's report; DoesNotFit where the area does not suffice."""
    table = report.get("utilization")
    clocks = report.get("fmax")
    if not isinstance(table, dict) or not isinstance(clocks, dict) or not clocks:
        raise ToolFailed(
            "nextpnr",
            "the report must name utilisation and Fmax",
            f"only {sorted(report)}",
            "Use the versions of lutwright[flow].",
        )
    used = {str(name): int(row["used"]) for name, row in sorted(table.items())}
    available = {str(name): int(row["available"]) for name, row in sorted(table.items())}
    over = [name for name in used if used[name] > available[name]]
    if over:
        raise _too_many(board, over[0], used[over[0]], available[over[0]])
    fmax = min(float(clock["achieved"]) for clock in clocks.values())
    totals = _totals(board.family, used)
    _check_area(board, totals)
    return Measured(
        **totals,
        fmax_mhz=round(fmax, 2),
        clock_mhz=board.clock.mhz,
        bitstream=bitstream,
        cells=synthesis.cells,
        used=used,
        available=available,
    )


def _totals(family: str, used: Mapping[str, int]) -> dict[str, int]:
    """The four figures of `Measured` from nextpnr's cell counts."""

    def n(name: str) -> int:
        return used.get(name, 0)

    if family == "gowin":
        return {
            "lut": n("LUT4") + n("ALU") + 4 * n("RAM16SDP4"),
            "ff": n("DFF"),
            "bram": n("BSRAM"),
            "dsp": n("MULT18X18") + math.ceil(n("MULT9X9") / 2) + 2 * n("MULTADDALU18X18") + n("MULTALU18X18"),
        }
    return {"lut": n("TRELLIS_COMB"), "ff": n("TRELLIS_FF"), "bram": n("DP16KD"), "dsp": n("MULT18X18D")}


def _pack(project: Path, board: Board, top: str, bitstream: Path, timeout: float) -> None:
    """Write the bitstream beside its final name, then rename it."""
    partial = bitstream.with_name(f".{bitstream.name}.partial")
    log = project / "logs" / f"pack_{top}.log"
    try:
        if board.family == "gowin":
            run_tool(
                GOWIN_PACK,
                ["-d", board.device, "-o", partial.name, *board.tools.pack, f"flow/{top}_routed.json"],
                project,
                log,
                timeout,
            )
        else:
            run_tool(
                ECPPACK,
                ["--compress", *board.tools.pack, "--input", f"flow/{top}.config", "--bit", partial.name],
                project,
                log,
                timeout,
            )
        if not partial.is_file() or partial.stat().st_size == 0:
            raise ToolFailed("packer", "must write a bitstream", "nothing", f"Log {log.name}: {tail(log)}")
        os.replace(partial, bitstream)
    finally:
        partial.unlink(missing_ok=True)
