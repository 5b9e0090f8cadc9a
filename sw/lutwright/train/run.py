"""Training from a recipe to files: model, weights, history."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lutwright.data import DataSet, load
from lutwright.data.catalogue import ENTRIES
from lutwright.data.subset import CLASSES, only
from lutwright.errors import BadCheckpoint, BadOption, BadRecipe
from lutwright.files import new_folder, write_file
from lutwright.frontend.export import qonnx_bytes
from lutwright.train import loop
from lutwright.train.recipe import Recipe, load_recipe


@dataclass(frozen=True)
class TrainResult:
    """A finished training.

    recipe:        as it was run (seed and epochs after the options).
    network:       trained, plain Brevitas layers, eval mode.
    test_accuracy: fraction 0..1 of the test images that the network classifies right.
    history:       one record an epoch (`lutwright.train.loop.Epoch`), no times in it.
    seconds:       wall time of the training.
    model:         the QONNX file; weights (.pt) and history (.history.json) lie beside it.
    """

    recipe: Recipe
    network: nn.Sequential
    test_accuracy: float
    history: list[dict[str, Any]]
    seconds: float
    model: Path


def train_recipe(
    recipe: Recipe | str | Path,
    out: Path | None = None,
    *,
    seed: int | None = None,
    epochs_scale: float = 1.0,
    data: DataSet | None = None,
    progress: loop.Progress | None = None,
    keep: bool = False,
    resume: bool = False,
) -> TrainResult:
    """Train `recipe` (or the one of that name or path), write NAME.onnx, NAME.pt and NAME.history.json, return it all.

    out:          a folder, made anew (default ./NAME), or a path ending in .onnx beside which the rest is put.
    seed:         in place of the recipe's.
    epochs_scale: every phase's epochs times this, at least 1; for quick trials.
    data:         in place of the recipe's data set.
    progress:     called with each `loop.Epoch`.
    keep:         write a checkpoint (see `checkpoint_of`) after every epoch; it is removed when all is written.
    resume:       go on from that checkpoint, where there is one, to the same result. Without it, one that is there is
                  refused rather than lost.

    Nothing else is written until all is trained and exported.
    BadCheckpoint, BadRecipe, BadData, BadOption, TrainingFailed, OutputError.
    """
    recipe = adjusted(recipe if isinstance(recipe, Recipe) else load_recipe(recipe), seed, epochs_scale)
    out = Path(recipe.name) if out is None else out
    if recipe.positions.policy == "float":
        fix = "Take dense; lutwright.train.loop.fit trains one in floats."
        raise BadRecipe(
            f"recipe '{recipe.name}', key 'positions.policy'", "must be one that hardware can have", "'float'", fix
        )
    data = data or load(recipe.dataset)
    if recipe.classes is not None:
        data = only(data, recipe.classes)
    history: list[dict[str, Any]] = []

    def note(epoch: loop.Epoch) -> None:
        history.append(epoch.record())
        if progress is not None:
            progress(epoch)

    kept = checkpoint_of(out) if keep or resume else None
    if kept is not None and kept.exists() and not resume:
        fix = "Go on with --resume, or delete it to begin anew."
        raise BadCheckpoint(f"checkpoint '{kept}'", "must not be there when a training begins", "there", fix)
    with _target(out, recipe.name) as (folder, stem):
        started = time.perf_counter()
        network = loop.fit(recipe, data, note, kept)
        seconds = time.perf_counter() - started
        accuracy = loop.evaluate(network, data)
        files = _files(recipe, network, data, history, accuracy)
        for ending, content in files.items():
            write_file(folder / f"{stem}{ending}", content)
    if kept is not None:
        kept.unlink(missing_ok=True)
    model = out if out.suffix == ".onnx" else out / f"{recipe.name}.onnx"
    return TrainResult(recipe, network, accuracy, history, seconds, model)


def checkpoint_of(out: Path) -> Path:
    """Return the checkpoint of a training into `out`, a file beside it: NAME.checkpoint."""
    return out.with_name(f"{out.name.removesuffix('.onnx')}.checkpoint")


def adjusted(recipe: Recipe, seed: int | None, epochs_scale: float) -> Recipe:
    """Return `recipe` with another seed and with its epochs scaled; BadOption for values that mean nothing."""
    if seed is not None and not 0 <= seed < 2**63:
        raise BadOption("option --seed", "must be 0 .. 2**63 - 1", seed)
    if not 0 < epochs_scale <= 100:
        raise BadOption("option --epochs-scale", "must be above 0 and at most 100", epochs_scale)
    plan = recipe.schedule
    schedule = plan.model_copy(
        update={key: max(1, round(getattr(plan, key) * epochs_scale)) for key in ("sal_epochs", "tune_epochs")}
    )
    return recipe.model_copy(update={"schedule": schedule, "seed": recipe.seed if seed is None else seed})


@contextmanager
def _target(out: Path, name: str) -> Iterator[tuple[Path, str]]:
    """Yield the folder to write into and the stem of the files' names; a bad `out` fails before the training."""
    if out.suffix == ".onnx":
        yield out.parent, out.stem
    else:
        with new_folder(out, marker=f"{name}.history.json") as folder:
            yield folder, name


def _files(
    recipe: Recipe, network: nn.Sequential, data: DataSet, history: list[dict[str, Any]], accuracy: float
) -> dict[str, bytes]:
    """Return the three files' bytes by ending; the same for the same training."""
    _, rows, columns, channels = data.train_images.shape
    weights = io.BytesIO()
    torch.save(network.state_dict(), weights)
    named = recipe.dataset in ENTRIES
    # A path is of one machine: of the user's own data the files tell only the last name.
    shown = recipe if named else recipe.model_copy(update={"dataset": f"path:{Path(recipe.dataset).name}"})
    report = {"recipe": shown.record(), "test_accuracy": accuracy, "epochs": history}
    metadata = {"lutwright.recipe": recipe.name} | ({"lutwright.dataset": recipe.dataset} if named else {})
    if recipe.classes is not None:
        metadata[CLASSES] = ",".join(str(label) for label in recipe.classes)
    model = qonnx_bytes(network, (1, channels, rows, columns), metadata)
    return {
        ".onnx": model,
        ".pt": weights.getvalue(),
        ".history.json": (json.dumps(report, indent=1, sort_keys=True) + "\n").encode(),
    }
