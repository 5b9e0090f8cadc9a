"""Projects for Vivado and Quartus: scripts that make a bitstream with one command, and an IP of the core.

vivado/build.tcl, package_ip.tcl, design.tcl (beside a processor), Makefile
quartus/build.tcl, sources.tcl, board_top.qpf, board_top.sdc, Makefile
"""

from __future__ import annotations

from dataclasses import dataclass

from lutwright.boards import Board
from lutwright.emit.render import render
from lutwright.emit.shell import TOP, CoreInterface, axis_name, bus_bytes

# The ports of the processor in a block design.
_PORTS = {
    "ps7": {
        "clock": "FCLK_CLK0",
        "reset": "FCLK_RESET0_N",
        "master": "M_AXI_GP0",
        "master_clock": "M_AXI_GP0_ACLK",
        "slave": "S_AXI_HP0",
        "slave_clock": "S_AXI_HP0_ACLK",
    },
    "ps8": {
        "clock": "pl_clk0",
        "reset": "pl_resetn0",
        "master": "M_AXI_HPM0_FPD",
        "master_clock": "maxihpm0_fpd_aclk",
        "slave": "S_AXI_HP0_FPD",
        "slave_clock": "saxihp0_fpd_aclk",
    },
}


@dataclass(frozen=True)
class Design:
    """A design as paths relative to its project, sorted.

    core: sources of the core. memories: the files that it reads. shell: sources around it on the board. axis: those of
    the IP around it, none where there is no IP.
    """

    core: tuple[str, ...]
    memories: tuple[str, ...]
    shell: tuple[str, ...]
    axis: tuple[str, ...] = ()


def vendor_files(core: CoreInterface, board: Board, design: Design) -> dict[str, bytes]:
    """Path -> bytes of what the vendor's tool needs beside sources and constraints; nothing for the open families."""
    if board.family in ("xc7", "xcup"):
        return _vivado(core, board, design)
    if board.family == "cyclonev":
        return _quartus(core, board, design)
    return {}


def bitstream_name(board: Board) -> str:
    """Path of the bitstream that a vendor's project makes for `board`."""
    if board.family == "cyclonev":
        return f"{TOP}.sof"
    return f"pynq/{TOP}.bit" if board.processor else f"{TOP}.bit"


def _vivado(core: CoreInterface, board: Board, design: Design) -> dict[str, bytes]:
    values: dict[str, object] = {
        "core": core,
        "board": board,
        "top": TOP,
        "sources": tuple(sorted(design.core + design.shell)),
        "memories": design.memories,
    }
    scripts = {"vivado/build.tcl": render("vivado_build.tcl.j2", values)}
    if design.axis:
        ip = {"ip_sources": tuple(sorted({*design.core, *design.axis})), "axis": axis_name(core)}
        scripts["vivado/package_ip.tcl"] = render("vivado_package_ip.tcl.j2", values | ip)
    if board.processor:
        ports = {"ports": _PORTS[board.processor.kind], "bus": bus_bytes(core)}
        scripts["vivado/design.tcl"] = render("vivado_design.tcl.j2", values | ports)
    command = "vivado -mode batch -nojournal -nolog -source vivado/build.tcl"
    return scripts | {"Makefile": _makefile(core, board, design, scripts, command)}


def _quartus(core: CoreInterface, board: Board, design: Design) -> dict[str, bytes]:
    values: dict[str, object] = {
        "core": core,
        "board": board,
        "top": TOP,
        "sources": tuple(sorted(design.core + design.shell)),
    }
    files = {
        "quartus/build.tcl": "quartus_build.tcl.j2",
        "quartus/sources.tcl": "quartus_sources.tcl.j2",
        f"{TOP}.qpf": "quartus_project.qpf.j2",
        f"{TOP}.sdc": "quartus_timing.sdc.j2",
    }
    scripts = {path: render(template, values) for path, template in files.items()}
    return scripts | {"Makefile": _makefile(core, board, design, scripts, "quartus_sh -t quartus/build.tcl")}


def _makefile(core: CoreInterface, board: Board, design: Design, scripts: dict[str, bytes], command: str) -> bytes:
    values: dict[str, object] = {
        "core": core,
        "board": board,
        "bitstream": bitstream_name(board),
        "packaged": bool(design.axis),
        "command": command,
        "tops": " ".join(sorted(scripts)),
    }
    return render("vendor.mk.j2", values)
