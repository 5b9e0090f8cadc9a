"""A project: everything that one model becomes for one board, as a value {path: bytes}, made without any tool."""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import onnx

import lutwright
from lutwright.boards import Board
from lutwright.dataflow.choose import Choice
from lutwright.dataflow.folding import Fold
from lutwright.dataflow.lower import Target, lower
from lutwright.dataflow.memories import block_names, with_blocks
from lutwright.dataflow.stage import Pipeline
from lutwright.emit.fusesoc import core_file
from lutwright.emit.learner_chip import chip_bench_files, chip_files
from lutwright.emit.packet import packet_files, packet_name, packet_stream
from lutwright.emit.pynq import pynq_files
from lutwright.emit.rtl import bench_files, cell_closure, core_files, pipeline_cells
from lutwright.emit.shell import (
    CoreInterface,
    axis_file,
    axis_name,
    constraint_name,
    shell_files,
    shell_sources,
    stream_sources,
    top_name,
)
from lutwright.emit.vendor import Design, vendor_files
from lutwright.errors import BadProject, LutwrightError
from lutwright.frontend.load import content_of, load_model
from lutwright.frontend.translate import InputType, import_model
from lutwright.ir.graph import Graph
from lutwright.ir.text import to_text
from lutwright.ir.verify import verify
from lutwright.learn.backbone import feature_graph, feature_source
from lutwright.learn.chip import LearnerChip, learner_chip, views_from
from lutwright.learn.config import LearnerConfig
from lutwright.learn.versions import Views
from lutwright.passes import run_pipeline
from lutwright.passes.classify import classify
from lutwright.passes.drop_unread import drop_unread
from lutwright.passes.square_windows import square_windows

MANIFEST = "project.json"
BOARD = "board.json"


@dataclass(frozen=True, eq=False)
class BuildPlan:
    """`files`: relative path -> bytes; `digest`: SHA-256 over all of them."""

    files: dict[str, bytes]

    @property
    def digest(self) -> str:
        """SHA-256 over names and contents, in the order of the names."""
        total = hashlib.sha256()
        for name in sorted(self.files):
            total.update(name.encode() + b"\0" + hashlib.sha256(self.files[name]).digest())
        return total.hexdigest()


def core_interface(pipeline: Pipeline, project_id: int, learner: LearnerChip | None = None) -> CoreInterface:
    """The streams of the core, or of the learner's chip around it, as its board shell needs them."""
    if learner is not None:
        chip = learner
        told = (chip.in_bytes, chip.in_beats, chip.out_bytes, chip.out_beats, project_id)
        return CoreInterface(chip.name, *told, chip.user_bits, chip.config.label_bits)
    source, made = pipeline.source, packet_stream(pipeline)
    return CoreInterface(packet_name(pipeline), source.bytes, source.beats, made.bytes, made.beats, project_id)


def model_bytes(model: Path) -> bytes:
    """The ONNX file `model` as a project carries it: unpacked, and in one piece where its data lie in other files."""
    loaded = load_model(model)
    given = content_of(model)
    return given if loaded == onnx.ModelProto.FromString(given) else bytes(loaded.SerializeToString(deterministic=True))


def plan_project(
    graph: Graph,
    choice: Choice,
    board: Board,
    model: bytes,
    declared: InputType | None = None,
    learner: LearnerChip | None = None,
) -> BuildPlan:
    """The whole project of `graph`, folded as in `choice`, on `board`.

    model: the ONNX file that it came from. declared: the type of its input, where the user had to say it.
    learner: the chip around the features that `graph` makes.
    """
    pipeline = choice.pipeline
    core = core_files(graph, pipeline) | (chip_files(learner) if learner is not None else {})
    project_id = zlib.crc32(BuildPlan(core).digest.encode())
    interface = core_interface(pipeline, project_id, learner)
    files = {f"rtl/{name}": data for name, data in (core | packet_files(pipeline)).items()}
    inner = sorted(files)
    files |= {f"rtl/{path.name}": path.read_bytes() for path in shell_sources(board)}
    shell = shell_files(interface, board)
    constraints = constraint_name(board)
    files |= {("" if name == constraints else "rtl/") + name: data for name, data in shell.items()}
    outer = sorted(name for name in files.keys() - set(inner) if name != constraints)
    axis = _axis_files(interface, board)
    files |= axis
    memories = tuple(name for name in inner if name.endswith(".mem"))
    design = Design(tuple(name for name in inner if name not in memories), memories, tuple(outer), tuple(sorted(axis)))
    top = top_name(interface, board)
    beside = vendor_files(interface, board, design)
    beside |= {f"{graph.name}.core": core_file(interface.name, board, top, constraints, design)}
    if board.processor:
        beside |= {f"pynq/{name}": data for name, data in pynq_files(graph, pipeline, interface, board).items()}
    files |= beside
    benches = bench_files(pipeline) | (chip_bench_files(learner) if learner is not None else {})
    files |= {f"sim/{name}": data for name, data in benches.items()}
    # The board as it is, clock and PLL included: the user's own board file need not be there when the project is used.
    files |= {"model.onnx": model, "graph.txt": to_text(graph).encode(), BOARD: board_bytes(board)}
    manifest = {
        "lutwright": lutwright.__version__,
        "name": graph.name,
        "board": board.name,
        "project_id": project_id,
        "model": "model.onnx",
        "input": declared.text if declared is not None else "",
        "top": top,
        "link": board.link,
        "beside": sorted(beside),
        "constraints": constraints,
        "baud": board.serial.baud if board.serial else 0,
        "clock_mhz": board.clock.pll.asked if board.clock.pll else board.clock.mhz,
        "core": {
            "in_bytes": interface.in_bytes,
            "in_beats": interface.in_beats,
            "out_bytes": interface.out_bytes,
            "out_beats": interface.out_beats,
        },
        "interval": pipeline.interval,
        "target": list(astuple(choice.target)),
        "blocks": block_names(pipeline),
        "folds": {name: [f.engine, f.pe, f.simd] for name, f in choice.folds.items()},
        "estimate": choice.estimate.as_dict(),
        "data": graph.metadata.get("lutwright.dataset", ""),
        "digest": BuildPlan(files).digest,
    }
    if learner is not None:
        manifest["learner"] = learner.as_dict()
    files[MANIFEST] = (json.dumps(manifest, indent=2, sort_keys=True) + "\n").encode()
    return BuildPlan(files)


