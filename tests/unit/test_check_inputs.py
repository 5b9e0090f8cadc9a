"""Frames for a check: drawn ones that use the whole input, files, data sets, and what is wrong with them."""

import copy
import zipfile

import numpy as np
import pytest
from check_models import constants_of, images, model, network, one, quant
from onnx import helper, numpy_helper

from lutwright.check import inputs
from lutwright.check.classes import class_count
from lutwright.check.inputs import Frames, input_ends, load_frames, random_frames
from lutwright.check.opened import open_proto
from lutwright.data import load
from lutwright.errors import BadData, BadOption
from lutwright.frontend.values import InputType


@pytest.fixture(scope="module")
def opened():
    return open_proto(network(), "net")


def narrow_model(op="Quant", scale=0.1, bits=4, signed=0, zero=0.0):
    """A quantiser of x [batch, 3] and sums of it."""
    if op == "Quant":
        first, given = quant("q", "x", "a", signed), constants_of("q", scale, bits, zero)
    else:
        first = helper.make_node(op, ["x", "s"], ["a"], "q", domain="qonnx.custom_op.general")
        given = {"s": np.float32(scale)}
    given |= {"w": np.float32([[1], [-2], [3]]), **constants_of("wq", 1.0, 4)}
    return model([first, quant("wq", "w", "v"), helper.make_node("MatMul", ["a", "v"], ["y"], "fc")], given, (3,))


@pytest.mark.parametrize(("bits", "signed", "zero", "scale"), [(4, 0, 0.0, 0.1), (6, 1, 0.0, 3.0), (3, 0, 2.0, 1e-4)])
def test_random_frames_use_and_leave_the_whole_range(bits, signed, zero, scale):
    made = open_proto(narrow_model("Quant", scale, bits, signed, zero), "narrow")
    low, high = input_ends(made)
    lowest = (-(2 ** (bits - 1)) if signed else 0) - zero
    highest = lowest + 2**bits - 1
    span = (highest - lowest) * scale
    assert lowest * scale - 0.25 * span < low < (lowest - 0.5) * scale
    assert (highest + 0.5) * scale < high < highest * scale + 0.25 * span
    x = random_frames(made, 400, 1)
    codes = made.graph.edge.codes(made.graph.edge.arrange(x))
    tensor = made.graph.tensors[made.graph.input]
    assert (codes[0] == tensor.low).all() and (codes[1] == tensor.high).all() and not x[2].any()
    assert np.array_equal(np.unique(codes), np.arange(tensor.low, tensor.high + 1))
    beyond = (x < (lowest - 0.5) * scale) | (x > (highest + 0.5) * scale)
    assert 0 < beyond.mean() < 0.2, "some inputs saturate, most do not"


def test_random_frames_of_a_sign():
    made = open_proto(narrow_model("BipolarQuant"), "sign")
    assert input_ends(made) == (-1.0, 1.0)
    codes = made.graph.edge.codes(made.graph.edge.arrange(random_frames(made, 100, 1)))
    assert set(np.unique(codes)) == {-1, 1}


def test_random_frames_repeat(opened):
    assert np.array_equal(random_frames(opened, 9, 4), random_frames(opened, 9, 4))
    assert not np.array_equal(random_frames(opened, 9, 4), random_frames(opened, 9, 5))
    assert random_frames(opened, 1, 4).shape == (1, 2, 6, 6)


def bare():
    """A network whose input nobody quantises."""
    given = {"w": np.float32([[1], [-2], [3]]), **constants_of("wq", 1.0, 4)}
    return model([quant("wq", "w", "v"), helper.make_node("MatMul", ["x", "v"], ["y"], "fc")], given, (3,))


def test_declared_integers_that_the_model_scales_are_still_integers():
    """The model's first tensor on the input's grid is behind a Mul; the input itself is not."""
    given = {"w": np.float32([[1], [-2], [3]]), "s": np.float32(1 / 255), **constants_of("wq", 1.0, 4)}
    nodes = [helper.make_node("Mul", ["x", "s"], ["a"], "mul"), quant("wq", "w", "v")]
    made = open_proto(
        model([*nodes, helper.make_node("MatMul", ["a", "v"], ["y"], "fc")], given, (3,)), "net", InputType(False, 8)
    )
    assert made.input_is_integer
    x = random_frames(made, 60, 1)
    assert np.array_equal(x, np.rint(x)) and x.max() == 255


