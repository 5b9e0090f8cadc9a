"""The C model of the hls4ml backend against the integer graph: every word of every layer."""

from __future__ import annotations

import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lutwright.check.inputs import Frames
from lutwright.check.opened import Opened
from lutwright.files import write_tree
from lutwright.hls.convert import hls_files
from lutwright.hls.frames import frames_program
from lutwright.hls.lower import lower
from lutwright.hls.options import HlsOptions
from lutwright.hls.project import for_hls
from lutwright.ir.graph import Graph
from lutwright.numerics.quantiser import IntArray
from lutwright.simulate.hls_model import compare_model, compile_model


@dataclass(frozen=True)
class HlsStage:
    """One layer: words compared, different ones, and where the first one is, or ""."""

    name: str
    words: int
    mismatches: int
    first: str


@dataclass(frozen=True)
class HlsResult:
    """All layers and outputs on `frames` frames; seconds to convert, to compile, and to run and compare."""

    frames: int
    stages: tuple[HlsStage, ...]
    convert_seconds: float
    compile_seconds: float
    run_seconds: float

    @property
    def words(self) -> int:
        """Words compared."""
        return sum(stage.words for stage in self.stages)

    @property
    def mismatches(self) -> int:
        """Words that differ."""
        return sum(stage.mismatches for stage in self.stages)

    @property
    def first(self) -> str:
        """Where the first mismatch is, or ""."""
        return next((stage.first for stage in self.stages if stage.first), "")

    def as_dict(self) -> dict[str, Any]:
        """The words of --json."""
        return asdict(self) | {"words": self.words, "mismatches": self.mismatches, "first": self.first}


def check_hls(opened: Opened, frames: Frames, options: HlsOptions) -> HlsResult:
    """Convert, compile and compare the model on `frames`.

    Raises UnsupportedOp or NotExact where it has no exact hls4ml form, ToolMissing or ToolFailed.
    """
    edge = opened.graph.edge
    return compare_hls(for_hls(opened.graph), edge.codes(edge.arrange(frames.x)), options)


def compare_hls(graph: Graph, codes: IntArray, options: HlsOptions, level: str = "-O1") -> HlsResult:
    """As check_hls, for a graph that for_hls made and its input codes int64 [frames, ...shape].

    level: the compiler's optimisation: -O0 compiles fastest.
    """
    begin = time.perf_counter()
    model = lower(graph, options)
    files = hls_files(model, graph.name, options) | {"frames.cpp": frames_program(model, graph.name)}
    converted = time.perf_counter() - begin
    totals: dict[str, HlsStage] = {}
    with tempfile.TemporaryDirectory(prefix="lutwright-hls-") as folder:
        sources, work = Path(folder) / "hls", Path(folder) / "work"
        write_tree(sources, files)
        compiled = compile_model(sources, graph.name, work, level)
        begin = time.perf_counter()
        for _, found in compare_model(compiled, model, graph, codes, work):
            for one in found:
                before = totals.get(one.stage, HlsStage(one.stage, 0, 0, ""))
                totals[one.stage] = HlsStage(
                    one.stage, before.words + one.words, before.mismatches + one.mismatches, before.first or one.first
                )
    run = time.perf_counter() - begin
    return HlsResult(codes.shape[0], tuple(totals.values()), converted, compiled.seconds, run)
