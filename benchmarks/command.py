"""A benchmark as a command: its errors in a line, its exit status."""

from __future__ import annotations

import sys
from collections.abc import Callable

from lutwright.errors import LutwrightError


def exit_status(work: Callable[[], None]) -> int:
    """Call `work`; return 0, or the status of the LutwrightError that it raises, which is printed."""
    try:
        work()
    except LutwrightError as error:
        print(f"{error.name}: {error}", file=sys.stderr)
        return error.exit_code
    return 0
