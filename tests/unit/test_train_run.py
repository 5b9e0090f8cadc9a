"""A tiny training from recipe to files: same bytes twice, exact export, named failures, nothing half-written."""

import json

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from lutwright import data
from lutwright import train as train_room
from lutwright.data import subset
from lutwright.errors import (
    BadCheckpoint,
    BadData,
    BadModel,
    BadOption,
    BadRecipe,
    OutputError,
    ToolMissing,
    TrainingFailed,
)
from lutwright.frontend.export import qonnx_bytes
from lutwright.train import augment, checkpoint, loop
from lutwright.train.recipe import Augment, Recipe
from lutwright.train.reference import layer_outputs, load_model
from lutwright.train.run import train_recipe


def tiny(**changes):
    table = {
        "name": "tiny",
        "dataset": "mnist5k",
        "seed": 7,
        "input_bits": 4,
        "schedule": {"sal_epochs": 2, "tune_epochs": 1, "batch": 16, "lr": 0.01, "tune_lr": 0.005},
        "attention": {"t_init": 1.0, "t_final": 40.0},
        "augment": {"shift": 1.0, "rotate": 5.0, "scale": 0.05},
        "layers": [
            {"kind": "conv", "out": 3, "weight_bits": 4, "act_bits": 4},
            {"kind": "pool", "size": 4},
            {"kind": "mux", "out": 5, "weight_bits": 2, "act_bits": 3},
            {"kind": "pool"},
            {"kind": "dense", "weight_bits": 3},
        ],
    }
    return Recipe.model_validate(table | changes)


@pytest.fixture(scope="module")
def few():
    whole = data.load("mnist5k")
    return data.DataSet(
        "few", whole.train_images[::50], whole.train_labels[::50], whole.test_images[:40], whole.test_labels[:40], 10
    )


@pytest.fixture(scope="module")
def trained(few, tmp_path_factory):
    return train_recipe(tiny(), tmp_path_factory.mktemp("run") / "tiny", data=few)


def files(result):
    return {path.name: path.read_bytes() for path in sorted(result.model.parent.iterdir())}


def codes(tensors, layer):
    """Integer weights of `layer` in the ONNX file, computed by numpy alone: round half to even, clip, narrow."""
    scale, bits = tensors[f"{layer}.weight_quant.scale"], int(tensors[f"{layer}.weight_quant.bits"])
    top = 2 ** (bits - 1) - 1
    return np.clip(np.round(tensors[f"{layer}.weight"] / scale), -top, top).astype(int)


def initialisers(model):
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def test_same_bytes_twice(trained, few, tmp_path):
    torch.rand(3)  # what was drawn before must not matter
    again = train_recipe(tiny(), tmp_path / "tiny", data=few)
    assert list(files(trained)) == ["tiny.history.json", "tiny.onnx", "tiny.pt"]
    assert files(again) == files(trained)


def test_another_seed_is_another_network(trained, few, tmp_path):
    other = train_recipe(tiny(), tmp_path / "tiny", seed=8, data=few)
    assert other.recipe.seed == 8
    assert files(other)["tiny.onnx"] != files(trained)["tiny.onnx"]


def test_some_classes_are_trained_and_told(few, tmp_path):
    result = train_recipe(tiny(classes=[7, 2, 4]), tmp_path / "tiny", data=few)
    assert [layer.out_features for layer in result.network.children() if hasattr(layer, "out_features")] == [3]
    told = {entry.key: entry.value for entry in onnx.load(result.model).metadata_props}
    assert told["lutwright.classes"] == "7,2,4"
    assert json.loads(files(result)["tiny.history.json"])["recipe"]["classes"] == [7, 2, 4]
    tested = subset.only(few, (7, 2, 4))
    assert result.test_accuracy == loop.evaluate(result.network, tested)


def test_a_class_that_the_data_has_not(few, tmp_path):
    with pytest.raises(BadData, match="data set 'few': classes must be of 0 to 9, not 11"):
        train_recipe(tiny(classes=[1, 11]), tmp_path / "tiny", data=few)
    assert not (tmp_path / "tiny").exists()


