"""Reports of AMD's tools read: csynth.xml of Vitis and Vivado HLS, report_utilization of Vivado."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import asdict, dataclass
from typing import Any

from lutwright.errors import ToolFailed


@dataclass(frozen=True)
class Resources:
    """lut, ff, dsp, uram: counts; bram: block RAMs of 36 Kib, a half one counted as 0.5."""

    lut: int
    ff: int
    bram: float
    dsp: int
    uram: int


@dataclass(frozen=True)
class Port:
    """A port of the Verilog: its name, direction ("in", "out") and bits; protocol: of the port's argument, as axis."""

    name: str
    direction: str
    bits: int
    protocol: str


@dataclass(frozen=True)
class Csynth:
    """What HLS estimates. Periods in ns; latency and interval: fewest and most clocks, None where it cannot tell.

    top: name of the Verilog module; used and available: on the part.
    """

    version: str
    part: str
    top: str
    target_ns: float
    estimated_ns: float
    latency: tuple[int | None, int | None]
    interval: tuple[int | None, int | None]
    used: Resources
    available: Resources
    ports: tuple[Port, ...]

    @property
    def meets_clock(self) -> bool:
        """Whether the estimated period is at most the target."""
        return self.estimated_ns <= self.target_ns

    def as_dict(self) -> dict[str, Any]:
        """The words of --json, without ports."""
        told = asdict(self) | {"meets_clock": self.meets_clock}
        del told["ports"]
        return told


@dataclass(frozen=True)
class Utilisation:
    """What Vivado's synthesis counts. state: of the design, as Synthesized."""

    device: str
    state: str
    used: Resources
    available: Resources

    def as_dict(self) -> dict[str, Any]:
        """The words of --json."""
        return asdict(self)


# ---- csynth.xml ------------------------------------------------------------------------------------------------------


def read_csynth(text: bytes, name: str) -> Csynth:
    """Read the csynth.xml `text` of the top function; `name` is for messages. Raises ToolFailed where it is another."""
    try:
        root = ET.fromstring(text)
        summary = "PerformanceEstimates/SummaryOfOverallLatency"
        return Csynth(
            version=_text(root, "ReportVersion/Version"),
            part=_text(root, "UserAssignments/Part"),
            top=_text(root, "UserAssignments/TopModelName"),
            target_ns=float(_text(root, "UserAssignments/TargetClockPeriod")),
            estimated_ns=float(_text(root, "PerformanceEstimates/SummaryOfTimingAnalysis/EstimatedClockPeriod")),
            latency=_range(root, f"{summary}/Best-caseLatency", f"{summary}/Worst-caseLatency"),
            interval=_range(root, f"{summary}/Interval-min", f"{summary}/Interval-max"),
            used=_area(root, "AreaEstimates/Resources"),
            available=_area(root, "AreaEstimates/AvailableResources"),
            ports=tuple(_port(port) for port in root.findall("InterfaceSummary/RtlPorts")),
        )
    except (ET.ParseError, ValueError) as error:
        fix = "Run the synthesis again, with a version that hls4ml knows."
        rule = f"must be the csynth.xml of a finished synthesis ({error})"
        raise ToolFailed(f"report '{name}'", rule, fix=fix) from error


def _text(root: ET.Element, path: str) -> str:
    found = root.findtext(path)
    if found is None:
        raise ValueError(f"no {path}")
    return found.strip()


def _range(root: ET.Element, low: str, high: str) -> tuple[int | None, int | None]:
    found = [_text(root, path) for path in (low, high)]
    first, last = (int(text) if text.isdigit() else None for text in found)
    return first, last


def _area(root: ET.Element, path: str) -> Resources:
    """Counts below `path`; DSPs are DSP48E in Vivado HLS and DSP in Vitis, block RAMs halves of 18 Kib."""
    dsp = "DSP" if root.find(f"{path}/DSP") is not None else "DSP48E"
    lut, ff, half, dsps = (int(_text(root, f"{path}/{kind}")) for kind in ("LUT", "FF", "BRAM_18K", dsp))
    return Resources(lut, ff, half / 2, dsps, int(root.findtext(f"{path}/URAM") or 0))


def _port(element: ET.Element) -> Port:
    name, direction, protocol = (_text(element, key) for key in ("name", "Dir", "IOProtocol"))
    return Port(name, direction, int(_text(element, "Bits")), protocol)


# ---- report_utilization ----------------------------------------------------------------------------------------------

# Site type, without its mark for a note -> the name here. The first table that has one is the whole design.
_SITES = {
    "Slice LUTs": "lut",
    "CLB LUTs": "lut",
    "Slice Registers": "ff",
    "CLB Registers": "ff",
    "Block RAM Tile": "bram",
    "URAM": "uram",
    "DSPs": "dsp",
}


def read_utilisation(text: str, name: str) -> Utilisation:
    """Read Vivado's report_utilization `text`; `name` is for messages. Raises ToolFailed where it is another."""
    counts: dict[str, tuple[float, float]] = {}
    columns: list[str] = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if "Site Type" in cells:
            columns = cells
        elif len(cells) == len(columns) and {"Used", "Available"} <= set(columns):
            site = _SITES.get(cells[0].rstrip("*"))
            if site is not None and site not in counts:
                counts[site] = (_count(cells, columns, "Used"), _count(cells, columns, "Available"))
    missing = sorted({"lut", "ff", "bram", "dsp"} - counts.keys())
    if missing:
        rule = f"must be what Vivado's report_utilization wrote; it does not tell {', '.join(missing)}"
        raise ToolFailed(f"report '{name}'", rule, fix="Run the synthesis again.")
    head = dict(re.findall(r"^\| (Device|Design State)\s*: (\S+)", text, re.MULTILINE))
    used, available = (_resources({site: pair[i] for site, pair in counts.items()}) for i in (0, 1))
    return Utilisation(head.get("Device", ""), head.get("Design State", ""), used, available)


def _count(cells: list[str], columns: list[str], column: str) -> float:
    try:
        return float(cells[columns.index(column)].replace(",", ""))
    except ValueError:  # an empty cell
        return 0.0


def _resources(count: dict[str, float]) -> Resources:
    lut, ff, dsp, uram = (int(count.get(kind, 0)) for kind in ("lut", "ff", "dsp", "uram"))
    return Resources(lut, ff, count["bram"], dsp, uram)
