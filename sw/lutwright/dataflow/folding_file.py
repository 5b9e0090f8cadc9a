"""Folding files: a user's choice of engine, PE and SIMD for every layer, as TOML.

block_rams = ["fc"]     # the memories in block RAM, by dataflow/memories.py; those that suit the board without

[layers.conv1]          # 784 clocks a frame
engine = "unrolled"     # one of folding.ENGINES
pe = 8                  # outputs at a time
simd = 9                # inputs at a time, of a mux input channels
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lutwright.dataflow.folding import Fold
from lutwright.dataflow.options import layers, require_fold
from lutwright.errors import BadFolding
from lutwright.ir.graph import Graph


class _Table(BaseModel):
    """A table of the file: a key that it does not know is an error, and 4.0 or "4" is no integer."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Layer(_Table):
    """The table of one layer."""

    engine: str
    pe: int = Field(gt=0)
    simd: int = Field(gt=0)


class _File(_Table):
    """The whole file."""

    layers: dict[str, _Layer]
    block_rams: list[str] | None = None


@dataclass(frozen=True)
class Folding:
    """A folding as a file holds it. folds: by layer. blocks: the memories in block RAM, None for those that suit."""

    folds: Mapping[str, Fold]
    blocks: tuple[str, ...] | None = None


def folding_text(folding: Folding, clocks: Mapping[str, int], title: str) -> str:
    """The file of `folding`, in the order of its layers. clocks: a frame, of each layer; `title` is a comment."""
    parts = [f"# {title}\n"]
    if folding.blocks is not None:
        names = "".join(f"\n  {json.dumps(name)}," for name in folding.blocks)
        parts.append(f"block_rams = [{names}\n]\n" if names else "block_rams = []\n")
    for name, fold in folding.folds.items():
        key = name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)
        parts.append(
            f"\n[layers.{key}]  # {clocks[name]} clocks a frame\n"
            f'engine = "{fold.engine}"\npe = {fold.pe}\nsimd = {fold.simd}\n'
        )
    return "".join(parts)


def read_folding(data: bytes, name: str, graph: Graph) -> Folding:
    """The folding that the file `name` with the content `data` gives the layers of `graph`.

    Raises BadFolding naming file, layer and key where it is not TOML, breaks the schema, or names a layer that is not
    there, leaves one out, or gives it what it cannot have.
    """
    where = f"folding file '{name}'"
    try:
        file = _File.model_validate(tomllib.loads(data.decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadFolding(where, "must be TOML", str(error), "Correct the line.") from error
    except ValidationError as error:
        raise _schema_error(where, error) from error
    nodes = {node.name: node for node in layers(graph)}
    unknown = [layer for layer in file.layers if layer not in nodes]
    if unknown:
        raise BadFolding(where, f"layers must be among {', '.join(nodes)}", f"'{unknown[0]}'", "Remove that table.")
    missing = [layer for layer in nodes if layer not in file.layers]
    if missing:
        raise BadFolding(where, f"layer '{missing[0]}' must have a table", "absent", "Add engine, pe and simd for it.")
    folds = {layer: Fold(file.layers[layer].pe, file.layers[layer].simd, file.layers[layer].engine) for layer in nodes}
    for layer, fold in folds.items():
        require_fold(nodes[layer], fold, f"{where}, layer '{layer}'")
    return Folding(folds, None if file.block_rams is None else tuple(file.block_rams))


def _schema_error(where: str, error: ValidationError) -> BadFolding:
    """The first fault of a validation, in our words."""
    first: Any = error.errors()[0]
    key = ".".join(map(str, first["loc"]))
    if first["type"] == "missing":
        return BadFolding(where, f"key '{key}' must be there", "absent", "Add it.")
    if first["type"] == "extra_forbidden":
        return BadFolding(where, f"key '{key}' is not known", fix="Remove it.")
    rule = f"key '{key}': {first['msg'][0].lower()}{first['msg'][1:]}"
    return BadFolding(where, rule, repr(first["input"]), "Correct the value.")
