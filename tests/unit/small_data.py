"""Small data sets and the files that hold them."""

import gzip
import io
import tarfile
import zipfile

import numpy as np
from PIL import Image

from lutwright.data.dataset import DataSet, Part, assemble


def made(classes=3, train=4, test=2, shape=(5, 4, 1), seed=1):
    """A data set of random pixels: `train` and `test` images of each class."""
    draw = np.random.default_rng(seed)
    parts = [
        Part("made", draw.integers(0, 256, (n * classes, *shape), np.uint8), np.tile(np.arange(classes), n))
        for n in (train, test)
    ]
    return assemble("made", *parts)


def same(a: DataSet, b: DataSet) -> bool:
    """Whether two data sets have the same pixels and labels in the same order."""
    names = ("train_images", "train_labels", "test_images", "test_labels")
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in names)


def idx_bytes(array) -> bytes:
    """An IDX file of unsigned bytes."""
    sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


def idx_files(data: DataSet, zipped=False) -> dict[str, bytes]:
    """The four files of MNIST, by name."""
    files = {
        "train-images-idx3-ubyte": data.train_images[..., 0],
        "train-labels-idx1-ubyte": data.train_labels,
        "t10k-images-idx3-ubyte": data.test_images[..., 0],
        "t10k-labels-idx1-ubyte": data.test_labels,
    }
    if zipped:
        return {f"{name}.gz": gzip.compress(idx_bytes(array)) for name, array in files.items()}
    return {name: idx_bytes(array) for name, array in files.items()}


def put(folder, files):
    """Write {relative path: bytes} below `folder`, which is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def tar_bytes(files, mode="w:gz", top="package/") -> bytes:
    """A tar archive of {name: bytes}."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(top + name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def zip_bytes(files) -> bytes:
    """A zip archive of {name: bytes}."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def deb_bytes(members) -> bytes:
    """An ar archive of {name: bytes}, as a Debian package is one."""
    out = b"!<arch>\n"
    for name, content in members.items():
        out += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode()
        out += content + b"\n" * (len(content) % 2)
    return out


def png(pixels, mode=None) -> bytes:
    """A PNG of uint8 [H, W] or [H, W, C]."""
    out = io.BytesIO()
    image = Image.fromarray(np.asarray(pixels, np.uint8))
    (image.convert(mode) if mode else image).save(out, "PNG")
    return out.getvalue()


def cifar_data(train=5, seed=1) -> DataSet:
    """Ten classes of 32 x 32 in colour, `train` images of each, which make five batches; one test image of each."""
    return made(10, train, 1, (32, 32, 3), seed)


def cifar_batches(data: DataSet):
    """(name without ending, planes uint8 [n, 3072], labels) of the six batches."""
    rows = np.split(np.arange(len(data.train_labels)), 5)
    parts = [(f"data_batch_{i + 1}", data.train_images[r], data.train_labels[r]) for i, r in enumerate(rows)]
    parts.append(("test_batch", data.test_images, data.test_labels))
    return [(name, images.transpose(0, 3, 1, 2).reshape(len(images), -1), labels) for name, images, labels in parts]
