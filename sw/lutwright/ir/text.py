"""The text form of a graph, for people: one line a node."""

from __future__ import annotations

from lutwright.ir.graph import Graph, Node, Tensor


def _tensor(t: Tensor) -> str:
    return f"{'x'.join(map(str, t.shape))} {t.type} [{t.low}, {t.high}]"


def _detail(node: Node) -> str:
    if node.op == "Conv":
        w = node.attrs["weights"]
        kept = (w != 0).sum(axis=(1, 2))
        kind = f"mux {int(kept.max())}/{w.shape[1] * w.shape[2]}" if w.shape[1] > 1 and kept.max() == 1 else "dense"
        return (
            f"{w.shape[1]}x{w.shape[2]} {kind}, stride {node.attrs['stride']}, pads {list(node.attrs['pads'])}, "
            f"weights [{w.min()}, {w.max()}]"
        )
    if node.op == "Dense":
        w = node.attrs["weights"]
        return f"{w.shape[1]} -> {w.shape[0]}, weights [{w.min()}, {w.max()}]"
    if node.op == "Step":
        form = node.attrs["form"]
        return form.form if form is not None else "unfitted"
    return f"{node.attrs['kernel']}x{node.attrs['kernel']}" if node.op == "MaxPool" else ""


def to_text(graph: Graph) -> str:
    """The graph as text; the same graph gives the same text."""
    lines = [f"graph {graph.name}", f"  input {graph.input}: {_tensor(graph.tensors[graph.input])}"]
    for node in graph.nodes:
        lines.append(
            f"  {node.name} = {node.op}({', '.join(node.inputs)}) {_detail(node)}".rstrip()
            + f" -> {_tensor(graph.tensors[node.output])}"
        )
    lines.append(f"  output {graph.output}")
    return "\n".join(lines) + "\n"