def _axis_files(core: CoreInterface, board: Board) -> dict[str, bytes]:
    """Path -> bytes of the core with AXI4-Streams of packets, which Vivado packages; nothing elsewhere.

    A learner's chip takes more than frames and has none.
    """
    if board.family not in ("xc7", "xcup") or core.commands:
        return {}
    files = {f"rtl/{path.name}": path.read_bytes() for path in stream_sources()}
    return files | {f"rtl/{axis_name(core)}.v": axis_file(core)}


def board_bytes(board: Board) -> bytes:
    """`board` as a project carries it."""
    return (json.dumps(board.model_dump(mode="json"), indent=2, sort_keys=True) + "\n").encode()


# Backend -> the folders whose files a project of it is made of, beside those that lie on top.
_ROOMS = {"rtl": ("rtl", "sim"), "hls4ml": ("hls", "sim")}


def backend_of(project: Path) -> str:
    """The backend that made the project in folder `project`: rtl or hls4ml. Raises BadProject where it is none."""
    return str(_manifest(project).get("backend", "rtl"))


def _manifest(project: Path) -> dict[str, Any]:
    """The manifest as it stands there."""
    where = f"project '{project}'"
    path = project / MANIFEST
    if not path.is_file():
        raise BadProject(
            where,
            f"must be a folder with {MANIFEST}",
            "a folder without" if project.is_dir() else "missing",
            "Make it with lutwright build MODEL --board NAME --out DIR.",
        )
    try:
        manifest = dict(json.loads(path.read_text()))
        if "digest" in manifest and ("constraints" in manifest or "backend" in manifest):
            return manifest
    except (ValueError, TypeError):  # not JSON, or not of names and values
        pass
    raise BadProject(where, f"{MANIFEST} must be whole", "damaged", "Build the project again.")


def read_manifest(project: Path, backend: str = "rtl") -> dict[str, Any]:
    """The manifest of the project in folder `project`, made by `backend`.

    Raises BadProject where it is none, a file of it was changed, or another backend made it.
    """
    where = f"project '{project}'"
    manifest, made_by = _manifest(project), backend_of(project)
    constraints = manifest["constraints"] if made_by == "rtl" else ""
    if manifest.get("lutwright") != lutwright.__version__:
        raise BadProject(
            where,
            f"must be built by lutwright {lutwright.__version__}",
            manifest.get("lutwright"),
            "Build the project again.",
        )
    if made_by != backend:
        fix = f"Build it with --backend {backend}."
        raise BadProject(where, f"must be a project of the backend {backend}", made_by, fix)
    if (
        BuildPlan(_files(project, _ROOMS[backend], (constraints, *manifest.get("beside", ())))).digest
        != manifest["digest"]
    ):
        raise BadProject(
            where,
            "the files must be those that were built",
            "others (the digest differs)",
            "Build the project again; to change the RTL, change hw/ or the model.",
        )
    return manifest


def _files(project: Path, rooms: tuple[str, ...], more: tuple[str, ...]) -> dict[str, bytes]:
    """The files of a project: relative path -> bytes. more: those beside what every project has."""
    files = {
        str(p.relative_to(project)): p.read_bytes()
        for folder in rooms
        for p in sorted((project / folder).rglob("*"))
        if p.is_file()
    }
    names = ("model.onnx", "graph.txt", BOARD, *filter(None, more))
    return files | {name: (project / name).read_bytes() for name in names if (project / name).is_file()}


