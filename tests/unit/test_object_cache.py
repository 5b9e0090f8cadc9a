"""The cache of compiled objects: compiled once for each command, compiler and library, and never in the way."""

import subprocess
import sys

import pytest

from lutwright.simulate import object_cache
from lutwright.simulate.runner import simulator_environment

# Puts the source behind its version and flags, and counts how often it was asked to.
COMPILER = """#!{python}
import pathlib, sys
if sys.argv[1:] == ["--version"]:
    print("{version}")
    sys.exit(0)
log = pathlib.Path({log!r})
log.write_text(log.read_text() + "x")
text = pathlib.Path(sys.argv[-1]).read_text()
if "fault" in text:
    sys.exit(3)
pathlib.Path(sys.argv[sys.argv.index("-o") + 1]).write_text("{version} " + text)
"""


class Place:
    """A compiler, a library of two files and a cache."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.cache, self.log = folder, folder / "cache", folder / "log"
        self.include = folder / "verilator" / "include"
        self.include.mkdir(parents=True)
        self.source = self.include / "verilated.cpp"
        self.source.write_text("code")
        (self.include / "verilated.h").write_text("header")
        self.log.write_text("")
        self.install("1.0")
        monkeypatch.setenv("VERILATOR_ROOT", str(self.include.parent))

    def install(self, version):
        self.compiler = self.folder / "c++"
        self.compiler.write_text(COMPILER.format(python=sys.executable, version=version, log=str(self.log)))
        self.compiler.chmod(0o755)

    def compile(self, *flags, source=None, out="a.o"):
        """Compile as make does; return (status, what came out, how often the compiler ran so far)."""
        made = self.folder / out
        made.unlink(missing_ok=True)
        command = [str(self.compiler), *flags, "-c", "-o", str(made), str(source or self.source)]
        status = object_cache.main([str(self.cache), *command])
        return status, made.read_text() if made.exists() else None, len(self.log.read_text())


@pytest.fixture
def place(tmp_path, monkeypatch):
    return Place(tmp_path, monkeypatch)


def test_the_library_is_compiled_once(place):
    assert place.compile() == (0, "1.0 code", 1)
    assert place.compile(out="b.o") == (0, "1.0 code", 1)


def test_whatever_it_depends_on_makes_another_object(place):
    place.compile()
    assert place.compile("-O1")[2] == 2
    (place.include / "verilated.h").write_text("another header")
    assert place.compile()[2] == 3
    place.install("2.0")
    assert place.compile() == (0, "2.0 code", 4)


def test_a_design_is_compiled_each_time(place, tmp_path):
    design = tmp_path / "Vtop.cpp"
    design.write_text("design")
    assert [place.compile(source=design)[2] for _ in range(2)] == [1, 2]
    assert not place.cache.exists()


def test_what_fails_is_not_kept(place):
    place.source.write_text("fault")
    assert [place.compile() for _ in range(2)] == [(3, None, 1), (3, None, 2)]
    assert not place.cache.exists()


def test_a_cache_that_cannot_be_written_only_costs_time(place):
    place.cache.write_text("a file in its place")
    assert [place.compile() for _ in range(2)] == [(0, "1.0 code", 1), (0, "1.0 code", 2)]


def test_it_runs_as_make_runs_it(place, monkeypatch):
    """As a command of its own, from the environment of the simulator; a user's own cache stays."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(place.folder / "home"))
    monkeypatch.delenv("OBJCACHE", raising=False)
    prefix = simulator_environment("verilator")["OBJCACHE"]
    command = f"{prefix} {place.compiler} -c -o {place.folder / 'a.o'} {place.source}"
    for _ in range(2):
        assert subprocess.run(command, shell=True, check=False).returncode == 0
    assert place.log.read_text() == "x" and len(list((place.folder / "home").rglob("*.o"))) == 1
    monkeypatch.setenv("OBJCACHE", "ccache")
    assert simulator_environment("verilator")["OBJCACHE"] == "ccache"
