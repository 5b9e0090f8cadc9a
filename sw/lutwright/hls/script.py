"""The script in an hls4ml project that synthesises it with AMD's tools."""

from __future__ import annotations

from lutwright.emit.render import render
from lutwright.hls.options import HlsOptions

SCRIPT = "synthesise.sh"
# hls4ml's backend -> the program, and how it runs build_prj.tcl.
_COMMANDS = {"Vitis": "vitis-run --tcl build_prj.tcl --mode hls", "Vivado": "vivado_hls -f build_prj.tcl"}


def program(tool: str) -> str:
    """The program of hls4ml's backend `tool`."""
    return _COMMANDS[tool].split()[0]


def script_file(name: str, options: HlsOptions) -> bytes:
    """The shell script that synthesises the project `name`."""
    command = _COMMANDS[options.tool]
    values: dict[str, object] = {
        "name": name,
        "tool": options.tool,
        "command": command,
        "program": program(options.tool),
    }
    return render("hls_synthesise.sh.j2", values)