def test_training_leaves_torch_as_it_was(few, tmp_path):
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.random.get_rng_state()
    train_recipe(tiny(), tmp_path / "tiny", data=few, epochs_scale=0.1)
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before[:2]
    assert torch.equal(torch.random.get_rng_state(), before[2])


def test_history_tells_phases_and_temperature(trained):
    report = json.loads(files(trained)["tiny.history.json"])
    epochs = report["epochs"]
    assert [(epoch["phase"], epoch["epoch"]) for epoch in epochs] == [("sal", 1), ("sal", 2), ("tune", 1)]
    assert epochs[0]["temperature"] == pytest.approx(40**0.5) and epochs[1]["temperature"] == pytest.approx(40.0)
    assert epochs[2]["temperature"] is None
    assert report["test_accuracy"] == trained.test_accuracy and report["recipe"]["name"] == "tiny"
    assert trained.history == epochs


def test_progress_sees_every_epoch(few, tmp_path):
    seen = []
    train_recipe(tiny(), tmp_path / "tiny", data=few, epochs_scale=0.1, progress=seen.append)
    assert [(epoch.phase, epoch.epoch, epoch.epochs) for epoch in seen] == [("sal", 1, 1), ("tune", 1, 1)]


def test_exported_graph(trained):
    model = onnx.load(trained.model)
    nodes = [(node.op_type, node.name) for node in model.graph.node]
    assert [name for op, name in nodes if op != "Quant"] == [
        "conv1",
        "bn1",
        "act1.relu",
        "pool1",
        "conv2",
        "bn2",
        "act2.relu",
        "pool2",
        "flatten",
        "fc",
    ]
    assert sorted(name for op, name in nodes if op == "Quant") == [
        "act1",
        "act2",
        "conv1.weight_quant",
        "conv2.weight_quant",
        "fc.weight_quant",
        "input",
    ]
    assert {node.domain for node in model.graph.node if node.op_type == "Quant"} == {"qonnx.custom_op.general"}
    assert "qonnx.custom_op.general" in {opset.domain for opset in model.opset_import}
    assert (model.graph.input[0].name, model.graph.output[0].name) == ("input", "output")
    names = [node.name for node in model.graph.node]
    assert len(set(names)) == len(names)


def test_exported_file_tells_nothing_of_the_machine(trained):
    raw = trained.model.read_bytes()
    assert not any(word in raw for word in (b"/tmp", b"/home", b"site-packages", b".py", b"pytorch"))
    model = onnx.load_from_string(raw)
    assert model.producer_name == "lutwright" and not model.doc_string


def test_exported_file_names_its_data_and_recipe(trained):
    found = [(entry.key, entry.value) for entry in onnx.load(trained.model).metadata_props]
    assert found == [("lutwright.dataset", "mnist5k"), ("lutwright.recipe", "tiny")]


def test_metadata_is_written_in_order_of_the_keys(trained):
    shape = (1, 1, 28, 28)
    one, other = (
        qonnx_bytes(trained.network, shape, dict(pairs))
        for pairs in ((("b", "2"), ("a", "1")), (("a", "1"), ("b", "2")))
    )
    assert one == other
    assert [entry.key for entry in onnx.load_from_string(one).metadata_props] == ["a", "b"]
    assert not onnx.load_from_string(qonnx_bytes(trained.network, shape)).metadata_props


@pytest.mark.parametrize("norm", ["power-of-two", "power-of-two-shared"])
def test_exported_gains_are_powers_of_two(few, tmp_path, norm):
    first, again = (train_recipe(tiny(norm=norm), tmp_path / name, data=few) for name in ("one", "two"))
    assert files(first) == files(again)
    tensors = initialisers(onnx.load(first.model))
    for layer in ("bn1", "bn2"):
        gain = tensors[f"{layer}.weight"] / np.sqrt(tensors[f"{layer}.running_var"] + np.float32(1e-5))
        assert (np.frexp(gain)[0] == 0.5).all() and (norm == "power-of-two" or len(set(gain.tolist())) == 1)
        assert type(getattr(first.network, layer)) is torch.nn.BatchNorm2d
    restored = load_model(first.recipe, first.model.with_suffix(".pt"))
    assert loop.evaluate(restored, few) == first.test_accuracy


