"""What a netlist takes of a Gowin GW1N part, before it is placed: LUT sites, which are what such a part runs out of.

A site is a LUT with its flip-flop (two of eight sites have none), and it is taken by

    each LUT1 .. LUT4
    each ALU; a carry chain also takes a head, a tail if its carry goes on to logic, and one more if that is odd
    each RAM16SDP4: eight, the whole slice
    each flip-flop whose data do not come straight from a LUT or an ALU: its own LUT is its only input

The last line is what surprises: a register behind a register or behind a memory costs as much as a LUT. These are the
rules of nextpnr-himbaechel 0.11 (packing, and what may share a slice). The sum is the least that placement can reach:
it
leaves a few flip-flops apart from their LUTs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class _Pin(NamedTuple):
    """One end of a net: cell name, cell type, port."""

    cell: str
    kind: str
    port: str


class _Nets:
    """Driver and users of every net bit of a module in Yosys' JSON form."""

    def __init__(self, cells: Mapping[str, Any]) -> None:
        self.driver: dict[int, _Pin] = {}
        self.users: dict[int, list[_Pin]] = defaultdict(list)
        for name, cell in cells.items():
            for port, bits in cell["connections"].items():
                output = cell["port_directions"][port] == "output"
                for bit in bits:
                    if not isinstance(bit, int):
                        continue  # a constant
                    if output:
                        self.driver[bit] = _Pin(name, cell["type"], port)
                    else:
                        self.users[bit].append(_Pin(name, cell["type"], port))


def lut_sites(cells: Mapping[str, Any]) -> int:
    """LUT sites that the cells of a flat netlist (Yosys' JSON: modules.TOP.cells) take on a GW1N part."""
    nets = _Nets(cells)
    total = 0
    for cell in cells.values():
        kind = str(cell["type"])
        if kind.startswith(("LUT", "INV")):
            total += 1
        elif kind.startswith("RAM16"):
            total += 8
        elif kind.startswith("DFF"):
            driver = nets.driver.get(cell["connections"]["D"][0])
            total += driver is None or not driver.kind.startswith(("LUT", "ALU"))
    return total + sum(length + length % 2 for length in _chains(cells, nets))


def _chains(cells: Mapping[str, Any], nets: _Nets) -> Iterator[int]:
    """The length of each carry chain, head and tail included, before it is made even."""
    for name, cell in cells.items():
        if cell["type"] != "ALU" or _continues(nets, cell["connections"]["CIN"][0]):
            continue
        length = 1
        while True:
            length += 1
            carry = cells[name]["connections"].get("COUT", [None])[0]
            users = nets.users.get(carry, []) if isinstance(carry, int) else []
            if not users:
                break
            if not _continues(nets, carry):
                length += 1  # the tail brings the carry out
                break
            name = users[0].cell
        yield length


def _continues(nets: _Nets, bit: object) -> bool:
    """The carry on net `bit` goes from one ALU to the next and nowhere else."""
    if not isinstance(bit, int) or bit not in nets.driver:
        return False
    users = nets.users[bit]
    from_carry = nets.driver[bit].kind == "ALU" and nets.driver[bit].port == "COUT"
    return from_carry and len(users) == 1 and users[0].kind == "ALU" and users[0].port == "CIN"
