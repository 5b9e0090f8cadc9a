"""The operations of the integer graph: one row a table entry.

A row tells which attributes a node has, what tensor it makes of its inputs, and how it runs on numpy.
Activations are int64 [batch, ...shape]. To add an operation, add a row to one of the files named here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lutwright.errors import BadGraph
from lutwright.ir import arrange, linear, pointwise, spatial
from lutwright.ir.graph import Node, Tensor
from lutwright.ir.op import Op, must

OPS: dict[str, Op] = {row.name: row for row in (*linear.ROWS, *pointwise.ROWS, *spatial.ROWS, *arrange.ROWS)}


def _check_attributes(node: Node, row: Op) -> None:
    lacking = [key for key in row.attrs if key not in node.attrs]
    must(node, not lacking, f"attributes {lacking} must be set", "absent")
    present = {key: attribute for key, attribute in row.optional.items() if key in node.attrs}
    for key, attribute in (dict(row.attrs) | present).items():
        value = node.attrs[key]
        if not attribute.holds(value):  # asked first, because the text of an array takes long
            must(node, False, f"attribute '{key}' must be {attribute.words}", repr(value)[:60])


def infer(node: Node, inputs: list[Tensor], scale: Any = None) -> Tensor:
    """The tensor that `node` makes of `inputs`: its shape, its exact range, its scale.

    The range is reached: for either end there are inputs, each element of them anywhere in its tensor's range, that
    make some element of the output take it. scale: float64 [1] or [channels of the output]; without it the output
    inherits the first input's where that still says something (Concat: every input's), and 1 otherwise.
    Raises BadGraph naming the node where an attribute, a shape or a range breaks the operation's rules.
    """
    if node.op not in OPS:
        raise BadGraph(f"node '{node.name}'", f"op must be one of {', '.join(OPS)}", repr(node.op))
    row = OPS[node.op]
    few, most = row.inputs
    wanted = f"{few}" if few == most else f"{few} or more"
    must(node, few <= len(inputs) <= most, f"must have {wanted} inputs", len(inputs))
    _check_attributes(node, row)
    made = row.infer(node, inputs)
    kept = made.scale if scale is None else np.atleast_1d(np.asarray(scale, np.float64))
    fits = kept.ndim == 1 and kept.size in (1, made.channels)
    must(node, fits, f"the scale must have 1 or {made.channels} entries", kept.shape)
    return Tensor(made.name, made.shape, made.low, made.high, kept)
