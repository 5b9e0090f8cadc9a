"""Synthesis with Yosys: SystemVerilog -> netlist and cell counts.

What a cell costs (`Cells`), so that one number can stand beside the board's LUTs:

    iCE40   logic cells, see flow/ice40.py
    ECP5    cells TRELLIS_COMB, see flow/ecp5.py
    Gowin   LUT sites, see flow/gowin.py
    7-series, UltraScale+   LUTs of 6 inputs, those of LUT RAM and shift registers with them
    Cyclone V               halves of an ALM, see flow/cyclonev.py

Options, measured (Yosys 0.70): -nowidelut halves the LUTs of most designs and abc9's script flow2 takes another 3 to
12 %; -nodsp keeps small multipliers in LUTs, so that the count does not depend on which 4-bit product became a DSP:
only those of the cell product_dsp, which the folding asked for, are made DSP blocks, and before all the rest.
On Gowin adders of up to 5 bits are made of LUTs, because a carry chain takes two or three sites more than its bits.
On ECP5 all longer than 4 are made by hw/techmap, because place and route adds four cells to every chain of Yosys' own.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lutwright.boards import Board
from lutwright.errors import BadProject, ToolFailed
from lutwright.files import write_file
from lutwright.flow.cyclonev import half_alms
from lutwright.flow.ecp5 import comb_cells, open_ends
from lutwright.flow.gowin import lut_sites
from lutwright.flow.ice40 import logic_cells
from lutwright.flow.tools import TIMEOUT, YOSYS, run_tool, tail
from lutwright.flow.yosys_passes import DSP_CELL, OLD_READER, dsp_passes, maps, synth_passes

# family -> kind -> (regular expression of cell types, how many of `kind` one such cell takes).
_COSTS: dict[str, dict[str, tuple[tuple[str, int], ...]]] = {
    "ice40": {
        "ff": ((r"SB_DFF\w*", 1),),
        "bram": ((r"SB_RAM40_4K\w*", 1),),
        "dsp": ((r"SB_MAC16", 1),),
    },
    "gowin": {
        "ff": ((r"DFF\w*", 1),),
        "bram": ((r"(SP|SDP|DP|ROM|pROM|SPX9|SDPX9|DPX9|ROMX9|pROMX9)B?", 1),),
        "dsp": ((r"MULT18X18|MULT9X9|MULTALU\w*|MULTADDALU\w*", 1),),
    },
    "ecp5": {
        "ff": ((r"TRELLIS_FF", 1),),
        "bram": ((r"DP16KD|PDPW16KD", 1),),
        "dsp": ((r"MULT18X18D", 1),),
    },
}
# A RAM32M or RAM64M is four LUTs, one of 16 or 8 ports eight; half of a RAMB36 is a block of 18 kbit.
_COSTS |= {
    family: {
        "lut": (
            (r"LUT[1-6]|SRL\w+|RAM(32|64)X1S", 1),
            (r"RAM(32|64)X1D|RAM128X1S", 2),
            (r"RAM(32|64)M|RAM128X1D|RAM256X1S", 4),
            (r"RAM32M16|RAM64M8|RAM64X8SW|RAM32X16DR8|RAM256X1D|RAM512X1S", 8),
        ),
        "ff": ((r"FD[RSCP]E(_1)?", 1),),
        "bram": ((rf"RAMB18E{version}", 1), (rf"RAMB36E{version}", 2)),
        "dsp": ((rf"DSP48E{version}", 1),),
    }
    for family, version in (("xc7", 1), ("xcup", 2))
}
_COSTS["cyclonev"] = {
    "ff": ((r"MISTRAL_FF", 1),),
    "bram": ((r"MISTRAL_M10K", 1),),
    "dsp": ((r"MISTRAL_MUL\w+", 1),),
}
_LUTS = {"ice40": logic_cells, "ecp5": comb_cells, "gowin": lut_sites, "cyclonev": half_alms}

# The commands of families that Yosys only counts: place and route is the vendor's.
_COMMANDS = {
    "xc7": "synth_xilinx -family xc7 -flatten",
    "xcup": "synth_xilinx -family xcup -flatten",
    "cyclonev": "synth_intel_alm -family cyclonev",
}


@dataclass(frozen=True)
class Cells:
    """What a netlist takes: LUTs as they are placed, flip-flops, block RAMs, multipliers; `by_type` as Yosys counts."""

    lut: int
    ff: int
    bram: int
    dsp: int
    by_type: Mapping[str, int]


@dataclass(frozen=True)
class Synthesis:
    """A finished synthesis: counts, the netlist for nextpnr (JSON), the same as Verilog, and the log."""

    cells: Cells
    netlist_json: Path
    netlist_verilog: Path
    log: Path


def count_cells(family: str, netlist: Mapping[str, Any]) -> Cells:
    """What the cells of a flat netlist (Yosys' JSON: modules.TOP.cells) take on `family`, one of boards.Family."""
    by_type = Counter(str(cell["type"]) for cell in netlist.values())
    by_type.pop("$scopeinfo", None)
    totals = {
        kind: sum(
            cost * count for pattern, cost in costs for cell, count in by_type.items() if re.fullmatch(pattern, cell)
        )
        for kind, costs in _COSTS[family].items()
    }
    lut = _LUTS[family](netlist) if family in _LUTS else totals["lut"]
    return Cells(lut, totals["ff"], totals["bram"], totals["dsp"], dict(sorted(by_type.items())))


def synthesise(
    project: Path, sources: list[Path], board: Board, top: str, pads: bool = True, timeout: float = TIMEOUT
) -> Synthesis:
    """Synthesise module `top` of `sources` for the family of `board`; no place and route.

    project: folder in which Yosys runs: $readmemh looks there; results go to flow/, script and log to logs/.
    pads:    insert I/O buffers at the ports of `top`; off for a core that is to be simulated or counted alone.
    timeout: seconds. Raises ToolMissing, ToolFailed, or BadProject where a source is absent.
    """
    missing = [source for source in sources if not source.is_file()]
    if missing:
        raise BadProject(
            f"project '{project.name}'",
            f"source '{missing[0].name}' must be there",
            "absent",
            "Build the project again.",
        )
    flow, logs = project / "flow", project / "logs"
    for folder in (flow, logs):
        folder.mkdir(parents=True, exist_ok=True)
    result = [flow / f"{top}.json", flow / f"{top}_netlist.v"]
    for path in result:
        path.unlink(missing_ok=True)
    script, log = logs / f"synth_{top}.ys", logs / f"synth_{top}.log"
    for name, data in maps(board.family).items():
        (flow / name).write_bytes(data)
    write_file(script, _script(project, sources, board, top, pads))
    run_yosys(script.resolve(), project, log, timeout)
    return Synthesis(_read_cells(board.family, result[0], top, log), result[0], result[1], log)


def run_yosys(script: Path, folder: Path, log: Path, timeout: float) -> None:
    """Run Yosys on `script` in `folder`; where ABC breaks down with the old reader, again with the new.

    timeout: seconds.
    Raises ToolMissing, and ToolFailed also where two drivers met on a net: Yosys takes one of them and goes on, and
    what it then writes is another circuit.
    """
    try:
        run_tool(YOSYS, [str(script)], folder, log, timeout)
    except ToolFailed:
        text = (folder / script).read_text()
        if OLD_READER not in text or not _abc_broke(log):
            raise
        write_file(folder / script, text.replace(f"{OLD_READER}\n", ""))
        run_tool(YOSYS, [str(script)], folder, log, timeout)
    met = next((line for line in log.read_text(errors="replace").splitlines() if _TWO_DRIVERS in line), None)
    if met is not None:
        raise ToolFailed(
            "tool 'yosys'",
            "must keep one driver for each net",
            met.removeprefix("Warning: "),
            f"This is a fault of Yosys, log {log.name}. Try another of its versions, or change the folding.",
        )


_TWO_DRIVERS = "Driver-driver conflict"


def _abc_broke(log: Path) -> bool:
    """Whether yosys-abc ended without what it was to write."""
    return "output.aig' not found" in log.read_text(errors="replace")


def _script(project: Path, sources: list[Path], board: Board, top: str, pads: bool) -> str:
    """The Yosys script; names are relative to the project where they lie in it."""
    names = [_relative(source, project) for source in sources]
    options = " ".join([*_options(board, pads), *board.tools.synth])
    synth = f"{_COMMANDS.get(board.family, f'synth_{board.family}')} -top {top} {options}"
    written = "" if board.family in _COMMANDS else f" -json flow/{top}.json"
    lines = [
        f"read_slang --top {top} {' '.join(names)}",
        *(dsp_passes(board.family) if DSP_CELL in {source.stem for source in sources} else []),
        *([] if board.family in _COMMANDS else ["scratchpad -copy abc9.script.flow2 abc9.script"]),
        *synth_passes(board.family, synth + written, "flow/"),
        *([f"write_json flow/{top}.json"] if board.family in _COMMANDS else []),
        f"write_verilog -noattr flow/{top}_netlist.v",
    ]
    return "\n".join(lines) + "\n"


def _options(board: Board, pads: bool) -> list[str]:
    """Of the family's synthesis command; on iCE40 place and route makes the pads."""
    if board.family == "ice40":
        return ["-device", board.device[0] if board.device.startswith("u") else board.device[:2], "-abc9"]
    if board.family in _COMMANDS:
        return ["-nodsp", *([] if pads else ["-noiopad"])]
    no_pads = "-noiopads" if board.family == "gowin" else "-noiopad"
    return ["-nowidelut", "-nodsp", *([] if pads else [no_pads])]


def _relative(source: Path, project: Path) -> str:
    """`source` as Yosys, running in `project`, is to name it; Yosys splits lines at blanks."""
    path = source.resolve()
    name = str(path.relative_to(project.resolve()) if path.is_relative_to(project.resolve()) else path)
    if re.search(r"\s|[;\"']", name):
        raise BadProject(
            f"project '{project.name}'",
            "paths of sources must be free of blanks, quotes and semicolons",
            repr(name),
            "Move or rename the folder.",
        )
    return name


def _read_cells(family: str, netlist: Path, top: str, log: Path) -> Cells:
    try:
        if family == "ecp5":
            open_ends(netlist, top)
        cells = json.loads(netlist.read_text())["modules"][top]["cells"]
    except (OSError, ValueError, KeyError) as error:
        raise ToolFailed(
            "tool 'yosys'", "must write a netlist", "nothing readable", f"Log {log.name}: {tail(log)}"
        ) from error
    return count_cells(family, cells)
