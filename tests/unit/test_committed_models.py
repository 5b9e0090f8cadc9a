"""Every trained network under examples/models: its three files agree, and hardware can have it exactly."""

import json
from functools import cache

import numpy as np
import onnx
import pytest
import torch

from lutwright.check.against_torch import compare_with_torch
from lutwright.frontend.export import qonnx_bytes
from lutwright.frontend.translate import import_model
from lutwright.resources import room
from lutwright.train.model import build
from lutwright.train.recipe import Block, Mux, load_recipe

FOLDER = room("examples") / "models"
NAMES = sorted(path.stem for path in FOLDER.glob("*.onnx"))


@cache
def model(name):
    return onnx.load(FOLDER / f"{name}.onnx")


@cache
def network(name):
    _, channels, rows, columns = (d.dim_value for d in model(name).graph.input[0].type.tensor_type.shape.dim)
    classes = model(name).graph.output[0].type.tensor_type.shape.dim[1].dim_value
    made = build(load_recipe(name), (channels, rows, columns), classes, trained=True)
    made.load_state_dict(torch.load(FOLDER / f"{name}.pt", weights_only=True))
    return made.eval(), (channels, rows, columns)


@pytest.mark.parametrize("name", NAMES)
def test_the_state_exports_to_the_model(name):
    made, shape = network(name)
    told = {entry.key: entry.value for entry in model(name).metadata_props}
    assert told == {"lutwright.recipe": name, "lutwright.dataset": load_recipe(name).dataset}
    assert qonnx_bytes(made, (1, *shape), told) == (FOLDER / f"{name}.onnx").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_the_history_is_of_the_recipe(name):
    history = json.loads((FOLDER / f"{name}.history.json").read_text())
    recipe = load_recipe(name)
    assert history["recipe"] == recipe.record()
    assert len(history["epochs"]) == recipe.schedule.sal_epochs + recipe.schedule.tune_epochs
    assert history["epochs"][-1]["accuracy"] == history["test_accuracy"]


@pytest.mark.parametrize("name", NAMES)
def test_multiplexer_layers_keep_one_weight_a_kernel(name):
    made, _ = network(name)
    recipe = load_recipe(name)
    wanted = sum(isinstance(each, Mux) + 2 * isinstance(each, Block) for each in recipe.layers)
    kept = [
        np.count_nonzero(layer.quant_weight().int().numpy().reshape(-1, layer.kernel_size[0] * layer.kernel_size[1]), 1)
        for layer in made.modules()
        if isinstance(layer, torch.nn.Conv2d) and layer.kernel_size != (1, 1)
    ]
    assert wanted and sum((counts == recipe.positions.kept).all() for counts in kept) == wanted


@pytest.mark.parametrize("name", NAMES)
def test_integers_are_those_of_pytorch(name):
    made, (channels, rows, columns) = network(name)
    images = np.random.default_rng(7).integers(0, 256, (40, rows, columns, channels), dtype=np.uint8)
    found = compare_with_torch(made, import_model(FOLDER / f"{name}.onnx"), images)
    assert len(found) >= 4
    assert sum(each.words for each in found) > 40 * rows * columns
    assert not any(each.mismatches for each in found)
