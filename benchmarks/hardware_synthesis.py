"""What Yosys counts of a design on four families; a figure is kept on disk by the digest of what it was made from."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from lutwright.dataflow.stage import Parameter, Stage, Vector
from lutwright.emit.rtl import cell_closure
from lutwright.emit.unrolled import unrolled_file
from lutwright.errors import ToolFailed
from lutwright.files import write_file
from lutwright.flow.ecp5 import open_chains
from lutwright.flow.synth import count_cells, run_yosys
from lutwright.flow.tools import YOSYS, tail, version
from lutwright.flow.yosys_passes import DSP_CELL, dsp_passes, maps, synth_passes
from lutwright.numerics.packing import literal, memory_lines
from lutwright.resources import room

FAMILIES = ("ecp5", "gowin", "xc7", "ice40")
CACHE = Path(__file__).parent / ".figures"
"""Figures that were made before; git ignores the folder, by a file in it."""

_SYNTH = {
    "ecp5": "synth_ecp5 -top {top} -nowidelut -noiopad{dsp}",
    "gowin": "synth_gowin -top {top} -nowidelut -noiopads{dsp}",
    "xc7": "synth_xilinx -family xc7 -top {top} -flatten -noiopad{dsp}",
    "ice40": "synth_ice40 -top {top} -device hx -abc9{dsp}",
}


@dataclass(frozen=True)
class Counts:
    """LUTs as they are placed (sites on Gowin, cells TRELLIS_COMB on ECP5, logic cells on iCE40), flip-flops, block
    RAMs, multipliers.

    A block RAM has 18 kbit, on iCE40 4 kbit.
    """

    lut: int
    ff: int
    bram: int
    dsp: int


def count(files: Mapping[str, bytes], top: str, family: str, dsp: bool = False, timeout: float = 900) -> Counts:
    """What module `top` of `files` (sources and memory files) takes on `family`, alone and without pads.

    dsp: multipliers may become DSP blocks. timeout: seconds. Raises ToolFailed; then the next run tries again.
    """
    script = _script(files, top, family, dsp)
    digest = hashlib.sha256(f"{version(YOSYS.package)}\n{script}\n".encode())
    for name, data in sorted([*files.items(), *maps(family).items()]):
        digest.update(f"{name} {len(data)}\n".encode() + data)
    kept = CACHE / f"yosys-{digest.hexdigest()[:32]}.json"
    if not kept.is_file():
        keep(kept, json.dumps(asdict(_synthesise(files, top, family, script, timeout))) + "\n")
    return Counts(**json.loads(kept.read_text()))


def keep(path: Path, text: str) -> None:
    """Write a figure into CACHE, which git ignores."""
    path.parent.mkdir(exist_ok=True)
    if not (path.parent / ".gitignore").is_file():
        write_file(path.parent / ".gitignore", "*\n")
    write_file(path, text)


def _script(files: Mapping[str, bytes], top: str, family: str, dsp: bool) -> str:
    sources = sorted(name for name in files if name.endswith((".sv", ".v")))
    slang = any(name.endswith(".sv") for name in sources)
    synth = _SYNTH[family].format(top=top, dsp="" if dsp or family == "ice40" else " -nodsp")
    read = f"read_slang --top {top}" if slang else "read_verilog -sv"
    flow2 = ["scratchpad -copy abc9.script.flow2 abc9.script"] if family in ("ecp5", "gowin") else []
    chosen = dsp_passes(family) if f"{DSP_CELL}.sv" in files else []
    passes = [*chosen, *flow2, *synth_passes(family, synth)]
    return "\n".join([f"{read} {' '.join(sources)}", *passes, "write_json netlist.json"]) + "\n"


def _synthesise(files: Mapping[str, bytes], top: str, family: str, script: str, timeout: float) -> Counts:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, data in {**files, **maps(family), "synth.ys": script.encode()}.items():
            (folder / path).write_bytes(data)
        run_yosys(Path("synth.ys"), folder, folder / "log", timeout)
        try:
            modules = json.loads((folder / "netlist.json").read_text())["modules"]
            cells, ports = modules[top]["cells"], modules[top]["ports"]
        except (OSError, ValueError, KeyError) as error:
            raise ToolFailed("tool 'yosys'", "must write a netlist", "none", tail(folder / "log")) from error
    if family == "ecp5":
        open_chains(cells, ports)
    seen = count_cells(family, cells)
    return Counts(seen.lut, seen.ff, seen.bram, seen.dsp)


def alone(stage: Stage) -> dict[str, bytes]:
    """The files of a design that is `stage` and nothing else; its top is called "alone"."""
    files = {"alone.sv": _around(stage).encode()}
    files |= {name: memory_lines(rows.values, rows.bits) for name, rows in stage.files.items()}
    if stage.made is not None:
        return files | {f"{stage.cell}.sv": unrolled_file(stage.made)}
    cells = room("hw") / "rtl"
    return files | {f"{cell}.sv": (cells / f"{cell}.sv").read_bytes() for cell in sorted(cell_closure({stage.cell}))}


_PORTS = ("clk", "rst", "s_data", "s_valid", "s_ready", "m_data")


def _around(stage: Stage) -> str:
    ins, taken = sum(stream.width for stream in stage.takes), len(stage.takes)
    told = ",\n".join(f"      .{key}({_value(value)})" for key, value in stage.parameters.items())
    credit = ["left"] if stage.loop else []
    way = "input" if stage.cell == "credit_gate" else "output"
    ports = "\n".join(f"      .{name}({name})," for name in (*_PORTS, *credit))
    return f"""module alone (
    input  logic clk,
    input  logic rst,
{"".join(f"    {way} logic {name},{chr(10)}" for name in credit)}    input  logic [{ins - 1}:0] s_data,
    input  logic [{taken - 1}:0] s_valid,
    output logic [{taken - 1}:0] s_ready,
    output logic [{stage.stream.width - 1}:0] m_data,
    output logic [{stage.ports - 1}:0] m_valid,
    input  logic [{stage.ports - 1}:0] m_ready
);
  {stage.cell} {f"#({chr(10)}{told}{chr(10)}  ) " if told else ""}u_alone (
{ports}
      .m_valid(m_valid),
      .m_ready(m_ready)
  );
endmodule
"""


def _value(value: Parameter) -> str:
    if isinstance(value, Vector):
        return literal(value.values, value.bits)
    return f'"{value}"' if isinstance(value, str) else str(value)
