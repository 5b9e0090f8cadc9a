"""What has been run for each board with the network of the demo: written by `make bits`, one JSON file a board.

A record is a dictionary. `project` is the digest of RTL and constraints, `tools` the versions of the packages; what
has been run is there by the name of its step:

    build      the bitstream: used, available and estimated resources, speed, seconds
    netlist    `lutwright sim --level netlist`: words, mismatches, seconds
    bitstream  `lutwright sim --level bitstream`: the same, or why it cannot be done
    synthesis  parts whose bitstream only a vendor's tool makes: lut, ff, bram and dsp as Yosys counts them
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lutwright.files import write_file
from lutwright.resources import room

Record = dict[str, Any]

STEPS = ("build", "synthesis", "netlist", "bitstream")


def results_folder() -> Path:
    """Where the records lie."""
    return room("boards") / "results"


def read_record(board: str, folder: Path | None = None) -> Record:
    """The record of `board`; empty where there is none, or none that can be read: then all is run again."""
    try:
        found = json.loads(((folder or results_folder()) / f"{board}.json").read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_record(board: str, record: Mapping[str, Any], folder: Path) -> None:
    """Keep `record` of `board`."""
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / f"{board}.json", json.dumps(record, indent=2, sort_keys=True) + "\n")


def ran(record: Mapping[str, Any]) -> tuple[str, ...]:
    """The steps of `record` that were run and ended well, in the order of STEPS."""
    good = {"build", "synthesis"} | {step for step in ("netlist", "bitstream") if _proved(record.get(step, {}))}
    return tuple(step for step in STEPS if step in record and step in good)


def _proved(step: Mapping[str, Any]) -> bool:
    return step.get("mismatches") == 0 and step.get("words", 0) > 0
