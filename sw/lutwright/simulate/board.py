"""Simulating the whole board top through its UART pins: frames in, classes out, as a host would see them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from lutwright.emit.frame_words import frame_words, result_words
from lutwright.emit.project import Project
from lutwright.errors import ToolFailed
from lutwright.numerics.quantiser import IntArray
from lutwright.simulate.compare import Comparison
from lutwright.simulate.runner import Bench
from lutwright.simulate.virtual_board import board_bench, board_environment

# Intervals, and bytes on the line, that an answer may take beside the time of two frames on the line.
_PATIENCE = 50


def frame_bytes(project: Project, codes: IntArray) -> list[bytes]:
    """Input codes [n, ...shape] as the bytes of one frame message each."""
    return frame_words(project.pipeline, codes)


def result_bytes(project: Project, codes: IntArray) -> list[bytes]:
    """What the board must answer to each frame, by the integer executor: its outputs, one behind the other."""
    return result_words(project.graph, project.pipeline, codes)


def compile_board(project: Project, work: Path) -> Bench:
    """Compile the bench of the whole board top of `project` in folder `work`; BadOption without a serial line."""
    board_environment(project.board)  # say what is missing before the long work
    bench = board_bench(project.board_sources, project.board, work)
    bench.compile()
    for memory in (project.folder / "rtl").glob("*.mem"):
        shutil.copy(memory, work)
    return bench


def compare_board(bench: Bench, project: Project, codes: IntArray, level: str) -> Comparison:
    """As play_board, but say where the answer to a frame is wrong or missing; level: what to call the board.

    Raises ToolFailed where the simulation fails though every answer was right.
    """
    told = bench.work / "board_answers.json"
    told.write_text("[]")
    try:
        play_board(bench, project, codes)
        return Comparison("board", len(codes), 0, "")
    except ToolFailed:
        expected = [f"6c7700{i & 255:02x}" for i in range(len(codes))]
        answers, results = json.loads(told.read_text()), result_bytes(project, codes)
        good = [a.startswith(e) and a[12:-4] == r.hex() for a, e, r in zip(answers, expected, results, strict=False)]
        right = sum(good)
        if right == len(codes):
            raise
        first = next((i for i, one in enumerate(good) if not one), len(good))
        found = answers[first] if first < len(answers) else "nothing"
        where = f"frame {first}: integer {results[first].hex()}, {level} {found} (first of {len(codes) - right})"
        return Comparison("board", len(codes), len(codes) - right, where)


def play_board(bench: Bench, project: Project, codes: IntArray) -> int:
    """Send `codes` [n, ...shape] through the UART pins, damaged messages between them; return the answers compared.

    Raises ToolFailed where an answer is wrong or missing.
    """
    core = project.manifest["core"]
    frames, pipeline = frame_bytes(project, codes), project.pipeline
    patience = _PATIENCE * (pipeline.interval // project.board.clocks_per_bit + 100) + 20 * len(frames[0])
    job = {
        "project_id": project.manifest["project_id"],
        "sizes": [core[key] for key in ("in_bytes", "in_beats", "out_bytes", "out_beats")],
        "patience_bits": patience,
        "frames": [f.hex() for f in frames],
        "results": [r.hex() for r in result_bytes(project, codes)],
    }
    path = bench.work / "board_frames.json"
    path.write_text(json.dumps(job))
    env = board_environment(project.board) | {"LUTWRIGHT_FRAMES": str(path)}
    bench.run("tb_board", env, expect=1)
    return len(codes)
