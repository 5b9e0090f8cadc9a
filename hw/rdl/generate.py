"""Make the registers' cell, Python access and documentation from hw/rdl/learner.rdl: python hw/rdl/generate.py."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import jinja2
from peakrdl_etana import RegblockExporter
from peakrdl_etana.cpuif.axi4lite import AXI4Lite_Cpuif_flattened
from peakrdl_etana.udps import ALL_UDPS
from systemrdl import RDLCompiler
from systemrdl.node import AddrmapNode, FieldNode, RegNode

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SOURCE = HERE / "learner.rdl"
_HEAD = """\
// Registers of the learner on AXI4-Lite; docs/learner-registers.md has the table. PeakRDL-etana {version} made this of
// hw/rdl/learner.rdl: do not edit it, `make registers`.
//
// access:   32 bits; an address without a register, a write to what is only read and a read of what is only written get
//           SLVERR and change nothing. Reading changes nothing anywhere
// rate:     one access a clock, reads and writes in turn where both wait; 2 clocks from an address to its answer
"""


@dataclass(frozen=True)
class Field:
    """Bits of a register, from bit `low` on. reset: None where hardware says what it reads."""

    name: str
    low: int
    bits: int
    text: str
    reset: int | None

    @property
    def place(self) -> str:
        """Its bits, as documentation has them."""
        return f"{self.low}" if self.bits == 1 else f"{self.low + self.bits - 1}:{self.low}"

    @property
    def shown(self) -> str:
        """What it reads after a reset, hexadecimal, as documentation has it."""
        return "" if self.reset is None else f"{self.reset:X}"


@dataclass(frozen=True)
class Register:
    """A 32-bit register; access: "r", "w" or "rw"."""

    name: str
    address: int
    text: str
    access: str
    fields: tuple[Field, ...]


def generated() -> dict[Path, bytes]:
    """Every file that is made, by its place in the repository; the same source gives the same bytes."""
    top = _compiled()
    registers = [_register(node) for node in top.registers()]
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made = {
        ROOT / "sw" / "lutwright" / "runtime" / "learner_registers.py": "registers.py.j2",
        ROOT / "docs" / "learner-registers.md": "registers.md.j2",
    }
    files = {path: templates.get_template(name).render(registers=registers).encode() for path, name in made.items()}
    return {ROOT / "hw" / "rtl" / "learner_registers.sv": _cell(top).encode(), **files}


def _compiled() -> AddrmapNode:
    compiler = RDLCompiler()
    for definition in ALL_UDPS:
        compiler.register_udp(definition)
    compiler.compile_file(str(SOURCE))
    return compiler.elaborate().top


def _register(node: RegNode) -> Register:
    access = "r" * node.has_sw_readable + "w" * node.has_sw_writable
    return Register(node.inst_name, node.absolute_address, _text(node), access, tuple(_fields(node)))


def _fields(node: RegNode) -> Iterator[Field]:
    for field in node.fields():
        yield Field(field.inst_name, field.low, field.width, _text(field), field.get_property("reset"))


def _text(node: RegNode | FieldNode) -> str:
    """Its description; a field that is the whole register has none."""
    return str(node.get_property("desc") or "")


def _cell(top: AddrmapNode) -> str:
    """The cell as PeakRDL-etana writes it, under a header of ours and as the other cells begin and end."""
    with tempfile.TemporaryDirectory() as folder:
        RegblockExporter().export(
            top,
            folder,
            cpuif_cls=AXI4Lite_Cpuif_flattened,
            reuse_hwif_typedefs=True,
            generate_hwif_report=False,
            err_if_bad_addr=True,
            err_if_bad_rw=True,
        )
        text = (Path(folder) / f"{top.inst_name}.sv").read_text()
    body = text[text.index("module ") :]  # without its time scale, which no other cell has
    body = re.sub(r"[ \t]+$", "", body, flags=re.MULTILINE).strip()
    head = _HEAD.format(version=version("peakrdl-etana"))
    return f"{head}`default_nettype none\n{body}\n`default_nettype wire\n"


def main() -> int:
    """Write the files that have changed, and say which."""
    for path, data in generated().items():
        if not path.is_file() or path.read_bytes() != data:
            path.write_bytes(data)
            print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