def test_a_declared_input_gets_integers_of_its_type():
    made = open_proto(bare(), "bare", InputType(False, 4, 0.25))
    assert made.input_is_integer
    x = random_frames(made, 60, 1)
    assert np.array_equal(np.unique(x / 0.25), np.arange(16))
    assert (x[0] == 0).all() and (x[1] == 15 * 0.25).all()


def test_data_must_be_of_the_declared_type(tmp_path):
    made = open_proto(bare(), "bare", InputType(False, 8, 1 / 256))
    good, bad = tmp_path / "good.npz", tmp_path / "bad.npz"
    np.savez(good, x=np.float32([[0, 0.5, 255 / 256]]))
    np.savez(bad, x=np.uint8([[0, 5, 255]]))
    assert load_frames(made, str(good), None, 1).x.shape == (1, 3)
    with pytest.raises(BadData, match=r"the model's input must be integers in \[0, 255\] times 0.00390625, not 5.0"):
        load_frames(made, str(bad), None, 1)


def test_a_file(opened, tmp_path):
    path = tmp_path / "some.npz"
    np.savez(path, x=images(5), y=np.arange(5) % 4)
    found = load_frames(opened, str(path), 3, 1)
    assert isinstance(found, Frames) and found.source == "data file 'some.npz'"
    assert np.array_equal(found.x, images(5)[:3]) and found.labels.tolist() == [0, 1, 2]
    np.savez(path, x=np.full((2, 2, 6, 6), 200, np.uint8))
    whole = load_frames(opened, str(path), None, 1)
    assert whole.x.dtype == np.float32 and (whole.x == 200).all() and whole.labels is None


def test_a_data_set_in_the_layout_of_the_model():
    digits = one("Relu", ["x"], {}, (1, 28, 28))
    digits.graph.node.insert(0, quant("q", "x", "q.out", signed=0))
    digits.graph.node[1].input[0] = "q.out"
    for name, value in constants_of("q", 1 / 256, 8).items():
        digits.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    row = copy.deepcopy(digits)
    del row.graph.input[0].type.tensor_type.shape.dim[2:]
    row.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 784
    images_first = load_frames(open_proto(digits, "d"), "mnist5k", 20, 1)
    in_a_row = load_frames(open_proto(row, "d"), "mnist5k", 20, 1)
    assert images_first.x.shape == (20, 1, 28, 28) and in_a_row.x.shape == (20, 784)
    assert np.array_equal(images_first.x.reshape(20, -1), in_a_row.x)
    assert np.array_equal(images_first.x * 256, np.rint(images_first.x * 256)) and images_first.x.max() > 0.9
    assert np.array_equal(images_first.x[:, 0], load("mnist5k").test_images[:20, :, :, 0] / np.float32(256))
    assert images_first.labels.tolist() == [*range(10), *range(10)]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"x": np.zeros((2, 3, 6, 6))},
            r"one or more of the model's shape \(2, 6, 6\), not \(2, 3, 6, 6\)",
        ),
        ({"x": np.zeros((0, 2, 6, 6))}, "one or more"),
        ({"x": np.full((2, 2, 6, 6), np.nan)}, "frames must be finite"),
        ({"x": images(2), "y": np.arange(3)}, r"labels y must be 2 integers, not \(3,\)"),
        ({"x": images(2), "y": np.zeros(2)}, "labels y must be integers, not float64"),
        ({"z": images(2)}, r"must hold numbers x \[frames, \*input shape\], not nothing"),
        ({"x": np.array(["a"])}, "must hold numbers x"),
        ({"x": np.array([[{}]], object)}, r"must be an .npz file of plain arrays"),
    ],
)
def test_bad_files(opened, tmp_path, arrays, message):
    path = tmp_path / "bad.npz"
    np.savez(path, **arrays)
    with pytest.raises(BadData, match=message):
        load_frames(opened, str(path), None, 1)


def test_no_file_and_no_npz(opened, tmp_path):
    with pytest.raises(BadData, match=r"data file 'none\.npz': must be a file, not missing"):
        load_frames(opened, str(tmp_path / "none.npz"), None, 1)
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(BadData, match=r"must be an \.npz file"):
        load_frames(opened, str(tmp_path / "text.npz"), None, 1)


def test_more_frames_than_there_are(opened, tmp_path):
    np.savez(tmp_path / "few.npz", x=images(2))
    with pytest.raises(BadData, match="must have 3 frames, not 2"):
        load_frames(opened, str(tmp_path / "few.npz"), 3, 1)


