"""A design in simulation: every word of every frame against the integers, clocks a frame, frames a second."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from hardware_networks import Design, random_codes
from hardware_synthesis import CACHE, keep

from lutwright.emit.rtl import bench_files, core_files
from lutwright.errors import Mismatch
from lutwright.simulate.core import Run, compile_core, play


@dataclass(frozen=True)
class Simulated:
    """Clocks a frame in steady state; frames played and words compared, none different; seconds of the machine."""

    clocks: int
    frames: int
    words: int
    compile_seconds: float
    run_seconds: float

    @property
    def rate(self) -> float:
        """Frames a second, without the time to compile."""
        return self.frames / self.run_seconds


def simulate(design: Design, frames: int, seed: int = 1) -> Simulated:
    """Play `frames` random frames without stalls in Verilator. Raises Mismatch where a word differs, ToolFailed."""
    files = core_files(design.graph, design.pipeline) | bench_files(design.pipeline)
    digest = hashlib.sha256(f"{frames} {seed}\n".encode())
    for name, data in sorted(files.items()):
        digest.update(f"{name} {len(data)}\n".encode() + data)
    kept = CACHE / f"simulation-{digest.hexdigest()[:32]}.json"
    if not kept.is_file():
        keep(kept, json.dumps(asdict(_simulated(design, files, frames, seed))) + "\n")
    return Simulated(**json.loads(kept.read_text()))


def _simulated(design: Design, files: dict[str, bytes], frames: int, seed: int) -> Simulated:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, data in files.items():
            (folder / path).write_bytes(data)
        begin = time.perf_counter()
        bench = compile_core(sorted(folder.glob("*.sv")), folder / "work", "verilator", taps=False)
        compiled = time.perf_counter()
        codes = random_codes(design.graph, frames, seed)
        (result,) = play(bench, design.graph, design.pipeline, codes, [Run("no stalls", frames)], False, "rtl")
        done = time.perf_counter()
    if result.mismatches:
        first = next(c.first for c in result.comparisons if c.mismatches)
        raise Mismatch(design.title, "the hardware must equal the integers", first, "This is a defect; report it.")
    return Simulated(result.cycles_per_frame, frames, result.words, compiled - begin, done - compiled)
