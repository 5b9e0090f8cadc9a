"""How many clocks beats take in the steady state, for the benches of the stream cells."""

from __future__ import annotations

from typing import Any


def check_rate(clocks: list[int], rate: dict[str, int], where: Any) -> None:
    """Assert that any `rate["beats"]` beats, after the first so many, took `rate["clocks"]` clocks.

    clocks: the clock in which each beat moved. where: what the message names.
    """
    frame = rate["beats"]
    steady = range(frame, len(clocks) - frame)
    assert steady, f"{where}: {len(clocks)} beats are too few to measure {frame} in the steady state"
    for beat in steady:
        took = clocks[beat + frame] - clocks[beat]
        assert took == rate["clocks"], (
            f"{where}: {frame} beats from beat {beat} on took {took} clocks, not {rate['clocks']}"
        )
