"""Packages are fetched by the user's package tools: what is called, what is refused, and that nothing is left."""

import hashlib
import importlib.util
import os
import sys
import time
from pathlib import Path

import pytest

from lutwright.data import packages
from lutwright.data.packages import Package, fetch
from lutwright.errors import BadData, ToolFailed, ToolMissing

CONTENT = b"an archive"
SHA = hashlib.sha256(CONTENT).hexdigest()
NPM = Package("npm", "some-set", "1.2.3", 10, SHA)
PIP = Package("pip", "some-set", "1.2.3", 10, SHA)
APT = Package("apt", "some-set", "", 10, "")


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Makes every package tool a script that notes how it was called, leaves an archive and then runs `script`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setattr(packages.sys, "executable", str(folder / "python"))

    def make(script):
        for name in ("npm", "python", "apt-get"):
            (folder / name).write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/called\n{script}\n')
            (folder / name).chmod(0o755)
        return lambda: (tmp_path / "called").read_text().strip()

    return make


@pytest.fixture
def empty(tmp_path):
    (tmp_path / "down").mkdir()
    return tmp_path / "down"


@pytest.mark.parametrize(
    ("package", "ending", "words"),
    [
        (NPM, "tgz", "pack some-set@1.2.3 --ignore-scripts"),
        (PIP, "whl", "-m pip download --no-deps --only-binary=:all: --ignore-requires-python"),
        (APT, "deb", "download some-set"),
    ],
)
def test_each_tool_downloads_and_installs_nothing(tools, empty, package, ending, words):
    called = tools(f"printf 'an archive' > some-set.{ending}")
    found = fetch(package, empty)
    assert found == empty / f"some-set.{ending}" and found.read_bytes() == CONTENT
    assert called().startswith(words) and "install" not in called()
    assert ("some-set==1.2.3" in called()) == (package is PIP)


def test_no_host_is_named_in_the_code():
    for path in Path(packages.__file__).parent.glob("*.py"):
        text = path.read_text()
        assert "http" not in text and "urllib" not in text and "socket" not in text, path.name


def test_another_archive_than_tested(tools, empty):
    tools("printf 'another' > some-set.tgz")
    message = (
        rf"package 'some-set.tgz': SHA-256 must be {SHA}, not \w{{64}} \(7 bytes\)\. Try again, or get the package"
    )
    with pytest.raises(BadData, match=message):
        fetch(NPM, empty)


@pytest.mark.parametrize(
    ("package", "tool", "fix"), [(NPM, "npm", "Install Node.js"), (APT, "apt-get", "It comes with Debian and Ubuntu")]
)
def test_a_tool_is_missing(tmp_path, empty, monkeypatch, package, tool, fix):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match=rf"tool '{tool}': must be on PATH .*, not absent\. {fix}.*--from PATH"):
        fetch(package, empty)


def test_pip_is_missing(empty, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(
        ToolMissing, match=r"tool 'pip': must be in this Python, not absent\. python -m ensurepip, or get"
    ):
        fetch(PIP, empty)


@pytest.mark.parametrize(("script", "count"), [("true", "none"), ("touch a.tgz b.tgz", "a.tgz, b.tgz")])
def test_not_one_archive(tools, empty, script, count):
    tools(script)
    with pytest.raises(ToolFailed, match=f"tool 'npm': must leave one archive, not {count}"):
        fetch(NPM, empty)


def test_a_tool_fails(tools, empty):
    tools("echo one; echo; echo 'E: no such package' >&2; exit 3")
    message = r"tool 'npm': must end with status 0, not 3\. Try again, .*--from PATH\. one \| E: no such package\.?$"
    with pytest.raises(ToolFailed, match=message):
        fetch(NPM, empty)
    tools("exit 3")
    with pytest.raises(ToolFailed, match=r"It said nothing\."):
        fetch(NPM, empty)


def test_a_tool_hangs(tools, empty, monkeypatch, tmp_path):
    monkeypatch.setattr(packages, "TIMEOUT", 0.5)
    tools(f"(sleep 2; touch {tmp_path}/still_running) & wait")
    with pytest.raises(ToolFailed, match=r"tool 'npm': must end within 0\.5 s, not running \(stopped\)"):
        fetch(NPM, empty)
    time.sleep(2)
    assert not (tmp_path / "still_running").exists()


def test_ctrl_c_ends_the_tool(tools, empty, monkeypatch, tmp_path):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    tools(f"sleep 1; touch {tmp_path}/still_running")
    monkeypatch.setattr(packages.subprocess.Popen, "communicate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch(NPM, empty)
    time.sleep(1.2)
    assert not (tmp_path / "still_running").exists()


def test_labels():
    assert (NPM.label, PIP.label, APT.label) == ("npm some-set 1.2.3", "PyPI some-set 1.2.3", "Debian some-set")
    assert sys.executable
