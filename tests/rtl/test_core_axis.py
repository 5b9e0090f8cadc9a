"""A whole network between AXI4-Streams, as a DMA drives it: packets of frames in, packets of their results out."""

import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from axis import play_packets
from graphs import Maker

from lutwright.boards import load_board
from lutwright.dataflow.choose import choose
from lutwright.emit.frame_words import frame_words, result_words
from lutwright.emit.project import for_hardware, plan_project
from lutwright.files import write_tree
from lutwright.ir.graph import Output
from lutwright.runtime.frames import load_frames
from lutwright.simulate.runner import simulator_environment

PYNQ = load_board("pynq-z2")


def scores():
    """Three scores of a window that leaves the last row and column of the image out."""
    m = Maker(np.random.default_rng(1), (6, 6, 3), 5)
    m.conv(4, (3, 3), (2, 2), (0, 0, 0, 0))
    m.step(3, False)
    m.add("Flatten")
    m.dense(3, 4)
    return for_hardware(m.graph("scores"))


def several():
    """Two outputs, which leave the core one behind the other: an image, and scores of it."""
    m = Maker(np.random.default_rng(1), (5, 5, 2), 4)
    m.conv(3, (3, 3), (1, 1), (1, 1, 1, 1))
    m.step(3, False)
    image = m.here
    m.add("Flatten")
    m.dense(3, 4)
    outputs = (Output(m.here.name, "late"), Output(image.name, "image"))
    return for_hardware(replace(m.graph("several"), outputs=outputs))


@pytest.mark.parametrize("network", [scores, several], ids=["scores", "several"])
def test_every_byte_of_every_packet(network, tmp_path):
    graph = network()
    choice = choose(graph, PYNQ)
    plan = plan_project(graph, choice, PYNQ, b"")
    write_tree(tmp_path / "p", plan.files)
    (top,) = (path for path in (tmp_path / "p" / "rtl").glob("*_axis.v"))
    files = [*sorted((tmp_path / "p" / "rtl").glob("*.sv")), top]
    lint = subprocess.run(
        ["verilator", "--lint-only", "-Wall", "-Wno-DECLFILENAME", "--top-module", top.stem, *map(str, files)],
        env=simulator_environment("verilator"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert lint.returncode == 0 and "%Warning" not in lint.stderr, lint.stderr
    codes = load_frames(graph, "random", 6).codes
    frames, results = frame_words(choice.pipeline, codes), result_words(graph, choice.pipeline, codes)
    assert len(frames[0]) % 4 or len(results[0]) % 4  # beats that a packet ends in the middle of
    parts = [slice(0, 1), slice(1, 4), slice(4, 6)]
    packets = [b"".join(frames[part]) for part in parts]
    expected = [b"".join(results[part]) for part in parts]
    work = tmp_path / "sim"
    work.mkdir()
    for memory in (tmp_path / "p" / "rtl").glob("*.mem"):
        shutil.copy(memory, work)
    play_packets(files, top.stem, packets, expected, work, clock=("aclk", "aresetn", 0))
