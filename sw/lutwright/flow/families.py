"""The open tools of each family: which place, route and pack, how they are called, and what their cells are."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from lutwright.boards import Board
from lutwright.errors import BadOption
from lutwright.flow.ecp5 import router
from lutwright.flow.tools import ECPPACK, GOWIN_PACK, ICEPACK, NEXTPNR_ECP5, NEXTPNR_GOWIN, NEXTPNR_ICE40, Tool

Count = Callable[[str], int]


@dataclass(frozen=True)
class Flow:
    """From a netlist flow/TOP.json to a bitstream, in the folder of a project.

    suffix: of the bitstream. routed: of what place and route writes, flow/TOP and this.
    place: the arguments of `router` for a board, the constraint file, what it writes and how many LUTs there are,
           beside those of every family.
    pack:  the arguments of `packer` for a board, what was routed and the bitstream.
    totals: the figures of flow.bitstream.Measured by nextpnr's count of each kind of cell; flip-flops are absent where
    it counts none.
    """

    router: Tool
    packer: Tool
    suffix: str
    routed: str
    place: Callable[[Board, str, str, int], list[str]]
    pack: Callable[[Board, str, str], list[str]]
    totals: Callable[[Count], dict[str, int]]


def _place_ice40(board: Board, constraints: str, routed: str, lut: int) -> list[str]:
    return [f"--{board.device}", "--package", board.package, "--pcf", constraints, "--asc", routed]


def _pack_ice40(board: Board, routed: str, bitstream: str) -> list[str]:
    return [*board.tools.pack, routed, bitstream]


def _totals_ice40(n: Count) -> dict[str, int]:
    return {"lut": n("ICESTORM_LC"), "bram": n("ICESTORM_RAM"), "dsp": n("ICESTORM_DSP")}


def _place_ecp5(board: Board, constraints: str, routed: str, lut: int) -> list[str]:
    die = [f"--{board.device}", "--package", board.package, "--speed", board.speed]
    return [*die, "--lpf", constraints, "--textcfg", routed, *router(lut)]


def _pack_ecp5(board: Board, routed: str, bitstream: str) -> list[str]:
    return ["--compress", *board.tools.pack, "--input", routed, "--bit", bitstream]


def _totals_ecp5(n: Count) -> dict[str, int]:
    return {"lut": n("TRELLIS_COMB"), "ff": n("TRELLIS_FF"), "bram": n("DP16KD"), "dsp": n("MULT18X18D")}


def _place_gowin(board: Board, constraints: str, routed: str, lut: int) -> list[str]:
    die = ["--device", board.part, "--vopt", f"family={board.device}", "--vopt", f"cst={constraints}"]
    # The default is to look for a place for 10 minutes before giving up on a part that is too full.
    return [*die, "--write", routed, "--placer-heap-cell-placement-timeout", "64"]


def _pack_gowin(board: Board, routed: str, bitstream: str) -> list[str]:
    return ["-d", board.device, "-o", bitstream, *board.tools.pack, routed]


def _totals_gowin(n: Count) -> dict[str, int]:
    dsp = n("MULT18X18") + math.ceil(n("MULT9X9") / 2) + 2 * n("MULTADDALU18X18") + n("MULTALU18X18")
    return {"lut": n("LUT4") + n("ALU") + 4 * n("RAM16SDP4"), "ff": n("DFF"), "bram": n("BSRAM"), "dsp": dsp}


FLOWS = {
    "ice40": Flow(NEXTPNR_ICE40, ICEPACK, ".bin", ".asc", _place_ice40, _pack_ice40, _totals_ice40),
    "ecp5": Flow(NEXTPNR_ECP5, ECPPACK, ".bit", ".config", _place_ecp5, _pack_ecp5, _totals_ecp5),
    "gowin": Flow(NEXTPNR_GOWIN, GOWIN_PACK, ".fs", "_routed.json", _place_gowin, _pack_gowin, _totals_gowin),
}
"""By family, those of boards.Family that have one; the others are built by flow/vendor.py."""


def open_flow(board: Board) -> Flow:
    """The flow of the family of `board`; BadOption where only its vendor places and routes it."""
    flow = FLOWS.get(board.family)
    if flow is None:
        raise BadOption(
            f"board '{board.name}'",
            f"must be of a family that open tools place and route: {', '.join(FLOWS)}",
            board.family,
            "Use build --bitstream, which runs the vendor's tool.",
        )
    return flow
