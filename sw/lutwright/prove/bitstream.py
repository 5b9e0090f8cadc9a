"""A bitstream turned back into Verilog, to be simulated through the chip's pins.

    sources = bitstream_sources(project, work)     # in the place of the design's RTL

What comes back are the look-up tables, flip-flops, carries and block RAMs that the file sets up, and the wires between
them: whatever synthesis, place and route or packing did wrong is in it. Of an iCE40 part nothing else is known: a
design with multiplier blocks or a PLL is refused.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from lutwright.emit.project import Project
from lutwright.errors import BadProject, CannotSimulate, ToolFailed
from lutwright.files import write_file
from lutwright.flow.families import FLOWS
from lutwright.flow.tools import ICEBOX_VLOG, ICEUNPACK, TIMEOUT, command, run_tool, tail
from lutwright.prove.cells import cell_models

# Why the others cannot be read back with the tools of today.
_REASONS = {
    "ecp5": "ecpunpack makes a list of settings of its bitstreams, and nothing makes Verilog of that",
    "gowin": "gowin_unpack tells of block RAM, which every design has, neither width nor mode nor contents",
}
_UNKNOWN = "only the vendor's tools know its bitstreams"
_INSTANCE = re.compile(r"^(\w+) (?:#\(|\w+ \()", re.M)


def bitstream_sources(
    project: Project, work: Path, simulator: str = "verilator", timeout: float = TIMEOUT
) -> list[Path]:
    """Read the bitstream of `project` in folder `work`: files that stand for the RTL of its board top.

    timeout: seconds for each tool. Raises CannotSimulate where its family, or what is in it, cannot be read back,
    BadProject where it has no bitstream, ToolMissing, ToolFailed.
    """
    family = project.board.family
    reader = _READERS.get(family)
    if reader is None:
        raise CannotSimulate(
            f"bitstream of board '{project.board.name}'",
            "must be of a family whose bitstreams can be turned back into Verilog (ice40)",
            f"{family}: {_REASONS.get(family, _UNKNOWN)}",
            "Use --level netlist.",
        )
    _check(project)
    bitstream = project.folder / f"{project.manifest['top']}{FLOWS[family].suffix}"
    if not bitstream.is_file():
        raise BadProject(
            f"project '{project.folder}'",
            f"the bitstream '{bitstream.name}' must be there",
            "absent",
            "Make it with lutwright build --bitstream.",
        )
    work.mkdir(parents=True, exist_ok=True)
    design = reader(project, bitstream, work, timeout)
    types = {kind for kind in _INSTANCE.findall(design.read_text()) if kind != "module"}
    models = work / f"{family}_cells.v"
    write_file(models, cell_models(family, types, simulator == "icarus"))
    return [design, models]


def _check(project: Project) -> None:
    """Refuse what comes back as nothing: its wires would be read as 0."""
    lost = ["a PLL"] if project.board.clock.pll is not None else []
    lost += ["multiplier blocks"] if project.manifest["estimate"]["dsp"] else []
    if lost:
        raise CannotSimulate(
            f"bitstream of project '{project.folder}'",
            "must hold nothing but logic and block RAM",
            f"{' and '.join(lost)}, which no tool reads back",
            "Build it without --clock and for fewer --fps, or use --level netlist.",
        )


def _read_ice40(project: Project, bitstream: Path, work: Path, timeout: float) -> Path:
    """iceunpack, then icebox_vlog with the names of the board's pins."""
    command(ICEBOX_VLOG)  # say what is missing before the work
    top, board = project.manifest["top"], project.board
    asc, pins, design = work / f"{top}.asc", work / f"{top}_pins.pcf", work / f"{top}.v"
    packed, log = work / bitstream.name, work / f"icebox_{top}.log"
    packed.write_bytes(bitstream.read_bytes())
    run_tool(ICEUNPACK, [packed.name, asc.name], work, work / f"iceunpack_{top}.log", timeout)
    write_file(pins, _pins((project.folder / project.manifest["constraints"]).read_text()))
    options = ["-s", "-S", "-d", board.package, "-p", pins.name, "-n", top]
    run_tool(ICEBOX_VLOG, [*options, asc.name], work, log, timeout, design)
    text = design.read_text()
    head = re.search(rf"module {top} \((.*?)\);", text, re.S)
    if head is None:
        raise ToolFailed(
            "tool 'icebox_vlog'", "must write the design", "something else", f"Log {log.name}: {tail(log)}"
        )
    # It declares ports in the head and once more as wires, which goes only where the head has names alone.
    ports = [port.split() for port in head.group(1).split(",")]
    ways = "".join(f"\n{way} {name};" for way, name in ports)
    names = ", ".join(name for _, name in ports)
    write_file(design, f"{text[: head.start()]}module {top} ({names});{ways}{text[head.end() :]}")
    return design


def _pins(constraints: str) -> str:
    """The lines set_io of a constraint file without the options that icebox_vlog does not know."""
    lines = [shlex.split(line) for line in constraints.splitlines() if line.startswith("set_io")]
    return "".join(f"set_io {words[-2]} {words[-1]}\n" for words in lines)


_READERS = {"ice40": _read_ice40}
