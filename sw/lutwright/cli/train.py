"""The verb `train`: a recipe becomes a trained, exported network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from lutwright.cli.console import JSON_OPTION, answer, terminal, verb
from lutwright.train import need_torch
from lutwright.train.recipe import load_recipe

if TYPE_CHECKING:
    from lutwright.train.loop import Epoch
    from lutwright.train.loop import Progress as OnEpoch


@verb
def train(
    recipe: str = typer.Argument(help="A built-in recipe's name, or the path of a .toml file."),
    out: Path | None = typer.Option(None, help="Folder for the results (default ./NAME), or a path ending in .onnx."),
    seed: int | None = typer.Option(None, help="Seed of every random number, in place of the recipe's."),
    epochs_scale: float = typer.Option(1.0, help="Multiply every phase's epochs, e.g. 0.1 for a quick trial."),
    resume: bool = typer.Option(False, help="Go on from the checkpoint of a training that was stopped."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Train a quantised network and export it as QONNX; a checkpoint after each epoch lies beside the results."""
    need_torch()
    plan = load_recipe(recipe)
    from lutwright.train.run import adjusted, train_recipe  # not at the top: torch takes seconds to import

    plan = adjusted(plan, seed, epochs_scale)
    with training_bar(plan.schedule.sal_epochs + plan.schedule.tune_epochs) as on_epoch:
        result = train_recipe(plan, out, progress=on_epoch, keep=True, resume=resume)
    terminal.print(
        f"{result.model}: {result.test_accuracy:.1%} of the test images, "
        f"{len(result.history)} epochs in {result.seconds:.0f} s"
    )
    answer(
        {
            "recipe": plan.name,
            "model": str(result.model),
            "test_accuracy": result.test_accuracy,
            "seed": plan.seed,
            "epochs": len(result.history),
            "seconds": round(result.seconds, 1),
        },
        as_json,
    )


@contextmanager
def training_bar(epochs: int) -> Iterator[OnEpoch]:
    """Show a progress bar of `epochs` epochs on standard error; yield the callback that moves it on."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[state]}"),
    )
    with Progress(*columns, console=terminal, transient=True) as bar:
        task = bar.add_task("train", total=epochs, state="")

        def moved(epoch: Epoch) -> None:
            warmth = "" if epoch.temperature is None else f"  T {epoch.temperature:.1f}"
            test = "" if epoch.accuracy is None else f"  test {epoch.accuracy:.1%}"
            state = f"loss {epoch.loss:.3f}{test}{warmth}"
            bar.update(task, advance=1, description=epoch.phase, state=state)

        yield moved
