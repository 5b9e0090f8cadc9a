"""The same integer networks by da4ml, as the Verilog that it writes itself."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lutwright.errors import UnsupportedOp
from lutwright.ir.execute import execute_all
from lutwright.ir.graph import Graph, Node
from lutwright.numerics.quantiser import IntArray
from lutwright.numerics.requantise import Multiply


@dataclass(frozen=True, eq=False)
class Peer:
    """A design by another tool. files: its sources, `top` the module on top; exact: of `frames` frames, how many agree
    with the integer graph in the tool's own model of its hardware. clocks: a frame, or 0 where nobody measured."""

    files: Mapping[str, bytes]
    top: str
    exact: int
    frames: int
    clocks: int


def by_da4ml(graph: Graph, codes: IntArray, cutoff: float) -> Peer:
    """`graph` up to its scores, one frame a clock.

    codes: int64 [frames, *input shape] to compare on. cutoff: adders between two registers.
    Raises UnsupportedOp for what is not written down here.
    """
    from da4ml.trace import FixedVariableArrayInput, HWConfig, comb_trace, to_pipeline

    x = graph.tensors[graph.input]
    # An adder costs its bits, and counts as one level however wide it is.
    start = FixedVariableArrayInput(x.shape, hwconf=HWConfig(1, -1, -1))
    values: dict[str, Any] = {graph.input: start.quantize(int(x.low < 0), x.type.width - int(x.low < 0), 0)}
    last = graph.input
    for node in graph.nodes:
        if node.op == "ArgMax":
            break
        values[node.output] = _node(graph, node, values[node.inputs[0]])
        last = node.output
    logic = comb_trace(start, values[last])
    pipeline = to_pipeline(logic, cutoff, verbose=False)
    scores = np.asarray(logic.predict(codes.reshape(len(codes), -1).astype(np.float64)))
    wanted = execute_all(graph, codes, {last})[last].reshape(len(codes), -1)
    exact = int((scores == wanted).all(axis=1).sum())
    return Peer(_sources(pipeline), "peer", exact, len(codes), 1)


def matrix_by_da4ml(matrix: IntArray, top: int, cutoff: float) -> tuple[dict[str, bytes], int]:
    """`matrix` x in Verilog, module "peer", and its latency in clocks, the register at its input counted.

    matrix: int64 [outputs, inputs]; x: integers from 0 to `top`. cutoff: adders between two registers.
    """
    from da4ml.trace import FixedVariableArrayInput, HWConfig, comb_trace, to_pipeline

    start = FixedVariableArrayInput((matrix.shape[1],), hwconf=HWConfig(1, -1, -1))
    x = start.quantize(0, top.bit_length(), 0)
    pipeline = to_pipeline(comb_trace(start, x @ matrix.T.astype(np.float64)), cutoff, verbose=False)
    return _sources(pipeline), len(pipeline.solutions) + 1


def _sources(pipeline: Any) -> dict[str, bytes]:
    from da4ml.codegen import VerilogModel

    with tempfile.TemporaryDirectory() as name:
        VerilogModel(pipeline, "peer", name).write()
        sources = {path.stem: path.read_text() for path in sorted(Path(name).rglob("*.v"))}
        files = {f"{cell}.v": sources[cell].encode() for cell in _below("peer", sources)}
        return files | {path.name: path.read_bytes() for path in Path(name).rglob("*.mem")}


def _below(top: str, sources: Mapping[str, str]) -> set[str]:
    """`top` and the modules that it uses, by name; it writes more than a design needs."""
    words = set(re.findall(r"\w+", sources[top])) & sources.keys() - {top}
    return {top}.union(*(_below(cell, sources) for cell in words))


def _node(graph: Graph, node: Node, x: Any) -> Any:
    """The output of `node` for the symbolic input `x`."""
    if node.op == "Flatten":
        return x.reshape(-1)
    if node.op == "Dense":
        return x @ node.attrs["weights"].T.astype(np.float64)
    if node.op == "Conv" and node.attrs["groups"] == 1:
        return _conv(graph, node, x)
    if node.op == "MaxPool" and node.attrs["kernel"] == node.attrs["stride"] and not any(node.attrs["pads"]):
        (kh, kw), (h, w, c) = node.attrs["kernel"], graph.tensors[node.output].shape
        tiles = x[: h * kh, : w * kw].reshape(h, kh, w, kw, c).transpose((0, 2, 4, 1, 3)).reshape(h * w * c, kh * kw)
        return np.amax(tiles, axis=-1).reshape(h, w, c)
    if node.op == "Step" and isinstance(node.attrs["form"], Multiply) and (node.attrs["form"].multiplier == 1).all():
        return _step(node.attrs["form"], x)
    raise UnsupportedOp(f"node '{node.name}' ({node.op})", "is not written for da4ml here")


def _conv(graph: Graph, node: Node, x: Any) -> Any:
    """Each window by itself, with the taps that lie in the image."""
    w, stride, (top, left, _, _) = node.attrs["weights"].astype(np.float64), node.attrs["stride"], node.attrs["pads"]
    (rows, columns, _), shape = x.shape, graph.tensors[node.output].shape
    made = []
    for r in range(shape[0]):
        for c in range(shape[1]):
            y0, x0 = r * stride[0] - top, c * stride[1] - left
            i = slice(max(0, -y0), min(w.shape[1], rows - y0))
            j = slice(max(0, -x0), min(w.shape[2], columns - x0))
            window = x[y0 + i.start : y0 + i.stop, x0 + j.start : x0 + j.stop].reshape(-1)
            made.append(window @ w[:, i, j].reshape(shape[2], -1).T)
    return np.stack(made).reshape(shape)


def _step(form: Multiply, x: Any) -> Any:
    """A shift and a clip to codes that are not negative; ties to even by the lowest bit of the code."""
    bits = int(form.code_high).bit_length()
    offset = np.broadcast_to(form.offset, x.shape[-1:]).astype(np.float64)
    scaled = (x + offset) * 2.0**-form.shift
    if form.even:
        half = scaled - 0.5
        odd = half.quantize(1, 24, 0).quantize(0, 1, 0)
        scaled = half + odd * 2.0**-form.shift + (0.5 - 2.0**-form.shift)
    return scaled.relu().quantize(0, bits, 0, "SAT")
