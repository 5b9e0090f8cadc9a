"""PyTorch's own answer, layer by layer, from a trained Brevitas module that nothing was changed in."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path

import numpy as np
import torch
from brevitas.nn import QuantIdentity, QuantReLU
from numpy.typing import NDArray
from torch import nn

from lutwright.data import load
from lutwright.errors import BadModel
from lutwright.train.model import build
from lutwright.train.recipe import Recipe, load_recipe

_COMPARED = (QuantIdentity, QuantReLU, nn.MaxPool2d)


def load_model(recipe: Recipe | str | Path, state_path: Path) -> nn.Sequential:
    """Return the trained module of `recipe` in eval mode: Brevitas and PyTorch layers only, weights from `state_path`.

    BadModel where the file is missing, is no state dictionary or is that of another network.
    """
    if not isinstance(recipe, Recipe):
        recipe = load_recipe(recipe)
    data = load(recipe.dataset)
    _, rows, columns, channels = data.train_images.shape
    network = build(recipe, (channels, rows, columns), data.classes, trained=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            state = torch.load(state_path, map_location="cpu", weights_only=True)
        network.load_state_dict(state)
    except OSError as error:
        raise BadModel(f"state '{state_path}'", "must be a readable file", error.strerror) from error
    except (
        RuntimeError,
        pickle.UnpicklingError,
        EOFError,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
    ) as error:
        detail = (str(error).splitlines() or [type(error).__name__])[0]
        raise BadModel(
            f"state '{state_path}'",
            f"must be the saved weights of recipe '{recipe.name}' ({detail})",
            fix="Train again with `lutwright train`.",
        ) from error
    return network.eval()


def layer_outputs(module: nn.Module, images: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Return what each compared layer of `module` puts out, by module name, in order of computation.

    images: float32 [N, C, H, W] as `lutwright.data.presented` makes them.

    The layers are the input quantiser, the activation quantisers and the pools, float32 [N, C, H, W], then the
    logits under "logits", float32 [N, classes]. The forward is Brevitas's own, in eval mode.
    """
    found: dict[str, NDArray[np.float32]] = {}

    def note(name: str, value: torch.Tensor) -> None:
        found[name] = value.detach().numpy().copy()

    hooks = [
        layer.register_forward_hook(lambda _, __, value, name=name: note(name, value))
        for name, layer in module.named_modules()
        if isinstance(layer, _COMPARED)
    ]
    training = module.training
    try:
        with torch.no_grad():
            note("logits", module.eval()(torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32))))
    finally:
        module.train(training)
        for hook in hooks:
            hook.remove()
    return found
