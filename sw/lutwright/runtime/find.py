"""Finding the board that holds a project among the serial ports of this machine."""

from __future__ import annotations

from serial.tools import list_ports

from lutwright.errors import LinkError
from lutwright.runtime.link import Link

# Seconds for an answer: what is no board of ours says nothing, and there may be many.
_PATIENCE = 0.5


def find_board(project_id: int, baud: int) -> str:
    """The first USB serial port on which a board answers that holds project `project_id`.

    Each is asked once what it is. Raises LinkError with what each said, where none is the one.
    """
    told = []
    for port in sorted(info.device for info in list_ports.comports() if info.vid is not None):
        try:
            with Link(port, baud, _PATIENCE, retries=0) as link:
                found = link.identify().project_id
        except LinkError as error:
            told.append(f"{port}: {error.found}")
            continue
        if found == project_id:
            return port
        told.append(f"{port}: project {found:08x}")
    raise LinkError(
        "USB serial ports",
        f"a board must be there that holds project {project_id:08x}",
        "; ".join(told) or "any port",
        "Connect it, load its bitstream (lutwright program PROJECT), or name its port with --port.",
    )
