"""Loading a bitstream into a board with openFPGALoader."""

from __future__ import annotations

import re
from pathlib import Path

from lutwright.boards import Board
from lutwright.errors import BadBoard, BadProject, LinkError, ToolFailed
from lutwright.flow.families import FLOWS
from lutwright.flow.tools import OPENFPGALOADER, run_tool, tail

TIMEOUT = 300.0
"""Seconds for the whole of it: a flash of 8 MB takes one or two minutes."""

# What openFPGALoader says where nothing is at the other end: of FTDI, JTAG, DFU and CMSIS-DAP cables.
_NOBODY = re.compile(
    r"device not found|unable to open|no (?:dfu|cmsis-?dap|usb|ftdi)?\s*(?:device|cable|board)|claim cable|can't find"
    r"|cannot find|not found",
    re.I,
)
_NO_LIBRARY = re.compile(r"loading shared libraries: (\S+):")


def program_board(project: Path, board: Board, top: str, flash: bool = False, timeout: float = TIMEOUT) -> Path:
    """Load the bitstream `top` of the folder `project` into `board`; return its file.

    flash: into the board's flash, from which it starts at power-on, and not only into the part until then.
    timeout: seconds. The log is kept in logs/. Raises BadProject without a bitstream, BadBoard where openFPGALoader has
    no name for the board, LinkError where no board is attached, ToolMissing, ToolFailed.
    """
    bitstream = project / f"{top}{FLOWS[board.family].suffix}"
    if not bitstream.is_file():
        raise BadProject(
            f"project '{project}'",
            f"the bitstream '{bitstream.name}' must be there",
            "absent",
            "Make it with lutwright build --bitstream.",
        )
    if not board.loader:
        raise BadBoard(
            f"board '{board.name}'",
            "key 'loader' must be what openFPGALoader calls the board (openFPGALoader --list-boards)",
            "absent",
            "Add it to the board file and build the project again, or load the bitstream with the maker's tool.",
        )
    log = project / "logs" / "program.log"
    options = ["-b", board.loader, *(["-f"] if flash else [])]
    try:
        run_tool(OPENFPGALOADER, [*options, bitstream.name], project, log, timeout)
    except ToolFailed as error:
        raise _told(board, log) or error from None
    return bitstream


def _told(board: Board, log: Path) -> LinkError | ToolFailed | None:
    """What the log says of a board that is not there or of a library that is not; None where it says neither."""
    text = log.read_text(errors="replace")
    lost = _NO_LIBRARY.search(text)
    if lost:
        return ToolFailed(
            "tool 'openFPGALoader'",
            f"needs the library {lost.group(1)}",
            "absent",
            "apt-get install openfpgaloader, which brings it.",
        )
    if _NOBODY.search(text):
        return LinkError(
            f"board '{board.name}'",
            "must be attached by USB, powered, and yours to open",
            f"found (openFPGALoader: {tail(log, 2)})",
            "Connect it; on Linux a udev rule or the group plugdev gives the permission.",
        )
    return None
