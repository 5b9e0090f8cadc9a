"""A training on disk, so that one which was stopped goes on to the same result."""

from __future__ import annotations

import io
import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lutwright.errors import BadCheckpoint
from lutwright.files import write_file
from lutwright.train.recipe import Recipe

_VERSION = 1


@dataclass(frozen=True)
class Checkpoint:
    """The state after an epoch.

    phase, epoch: the phase's name, and how many of its epochs are done.
    network, optimiser, rate: their state dictionaries.
    random:       of torch's generator, uint8.
    history:      a record an epoch so far.
    """

    phase: str
    epoch: int
    network: dict[str, Any]
    optimiser: dict[str, Any]
    rate: dict[str, Any]
    random: torch.Tensor
    history: list[dict[str, Any]]


def save(path: Path, recipe: Recipe, state: Checkpoint) -> None:
    """Write `state` to `path`, all or nothing: a training killed while it writes keeps the file before."""
    buffer = io.BytesIO()
    torch.save({"version": _VERSION, "recipe": _text(recipe)} | vars(state), buffer)
    write_file(path, buffer.getvalue())


def load(path: Path, recipe: Recipe) -> Checkpoint:
    """Return the state in `path`; BadCheckpoint where it is none, damaged, or of another recipe."""
    where, fix = f"checkpoint '{path}'", "Delete it to begin anew."
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadCheckpoint(where, "must be a readable file", error.strerror) from error
    try:
        found = torch.load(io.BytesIO(raw), map_location="cpu", weights_only=True)
        recipe_text = found.pop("recipe")
        version = found.pop("version")
        state = Checkpoint(**found)
    except (
        OSError,
        RuntimeError,
        pickle.UnpicklingError,
        EOFError,
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
    ) as error:
        detail = (str(error).splitlines() or [type(error).__name__])[0]
        raise BadCheckpoint(where, f"must be one that a training wrote ({detail})", fix=fix) from error
    if version != _VERSION:
        raise BadCheckpoint(where, f"must be of version {_VERSION}", version, fix)
    if recipe_text != _text(recipe):
        raise BadCheckpoint(
            where, f"must be of recipe '{recipe.name}' as it is now", _difference(recipe_text, recipe), fix
        )
    return state


def _text(recipe: Recipe) -> str:
    return json.dumps(recipe.record(), sort_keys=True)


def _difference(text: str, recipe: Recipe) -> str:
    before, now = json.loads(text), json.loads(_text(recipe))
    keys = [key for key in sorted({*before, *now}) if before.get(key) != now.get(key)]
    return f"with another {', '.join(keys)}"
