"""Training: recipes, data, multiplexer layers, schedules."""

from __future__ import annotations

import importlib.util

from lutwright.errors import ToolMissing

_NEEDED = ("torch", "brevitas", "qonnx")


def need_torch() -> None:
    """Raise ToolMissing where torch, Brevitas or qonnx is missing; to be called before importing this room."""
    for name in _NEEDED:
        if importlib.util.find_spec(name) is None:
            raise ToolMissing(
                f"package '{name}'",
                "must be installed to train or to run a PyTorch model",
                "absent",
                "Install lutwright with its extra: pip install 'lutwright[train]'.",
            )
