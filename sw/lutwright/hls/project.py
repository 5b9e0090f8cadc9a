"""An hls4ml project as a value {path: bytes}, and opened again.

hls/           what hls4ml wrote; frames.cpp, the program around its C model; synthesise.sh
sim/           the C model as a core (hls/shell.py), and its bench
model.onnx, graph.txt, board.json, project.json    as in an RTL project
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import lutwright
from lutwright.boards import Board
from lutwright.dataflow.stage import Pipeline
from lutwright.emit.project import BOARD, MANIFEST, BuildPlan, board_bytes, read_manifest
from lutwright.errors import BadOption
from lutwright.frontend.translate import InputType, import_model
from lutwright.hls.convert import hls_files
from lutwright.hls.frames import frames_program
from lutwright.hls.lower import HlsModel, lower
from lutwright.hls.options import HlsOptions
from lutwright.hls.script import SCRIPT, script_file
from lutwright.hls.shell import shell_files, shell_pipeline
from lutwright.hls.version import PROVED
from lutwright.ir.graph import Graph
from lutwright.ir.text import to_text
from lutwright.ir.verify import verify
from lutwright.passes import run_pipeline
from lutwright.passes.classify import classify
from lutwright.passes.drop_unread import drop_unread

BACKEND = "hls4ml"
ROOM = "hls"
# The keywords of C++ that SystemVerilog does not have too, and what the emitted files call something else.
_TAKEN = frozenset(
    """
    alignas alignof asm auto bool catch char char16_t char32_t compl const_cast constexpr decltype delete double
    dynamic_cast explicit false float friend goto inline long mutable namespace noexcept not_eq nullptr operator
    or_eq private public register reinterpret_cast short sizeof static_assert static_cast switch template
    thread_local throw true try typeid typename using volatile wchar_t and_eq bitand bitor xor_eq
    frame frames hls input_t lutwright main nnet result_t std
    """.split()  # noqa: SIM905 - a list of quoted words reads worse
)


def for_hls(graph: Graph) -> Graph:
    """`graph` after every pass that the layers need, ending in its class where it is a classifier.

    The windows stay as they are: HLS knows no cells that want them square. Its name is that of a C++ function.
    """
    name = f"m_{graph.name}" if graph.name in _TAKEN else graph.name
    return replace(verify(drop_unread(classify(run_pipeline(graph)))), name=name)


def part_of(board: Board, part: str) -> str:
    """The part to build for: `part`, or that of `board` where it is one of AMD's. Raises BadOption where neither is."""
    if part:
        return part
    if board.part.lower().startswith("xc"):
        return board.part
    rule = f"must name a part, because hls4ml builds for AMD parts and board '{board.name}' has none"
    raise BadOption("--part", rule, fix="Example: --part xc7a35tcpg236-1.")


def plan_hls_project(
    graph: Graph, options: HlsOptions, board: Board, model: bytes, declared: InputType | None, version: str = PROVED
) -> BuildPlan:
    """The whole project of `graph`, as for_hls made it, on `board`.

    model: the ONNX file that it came from. declared: the type of its input. version: of the hls4ml that is installed.
    """
    lowered = lower(graph, options)
    made = hls_files(lowered, graph.name, options) | {"frames.cpp": frames_program(lowered, graph.name)}
    made[SCRIPT] = script_file(graph.name, options)
    files = {f"{ROOM}/{name}": data for name, data in made.items()}
    files |= {f"sim/{name}": data for name, data in shell_files(shell_pipeline(graph, lowered), lowered).items()}
    files |= {"model.onnx": model, "graph.txt": to_text(graph).encode(), BOARD: board_bytes(board)}
    manifest = {
        "lutwright": lutwright.__version__,
        "backend": BACKEND,
        "hls4ml": version,
        "name": graph.name,
        "board": board.name,
        "model": "model.onnx",
        "input": declared.text if declared is not None else "",
        "options": options.as_dict(),
        "layers": layer_words(lowered),
        "data": graph.metadata.get("lutwright.dataset", ""),
        "digest": BuildPlan(files).digest,
    }
    files[MANIFEST] = (json.dumps(manifest, indent=2, sort_keys=True) + "\n").encode()
    return BuildPlan(files)


def layer_words(model: HlsModel) -> list[dict[str, Any]]:
    """The layers of `model` for the manifest and for --json."""
    return [
        {
            "name": layer.name,
            "layer": (layer.function and f"{layer.kind} ({layer.function})") or layer.kind,
            "shape": list(layer.shape),
            "type": str(layer.type),
            "tensor": layer.tensor,
        }
        for layer in model.layers
    ]


@dataclass(frozen=True, eq=False)
class HlsProject:
    """An opened project: its folder, manifest, integer graph and layers."""

    folder: Path
    manifest: dict[str, Any]
    graph: Graph
    model: HlsModel

    @property
    def sources(self) -> Path:
        """The folder that hls4ml wrote."""
        return self.folder / ROOM

    @property
    def pipeline(self) -> Pipeline:
        """The C model as a core."""
        return shell_pipeline(self.graph, self.model)

    @property
    def shell_sources(self) -> list[Path]:
        """The core that calls the C model, and its bench."""
        return [self.folder / "sim" / name for name in (f"{self.graph.name}.sv", "tb_core.sv")]

    @property
    def call(self) -> Path:
        """The C++ between the core and the C model."""
        return self.folder / "sim" / "frame.cpp"


def open_hls_project(folder: Path) -> HlsProject:
    """Open the project in `folder`: check its files, and make graph and layers anew from its model.

    Raises BadProject where it is none.
    """
    manifest = read_manifest(folder, BACKEND)
    declared = InputType.parse(manifest["input"]) if manifest["input"] else None
    graph = replace(for_hls(import_model(folder / manifest["model"], declared)), name=manifest["name"])
    return HlsProject(folder, manifest, graph, lower(graph, HlsOptions.from_dict(manifest["options"])))
