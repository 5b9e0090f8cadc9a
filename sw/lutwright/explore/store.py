"""Finished jobs on disk, one JSON file each, named by the key of the job: a second run takes them from there."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from lutwright.explore.jobs import Outcome
from lutwright.files import write_file


class Store:
    """The outcomes in `folder`, by the key of their job."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: str) -> Outcome | None:
        """The outcome of the job `key`; None where there is none, or none that can be read: then it is done again."""
        try:
            return Outcome(**json.loads(self._path(key).read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def put(self, key: str, outcome: Outcome) -> None:
        """Keep `outcome`."""
        write_file(self._path(key), json.dumps(asdict(outcome), indent=2, sort_keys=True) + "\n")

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"
