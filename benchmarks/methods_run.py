"""One network trained by one method, and what it would be as hardware."""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from lutwright.boards import load_board
from lutwright.data import DataSet, load
from lutwright.dataflow.choice import with_folds
from lutwright.dataflow.choose import choose
from lutwright.dataflow.folding import fold_graph
from lutwright.dataflow.lower import Target
from lutwright.emit.project import hardware_graph
from lutwright.errors import DoesNotFit
from lutwright.frontend.export import qonnx_bytes
from lutwright.ir.graph import Graph
from lutwright.train import loop
from lutwright.train.recipe import Recipe, load_recipe

METHODS: dict[str, str] = {
    "float": "dense, float",
    "dense": "dense, quantised",
    "shift": "shift: fixed positions, shared",
    "guided": "guided: fixed positions, a pair each",
    "magnitude": "magnitude, by and by",
    "sal": "SAL, a pair each",
    "sal-shared": "SAL, shared",
    "sal-tied": "SAL, shared and tied",
}
"""What a recipe's policy is called in the tables."""


@dataclass(frozen=True)
class Job:
    """A training: a recipe with another policy, seed, and number of epochs."""

    recipe: str
    method: str
    seed: int
    scale: float

    def made(self) -> Recipe:
        """Return the recipe as it is trained."""
        recipe = load_recipe(self.recipe)
        plan = recipe.schedule
        epochs = {key: max(1, round(getattr(plan, key) * self.scale)) for key in ("sal_epochs", "tune_epochs")}
        # Only the last look at the test images is reported.
        schedule = plan.model_copy(update=epochs | {"evaluate_every": 10_000})
        positions = recipe.positions.model_copy(update={"policy": self.method})
        return recipe.model_copy(update={"seed": self.seed, "schedule": schedule, "positions": positions})

    def digest(self) -> str:
        """Return what tells this training from every other, however its recipe is edited."""
        return hashlib.sha256(json.dumps(self.made().record(), sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Result:
    """What came of a job.

    accuracy:   of the test images, 0..1.
    weights:    other than zero, in convolutions and the last layer.
    bits:       of their storage: a weight's own, and for a multiplexer the position's.
    operations: multiply-accumulates, or selections and additions, a frame.
    lut, bram:  estimated at `interval` clocks a frame, the same for all methods; None for floats.
    fps:        frames a second of the fastest folding that fits the board, by the estimate; None where none fits.
    """

    digest: str
    method: str
    seed: int
    epochs: int
    accuracy: float
    weights: int
    bits: int
    operations: int
    lut: int | None
    bram: int | None
    interval: int
    fps: float | None


def run(job: Job, board: str, interval: int, kept: Path | None, tell: Callable[[str], None]) -> tuple[Result, bytes]:
    """Train `job`, going on from the checkpoint `kept` where there is one; return its result and model (QONNX)."""
    recipe = job.made()
    data = load(recipe.dataset)

    def note(epoch: loop.Epoch) -> None:
        tell(f"{job.recipe} {job.method} seed {job.seed}: {epoch.phase} {epoch.epoch}/{epoch.epochs} {epoch.loss:.3f}")

    network = loop.fit(recipe, data, note, kept)
    accuracy = loop.evaluate(network, data)
    weights, bits = storage(network, job.method)
    model = b"" if job.method == "float" else qonnx_bytes(network, (1, *_shape(data)))
    hardware = (
        hardware_of(model, board, interval) if model else {"lut": None, "bram": None, "fps": None, "interval": interval}
    )
    epochs = recipe.schedule.sal_epochs + recipe.schedule.tune_epochs
    operations = operations_of(network, _shape(data))
    result = Result(job.digest(), job.method, job.seed, epochs, accuracy, weights, bits, operations, **hardware)
    return result, model


def _shape(data: DataSet) -> tuple[int, int, int]:
    _, rows, columns, channels = data.train_images.shape
    return channels, rows, columns


def storage(network: nn.Module, method: str) -> tuple[int, int]:
    """Return (weights other than zero, bits to store them) of all convolutions and dense layers."""
    weights = bits = 0
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            codes = _codes(layer)
            wide = 32 if method == "float" else int(layer.quant_weight().bit_width)  # type: ignore[operator,union-attr]
            count = int(np.count_nonzero(codes)) if _is_mux(codes) else codes.size
            weights += count
            bits += count * wide + _position_bits(codes)
    return weights, bits


def _codes(layer: nn.Conv2d | nn.Linear) -> np.ndarray[Any, Any]:
    quantised = getattr(layer, "quant_weight", None)
    return (layer.weight if quantised is None else quantised().int()).detach().numpy()  # type: ignore[no-any-return]


def _is_mux(codes: np.ndarray[Any, Any]) -> bool:
    if codes.ndim < 4 or codes.shape[2] * codes.shape[3] == 1:
        return False
    return bool((np.count_nonzero(codes.reshape(*codes.shape[:2], -1), axis=-1) <= 1).all())


def _position_bits(codes: np.ndarray[Any, Any]) -> int:
    """Return the bits of a multiplexer layer's positions: one for each pair, or for each input where all share it."""
    if not _is_mux(codes):
        return 0
    chosen = (codes != 0).reshape(*codes.shape[:2], -1)
    shared = bool((chosen == chosen[:1]).all())
    return math.ceil(math.log2(chosen.shape[2])) * chosen.shape[1] * (1 if shared else chosen.shape[0])


def operations_of(network: nn.Module, shape: tuple[int, int, int]) -> int:
    """Return the products with weights other than zero that one frame takes."""
    total = 0

    def note(layer: nn.Module, _: Any, out: torch.Tensor) -> None:
        nonlocal total
        codes = _codes(layer)  # type: ignore[arg-type]
        each = int(np.count_nonzero(codes)) if _is_mux(codes) else codes.size
        total += each * (out.shape[2] * out.shape[3] if out.dim() == 4 else 1)

    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    with torch.no_grad():
        network.eval()(torch.zeros(1, *shape))
    for hook in hooks:
        hook.remove()
    return total


def hardware_of(model: bytes, board: str, interval: int) -> dict[str, Any]:
    """Return the estimate at `interval` clocks a frame, and the frames a second of the fastest folding that fits."""
    graph = _graph(model)
    chip = load_board(board)
    made = with_folds(graph, fold_graph(graph, interval), Target(interval, 2), chip)
    try:
        fps = chip.clock.mhz * 1e6 / choose(graph, chip).pipeline.interval
    except DoesNotFit:
        fps = None
    lut, bram = (round(float(value)) for value in (made.estimate.lut, made.estimate.bram))
    return {"lut": lut, "bram": bram, "fps": fps, "interval": interval}


def _graph(model: bytes) -> Graph:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(model)
        return hardware_graph(path)


def record(result: Result) -> dict[str, Any]:
    """Return `result` as plain values for JSON."""
    return asdict(result)