@dataclass(frozen=True, eq=False)
class Project:
    """An opened project: its folder, manifest, integer graph and pipeline.

    learner: the chip around them, where `graph` makes the features of a learner.
    """

    folder: Path
    manifest: dict[str, Any]
    graph: Graph
    pipeline: Pipeline
    learner: LearnerChip | None = None

    @property
    def core_sources(self) -> list[Path]:
        """The files of the core alone, without board shell and bench."""
        made = {stage.cell for stage in self.pipeline.stages if stage.made is not None}
        names = sorted(cell_closure(pipeline_cells(self.pipeline)) | made | {self.graph.name})
        return [self.folder / "rtl" / f"{name}.sv" for name in names]

    @property
    def chip_sources(self) -> list[Path]:
        """The files of the learner's chip, the core included; those of the core where there is no learner."""
        if self.learner is None:
            return self.core_sources
        names = sorted({path.removesuffix(".sv") for path in chip_files(self.learner)})
        return list(dict.fromkeys([*self.core_sources, *(self.folder / "rtl" / f"{name}.sv" for name in names)]))

    @property
    def board_sources(self) -> list[Path]:
        """Every file of the design on the board, beside its processor if it has one."""
        made = sorted((self.folder / "rtl").glob("*.sv"))
        top = self.folder / "rtl" / f"{self.manifest['top']}.v"
        return [*made, top] if self.manifest["link"] == "dma" else made

    @property
    def board(self) -> Board:
        """The board that it is built for, at the clock that was asked for."""
        return Board.model_validate_json((self.folder / BOARD).read_bytes())

    @property
    def class_output(self) -> int | None:
        """As class_output of its graph."""
        return class_output(self.graph)

    @property
    def bench(self) -> Path:
        """The bench of the core."""
        return self.folder / "sim" / "tb_core.sv"

    @property
    def chip_bench(self) -> Path:
        """The bench of the learner's chip."""
        return self.folder / "sim" / "tb_learner_chip.sv"


def class_output(graph: Graph) -> int | None:
    """The number of the first output of `graph` that is a class, one index a frame; None where there is none."""
    made = {node.output for node in graph.nodes if node.op == "ArgMax"}
    ends = [output.tensor for output in graph.outputs]
    return next((i for i, name in enumerate(ends) if name in made and graph.tensors[name].words == 1), None)


def hardware_graph(model: Path, declared: InputType | None = None) -> Graph:
    """The integer graph of an ONNX file as hardware computes it: every pass done, a classifier ends in its class."""
    return for_hardware(import_model(model, declared))


def for_hardware(graph: Graph) -> Graph:
    """`graph` after every pass that the cells need, ending in its class where it is a classifier."""
    return _for_cells(classify(run_pipeline(graph)))


def features_for_hardware(graph: Graph) -> Graph:
    """The feature graph `graph` after every pass that the cells need; it ends in its features."""
    return _for_cells(run_pipeline(graph))


def _for_cells(graph: Graph) -> Graph:
    return verify(square_windows(drop_unread(graph)))


def open_project(folder: Path) -> Project:
    """Open the project in `folder`: check its files, and make graph and pipeline anew from its model."""
    manifest = read_manifest(folder)
    declared = InputType.parse(manifest["input"]) if manifest["input"] else None
    told, model = manifest.get("learner"), folder / manifest["model"]
    cut = feature_graph(import_model(model, declared), told["features"]) if told else None
    made = hardware_graph(model, declared) if cut is None else features_for_hardware(cut)
    graph = replace(made, name=manifest["name"])
    folds = {name: Fold(pe, simd, engine) for name, (engine, pe, simd) in manifest["folds"].items()}
    pipeline = with_blocks(lower(graph, folds, Target(*manifest["target"])), manifest["blocks"])
    learner = None if cut is None or told is None else _open_learner(folder, told, cut, graph, pipeline)
    return Project(folder, manifest, graph, pipeline, learner)


def _open_learner(folder: Path, told: dict[str, Any], cut: Graph, graph: Graph, pipeline: Pipeline) -> LearnerChip:
    """The chip that the manifest tells of; BadProject where its files or its features are others."""
    try:
        views: Views | None = views_from(told["views"])
        config, lanes = LearnerConfig(**told["config"]), int(told["lanes"])
        chip = learner_chip(graph, pipeline, config, lanes, views, feature_source(cut, views), told["features"])
        top = f"{chip.name}.sv"
        same = chip.as_dict() == told and (folder / "rtl" / top).read_bytes() == chip_files(chip)[top]
    except (LutwrightError, OSError, KeyError, TypeError, ValueError, IndexError):
        same = False
    if not same:
        rule = f"the learner that {MANIFEST} tells of must be the one that was built"
        raise BadProject(f"project '{folder}'", rule, "another", "Build the project again.")
    return chip
