"""IDX files: plain, gzipped, from torchvision's folders and from archives; damage is named."""

import gzip

import numpy as np
import pytest
from small_data import deb_bytes, idx_bytes, idx_files, made, put, same, tar_bytes, zip_bytes

from lutwright.data import idx, load
from lutwright.errors import BadData

WHOLE = made()


@pytest.mark.parametrize("zipped", [False, True])
def test_a_folder(tmp_path, zipped):
    assert same(load(f"path:{put(tmp_path, idx_files(WHOLE, zipped))}"), WHOLE)


def test_other_names_and_colour(tmp_path):
    files = idx_files(WHOLE)
    files = {f"emnist-digits-{name.replace('t10k', 'test').replace('-idx', '.idx')}": b for name, b in files.items()}
    assert same(load(str(put(tmp_path, files))), WHOLE)
    colour = made(shape=(4, 4, 3))
    files["emnist-digits-train-images.idx3-ubyte"] = idx_bytes(colour.train_images)
    files["emnist-digits-test-images.idx3-ubyte"] = idx_bytes(colour.test_images)
    assert same(load(str(put(tmp_path, files))), colour)


def test_torchvision_keeps_both_forms(tmp_path):
    raw = put(tmp_path / "root" / "MNIST" / "raw", idx_files(WHOLE) | idx_files(WHOLE, zipped=True))
    (raw / "train-images-idx3-ubyte.gz").write_bytes(b"never opened")
    found = load(f"path:{tmp_path / 'root'}")
    assert same(found, WHOLE) and found.name == "root" and found.class_names == ()


def test_two_sets_in_one_folder(tmp_path):
    for name in ("MNIST", "FashionMNIST"):
        put(tmp_path / name / "raw", idx_files(WHOLE))
    with pytest.raises(
        BadData, match=r"must hold one data set, not 2 \(FashionMNIST/raw, MNIST/raw\)\. Name the folder"
    ):
        load(f"path:{tmp_path}")
    assert same(load(f"path:{tmp_path / 'MNIST'}"), WHOLE)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("set.tgz", tar_bytes(idx_files(WHOLE))),
        ("set.tar", tar_bytes(idx_files(WHOLE), "w", "./")),
        ("set.zip", zip_bytes(idx_files(WHOLE))),
        ("set.deb", deb_bytes({"debian-binary": b"2.0\n", "control.tar.xz": b"odd", "data.tar.xz": b""})),
    ],
)
def test_an_archive(tmp_path, name, content):
    if name.endswith(".deb"):
        data_tar = tar_bytes(idx_files(WHOLE, zipped=True), "w:xz", "./usr/share/datasets/x/")
        content = deb_bytes({"debian-binary": b"2.0\n", "control.tar.xz": b"odd", "data.tar.xz": data_tar})
    (tmp_path / name).write_bytes(content)
    found = load(f"path:{tmp_path / name}")
    assert same(found, WHOLE) and found.name == "set"


def test_a_file_is_missing(tmp_path):
    put(tmp_path, idx_files(WHOLE))
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(BadData, match=r"the file t10k-labels-idx1-ubyte must be beside the others, not missing"):
        load(f"path:{tmp_path}")


def test_labels_beyond_the_classes(tmp_path):
    files = idx_files(WHOLE)
    files["t10k-labels-idx1-ubyte"] = idx_bytes(np.array([0, 1, 2, 9, 1, 2]))
    with pytest.raises(BadData, match=r"data file 't10k-labels-idx1-ubyte': labels must be 0 to 2, not 9"):
        load(f"path:{put(tmp_path, files)}")


GOOD = idx_bytes(np.arange(6).reshape(1, 2, 3))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "must start as an IDX file of 1 to 4 dimensions, not with nothing"),
        (b"\x89PNG....", "must start as an IDX file of 1 to 4 dimensions, not with 89504e47"),
        (b"\0\0\x08\x05" + GOOD[4:], "must start as an IDX file of 1 to 4 dimensions, not with 00000805"),
        (b"\0\0\x0d" + GOOD[3:], r"must hold unsigned bytes \(type 0x08\), not type 0x0d"),
        (GOOD[:-1], "must have 22 bytes, as its head says, not 21. Get the file again"),
        (GOOD + b"0", "must have 22 bytes, as its head says, not 23"),
        (GOOD[:9], "must have .* bytes, as its head says, not 9"),
        (gzip.compress(GOOD, mtime=0)[:-3], "must be whole gzip data"),
        (gzip.compress(GOOD, mtime=0)[:12] + b"\xff" * 20, "must be whole gzip data"),
    ],
)
def test_damage(raw, message):
    with pytest.raises(BadData, match=f"data file 'f': {message}"):
        idx.array_of(raw, "data file 'f'")


def test_a_gzip_bomb(monkeypatch):
    monkeypatch.setattr(idx, "MOST_BYTES", 1000)
    with pytest.raises(BadData, match=r"must hold at most 1000 bytes, not more"):
        idx.array_of(gzip.compress(bytes(2000)), "data file 'f'")


def test_array():
    assert idx.array_of(gzip.compress(GOOD), "f").tolist() == [[[0, 1, 2], [3, 4, 5]]]
