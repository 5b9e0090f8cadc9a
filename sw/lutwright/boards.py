"""Boards: the schema of boards/*.toml, which are data only, and their loader.

    load_board("tangnano9k").clock.mhz     # 27.0
    load_board("my/own.toml")              # any file that obeys the schema
    at_clock(board, 54.0).clock.pll        # the same board, its clock made by a PLL

A file that breaks the schema ends in BadBoard with the file and the key.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lutwright.devices import device_fault
from lutwright.errors import BadBoard, BadOption, UnknownBoard
from lutwright.plls import Pll, find_pll, kind_of
from lutwright.resources import room

Family = Literal["ice40", "ecp5", "gowin", "xc7", "xcup", "cyclonev"]
Active = Literal["low", "high"]


class _Part(BaseModel):
    """A table of a board file: immutable, and a key that it does not know is an error, not a typing slip."""

    model_config = ConfigDict(extra="forbid", frozen=True, serialize_by_alias=True)


class Clock(_Part):
    """The clock of the design: the pin of the board's oscillator, frequency in MHz, I/O standard.

    pin: "" where the processor of the part makes the clock.
    pll_pad: on iCE40, whether the pin is the pad of a PLL: then that PLL takes it in, and nothing else can.
    pll: what makes `mhz` of the oscillator, None where it is the oscillator itself; at_clock sets it, not a file.
    """

    pin: str = ""
    mhz: float = Field(gt=0, le=1000)
    io: str = "LVCMOS33"
    pll_pad: bool = False
    pll: Pll | None = None

    @property
    def oscillator_mhz(self) -> float:
        """The frequency at the pin."""
        return self.pll.oscillator if self.pll else self.mhz


class Reset(_Part):
    """A push button that resets the design; `active` is its level while pressed."""

    pin: str
    active: Active
    io: str = "LVCMOS33"


class Uart(_Part):
    """The serial line to the host, named from the FPGA: `tx` is its output. `baud` in bits a second."""

    tx: str
    rx: str
    baud: int = Field(default=1_000_000, gt=0)
    io: str = "LVCMOS33"


class Processor(_Part):
    """The processor beside the logic of a Zynq part: it makes the clock, and AXI DMA moves frames out of its memory.

    kind: "ps7" (Zynq-7000) or "ps8" (Zynq UltraScale+). preset: the board as Vivado's board files call it, whose
    settings the processor takes where they are installed.
    """

    kind: Literal["ps7", "ps8"]
    preset: str = ""


class Leds(_Part):
    """Lamps; the shell lights the first while a frame is worked on. `active` is the level that lights."""

    pins: tuple[str, ...] = Field(min_length=1)
    active: Active
    io: str = "LVCMOS33"


class Resources(_Part):
    """What the part has: LUTs (of 6 inputs on AMD's parts, else of 4; on Cyclone V halves of an ALM), flip-flops, block
    RAMs of `bram_kbit` kbit each, multipliers of 18 x 18 bits (16 x 16 on iCE40; DSP blocks on AMD's parts and Cyclone
    V), single-port RAMs of 256 kbit (iCE40 UltraPlus; no design uses them yet)."""

    lut: int = Field(gt=0)
    ff: int = Field(gt=0)
    bram: int = Field(ge=0)
    bram_kbit: int = Field(ge=0)
    dsp: int = Field(ge=0)
    spram: int = Field(default=0, ge=0)


class Tools(_Part):
    """Additional arguments, after our own, for synthesis (synth_ice40 and its like), nextpnr and the packer.

    Vivado and Quartus take none of them.
    """

    synth: tuple[str, ...] = ()
    place: tuple[str, ...] = ()
    pack: tuple[str, ...] = ()


class Board(_Part):
    """One board. `device` is the die as the tools name it, `part` the full order name; iCE40 has no `speed`.

    Frames come over a serial line ([uart] in the file) or out of the memory of `processor`: one of them is there.
    loader: what openFPGALoader calls the board; empty where it does not know it.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    family: Family
    device: str
    part: str
    package: str
    speed: str = ""
    clock: Clock
    resources: Resources
    serial: Uart | None = Field(default=None, alias="uart")
    processor: Processor | None = None
    reset: Reset | None = None
    leds: Leds | None = None
    tools: Tools = Tools()
    loader: str = Field(default="", pattern=r"^[A-Za-z0-9_+-]*$")

    @property
    def link(self) -> Literal["uart", "dma"]:
        """How frames come in: over a serial line, or out of the processor's memory."""
        return "uart" if self.processor is None else "dma"

    @property
    def uart(self) -> Uart:
        """The serial line; BadOption where the board has none."""
        if self.serial is None:
            raise BadOption(
                f"board '{self.name}'",
                "must have a serial line for this",
                "AXI DMA",
                "Use the driver in pynq/ of the project on the board itself, or another board.",
            )
        return self.serial

    @property
    def clocks_per_bit(self) -> int:
        """Clocks in one bit of the serial line, rounded to the nearest."""
        return round(self.clock.mhz * 1e6 / self.uart.baud)

    def pins(self) -> dict[str, str]:
        """Every pin in use, as {what it is for: pin}."""
        used = {"clock.pin": self.clock.pin} if self.clock.pin else {}
        if self.serial:
            used |= {"uart.tx": self.serial.tx, "uart.rx": self.serial.rx}
        if self.reset:
            used["reset.pin"] = self.reset.pin
        if self.leds:
            used |= {f"leds.pins[{i}]": pin for i, pin in enumerate(self.leds.pins)}
        return used


def load_board(name_or_path: str | Path) -> Board:
    """Return the board `name_or_path`: a name of boards/, or the path of a board file (it ends in .toml).

    Raises UnknownBoard with the names there are, or BadBoard with file and key.
    """
    path = Path(name_or_path)
    if path.suffix == ".toml":
        return _read(path)
    found = room("boards") / f"{name_or_path}.toml"
    if found.parent != room("boards") or not found.is_file():
        raise UnknownBoard(
            f"board '{name_or_path}'",
            f"must be {', '.join(_names())} or the path of a .toml file",
            fix="Run `lutwright boards` for a table.",
        )
    return _read(found)


def all_boards() -> list[Board]:
    """Every board of boards/, sorted by name."""
    return [load_board(name) for name in _names()]


def at_clock(board: Board, mhz: float) -> Board:
    """`board` with the clock nearest to `mhz` MHz that it can have: its oscillator, or what a PLL makes of that.

    Raises BadOption where no PLL comes near, or the serial line cannot work at that clock.
    """
    where, own = "--clock", board.clock.oscillator_mhz
    if not 0 < mhz <= 1000:
        raise BadOption(where, "must be above 0 and at most 1000 MHz", f"{mhz:g}", "Leave it out for the board's.")
    if mhz == own:
        made = board.clock.model_copy(update={"mhz": own, "pll": None})
    else:
        kind = kind_of(board.family, board.device, board.speed)
        if kind is None:
            what, why = "the oscillator", f"no PLL of a {board.device} {board.speed} is known"
            if board.processor is not None:
                what, why = "the clock", "its processor makes it"
            raise BadOption(
                where,
                f"must be {own:g}, {what} of board '{board.name}': {why}",
                f"{mhz:g}",
                "Leave it out." if board.processor is None else "Leave it out, or say clock.mhz in a board file.",
            )
        pll = find_pll(kind, own, mhz, where)
        made = board.clock.model_copy(update={"mhz": pll.mhz, "pll": pll})
    changed = board.model_copy(update={"clock": made})
    fault = _baud_fault(changed)
    if fault:
        raise BadOption(where, f"must suit the serial line: {fault[0]}", fault[1], "Ask for another clock.")
    return changed


def _names() -> list[str]:
    return sorted(path.stem for path in room("boards").glob("*.toml"))


def _read(path: Path) -> Board:
    where = f"board file '{path.name}'"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadBoard(where, "must be readable", error.strerror or str(error), "Check the path.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadBoard(where, "must be TOML", str(error), "Correct the line.") from error
    if isinstance(data.get("clock"), dict) and "pll" in data["clock"]:
        raise BadBoard(where, "key 'clock.pll' is not known", fix="Say --clock MHZ when you build.")
    try:
        board = Board.model_validate(data)
    except ValidationError as error:
        raise _schema_error(where, error) from error
    _check(board, where)
    return board


def _schema_error(where: str, error: ValidationError) -> BadBoard:
    """The first fault of a validation, in our words."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return BadBoard(where, f"key '{key}' must be there", "absent", "boards/tangnano9k.toml shows every key.")
    if first["type"] == "extra_forbidden":
        return BadBoard(where, f"key '{key}' is not known", fix="boards/tangnano9k.toml shows every key.")
    return BadBoard(
        where, f"key '{key}': {first['msg'][0].lower()}{first['msg'][1:]}", repr(first["input"]), "Correct the value."
    )


def _check(board: Board, where: str) -> None:
    """The rules between keys."""
    told = device_fault(board.family, board.device, board.part, board.package, board.speed)
    if told:
        raise BadBoard(where, told[0], told[1], told[2])
    told = _link_fault(board)
    if told:
        raise BadBoard(where, told[0], told[1], told[2])
    twice = [pin for pin, count in Counter(board.pins().values()).items() if count > 1]
    if twice:
        users = " and ".join(use for use, pin in board.pins().items() if pin == twice[0])
        raise BadBoard(where, f"a pin must have one use: pin '{twice[0]}' is {users}", fix="Correct one of them.")
    fault = _baud_fault(board)
    if fault:
        raise BadBoard(where, fault[0], fault[1], fault[2])


def _link_fault(board: Board) -> tuple[str, str, str] | None:
    """What is wrong between link, clock and family: the rule, what was found, what to do."""
    if (board.serial is None) == (board.processor is None):
        both = "neither" if board.serial is None else "both"
        return "one of the tables 'uart' and 'processor' must be there", both, "boards/ has examples of each."
    if board.processor is None:
        return None if board.clock.pin else ("key 'clock.pin' must be there", "absent", "Name the oscillator's pin.")
    if board.clock.pin:
        return "key 'clock.pin' must be absent: the processor makes the clock", repr(board.clock.pin), "Remove it."
    if board.reset:
        return "table 'reset' must be absent: the processor resets the design", "there", "Remove it."
    kind = {"xc7": "ps7", "xcup": "ps8"}.get(board.family)
    if board.processor.kind != kind:
        rule = f"'{kind}'" if kind else "absent with its table"
        return f"key 'processor.kind' must be {rule} for '{board.family}'", repr(board.processor.kind), "Correct it."
    return None


def _baud_fault(board: Board) -> tuple[str, object, str] | None:
    """What is wrong with the baud rate at the board's clock: the rule, what was found, what to do."""
    if board.serial is None:
        return None
    clock = f"the clock ({board.clock.mhz:.9g} MHz)"
    if board.clocks_per_bit < 4:
        return f"key 'uart.baud' must be at most a quarter of {clock}", board.serial.baud, "Lower the baud rate."
    off = abs(board.clock.mhz * 1e6 / board.clocks_per_bit / board.serial.baud - 1)
    if off > 0.02:
        found = f"{board.serial.baud} ({off:.1%} off)"
        return f"key 'uart.baud' must divide {clock} to within 2 %", found, "Choose another baud rate."
    return None
