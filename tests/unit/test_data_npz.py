"""Data sets in one .npz file."""

import io

import numpy as np
import pytest
from small_data import made, put, same, zip_bytes

from lutwright.data import load, npz
from lutwright.errors import BadData

WHOLE = made()
KEYS = ("train_images", "train_labels", "test_images", "test_labels")
OURS = {key: getattr(WHOLE, key) for key in KEYS}
KERAS = dict(zip(("x_train", "y_train", "x_test", "y_test"), OURS.values(), strict=True))


def written(tmp_path, arrays):
    np.savez(tmp_path / "my.set.npz", **arrays)
    return f"path:{tmp_path / 'my.set.npz'}"


@pytest.mark.parametrize(
    "arrays", [OURS, KERAS, KERAS | {"x_train": KERAS["x_train"][..., 0], "x_test": KERAS["x_test"]}]
)
def test_either_way_of_naming(tmp_path, arrays):
    found = load(written(tmp_path, arrays))
    assert same(found, WHOLE) and (found.name, found.class_names) == ("my", ())


def test_class_names(tmp_path):
    found = load(written(tmp_path, KERAS | {"class_names": np.array(["a", "b", "c"])}))
    assert found.class_names == ("a", "b", "c")
    assert load(written(tmp_path, KERAS | {"class_names": np.array(["a", "b", "c"])})).classes == 3
    with pytest.raises(BadData, match=r"every class 0 to 3 must have an image"):
        load(written(tmp_path, KERAS | {"class_names": np.array(["a", "b", "c", "d"])}))
    with pytest.raises(BadData, match=r"class_names must be a list of strings, not int64 of 1 dimensions"):
        load(written(tmp_path, KERAS | {"class_names": np.arange(3)}))


def test_compressed(tmp_path):
    np.savez_compressed(tmp_path / "c.npz", **KERAS)
    assert same(load(f"path:{tmp_path / 'c.npz'}"), WHOLE)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": KERAS["x_train"], "y": KERAS["y_train"]}, "must hold x_train, y_train, x_test, y_test, not only others"),
        ({"x_train": KERAS["x_train"]}, "must hold x_train, .*, not only x_train. Write it with numpy.savez"),
        (KERAS | {"x_train": KERAS["x_train"] / 255}, "images must be of type uint8, not float64. Scale the pixels"),
        (
            KERAS | {"y_train": np.array([None] * 12)},
            "must be a whole .npz file of plain arrays, not damaged .Object arrays",
        ),
    ],
)
def test_other_arrays(tmp_path, arrays, message):
    with pytest.raises(BadData, match=message):
        load(written(tmp_path, arrays))


def test_damage(tmp_path):
    np.savez(tmp_path / "d.npz", **KERAS)
    raw = (tmp_path / "d.npz").read_bytes()
    flipped = bytearray(raw)
    flipped[300] ^= 1
    for broken in (raw[:-10], raw[: len(raw) // 2], bytes(flipped), b"", b"PK"):
        (tmp_path / "d.npz").write_bytes(broken)
        with pytest.raises(BadData, match=r"must be a whole .npz file of plain arrays, not damaged"):
            load(f"path:{tmp_path / 'd.npz'}")


def test_a_head_that_promises_too_much(tmp_path):
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": "|u1", "fortran_order": False, "shape": (10**15, 28, 28)})
    put(tmp_path, {"h.npz": zip_bytes({f"{key}.npy": out.getvalue() for key in KERAS})})
    with pytest.raises(BadData, match=r"must be a whole .npz file of plain arrays"):
        load(f"path:{tmp_path / 'h.npz'}")


def test_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(npz, "MOST_BYTES", 100)
    with pytest.raises(BadData, match=r"must hold at most 100 bytes"):
        load(written(tmp_path, KERAS))


def test_what_holds_a_data_set(tmp_path):
    for arrays, answer in ((KERAS, True), (OURS, True), ({"x": np.zeros(3), "y": np.zeros(3)}, False)):
        written(tmp_path, arrays)
        assert npz.holds_data_set(tmp_path / "my.set.npz") == answer
    assert not npz.holds_data_set(put(tmp_path, {"no": b""}) / "no")
    assert not npz.holds_data_set(tmp_path / "missing")