def test_what_is_trained_is_what_is_exported(few, tmp_path):
    # With powers of two nothing is measured after the last step, so the last epoch's accuracy is the file's.
    result = train_recipe(tiny(norm="power-of-two-shared"), tmp_path / "tiny", data=few)
    assert result.history[-1]["accuracy"] == result.test_accuracy


def test_multiplexer_weights_stand_still_while_held(few, tmp_path):
    def weights(hold, tune_lr):
        plan = {"sal_epochs": 1, "tune_epochs": 2, "batch": 16, "lr": 0.01, "tune_lr": tune_lr, "hold": hold}
        network = train_recipe(tiny(schedule=plan), tmp_path / f"{hold}-{tune_lr}", data=few).network
        return network.conv2.weight, network.conv1.weight

    (mux, stem), (same, other) = weights(1.0, 0.01), weights(1.0, 0.1)
    assert torch.equal(mux, same)
    assert not torch.equal(stem, other)  # the dense convolution goes on learning
    assert not torch.equal(weights(0.0, 0.1)[0], weights(0.5, 0.1)[0])


def test_exported_mux_kernels_have_one_weight(trained):
    found = codes(initialisers(onnx.load(trained.model)), "conv2")
    assert found.shape == (5, 3, 3, 3)
    assert (np.count_nonzero(found.reshape(5, 3, 9), axis=-1) == 1).all() and set(np.unique(found)) <= {-1, 0, 1}


def test_scales_are_powers_of_two(trained):
    tensors = initialisers(onnx.load(trained.model))
    for name, value in tensors.items():
        if name.endswith(".scale"):
            assert np.frexp(float(value))[0] == 0.5, name
    assert float(tensors["input.scale"]) == 1 / 16 and float(tensors["input.bits"]) == 4


def test_saved_state_restores_the_network(trained, few):
    again = load_model(trained.recipe, trained.model.with_suffix(".pt"))
    pixels = data.presented(few.test_images)
    wanted, found = layer_outputs(trained.network, pixels), layer_outputs(again, pixels)
    assert list(found) == ["input", "act1", "pool1", "act2", "pool2", "logits"]
    for name, value in wanted.items():
        assert (found[name] == value).all(), name
        assert found[name].dtype == np.float32
    assert found["act2"].shape == (40, 5, 7, 7) and found["logits"].shape == (40, 10)
    assert (found["input"] == np.minimum(np.round(pixels * 16), 15) / 16).all()


def test_layer_outputs_leaves_no_hooks(trained, few):
    layer_outputs(trained.network, data.presented(few.test_images[:1]))
    assert not any(module._forward_hooks for module in trained.network.modules())


def test_state_of_another_network(trained):
    with pytest.raises(BadModel, match="must be the saved weights of recipe 'mnist-mux'"):
        load_model("mnist-mux", trained.model.with_suffix(".pt"))


@pytest.mark.parametrize("content", [b"", b"no archive at all", b"\x80\x04N."])
def test_state_that_is_no_state(tmp_path, content):
    (tmp_path / "x.pt").write_bytes(content)
    with pytest.raises(BadModel, match="must be the saved weights"):
        load_model(tiny(), tmp_path / "x.pt")


def test_state_that_is_absent(tmp_path):
    with pytest.raises(BadModel, match="must be a readable file, not No such file"):
        load_model(tiny(), tmp_path / "x.pt")


def test_truncated_state(trained, tmp_path):
    (tmp_path / "x.pt").write_bytes(trained.model.with_suffix(".pt").read_bytes()[:-500])
    with pytest.raises(BadModel):
        load_model(tiny(), tmp_path / "x.pt")


