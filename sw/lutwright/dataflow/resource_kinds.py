"""The resources that a board runs out of, as a vector."""

from __future__ import annotations

from lutwright.dataflow.cost import Cost

KINDS = ("lut", "ff", "bram", "dsp")
"""The resources, in the order of every vector of them."""


def vector(need: Cost, family: str) -> list[float]:
    """`need` on `family` in the order of KINDS."""
    there = need.on(family)
    return [there.lut, there.ff, there.bram, there.dsp]
