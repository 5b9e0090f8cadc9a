"""A project as a core of FuseSoC: NAME.core in its format CAPI2."""

from __future__ import annotations

from lutwright.boards import Board
from lutwright.emit.render import render
from lutwright.emit.vendor import Design


def core_file(name: str, board: Board, top: str, constraints: str, design: Design) -> bytes:
    """NAME.core with the targets default (the core alone), lint, and board, which Vivado or Quartus builds.

    name: of the core's module. top: of the board's. No target is built by FuseSoC beside a processor, whose block
    design is Vivado's, and with the open tools, whose readers need options that only `lutwright build` has.
    """
    tool, kinds, options = "", [], {}
    if board.family == "xc7" and board.processor is None:
        tool, kinds, options = "vivado", [(constraints, "xdc")], {"part": board.part}
    elif board.family == "cyclonev":
        sdc = constraints.replace(".qsf", ".sdc")
        tool, kinds = "quartus", [(constraints, "tclSource"), (sdc, "SDC")]
        options = {"family": "Cyclone V", "device": board.part}
    values: dict[str, object] = {
        "name": name,
        "board": board,
        "top": top,
        "core_sources": design.core,
        "memories": design.memories,
        "board_sources": design.shell,
        "tool": tool,
        "constraints": kinds,
        "options": sorted(options.items()),
    }
    return render("project.core.j2", values)