def test_loss_that_is_not_finite(few, tmp_path, monkeypatch):
    monkeypatch.setattr(loop.functional, "cross_entropy", lambda *_, **__: torch.tensor(float("nan")))
    with pytest.raises(TrainingFailed, match="recipe 'tiny', phase sal, epoch 1: the loss must be finite, not nan"):
        train_recipe(tiny(), tmp_path / "tiny", data=few)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("out", ["tiny", "tiny.onnx"])
def test_interrupt_leaves_nothing(few, tmp_path, out):
    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_recipe(tiny(), tmp_path / out, data=few, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_out_may_be_a_file(few, tmp_path):
    result = train_recipe(tiny(), tmp_path / "deep" / "net.onnx", data=few, epochs_scale=0.1)
    assert result.model == tmp_path / "deep" / "net.onnx"
    assert list(files(result)) == ["net.history.json", "net.onnx", "net.pt"]


def test_out_with_other_files_is_refused_before_training(few, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="must be empty or an earlier result"):
        train_recipe(tiny(), tmp_path, data=few, progress=lambda _: pytest.fail("trained"))


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ({"epochs_scale": 0.0}, "--epochs-scale"),
        ({"epochs_scale": float("nan")}, "--epochs-scale"),
        ({"seed": -1}, "--seed"),
    ],
)
def test_options_that_mean_nothing(few, tmp_path, option, told):
    with pytest.raises(BadOption, match=told):
        train_recipe(tiny(), tmp_path / "tiny", data=few, **option)


def test_pooling_away_the_image(few, tmp_path):
    layers = [{"kind": "pool", "size": 8}, {"kind": "pool", "size": 8}, {"kind": "dense", "weight_bits": 3}]
    with pytest.raises(BadRecipe, match=r"key 'layers.1': pooling must leave at least one row"):
        train_recipe(tiny(layers=layers), tmp_path / "tiny", data=few)


def test_no_augmentation_changes_nothing(few):
    images = torch.from_numpy(data.presented(few.test_images))
    assert augment.augmented(images, Augment()) is images
    turned = augment.augmented(images, Augment(shift=1.0, rotate=8.0))
    assert turned.shape == images.shape and not torch.equal(turned, images)


def test_shift_of_whole_pixels(monkeypatch, few):
    images = torch.from_numpy(data.presented(few.test_images[:1]))
    monkeypatch.setattr(torch, "rand", lambda *_: torch.tensor([[0.5], [0.5], [1.0], [0.5]]))  # draws 0, 0, +1, 0
    moved = augment.augmented(images, Augment(shift=2.0))
    assert torch.allclose(moved[..., :-2], images[..., 2:], atol=1e-5)


def test_missing_torch(monkeypatch):
    monkeypatch.setattr(train_room.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ToolMissing, match=r"package 'torch'.*pip install 'lutwright\[train\]'"):
        train_room.need_torch()


def test_crops_and_flips_by_hand(few):
    images = torch.from_numpy(data.presented(few.test_images))
    torch.manual_seed(0)
    changed = augment.augmented(images, Augment(crop=2, flip=True))
    padded = torch.nn.functional.pad(images, (2, 2, 2, 2))
    windows = [padded[..., down : down + 28, right : right + 28] for down in range(5) for right in range(5)]
    every = torch.stack(windows + [window.flip(-1) for window in windows])
    assert (every == changed).flatten(2).all(-1).any(0).all()
    assert len({tuple(image.flatten().tolist()) for image in changed}) == len(images)


def test_data_of_the_users_own_leaves_no_path(few, tmp_path):
    np.savez(
        tmp_path / "mine.npz",
        x_train=few.train_images,
        y_train=few.train_labels,
        x_test=few.test_images,
        y_test=few.test_labels,
    )
    result = train_recipe(tiny(dataset=f"path:{tmp_path / 'mine.npz'}"), tmp_path / "tiny", epochs_scale=0.1)
    for content in files(result).values():
        assert str(tmp_path).encode() not in content
    assert json.loads(files(result)["tiny.history.json"])["recipe"]["dataset"] == "path:mine.npz"
    assert [entry.key for entry in onnx.load(result.model).metadata_props] == ["lutwright.recipe"]


# ---- residual blocks, strides, averages ------------------------------------------------------------------------------

