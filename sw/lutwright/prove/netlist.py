"""The netlist of a project's core, as place and route reads it, ready to stand in the place of its RTL.

Simulated is the core alone, or a learner's chip: without the board's pins and the serial link around it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lutwright.emit.project import Project
from lutwright.errors import ToolFailed
from lutwright.files import write_file
from lutwright.flow.synth import synthesise
from lutwright.flow.tools import TIMEOUT, YOSYS, run_tool, tail
from lutwright.prove.cells import cell_models

NETLIST = "netlist.v"
"""The netlist's file, in the folder that netlist_sources is told."""

_COPY = "netlist.json"


def netlist_sources(project: Project, work: Path, simulator: str = "verilator", timeout: float = TIMEOUT) -> list[Path]:
    """Synthesise the core of `project` (a learner's whole chip) in folder `work`: files that stand for its RTL.

    They are the netlist, NETLIST, and the models of its cells. timeout: seconds for each run of Yosys.
    Raises CannotSimulate where a cell has no model, and what synthesise does.
    """
    cell_models(project.board.family, ())  # say what is missing before the work
    work.mkdir(parents=True, exist_ok=True)
    for memory in (project.folder / "rtl").glob("*.mem"):
        shutil.copy(memory, work)  # $readmemh looks in the working folder
    top = project.graph.name if project.learner is None else project.learner.name
    made = synthesise(work, project.chip_sources, project.board, top, pads=False, timeout=timeout)
    models = work / f"{project.board.family}_cells.v"
    types = (kind for kind in made.cells.by_type if not kind.startswith("$"))
    write_file(models, cell_models(project.board.family, types, simulator == "icarus"))
    return [_as_verilog(made.netlist_json, top, work, timeout), models]


def _let_go(cells: Mapping[str, Any]) -> None:
    """Disconnect outputs at an x, which in JSON says that they go nowhere and in Verilog that two drive one net."""
    for cell in cells.values():
        ways, pins = cell["port_directions"], cell["connections"]
        for port in [port for port, bits in pins.items() if ways[port] == "output" and set(bits) == {"x"}]:
            del pins[port]


def _as_verilog(netlist: Path, top: str, work: Path, timeout: float) -> Path:
    """The module `top` of `netlist` (what place and route reads) as Verilog."""
    made, script, log = work / NETLIST, work / "logs" / "netlist.ys", work / "logs" / "netlist.log"
    made.unlink(missing_ok=True)
    design = json.loads(netlist.read_text())
    _let_go(design["modules"][top]["cells"])
    write_file(work / _COPY, json.dumps(design))
    write_file(script, f"read_json {_COPY}\nselect {top}\nwrite_verilog -selected -noattr {NETLIST}\n")
    run_tool(YOSYS, [str(script.resolve())], work, log, timeout)
    if not made.is_file():
        raise ToolFailed("tool 'yosys'", "must write the netlist", "nothing", f"Log {log.name}: {tail(log)}")
    return made