def test_a_data_set_of_another_shape(opened):
    with pytest.raises(BadData, match=r"data set 'mnist5k': frames must be one or more of the model's shape"):
        load_frames(opened, "mnist5k", None, 1)
    with pytest.raises(BadData, match="the name must be one of"):
        load_frames(opened, "imagenet", None, 1)


# ---- files that are damaged or hostile, labels, how many frames -----------------------------------------------------


def test_a_plain_array_is_no_npz(opened, tmp_path):
    np.save(tmp_path / "x.npy", images(2))
    (tmp_path / "x.npy").rename(tmp_path / "x.npz")
    with pytest.raises(BadData, match=r"must be an \.npz file of plain arrays"):
        load_frames(opened, str(tmp_path / "x.npz"), None, 1)


def test_random_damage_of_a_file(opened, tmp_path):
    """Every byte of the file may be any other: frames that are read are finite and of the right shape."""
    draw, path = np.random.default_rng(7), tmp_path / "damaged.npz"
    np.savez_compressed(path, x=images(3), y=np.arange(3))
    content, refused = path.read_bytes(), 0
    for _ in range(300):
        damaged = bytearray(content)
        for at in draw.integers(len(damaged), size=draw.integers(1, 5)):
            damaged[at] = draw.integers(256)
        path.write_bytes(bytes(damaged[: len(damaged) - int(draw.integers(3)) * int(draw.integers(200))]))
        try:
            found = load_frames(opened, str(path), None, 1)
        except BadData:
            refused += 1
        else:
            assert found.x.shape[1:] == (2, 6, 6) and np.isfinite(found.x).all()
    assert refused > 200


def test_a_file_that_unpacks_to_gigabytes(opened, tmp_path):
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", b"")
    content = bytearray(path.read_bytes())
    at = content.rindex(b"PK\x01\x02") + 24  # the unpacked size in the directory
    content[at : at + 4] = (3 << 30).to_bytes(4, "little")
    path.write_bytes(bytes(content))
    with pytest.raises(BadData, match=r"must hold at most 2147483648 bytes, not 3221225472\. Use fewer frames\."):
        load_frames(opened, str(path), None, 1)


@pytest.mark.parametrize(("label", "good"), [(0, True), (3, True), (4, False), (-1, False), (1 << 40, False)])
def test_labels_are_classes_of_the_model(opened, label, good, tmp_path):
    np.savez(tmp_path / "d.npz", x=images(2), y=np.int64([0, label]))
    if good:
        assert load_frames(opened, str(tmp_path / "d.npz"), None, 1).labels.tolist() == [0, label]
    else:
        with pytest.raises(BadData, match=f"labels y must be classes of the model, 0 to 3, not {label}. Count classes"):
            load_frames(opened, str(tmp_path / "d.npz"), None, 1)


def test_labels_of_an_index(tmp_path):
    made = network()
    made.graph.node.append(helper.make_node("ArgMax", ["scores"], ["class"], "argmax", axis=1))
    made.graph.output[0].name = "class"
    path = tmp_path / "d.npz"
    np.savez(path, x=images(1), y=np.int64([4]))
    with pytest.raises(BadData, match="0 to 3, not 4"):
        load_frames(open_proto(made, "net"), str(path), None, 1)


def test_labels_of_what_has_no_classes(tmp_path):
    image = model([quant("q", "x", "y")], constants_of("q", 0.25, 4), (2, 3, 3))
    np.savez(tmp_path / "d.npz", x=np.zeros((1, 2, 3, 3)), y=np.int64([77]))
    assert class_count(open_proto(narrow_model(), "one score").graph) is None
    assert class_count(open_proto(network(), "net").graph) == 4
    assert load_frames(open_proto(image, "image"), str(tmp_path / "d.npz"), None, 1).labels.tolist() == [77]


def test_frames_of_large_images_are_fewer(monkeypatch):
    made = open_proto(network(), "net")
    monkeypatch.setattr(inputs, "_MOST_DRAWN", 72 * 10)
    assert len(load_frames(made, "", None, 1).x) == 10 and len(load_frames(made, "", 10, 1).x) == 10
    with pytest.raises(BadOption, match=r"--frames: at most 10 frames of this model can be drawn, not 11\."):
        load_frames(made, "", 11, 1)


def test_frames_are_drawn_in_blocks(opened, monkeypatch):
    whole = random_frames(opened, 9, 4)
    monkeypatch.setattr(inputs, "_BLOCK", 100)
    assert np.array_equal(random_frames(opened, 9, 4), whole)