RESIDUAL = [
    {"kind": "conv", "out": 4, "stride": 2, "weight_bits": 4, "act_bits": 4},
    {"kind": "pool", "size": [3, 7]},
    {"kind": "block", "out": 4, "weight_bits": 3, "act_bits": 4},
    {"kind": "block", "out": 6, "stride": 2, "weight_bits": 3, "act_bits": 4},
    {"kind": "mux", "out": 5, "kernel": [1, 3], "weight_bits": 3, "act_bits": 4},
    {"kind": "average"},
    {"kind": "dense", "weight_bits": 4},
]


@pytest.mark.parametrize("policy", ["sal", "sal-tied", "guided", "dense"])
def test_residual_network(few, tmp_path, policy):
    recipe = tiny(layers=RESIDUAL, positions={"policy": policy})
    result = train_recipe(recipe, tmp_path / "tiny", data=few, epochs_scale=0.5)
    homes = {type(module).__module__.split(".")[0] for module in result.network.modules()}
    assert homes <= {"brevitas", "torch", "lutwright"}
    again = load_model(recipe, result.model.with_suffix(".pt"))
    pixels = data.presented(few.test_images)
    wanted, found = layer_outputs(result.network, pixels), layer_outputs(again, pixels)
    assert "block2.beside.codes" in found and found["block2.act"].shape == (40, 6, 2, 1)
    assert all((found[name] == value).all() for name, value in wanted.items())
    tensors = initialisers(onnx.load(result.model))
    count = np.count_nonzero(codes(tensors, "block1.path.conv2").reshape(4, 4, 9), axis=-1)
    assert (count > 1).any() if policy == "dense" else (count == 1).all()


def test_float_network_is_for_comparison_only(few, tmp_path):
    recipe = tiny(layers=RESIDUAL, positions={"policy": "float"})
    seen = []
    network = loop.fit(recipe, few, seen.append)
    assert not any("brevitas" in type(module).__module__ for module in network.modules()) and len(seen) == 3
    with pytest.raises(BadRecipe, match=r"key 'positions.policy': must be one that hardware can have, not 'float'"):
        train_recipe(recipe, tmp_path / "tiny", data=few)


def test_residual_network_in_integers(few, tmp_path):
    from lutwright.frontend.translate import import_model
    from lutwright.ir.execute import execute

    result = train_recipe(tiny(layers=RESIDUAL), tmp_path / "tiny", data=few, epochs_scale=0.5)
    graph = import_model(result.model)
    pixels = data.presented(few.test_images)
    logits = layer_outputs(result.network, pixels)["logits"]
    words = execute(graph, graph.edge.codes(graph.edge.arrange(pixels)))
    assert (words * graph.tensors[graph.output].scale == logits).all()


# ---- checkpoints -----------------------------------------------------------------------------------------------------


class Killed(BaseException):
    pass


def killed_after(epochs):
    seen = []

    def progress(epoch):
        seen.append(epoch)
        if len(seen) == epochs + 1:
            raise Killed

    return progress


@pytest.mark.parametrize("norm", ["batch", "power-of-two-shared"])
@pytest.mark.parametrize("policy", ["sal", "sal-tied", "magnitude"])
def test_stopped_training_goes_on_to_the_same_result(few, tmp_path, norm, policy):
    plan = {"sal_epochs": 2, "tune_epochs": 2, "batch": 16, "lr": 0.01, "tune_lr": 0.005, "hold": 0.5, "warm_up": 0.2}
    recipe = tiny(norm=norm, schedule=plan, positions={"policy": policy})
    whole = train_recipe(recipe, tmp_path / "whole", data=few)
    out = tmp_path / "parts"
    for epochs in (1, 2, 3):  # stopped after the first, the second and the third epoch
        with pytest.raises(Killed):
            train_recipe(recipe, out, data=few, progress=killed_after(epochs), resume=True)
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith("parts")] == ["parts.checkpoint"]
    parts = train_recipe(recipe, out, data=few, resume=True)
    assert files(parts) == files(whole) and not (tmp_path / "parts.checkpoint").exists()


