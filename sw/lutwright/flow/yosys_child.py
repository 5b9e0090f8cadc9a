"""The child process of synthesis: `python -m lutwright.flow.yosys_child SCRIPT` runs a Yosys script in pyosys.

A process of its own, because Yosys ends the process it runs in when it meets an error.
"""

from __future__ import annotations

import sys
from pathlib import Path

from lutwright.flow.tools import end_with_parent


def main(script: Path) -> None:
    """Run each line of `script` as one Yosys command; lines that start with # are comments."""
    from pyosys import libyosys

    design = libyosys.Design()
    for line in script.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            libyosys.run_pass(line, design)


if __name__ == "__main__":
    end_with_parent()
    main(Path(sys.argv[1]))
