"""Folders of images."""

import numpy as np
import pytest
from PIL import Image
from small_data import png, put, zip_bytes

from lutwright.data import images, load
from lutwright.errors import BadData, ToolMissing


def grey(value, shape=(3, 2)):
    return png(np.full(shape, value, np.uint8))


PARTED = {
    "train/cat/1.png": grey(1),
    "train/cat/2.png": grey(2),
    "train/ant/1.png": grey(3),
    "test/cat/9.png": grey(4),
    "test/ant/9.png": grey(5),
    "README.md": b"what this is",
}


def test_train_and_test(tmp_path):
    found = load(f"path:{put(tmp_path / 'pets', PARTED)}")
    assert (found.name, found.class_names, found.classes) == ("pets", ("ant", "cat"), 2)
    assert found.train_images.shape == (3, 3, 2, 1)
    assert found.train_images[:, 0, 0, 0].tolist() == [3, 1, 2] and found.train_labels.tolist() == [0, 1, 1]
    assert found.test_images[:, 0, 0, 0].tolist() == [5, 4] and found.test_labels.tolist() == [0, 1]


@pytest.mark.parametrize("top", ["", "pets/", "deep/er/"])
def test_an_archive_is_the_same(tmp_path, top):
    (tmp_path / "z.zip").write_bytes(zip_bytes({top + name: raw for name, raw in reversed(PARTED.items())}))
    assert load(f"path:{tmp_path / 'z.zip'}").train_images[:, 0, 0, 0].tolist() == [3, 1, 2]


def test_one_folder_a_class_is_split_for_good(tmp_path):
    files = {f"{name}/{i}.png": grey(10 * n + i) for n, name in enumerate("abc") for i in range(10)}
    found = load(f"path:{put(tmp_path, files)}")
    assert np.bincount(found.train_labels).tolist() == [8, 8, 8]
    assert found.test_labels.tolist() == [0, 1, 2, 0, 1, 2]
    values = found.test_images[:, 0, 0, 0]
    assert (values // 10 == found.test_labels).all()
    assert values.tolist() == [1, 18, 23, 5, 11, 29]


def test_colour_palettes_and_one_bit(tmp_path):
    colour = png(np.full((3, 2, 3), (9, 8, 7), np.uint8))
    files = {"train/a/1.png": colour, "train/b/1.png": png(np.zeros((3, 2, 3)), "P")}
    files |= {"test/a/1.png": colour, "test/b/1.png": colour}
    found = load(f"path:{put(tmp_path / 'c', files)}")
    assert found.train_images.shape == (2, 3, 2, 3) and found.train_images[0, 0, 0].tolist() == [9, 8, 7]
    bits = {name: png(np.full((3, 2), 255), "1") for name in files}
    assert (load(f"path:{put(tmp_path / 'b', bits)}").train_images == 255).all()


@pytest.mark.parametrize("ending", ["jpg", "bmp", "pgm"])
def test_other_formats(tmp_path, ending):
    for part in ("train", "test"):
        for label in "ab":
            (tmp_path / part / label).mkdir(parents=True)
            Image.fromarray(np.full((8, 8), 99, np.uint8)).save(tmp_path / part / label / f"x.{ending}")
    assert (load(f"path:{tmp_path}").train_images == 99).all()


WRONG = [
    ({"train/cat/2.png": grey(0, (4, 2))}, "image 'train/cat/2.png': must be 2 x 3 grey, as '.*' is, not 2 x 4 grey"),
    (
        {"train/cat/2.png": png(np.zeros((3, 2, 3)))},
        "must be 2 x 3 grey, as '.*' is, not 2 x 3 colour. Give all images",
    ),
    ({"train/cat/2.png": png(np.zeros((3, 2, 4)))}, "must be 8-bit grey or colour without transparency, not mode RGBA"),
    (
        {"train/cat/2.png": png(np.zeros((3, 2)), "I;16")},
        "must be 8-bit grey or colour without transparency, not mode I",
    ),
    ({"train/cat/2.png": grey(2)[:40]}, "image 'train/cat/2.png': must be a whole image"),
    ({"train/cat/2.png": b"GIF89a"}, "must be a whole image"),
    ({"train/cat/2.txt": b"no"}, r"data file 'train/cat/2.txt': every file of a class must be an image \(.bmp, "),
    ({"train/dog/1.png": grey(1)}, "class 'dog' must have a folder in both train and test, not only in train"),
    ({"test/dog/1.png": grey(1)}, "class 'dog' must have a folder in both train and test, not only in test"),
    ({"val/cat/1.png": grey(1)}, "image 'val/cat/1.png': must be in train/CLASS or test/CLASS, not elsewhere"),
    ({"cat/1.png": grey(1)}, "image 'cat/1.png': must be in train/CLASS or test/CLASS"),
    ({"train/1.png": grey(1)}, "image 'train/1.png': must be in train/CLASS or test/CLASS"),
    ({"train/cat/old/1.png": grey(1)}, "image 'train/cat/old/1.png': must be in train/CLASS or test/CLASS"),
]


@pytest.mark.parametrize(("files", "message"), WRONG)
def test_wrong_folders(tmp_path, files, message):
    with pytest.raises(BadData, match=message):
        load(f"path:{put(tmp_path, PARTED | files)}")


def test_an_image_in_a_folder_of_a_class(tmp_path):
    with pytest.raises(BadData, match=r"image 'a/old/1.png': must be in a folder CLASS, not elsewhere"):
        load(f"path:{put(tmp_path, {'a/1.png': grey(1), 'b/1.png': grey(1), 'a/old/1.png': grey(1)})}")


def test_images_of_two_sets(tmp_path):
    files = {f"{top}/{name}": raw for top in ("cars", "pets") for name, raw in PARTED.items()}
    with pytest.raises(BadData, match=r"must hold one data set, not 2 \(cars, pets\)"):
        load(f"path:{put(tmp_path, files)}")


def test_images_without_classes(tmp_path):
    with pytest.raises(BadData, match=r"train and test must hold a folder of images for each class, not images"):
        load(f"path:{put(tmp_path, {'train/1.png': grey(1), 'test/1.png': grey(1)})}")


@pytest.mark.parametrize(("files", "empty"), [(PARTED, "train/eel"), ({"a/1.png": grey(1)}, "eel")])
def test_an_empty_class(tmp_path, files, empty):
    (put(tmp_path, files) / empty).mkdir()
    with pytest.raises(BadData, match=f"class folder '{empty}': must hold images, not empty"):
        load(f"path:{tmp_path}")


def test_a_class_of_one_image_cannot_be_split(tmp_path):
    files = {"a/1.png": grey(1), "a/2.png": grey(1), "b/1.png": grey(1)}
    with pytest.raises(BadData, match=r"every class 0 to 1 must have an image, not only 0"):
        load(f"path:{put(tmp_path, files)}")


def test_too_many_pixels(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "MOST_BYTES", 10)
    with pytest.raises(BadData, match=r"all pixels must fit 10 bytes, not 30"):
        load(f"path:{put(tmp_path, PARTED)}")


def test_an_image_that_is_a_bomb(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5)
    with pytest.raises(BadData, match=r"must be a whole image .*exceeds limit"):
        load(f"path:{put(tmp_path, PARTED)}")


def test_pillow_is_absent(tmp_path, monkeypatch):
    monkeypatch.setattr(images.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ToolMissing, match=r"package 'Pillow': must be installed to read images, not absent"):
        load(f"path:{put(tmp_path, PARTED)}")
