"""The text form of a graph, for people: one line a node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lutwright.ir.graph import Graph, Node, Tensor


def _tensor(t: Tensor) -> str:
    return f"{_by(t.shape)} {t.type} [{t.low}, {t.high}]"


def _by(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))


def _pair(sizes: tuple[int, int]) -> str:
    """One number where both are the same."""
    return str(sizes[0]) if sizes[0] == sizes[1] else _by(sizes)


def _values(array: Any) -> str:
    """A short word for a constant of each channel."""
    low, high = int(np.min(array)), int(np.max(array))
    return str(low) if low == high else f"[{low}, {high}]"


def _conv(node: Node) -> str:
    w = node.attrs["weights"]
    kept = (w != 0).sum(axis=(1, 2))
    kind = f"mux {int(kept.max())}/{w.shape[1] * w.shape[2]}" if w.shape[1] > 1 and kept.max() == 1 else "dense"
    groups = f", groups {node.attrs['groups']}" if node.attrs["groups"] > 1 else ""
    place = f"stride {_pair(node.attrs['stride'])}, pads {list(node.attrs['pads'])}{groups}"
    return f"{w.shape[1]}x{w.shape[2]} {kind}, {place}, weights [{w.min()}, {w.max()}]{_bias(node)}"


def _dense(node: Node) -> str:
    w = node.attrs["weights"]
    return f"{w.shape[1]} -> {w.shape[0]}, weights [{w.min()}, {w.max()}]{_bias(node)}"


def _bias(node: Node) -> str:
    return f", bias {_values(node.attrs['bias'])}" if "bias" in node.attrs else ""


def _step(node: Node) -> str:
    form = node.attrs["form"]
    return str(form.form) if form is not None else "unfitted"


def _pool(node: Node) -> str:
    kernel, stride, pads = (node.attrs[key] for key in ("kernel", "stride", "pads"))
    text = _by(kernel)
    if stride != kernel:
        text += f", stride {_pair(stride)}"
    return text + (f", pads {list(pads)}" if any(pads) else "")


_DETAILS: dict[str, Callable[[Node], str]] = {
    "Add": lambda node: f"gains {' and '.join(_values(gain) for gain in node.attrs['gains'])}",
    "Affine": lambda node: f"gain {_values(node.attrs['gain'])}, offset {_values(node.attrs['offset'])}",
    "Concat": lambda node: f"axis {node.attrs['axis']}",
    "Conv": _conv,
    "Dense": _dense,
    "DepthToSpace": lambda node: f"block {node.attrs['block']}, {node.attrs['mode']}",
    "MaxPool": _pool,
    "Pad": lambda node: f"pads {list(node.attrs['pads'])} with {node.attrs['value']}",
    "Step": _step,
    "SumPool": _pool,
    "TopK": lambda node: f"k {node.attrs['k']}",
}


def to_text(graph: Graph) -> str:
    """The graph as text; the same graph gives the same text."""
    lines = [f"graph {graph.name}", f"  input {graph.input}: {_tensor(graph.tensors[graph.input])}"]
    for node in graph.nodes:
        detail = _DETAILS[node.op](node) if node.op in _DETAILS else ""
        lines.append(
            f"  {node.name} = {node.op}({', '.join(node.inputs)}) {detail}".rstrip()
            + f" -> {_tensor(graph.tensors[node.output])}"
        )
    if len(graph.outputs) == 1:
        lines.append(f"  output {graph.output}")
    else:
        lines += [f"  output {output.name}: {output.tensor}" for output in graph.outputs]
    return "\n".join(lines) + "\n"
