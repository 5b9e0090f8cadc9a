"""Where the data rooms (hw, rtl_templates, sim, boards, examples) lie: in a checkout or in an installed wheel."""

from __future__ import annotations

from pathlib import Path

from lutwright.errors import OutputError

_PACKAGE = Path(__file__).resolve().parent


def room(name: str) -> Path:
    """Return the folder of data room `name` ("hw", "rtl_templates", "sim", "boards", "examples").

    A wheel carries the rooms under lutwright/_rooms (see pyproject.toml); a checkout has them beside sw/.
    Raises OutputError where neither is there, which means a damaged installation.
    """
    for base in (_PACKAGE / "_rooms", _PACKAGE.parent.parent):
        if (base / name).is_dir():
            return base / name
    raise OutputError(
        "installation",
        f"data room '{name}' must be in the package or the checkout",
        "absent",
        "Install lutwright again.",
    )
