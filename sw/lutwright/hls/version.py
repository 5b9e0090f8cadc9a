"""Which hls4ml this backend is proved with."""

from __future__ import annotations

import importlib.metadata

from lutwright.errors import BadOption, ToolMissing

PROVED = "1.3.0"
ANY = "--any-hls4ml-version"


def require_hls4ml(any_version: bool = False) -> str:
    """The version of the installed hls4ml: the one proved, or any that the user allowed.

    Raises ToolMissing where there is none, BadOption where it is another than the one proved.
    """
    try:
        found = importlib.metadata.version("hls4ml")
    except importlib.metadata.PackageNotFoundError as error:
        raise ToolMissing(
            "tool 'hls4ml'",
            f"the package hls4ml {PROVED} must be installed",
            "absent",
            "pip install 'lutwright[hls]'.",
        ) from error
    if found != PROVED and not any_version:
        fix = f"pip install hls4ml=={PROVED}, or give {ANY} and run lutwright check --backend hls4ml afterwards."
        raise BadOption("tool 'hls4ml'", f"must be {PROVED}, with which the backend is proved", found, fix)
    return found
