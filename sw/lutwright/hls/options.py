"""What a user may choose of an hls4ml project."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

from lutwright.errors import BadOption

TOOLS = ("Vitis", "Vivado")
IO_TYPES = ("io_stream", "io_parallel")
STRATEGIES = ("latency", "resource")


@dataclass(frozen=True)
class HlsOptions:
    """tool: hls4ml's backend. part: the FPGA's full order name. clock_ns: the target period.

    io: streams of pixels between the layers, or whole tensors. reuse: hls4ml's reuse factor of every layer, the
    interval between frames, beats or pixels that a layer aims at. strategy: hls4ml's, for its own layers.
    Raises BadOption where a value is none of those.
    """

    tool: str = "Vitis"
    part: str = "xcvu13p-flga2577-2-e"
    clock_ns: float = 5.0
    io: str = "io_stream"
    reuse: int = 1
    strategy: str = "latency"

    def __post_init__(self) -> None:
        for option, value, known in (
            ("--hls-tool", self.tool, TOOLS),
            ("--io", self.io, IO_TYPES),
            ("--strategy", self.strategy, STRATEGIES),
        ):
            if value not in known:
                raise BadOption(option, f"must be {' or '.join(known)}", repr(value), f"Example: {option} {known[0]}.")
        if self.reuse < 1:
            raise BadOption("--reuse", "must be 1 or more", self.reuse, "Leave it out for 1.")
        if not 0 < self.clock_ns <= 1000:
            raise BadOption("--clock", "must be 1 MHz or more", f"{1e3 / self.clock_ns:g} MHz", "Example: 200.")
        if not self.part or not all(c.isascii() and (c.isalnum() or c == "-") for c in self.part):
            rule = "must be the full order name of a part: letters, digits and dashes"
            raise BadOption("--part", rule, repr(self.part), "Example: xc7a35tcpg236-1.")

    def as_dict(self) -> dict[str, Any]:
        """The words of the manifest."""
        return asdict(self)

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> Self:
        """What as_dict told."""
        return cls(**told)
