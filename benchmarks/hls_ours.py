"""A network by the hls4ml backend: proved on every word of every layer, compiled and timed; or why it is refused."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lutwright.check.opened import Opened
from lutwright.errors import LutwrightError
from lutwright.files import write_tree
from lutwright.hls.convert import hls_files
from lutwright.hls.frames import frames_program
from lutwright.hls.lower import lower
from lutwright.hls.options import HlsOptions
from lutwright.hls.project import for_hls
from lutwright.simulate.hls_model import compare_model, compile_model, run_model


@dataclass(frozen=True)
class Ours:
    """words: compared, of which `mismatches` differ, `first` the first; refused: why there is no project, or "".

    layers: of hls4ml's own and of the extension. Seconds to convert and to compile; rate: frames a second without taps.
    """

    refused: str = ""
    words: int = 0
    mismatches: int = 0
    first: str = ""
    layers: int = 0
    extensions: int = 0
    convert_seconds: float = 0.0
    compile_seconds: float = 0.0
    rate: float = 0.0


def ours(opened: Opened, x: NDArray[np.float32], options: HlsOptions) -> Ours:
    """The C model of `opened` on frames `x`, compared with the integer executor and timed."""
    edge, begin = opened.graph.edge, time.perf_counter()
    codes = edge.codes(edge.arrange(x))
    try:
        graph = for_hls(opened.graph)
        model = lower(graph, options)
        files = hls_files(model, graph.name, options) | {"frames.cpp": frames_program(model, graph.name)}
    except LutwrightError as error:
        return Ours(refused=f"{error.name}: {error}")
    converted = time.perf_counter() - begin
    with tempfile.TemporaryDirectory(prefix="lutwright-hls-") as folder:
        sources, work = Path(folder) / "hls", Path(folder) / "work"
        write_tree(sources, files)
        compiled = compile_model(sources, graph.name, work)
        found = [one for _, block in compare_model(compiled, model, graph, codes, work) for one in block]
        begin = time.perf_counter()
        run_model(compiled, model, codes, work, taps=False)
        rate = len(codes) / (time.perf_counter() - begin)
    return Ours(
        words=sum(one.words for one in found),
        mismatches=sum(one.mismatches for one in found),
        first=next((one.first for one in found if one.first), ""),
        layers=sum(not layer.function for layer in model.layers[1:]),
        extensions=sum(bool(layer.function) for layer in model.layers),
        convert_seconds=converted,
        compile_seconds=compiled.seconds,
        rate=rate,
    )
