"""Every trained network under examples/models: its three files agree, and hardware can have it exactly."""

import io
import json
import lzma
from functools import cache

import numpy as np
import onnx
import pytest
import torch

from lutwright.check.against_torch import compare_with_torch
from lutwright.frontend.export import qonnx_bytes
from lutwright.frontend.translate import import_model
from lutwright.ir.execute import execute
from lutwright.resources import room
from lutwright.runtime.frames import load_frames
from lutwright.train.model import build
from lutwright.train.recipe import Block, Mux, load_recipe

FOLDER = room("examples") / "models"
NAMES = sorted(path.name.split(".")[0] for path in FOLDER.glob("*.onnx*"))


def committed(name):
    """The path of a file, which may be compressed, and what is in it."""
    (path,) = (found for found in (FOLDER / name, FOLDER / f"{name}.xz") if found.exists())
    return path, lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()


@cache
def model(name):
    return onnx.load_from_string(committed(f"{name}.onnx")[1])


@cache
def network(name):
    _, channels, rows, columns = (d.dim_value for d in model(name).graph.input[0].type.tensor_type.shape.dim)
    classes = model(name).graph.output[0].type.tensor_type.shape.dim[1].dim_value
    made = build(load_recipe(name), (channels, rows, columns), classes, trained=True)
    made.load_state_dict(torch.load(io.BytesIO(committed(f"{name}.pt")[1]), weights_only=True))
    return made.eval(), (channels, rows, columns)


@pytest.mark.parametrize("name", NAMES)
def test_the_state_exports_to_the_model(name):
    made, shape = network(name)
    told = {entry.key: entry.value for entry in model(name).metadata_props}
    recipe = load_recipe(name)
    classes = {} if recipe.classes is None else {"lutwright.classes": ",".join(map(str, recipe.classes))}
    assert told == {"lutwright.recipe": name, "lutwright.dataset": recipe.dataset} | classes
    assert qonnx_bytes(made, (1, *shape), told) == committed(f"{name}.onnx")[1]


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
    found = compare_with_torch(made, import_model(committed(f"{name}.onnx")[0]), images)
    assert len(found) >= 4
    assert sum(each.words for each in found) > 40 * rows * columns
    assert not any(each.mismatches for each in found)


def test_a_model_of_some_classes_is_tried_on_these():
    name = "mnist-mux-six"
    graph = import_model(committed(f"{name}.onnx")[0])
    frames = load_frames(graph, "mnist5k", None)
    assert sorted(set(frames.labels.tolist())) == [0, 1, 2, 3, 4, 5] and len(frames.codes) == 600
    right = (execute(graph, frames.codes).argmax(axis=1) == frames.labels).mean()
    assert right == json.loads((FOLDER / f"{name}.history.json").read_text())["test_accuracy"]
