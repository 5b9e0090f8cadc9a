"""Imports run one way. A room may import the rooms that stand before it, as docs/architecture.md lists them."""

import ast

import pytest

from lutwright.resources import room

SOURCE = room("hw").parent / "sw" / "lutwright"
BASE = {"errors", "files", "resources", "boards", "devices", "plls"}
MAY = {"numerics": BASE}
MAY["ir"] = MAY["numerics"] | {"numerics"}
MAY["passes"] = MAY["ir"] | {"ir"}
MAY["frontend"] = MAY["ir"] | {"ir"}
MAY["dataflow"] = MAY["passes"] | {"passes"}
MAY["learn"] = MAY["dataflow"] | {"dataflow"}
MAY["emit"] = MAY["learn"] | {"learn", "frontend"}
MAY["flow"] = MAY["emit"] | {"emit"}
MAY["explore"] = MAY["flow"] | {"flow"}
MAY["hls"] = MAY["emit"] | {"emit"}
MAY["simulate"] = MAY["hls"] | {"hls"}
MAY["prove"] = MAY["simulate"] | {"simulate", "flow"}
MAY["data"] = BASE
MAY["train"] = BASE | {"data", "frontend"}
MAY["check"] = MAY["simulate"] | {"data", "simulate", "train"}
MAY["runtime"] = MAY["simulate"] | {"data", "simulate"}
MAY["report"] = BASE


def imports(path):
    """Rooms of lutwright that the file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        found |= {name.split(".")[1] for name in names if name.startswith("lutwright.")}
    return found


@pytest.mark.parametrize("name", sorted(MAY))
def test_no_arrow_runs_up(name):
    files = sorted((SOURCE / name).glob("*.py"))
    assert files
    for path in files:
        wrong = imports(path) - MAY[name] - {name}
        assert not wrong, f"{path.name} of {name}/ imports {sorted(wrong)}"


def test_every_room_is_listed():
    rooms = {p.name for p in SOURCE.iterdir() if p.is_dir() and (p / "__init__.py").is_file()}
    assert rooms - {"cli"} == set(MAY)


def test_only_training_imports_torch():
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        top = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
        names = {a.name for n in top if isinstance(n, ast.Import) for a in n.names} | {
            n.module for n in top if isinstance(n, ast.ImportFrom) and n.module
        }
        uses = {name.split(".")[0] for name in names} & {"torch", "brevitas"}
        place = path.relative_to(SOURCE)
        assert not uses or place.parts[0] == "train" or str(place) in ("frontend/export.py", "learn/module.py"), place