def test_sgd_goes_on_too(few, tmp_path):
    plan = {"sal_epochs": 1, "tune_epochs": 1, "batch": 16, "lr": 0.1, "tune_lr": 0.05, "optimiser": "sgd"}
    recipe = tiny(schedule=plan | {"weight_decay": 0.001})
    whole = train_recipe(recipe, tmp_path / "whole", data=few)
    with pytest.raises(Killed):
        train_recipe(recipe, tmp_path / "parts", data=few, progress=killed_after(1), keep=True)
    assert files(train_recipe(recipe, tmp_path / "parts", data=few, resume=True)) == files(whole)


def test_checkpoint_is_not_lost_by_a_new_training(few, tmp_path):
    with pytest.raises(Killed):
        train_recipe(tiny(), tmp_path / "tiny", data=few, progress=killed_after(1), keep=True)
    before = (tmp_path / "tiny.checkpoint").read_bytes()
    with pytest.raises(
        BadCheckpoint, match=r"must not be there when a training begins, not there\. Go on with --resume"
    ):
        train_recipe(tiny(), tmp_path / "tiny", data=few, keep=True)
    assert (tmp_path / "tiny.checkpoint").read_bytes() == before


def test_last_good_epoch_outlives_a_loss_that_is_not_finite(few, tmp_path, monkeypatch):
    real, calls = loop.functional.cross_entropy, []

    def loss(*arguments, **options):
        calls.append(1)
        return real(*arguments, **options) * (float("nan") if len(calls) > 6 else 1.0)

    monkeypatch.setattr(loop.functional, "cross_entropy", loss)
    with pytest.raises(TrainingFailed, match=r"phase sal, epoch 2.*The last good epoch is in .*tiny\.checkpoint"):
        train_recipe(tiny(), tmp_path / "tiny", data=few, keep=True)
    assert checkpoint.load(tmp_path / "tiny.checkpoint", tiny()).epoch == 1


@pytest.fixture(scope="module")
def checkpointed(few, tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint")
    with pytest.raises(Killed):
        train_recipe(tiny(), folder / "tiny", data=few, progress=killed_after(1), keep=True)
    return (folder / "tiny.checkpoint").read_bytes()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda raw: raw[:-400], "must be one that a training wrote"),
        (lambda _: b"", "must be one that a training wrote"),
        (lambda _: b"text", "must be one that a training wrote"),
    ],
)
def test_damaged_checkpoint(few, tmp_path, checkpointed, change, told):
    (tmp_path / "tiny.checkpoint").write_bytes(change(checkpointed))
    with pytest.raises(BadCheckpoint, match=told):
        train_recipe(tiny(), tmp_path / "tiny", data=few, resume=True)


def test_checkpoint_that_is_a_folder(few, tmp_path):
    (tmp_path / "tiny.checkpoint").mkdir()
    with pytest.raises(BadCheckpoint, match="must be a readable file"):
        train_recipe(tiny(), tmp_path / "tiny", data=few, resume=True)


def test_checkpoint_of_another_recipe(few, tmp_path, checkpointed):
    (tmp_path / "tiny.checkpoint").write_bytes(checkpointed)
    with pytest.raises(BadCheckpoint, match="must be of recipe 'tiny' as it is now, not with another input_bits, seed"):
        train_recipe(tiny(seed=8, input_bits=3), tmp_path / "tiny", data=few, resume=True)


def test_checkpoint_of_another_version_or_network(few, tmp_path, checkpointed):
    path = tmp_path / "tiny.checkpoint"
    path.write_bytes(checkpointed)
    table = torch.load(path, weights_only=True)
    torch.save(table | {"version": 2}, path)
    with pytest.raises(BadCheckpoint, match="must be of version 1, not 2"):
        train_recipe(tiny(), tmp_path / "tiny", data=few, resume=True)
    torch.save(table | {"network": {}}, path)
    with pytest.raises(BadCheckpoint, match="must hold the network of recipe 'tiny'"):
        train_recipe(tiny(), tmp_path / "tiny", data=few, resume=True)
