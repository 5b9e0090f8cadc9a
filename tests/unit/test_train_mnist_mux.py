"""The committed network examples/models/mnist-mux: what its two files say, and that they say the same."""

import json

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from lutwright import resources

MODELS = resources.room("examples") / "models"
MUX = ("conv2", "conv3")


@pytest.fixture(scope="module")
def tensors():
    model = onnx.load(MODELS / "mnist-mux.onnx")
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


@pytest.fixture(scope="module")
def network():
    from lutwright.train.reference import load_model

    return load_model("mnist-mux", MODELS / "mnist-mux.pt")


def codes(tensors, layer):
    scale, bits = tensors[f"{layer}.weight_quant.scale"], int(tensors[f"{layer}.weight_quant.bits"])
    top = 2 ** (bits - 1) - 1
    return np.clip(np.round(tensors[f"{layer}.weight"] / scale), -top, top).astype(int)


@pytest.mark.parametrize("layer", MUX)
def test_one_binary_weight_a_kernel(tensors, layer):
    found = codes(tensors, layer)
    kept = np.count_nonzero(found.reshape(*found.shape[:2], -1), axis=-1)
    assert (kept == 1).all()
    assert set(np.unique(found)) == {-1, 0, 1}


def test_every_scale_is_a_power_of_two(tensors):
    scales = {name: float(value) for name, value in tensors.items() if name.endswith(".scale")}
    assert len(scales) == 8
    assert all(np.frexp(value)[0] == 0.5 for value in scales.values()), scales


@pytest.mark.parametrize("layer", ["conv1", *MUX, "fc"])
def test_both_files_hold_the_same_integers(tensors, network, layer):
    wanted = getattr(network, layer).quant_weight().int().numpy()
    found = codes(tensors, layer)
    assert (wanted == (found.T if layer == "fc" else found)).all()  # ONNX stores fc as [in, out]


@pytest.mark.parametrize("layer", ["bn1", "bn2", "bn3"])
def test_both_files_hold_the_same_batch_norms(tensors, network, layer):
    for role in ("weight", "bias", "running_mean", "running_var"):
        assert (getattr(getattr(network, layer), role).detach().numpy() == tensors[f"{layer}.{role}"]).all()


@pytest.mark.parametrize("layer", ["bn1", "bn2", "bn3"])
def test_gains_are_one_power_of_two_a_layer(tensors, layer):
    gain = tensors[f"{layer}.weight"] / np.sqrt(tensors[f"{layer}.running_var"] + np.float32(1e-5))
    assert len(set(gain.tolist())) == 1 and np.frexp(gain[0])[0] == 0.5
    assert not tensors[f"{layer}.running_mean"].any()


def test_every_step_is_one_constant_shift():
    from lutwright.frontend.translate import import_model
    from lutwright.passes import run_pipeline

    forms = [
        node.attrs["form"] for node in run_pipeline(import_model(MODELS / "mnist-mux.onnx")).nodes if node.op == "Step"
    ]
    assert [form.form for form in forms] == ["shift"] * 3
    assert all((form.multiplier == 1).all() for form in forms)


def test_file_names_its_data_and_recipe():
    model = onnx.load(MODELS / "mnist-mux.onnx")
    assert {entry.key: entry.value for entry in model.metadata_props} == {
        "lutwright.dataset": "mnist5k",
        "lutwright.recipe": "mnist-mux",
    }


def test_accuracy_of_the_unmodified_forward(network):
    from lutwright.data import load
    from lutwright.train.loop import evaluate

    accuracy = evaluate(network, load("mnist5k"))
    history = json.loads((MODELS / "mnist-mux.history.json").read_text())
    assert accuracy == history["test_accuracy"]
    assert accuracy >= 0.975


def test_history_is_of_the_built_in_recipe():
    from lutwright.train.recipe import load_recipe

    history = json.loads((MODELS / "mnist-mux.history.json").read_text())
    assert history["recipe"] == load_recipe("mnist-mux").record()


def test_network_is_made_of_brevitas_layers_alone(network):
    homes = {type(module).__module__.split(".")[0] for module in network.children()}
    assert homes == {"brevitas", "torch"}
