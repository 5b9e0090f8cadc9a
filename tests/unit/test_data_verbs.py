"""Data sets as the other verbs take them: by name or path, in the layout that the model wants."""

import numpy as np
import pytest
from check_models import constants_of, one, quant
from onnx import numpy_helper
from small_data import idx_files, made, put

from lutwright.check.inputs import load_frames as frames_to_check
from lutwright.check.opened import open_proto
from lutwright.errors import BadData
from lutwright.runtime.frames import load_frames as frames_to_run


def relu(shape):
    """A quantiser of 8 bits, scale 1/256, and a ReLU, of one frame of `shape`."""
    model = one("Relu", ["x"], {}, shape)
    model.graph.node.insert(0, quant("q", "x", "q.out", signed=0))
    model.graph.node[1].input[0] = "q.out"
    for name, value in constants_of("q", 1 / 256, 8).items():
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    return open_proto(model, "relu")


def saved(tmp_path, whole):
    np.savez(
        tmp_path / "set.npz",
        x_train=whole.train_images,
        y_train=whole.train_labels,
        x_test=whole.test_images,
        y_test=whole.test_labels,
    )
    return str(tmp_path / "set.npz")


@pytest.mark.parametrize("shape", [(3, 1, 7), (3, 7), (1, 7, 3), (21,)])
def test_a_set_of_sequences(tmp_path, shape):
    whole = made(shape=(1, 7, 3))
    found = frames_to_check(relu(shape), saved(tmp_path, whole), 4, 1)
    images = whole.test_images[:4]
    expected = images if shape == (1, 7, 3) else images.transpose(0, 3, 1, 2).reshape(4, *shape)
    assert np.array_equal(found.x * 256, expected) and found.labels.tolist() == [0, 1, 2, 0]


def test_check_takes_a_path(tmp_path):
    whole = made()
    folder = put(tmp_path / "digits", idx_files(whole))
    found = frames_to_check(relu((1, 5, 4)), f"path:{folder}", None, 1)
    assert np.array_equal(found.x[:, 0] * 256, whole.test_images[..., 0])
    assert found.source == "data set 'digits'"


def test_run_and_sim_take_a_path(tmp_path):
    whole = made()
    for source in (f"path:{put(tmp_path / 'digits', idx_files(whole))}", saved(tmp_path, whole)):
        found = frames_to_run(relu((1, 5, 4)).graph, source, 5)
        assert np.array_equal(found.codes, whole.test_images[:5]) and found.labels.tolist() == [0, 1, 2, 0, 1]


def test_another_shape(tmp_path):
    source = saved(tmp_path, made(shape=(1, 7, 3)))
    with pytest.raises(BadData, match=r"the model's shape \(3, 8\), not \(6, 3, 7\)"):
        frames_to_check(relu((3, 8)), source, None, 1)
    with pytest.raises(BadData, match=r"frames must have the model's shape .*, not \(1, 7, 3\)"):
        frames_to_run(relu((3, 8)).graph, source, None)
