"""Compiles one C++ file for make, or takes it from the folder of those compiled before.

    python object_cache.py FOLDER c++ ... -c -o verilated.o .../verilator/include/verilated.cpp

Only the simulator's run-time library is kept: it is the same in every simulation and takes longer to compile than a
small design. Anything else goes straight to the compiler. This runs for each file, without site-packages.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def library(root: Path) -> Path:
    """The folder of the run-time library's sources in Verilator's installation `root`."""
    return root / "include"


def kept_as(command: Sequence[str], root: Path) -> str:
    """The name under which the object of `command` is kept: a digest of all that it depends on; "" if it is not kept.

    That is the command but for its output, the compiler's version and every file of the library.
    """
    if "-c" not in command or "-o" not in command or Path(command[-1]).parent != library(root):
        return ""
    out = command.index("-o") + 1
    version = subprocess.run([command[0], "--version"], capture_output=True, check=False).stdout
    total = hashlib.sha256(repr([*command[:out], *command[out + 1 :]]).encode() + version)
    for path in sorted(library(root).glob("*.*")):
        total.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return f"{total.hexdigest()}.o"


def compile_once(folder: Path, command: Sequence[str], name: str) -> int:
    """Run `command` unless `folder` has `name`, and keep its object there where that is possible; return its status."""
    out, kept = command[command.index("-o") + 1], folder / name
    try:
        shutil.copyfile(kept, out)
        return 0
    except OSError:
        status = subprocess.run(command, check=False).returncode
    if status == 0:
        partial = kept.with_name(f".{os.getpid()}.{name}")  # several simulations may be compiled at once
        try:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(out, partial)
            os.replace(partial, kept)
        except OSError:
            pass  # a cache that cannot be written only costs time
    return status


def main(arguments: Sequence[str]) -> int:
    """Compile as `arguments` say: the folder of the cache, then the compiler's command."""
    folder, command = Path(arguments[0]), arguments[1:]
    name = kept_as(command, Path(os.environ["VERILATOR_ROOT"]))
    return compile_once(folder, command, name) if name else subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
