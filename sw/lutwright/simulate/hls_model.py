"""The C model of an hls4ml project: compiled with hls4ml's own bit-accurate types, run, and compared word by word."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lutwright.errors import ToolFailed, ToolMissing
from lutwright.hls.frames import Answers, answer_words, put_out, read_answers, tapped
from lutwright.hls.lower import HlsModel
from lutwright.hls.project import HlsProject
from lutwright.ir.execute import execute_all
from lutwright.ir.graph import Graph
from lutwright.numerics.quantiser import IntArray
from lutwright.simulate.compare import Comparison, compare
from lutwright.simulate.core import Run, RunResult

COMPILER = "g++"
_TIMEOUT = 3600.0
# C++11 is what the oldest of AMD's tools reads.
_FLAGS = ("-std=c++11", "-w")
_BLOCK_WORDS = 1 << 24  # words of all taps at once


@dataclass(frozen=True)
class CModel:
    """A compiled model: the program or library, and the seconds that compiling took."""

    program: Path
    seconds: float


def compile_model(sources: Path, name: str, work: Path, level: str = "-O1") -> CModel:
    """Compile the project in folder `sources`, whose top function is `name`, in folder `work`.

    level: the compiler's optimisation.
    Raises ToolMissing without a compiler, ToolFailed with its last lines.
    """
    return _compile(sources, name, sources / "frames.cpp", work.resolve() / "frames", [level])


def compile_library(sources: Path, name: str, call: Path, work: Path, level: str = "-O1") -> CModel:
    """As compile_model, but to a library that a simulator links; `call` is the source of the function that it calls."""
    return _compile(sources, name, call, work.resolve() / "libmodel.so", [level, "-shared", "-fPIC", "-pthread"])


def _compile(sources: Path, name: str, more: Path, made: Path, flags: list[str]) -> CModel:
    """What hls4ml wrote, compiled with the source `more` into the file `made`."""
    if shutil.which(COMPILER) is None:
        raise ToolMissing(f"tool '{COMPILER}'", "must be on PATH for the C model", "absent", "Install a C++ compiler.")
    made.parent.mkdir(parents=True, exist_ok=True)
    weights = f'-DWEIGHTS_DIR="{(sources / "firmware" / "weights").resolve()}"'
    files = [f"firmware/{name}.cpp", f"{name}_bridge.cpp", str(more.resolve())]
    begin = time.perf_counter()
    _run([COMPILER, *_FLAGS, *flags, weights, "-Ifirmware/ap_types", "-o", str(made), *files], sources)
    return CModel(made, time.perf_counter() - begin)


def run_model(compiled: CModel, model: HlsModel, codes: IntArray, work: Path, taps: bool = True) -> Answers:
    """Run int64 input `codes` [frames, ...] in folder `work`: the words of the outputs, and of every tap if `taps`.

    Raises ToolFailed where the program fails or writes too little.
    """
    stimulus, answers = work / "frames.in", work / "frames.out"
    np.ascontiguousarray(codes, np.int64).tofile(stimulus)
    _run([str(compiled.program), str(stimulus.resolve()), str(answers.resolve()), str(int(taps))], work)
    words = np.fromfile(answers, np.int64)
    answers.unlink()
    expected = codes.shape[0] * answer_words(model, taps)
    if words.size != expected:
        raise ToolFailed("the C model", f"must write {expected} words", words.size, "Compile it again.")
    return read_answers(model, words, taps)


def compare_model(
    compiled: CModel, model: HlsModel, graph: Graph, codes: IntArray, work: Path
) -> Iterator[tuple[int, list[Comparison]]]:
    """Compare every word of every layer with the integer executor, block by block of frames.

    Yields (frames so far, a comparison for each layer of the block).
    """
    made = {layer.name: layer.tensor for layer in model.layers if layer.tensor}
    makers = {node.output: node.name for node in graph.nodes}
    step = max(1, _BLOCK_WORDS // answer_words(model, True))
    for start in range(0, codes.shape[0], step):
        block = codes[start : start + step]
        expected = execute_all(graph, block, set(made.values()))
        got = run_model(compiled, model, block, work)
        found = [_one(makers.get(made[n], n), expected[made[n]], got.taps[n], start) for n in tapped(model)]
        found += [_one(f"output '{n}'", expected[made[n]], got.outputs[n], start) for n in put_out(model)]
        yield start + block.shape[0], found


def layer_run(project: HlsProject, codes: IntArray, work: Path) -> RunResult:
    """Every layer of the C model of `project` on int64 `codes` [frames, ...], compiled and run in folder `work`."""
    compiled = compile_model(project.sources, project.graph.name, work)
    found = [one for _, block in compare_model(compiled, project.model, project.graph, codes, work) for one in block]
    return RunResult(Run("every layer", len(codes)), tuple(found), 0)


def _one(called: str, expected: IntArray, got: IntArray, start: int) -> Comparison:
    return compare(called, expected, got, np.zeros(got.shape[0], np.bool_), "hls4ml", first=start)


def _run(command: list[str], where: Path) -> None:
    try:
        done = subprocess.run(command, cwd=where, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolFailed(f"tool '{Path(command[0]).name}'", f"did not run ({error})", fix="Try again.") from error
    if done.returncode:
        last = " | ".join((done.stderr or done.stdout).strip().splitlines()[-6:]) or "it said nothing"
        raise ToolFailed(
            f"tool '{Path(command[0]).name}'",
            f"ended with status {done.returncode}: {last}",
            fix="Report this model.",
        )
