"""Files in folders and archives, whatever their state."""

import os
import zipfile

import pytest
from small_data import deb_bytes, put, tar_bytes, zip_bytes

from lutwright.data import archive, load
from lutwright.data.archive import open_files
from lutwright.errors import BadData

TREE = {"a.txt": b"1", "b/c.txt": b"22", ".hidden": b"", "b/.git/x": b"", "__MACOSX/a": b""}


def names_of(path):
    return open_files(path).names


def test_names(tmp_path):
    folder = put(tmp_path / "d", {name: raw for name, raw in TREE.items() if not name.startswith("__")})
    (tmp_path / "t.tar.gz").write_bytes(tar_bytes(TREE, top=""))
    (tmp_path / "z.zip").write_bytes(zip_bytes(TREE | {"b/": b""}))
    assert names_of(folder) == names_of(tmp_path / "z.zip") == ("a.txt", "b/", "b/c.txt")
    assert names_of(tmp_path / "t.tar.gz") == ("a.txt", "b/c.txt")
    assert names_of(folder / "a.txt") == ("a.txt",)


def test_contents(tmp_path):
    folder = put(tmp_path / "d", TREE)
    (tmp_path / "t.tar.gz").write_bytes(tar_bytes(TREE, top="./"))
    (tmp_path / "z.zip").write_bytes(zip_bytes(TREE))
    for path in (folder, tmp_path / "t.tar.gz", tmp_path / "z.zip"):
        assert open_files(path).read(["b/c.txt", "a.txt"]) == {"a.txt": b"1", "b/c.txt": b"22"}


def test_folders_far_down_are_not_searched(tmp_path):
    put(tmp_path, {"1/2/3/4/5/x": b"", "1/2/3/4/y": b""})
    assert "1/2/3/4/y" in names_of(tmp_path) and "1/2/3/4/5/x" not in names_of(tmp_path)


def test_nothing_there(tmp_path):
    with pytest.raises(BadData, match=r"data '.*none': must be a file or a folder, not missing"):
        load(f"path:{tmp_path / 'none'}")


def test_no_known_layout(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    for path in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(BadData, match=r"must have a known layout \(one \.npz file .*; IDX files .*\), not another"):
            load(f"path:{path}")


def test_a_path_needs_no_prefix_where_it_is_one(tmp_path, monkeypatch):
    monkeypatch.chdir(put(tmp_path, {"here/x": b""}))
    for source in ("here", "./here", "no/thing"):
        with pytest.raises(BadData, match=r"must have a known layout|must be a file or a folder"):
            load(source)


@pytest.mark.parametrize("mode", ["w:gz", "w:xz", "w:bz2"])
def test_a_truncated_tar(tmp_path, mode):
    whole = tar_bytes({f"file{i}": os.urandom(5000) for i in range(9)}, mode)
    (tmp_path / "t.tar").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadData, match=r"data file '.*t\.tar': must be (readable and|a) whole.*Get the file again"):
        open_files(tmp_path / "t.tar")


@pytest.mark.parametrize("name", ["x.zip", "x.whl", "x.tgz", "x.tar.xz", "x.deb"])
def test_an_archive_in_name_only(tmp_path, name):
    (tmp_path / name).write_bytes(b"no archive")
    with pytest.raises(BadData, match=rf"data file '.*{name}': must be a whole archive, not something else"):
        open_files(tmp_path / name)


def test_a_changed_zip(tmp_path):
    raw = bytearray(zip_bytes({"a": b"content"}))
    raw[raw.index(b"content")] ^= 1
    (tmp_path / "z.zip").write_bytes(raw)
    with pytest.raises(BadData, match=r"must be readable and whole .*CRC"):
        open_files(tmp_path / "z.zip").read(["a"])


def test_files_that_are_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MOST_BYTES", 1)
    folder = put(tmp_path / "d", TREE)
    (tmp_path / "t.tar.gz").write_bytes(tar_bytes(TREE, top=""))
    (tmp_path / "z.zip").write_bytes(zip_bytes(TREE))
    (tmp_path / "p.deb").write_bytes(deb_bytes({"data.tar.xz": b"22"}))
    for path in (folder, tmp_path / "t.tar.gz", tmp_path / "z.zip", tmp_path / "p.deb"):
        with pytest.raises(BadData, match=r"file '.*' must hold at most 1 bytes, not 2"):
            open_files(path).read(["b/c.txt"])


def test_a_file_that_cannot_be_read(tmp_path):
    put(tmp_path, {"a": b""})
    files = open_files(tmp_path)
    (tmp_path / "a").unlink()
    with pytest.raises(BadData, match=r"must be readable and whole \(No such file"):
        files.read(["a"])


def test_a_folder_that_cannot_be_listed(tmp_path, monkeypatch):
    def refused(folder, onerror):
        onerror(PermissionError(13, "Permission denied"))
        return iter(())

    monkeypatch.setattr(archive.os, "walk", refused)
    with pytest.raises(BadData, match=r"data folder '.*': must be readable and whole \(Permission denied\)"):
        open_files(tmp_path)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (deb_bytes({"debian-binary": b"2.0\n"}), r"must be a whole Debian package \(with a member data\.tar\)"),
        (
            deb_bytes({"data.tar.zst": b"zstd"}),
            "must be packed with gzip, bzip2 or xz, not zstd. Unpack it with dpkg-deb",
        ),
        (
            deb_bytes({"data.tar.xz": b"long" * 100})[:-50],
            "must be readable and whole .350 bytes of 'data.tar.xz', not 400",
        ),
        (deb_bytes({"data.tar.xz": b"no archive"}), "must be readable and whole"),
        (b"!<arch>\n" + b"x" * 60, "must be a whole Debian package"),
    ],
)
def test_a_damaged_debian_package(tmp_path, raw, message):
    (tmp_path / "p.deb").write_bytes(raw)
    with pytest.raises(BadData, match=message):
        open_files(tmp_path / "p.deb")


def test_an_encrypted_zip(tmp_path):
    raw = bytearray(zip_bytes({"a": b"content"}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(mark) + offset] |= 1  # says that the member is encrypted
    (tmp_path / "z.zip").write_bytes(raw)
    assert zipfile.is_zipfile(tmp_path / "z.zip")
    with pytest.raises(BadData, match=r"must be readable and whole .*password"):
        open_files(tmp_path / "z.zip").read(["a"])
