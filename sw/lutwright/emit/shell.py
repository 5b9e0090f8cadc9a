"""The board shell: everything between the pins of a board and the streams of a generated core.

The files are made as bytes, without any tool; the same core and board give the same bytes.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from lutwright.boards import Board
from lutwright.emit.render import render
from lutwright.errors import BadOption
from lutwright.plls import Pll, kind_of
from lutwright.resources import room

TOP = "board_top"
"""Module name of the shell, and the stem of its files."""

LINK_CELLS = ("power_on_reset", "crc16", "uart_rx", "uart_tx", "link_receive", "link_answer", "frame_link")
"""Cells of hw/rtl that the shell needs, besides the core's own."""

TIMEOUT_BITS = 100_000
"""Bit times without a byte after which the board gives a message up: 0.1 s at 1 Mbaud, longer than a host pauses."""

MESSAGE_LIMIT = 65535
"""Most bytes of payload in one message: its length has two bytes."""


STREAM_CELLS = ("axis_width", "packet_last", "fifo", "line_memory")
"""Cells of hw/rtl that stand between AXI4-Streams of a DMA and the core."""

CONSTRAINTS = {
    "ice40": ".pcf",
    "ecp5": ".lpf",
    "gowin": ".cst",
    "xc7": ".xdc",
    "xcup": ".xdc",
    "cyclonev": ".qsf",
}
"""What the constraint file's name ends in, by family."""

_VIVADO = "board_top_xilinx.xdc.j2"
_TEMPLATES = {"xc7": _VIVADO, "xcup": _VIVADO}  # of the others board_top_<family><suffix>.j2

_BUS_BYTES = 4  # of the DMA's streams; wider where the core's are
_FRAMES = 16  # in the core at a time, at most

# Block RAMs of iCE40 read as 0 for about 3 us after configuration, which no data sheet tells; times MHz: clocks.
_BLIND = {"ice40": 15.0}
_RESET_CLOCKS = 16


