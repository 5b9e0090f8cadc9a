"""The host side of a board with a processor: a driver for PYNQ, a notebook, and frames with their true results."""

from __future__ import annotations

import json

import numpy as np

from lutwright.boards import Board
from lutwright.dataflow.stage import Pipeline
from lutwright.emit.frame_words import frame_words, result_words
from lutwright.emit.render import render
from lutwright.emit.shell import TOP, CoreInterface
from lutwright.ir.graph import Graph

_EXAMPLES = 4  # frames


def pynq_files(graph: Graph, pipeline: Pipeline, core: CoreInterface, board: Board) -> dict[str, bytes]:
    """File name -> bytes: driver.py, notebook.ipynb, example.json with random frames and what they must give."""
    return {
        "driver.py": _driver(graph, pipeline, core, board),
        "notebook.ipynb": _notebook(core, board),
        "example.json": _example(graph, pipeline),
    }


def _driver(graph: Graph, pipeline: Pipeline, core: CoreInterface, board: Board) -> bytes:
    tensor, outlets = graph.tensors[graph.input], pipeline.outlets
    outputs = [
        {
            "name": outlet.name,
            "shape": graph.tensors[outlet.tensor].shape,
            "lanes": outlet.stream.lanes,
            "bits": outlet.stream.bits,
            "signed": outlet.stream.signed,
            "bytes": outlet.stream.bytes,
            "beats": outlet.stream.beats,
        }
        for outlet in outlets
    ]
    values: dict[str, object] = {
        "core": core,
        "board": board,
        "top": TOP,
        "shape": tensor.shape,
        "low": tensor.low,
        "high": tensor.high,
        "source": pipeline.source,
        "outputs": outputs,
    }
    return render("pynq_driver.py.j2", values)


def _example(graph: Graph, pipeline: Pipeline) -> bytes:
    """Random frames and their results by the integer executor, as bytes in hexadecimal; the same every time."""
    tensor = graph.tensors[graph.input]
    codes = np.random.default_rng(1).integers(tensor.low, tensor.high + 1, (_EXAMPLES, *tensor.shape))
    frames = [frame.hex() for frame in frame_words(pipeline, codes)]
    results = [result.hex() for result in result_words(graph, pipeline, codes)]
    return (json.dumps({"frames": frames, "results": results}, indent=1) + "\n").encode()


def _notebook(core: CoreInterface, board: Board) -> bytes:
    """A notebook of format 4.5, without outputs."""
    title = f"# {core.name} on {board.title}\n\nCopy this folder to the board and run the cells there, one by one."
    check = "The frames of `example.json` must give the results that the integer model gave, byte for byte."
    rate = "Frames a second, with the copies into and out of the DMA's buffers."
    cells = [
        _markdown("title", title),
        _code("load", "from driver import Network\n\nnetwork = Network()"),
        _markdown("about-check", check),
        _code("check", _CHECK),
        _markdown("about-rate", rate),
        _code("rate", _RATE),
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    book = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return (json.dumps(book, indent=1, sort_keys=True) + "\n").encode()


_CHECK = """\
import json

import numpy as np

with open("example.json") as file:
    example = json.load(file)
frames, expected = (
    np.array([list(bytes.fromhex(line)) for line in example[name]], np.uint8) for name in ("frames", "results")
)
results = network.stream(frames)
assert (results == expected).all(), "the board gives other results than the integer model"
print(f"{len(frames)} frames, every byte of their results equal")"""

_RATE = """\
import time

many = np.repeat(frames, 256, axis=0)
begin = time.perf_counter()
network.stream(many)
print(f"{len(many) / (time.perf_counter() - begin):,.0f} frames/s")"""


def _markdown(name: str, text: str) -> dict[str, object]:
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": _lines(text)}


def _code(name: str, text: str) -> dict[str, object]:
    empty: dict[str, object] = {"execution_count": None, "metadata": {}, "outputs": []}
    return {"cell_type": "code", "id": name, "source": _lines(text), **empty}


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)
