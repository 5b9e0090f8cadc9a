"""The records of the boards as a Markdown page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bits_board import KINDS

from lutwright.report.board_results import Record

_PAGE = """\
# Boards

The network of the demo (`examples/models/mnist-mux.onnx`, 28x28 digits) on every board, as `lutwright build
--bitstream` makes it: folded for the most frames a second that fit, at the clock of the board's oscillator.

## Bitstreams by open tools

"used / available (estimate)" as placed: LUTs are logic cells on iCE40, cells TRELLIS_COMB on ECP5, LUT sites on Gowin;
a block RAM has 4 kbit on iCE40, 18 on the others; DSP are 18 x 18 multipliers (16 x 16 on iCE40). The estimate is
made without any tool. Frames a second: of the core at the board's clock; the serial line lets fewer through.

{built}

## Proofs

Netlist: `lutwright sim --level netlist`, the core as place and route reads it, in five runs with and without stalls and
through a reset. Bitstream: `lutwright sim --level bitstream`, the packed file turned back into Verilog and played
through the chip's serial pins. Words that differ from the integer model, of how many.

{proved}
{synthesised}
## How this was made

    {command}

{tools}.
Each board's figures are kept in `boards/results/` and made again only where the project or a tool has changed;
`lutwright boards` tells what has been run. Seconds were taken on two cores that had other work.
"""
_SYNTHESISED = """
## Parts of vendors' tools

As Yosys counts them after synthesis, used / available (estimate); place and route is the vendor's. LUTs have 6 inputs,
on Cyclone V they are halves of an ALM; a block RAM has 18 kbit, on Cyclone V 10. Beside a processor it is the network
with its AXI4-Streams, without the DMA.

{rows}
"""


def page(records: Mapping[str, Record], command: str) -> str:
    """The page of the `records` by board."""
    built = [_built(name, record["build"]) for name, record in records.items() if "build" in record]
    proved = [_proved(name, record) for name, record in records.items() if record.keys() & {"build", "netlist"}]
    counted = [_counted(name, record["synthesis"]) for name, record in records.items() if "synthesis" in record]
    heads = ("board", "LUT", "FF", "block RAM", "DSP")
    tools = {f"{tool} {number}" for record in records.values() for tool, number in record.get("tools", {}).items()}
    return _PAGE.format(
        built=table((*heads, "Fmax MHz", "clock MHz", "clocks a frame", "frames/s", "build s"), built),
        proved=table(("board", "netlist", "s", "bitstream", "s"), proved),
        synthesised=_SYNTHESISED.format(rows=table(heads, counted)) if counted else "",
        command=command,
        tools=", ".join(sorted(tools)),
    )


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table of Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def _built(name: str, made: Record) -> list[object]:
    rates = [f"{made[key]:g}" for key in ("fmax_mhz", "clock_mhz")]
    return [
        f"`{name}`",
        *_counts(made),
        *rates,
        f"{made['interval']:,}",
        f"{made['frames_per_second']:,}",
        made["seconds"],
    ]


def _proved(name: str, record: Record) -> list[object]:
    return [f"`{name}`", *_outcome(record.get("netlist", {})), *_outcome(record.get("bitstream", {}))]


def _outcome(step: Record) -> tuple[object, object]:
    if "refused" in step:
        return "cannot be done", ""
    return (f"{step['mismatches']} of {step['words']:,}", step["seconds"]) if step else ("not run", "")


def _counted(name: str, counted: Record) -> list[object]:
    return [f"`{name}`", *_counts(counted)]


def _counts(made: Record) -> list[str]:
    return [f"{made[k]['used']:,} / {made[k]['available']:,} ({made[k]['estimate']:,})" for k in KINDS]