@dataclass(frozen=True)
class CoreInterface:
    """What the shell must know of a core: its module name and its streams.

    in_bytes, out_bytes: bytes of one beat. in_beats, out_beats: beats of one frame and of its result.
    project_id: 32 bits that the host compares with its own before it sends a frame.
    user_bits: bits that come with a frame, on s_axis_tuser; 0 for none. label_bits: of a command's label; 0 where the
    core takes no commands.
    """

    name: str
    in_bytes: int
    in_beats: int
    out_bytes: int
    out_beats: int
    project_id: int
    user_bits: int = 0
    label_bits: int = 0

    @property
    def user_bytes(self) -> int:
        """Bytes before a frame on the link that come with it."""
        return -(-self.user_bits // 8)

    @property
    def commands(self) -> bool:
        """Whether the core takes commands."""
        return self.label_bits > 0

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame on the link, with those before it."""
        return self.user_bytes + self.in_bytes * self.in_beats

    @property
    def result_bytes(self) -> int:
        """Bytes of one result on the link."""
        return self.out_bytes * self.out_beats


def shell_files(core: CoreInterface, board: Board, timeout_bits: int = TIMEOUT_BITS) -> dict[str, bytes]:
    """Return the files of the shell: its top module and the board's constraint file (.pcf, .lpf, .cst, .xdc or .qsf).

    timeout_bits: bit times of silence inside a message after which a board with a serial line gives it up.
    Raises BadOption where the core does not fit the link.
    """
    if board.processor is not None:
        return {f"{top_name(core, board)}.v": axis_file(core), constraint_name(board): _constraints(board)}
    _check_name(core)
    _check_link(core)
    pll = board.clock.pll
    values = {
        "core": core,
        "board": board,
        "top": TOP,
        "timeout_clocks": timeout_bits * board.clocks_per_bit,
        "pll": pll,
        "pll_parameters": pll_parameters(pll, board) if pll else [],
        "press": _press(board),
        "reset_clocks": reset_clocks(board),
    }
    return {f"{TOP}.sv": render("board_top.sv.j2", values), constraint_name(board): _constraints(board)}


def _constraints(board: Board) -> bytes:
    """The constraint file of `board`."""
    template = _TEMPLATES.get(board.family, f"board_top_{board.family}{CONSTRAINTS[board.family]}.j2")
    values = {
        "board": board,
        "top": TOP,
        "clock_port": "osc" if board.clock.pll else "clk",
        "inputs": [*(["button"] if board.reset else []), *(["uart_rxd"] if board.serial else [])],
        "outputs": [*(["uart_txd"] if board.serial else []), *(["led"] if board.leds else [])],
    }
    return render(template, values)


def top_name(core: CoreInterface, board: Board) -> str:
    """The module on top of the design: beside a processor that between the streams of its DMA."""
    return TOP if board.processor is None else axis_name(core)


def axis_name(core: CoreInterface) -> str:
    """The module that is the core with AXI4-Streams of packets, as AXI DMA has them."""
    return f"{core.name}_axis"


def axis_file(core: CoreInterface) -> bytes:
    """The source of module axis_name. Raises BadOption where the core takes more than frames."""
    _check_name(core)
    if core.commands or core.user_bits:
        raise BadOption(
            f"core '{core.name}'",
            "must take nothing but frames to stand behind AXI DMA",
            "a learner's commands",
            "Use a board with a serial line for a learner.",
        )
    values = {"core": core, "top": axis_name(core), "bus": bus_bytes(core), "depth": _FRAMES}
    return render("core_axis.v.j2", values)


def bus_bytes(core: CoreInterface) -> int:
    """Bytes of a beat of the DMA's streams: a power of two, as wide as the core's or wider."""
    return max(_BUS_BYTES, *(1 << (size - 1).bit_length() for size in (core.in_bytes, core.out_bytes)))


def stream_sources() -> list[Path]:
    """The SystemVerilog files of hw/rtl that module axis_name needs besides the core."""
    return [room("hw") / "rtl" / f"{cell}.sv" for cell in STREAM_CELLS]


def shell_sources(board: Board) -> list[Path]:
    """The SystemVerilog files of hw/ that the shell of `board` needs besides the core."""
    return stream_sources() if board.processor else [*link_sources(), *clock_sources(board)]


def constraint_name(board: Board) -> str:
    """File name of the constraint file for `board`."""
    return TOP + CONSTRAINTS[board.family]


def link_sources() -> list[Path]:
    """The SystemVerilog files of hw/rtl that the shell needs besides the core."""
    return [room("hw") / "rtl" / f"{cell}.sv" for cell in LINK_CELLS]


def clock_sources(board: Board) -> list[Path]:
    """The SystemVerilog files of hw/vendor that make the clock; none where that is the oscillator."""
    pll = board.clock.pll
    kind = kind_of(board.family, board.device, board.speed)
    if pll is None or kind is None:
        return []
    return [room("hw") / "vendor" / f"{name}.sv" for name in (kind.cell, *kind.primitives, "pll_model")]


def _press(board: Board) -> str:
    """What resets the design: the button, and the PLL until it has locked."""
    told = ["!locked"] if board.clock.pll else []
    if board.reset:
        told.append("!button" if board.reset.active == "low" else "button")
    return " || ".join(told) or "1'b0"


def reset_clocks(board: Board) -> int:
    """Clocks for which the board is reset after configuration: a power of two."""
    return max(_RESET_CLOCKS, 1 << math.ceil(math.log2(_BLIND.get(board.family, 0.0) * board.clock.mhz + 1)))


def pll_parameters(pll: Pll, board: Board) -> list[tuple[str, str]]:
    """The parameters of the cell `pll`.cell of hw/vendor, as SystemVerilog."""
    if pll.cell == "pll_ecp5":
        second = 0 if pll.output == pll.inner else pll.output
        names = {"CLKI_DIV": pll.reference, "CLKFB_DIV": pll.feedback, "CLKOP_DIV": pll.inner, "CLKOS_DIV": second}
        return [(name, str(value)) for name, value in names.items()]
    if pll.cell == "pll_gowin":
        names = {"IDIV_SEL": pll.reference - 1, "FBDIV_SEL": pll.feedback - 1, "ODIV_SEL": pll.output}
        told = [(name, str(value)) for name, value in names.items()]
        return [("FCLKIN", f'"{pll.oscillator:.9g}"'), ("DEVICE", f'"{board.device}"'), *told]
    steps = (17, 26, 44, 66, 101)
    names = {"DIVR": pll.reference - 1, "DIVF": pll.feedback - 1, "DIVQ": pll.output.bit_length() - 1}
    names["FILTER_RANGE"] = 1 + sum(pll.pfd >= step for step in steps)
    names |= {"PAD": 1} if board.clock.pll_pad else {}
    return [(name, str(value)) for name, value in names.items()]


def _check_name(core: CoreInterface) -> None:
    where = f"core '{core.name}'"
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", core.name):
        raise BadOption(where, "the name must be a SystemVerilog identifier", repr(core.name), "Choose another name.")
    if not 0 <= core.project_id < 2**32:
        raise BadOption(where, "the project id must have 32 bits", core.project_id, "Use the low 32 bits.")


def _check_link(core: CoreInterface) -> None:
    where = f"core '{core.name}'"
    for what, size in (("a frame", core.frame_bytes), ("a result", core.result_bytes)):
        if not 1 <= size <= MESSAGE_LIMIT or min(core.in_bytes, core.out_bytes) < 1:
            raise BadOption(
                where,
                f"{what} must have 1 to {MESSAGE_LIMIT} bytes on the link",
                size,
                "The link sends a frame as one message; use smaller frames.",
            )
