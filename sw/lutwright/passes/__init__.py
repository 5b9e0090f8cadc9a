"""Passes: each file one pure function Graph -> Graph. The pipeline is this tuple, run in this order."""

from __future__ import annotations

from collections.abc import Callable

from lutwright.ir.graph import Graph
from lutwright.ir.verify import verify
from lutwright.passes.complement_signs import complement_signs
from lutwright.passes.fit_requantise import fit_requantise
from lutwright.passes.fold_pads import fold_pads
from lutwright.passes.fuse_steps import fuse_steps

PIPELINE: tuple[Callable[[Graph], Graph], ...] = (
    fold_pads,
    fuse_steps,
    complement_signs,  # before the fit, because it moves thresholds
    fit_requantise,  # hardware forms, proved; nothing after it may change a range
)


def run_pipeline(graph: Graph) -> Graph:
    """`graph` after every pass of PIPELINE, verified after each."""
    for step in PIPELINE:
        graph = verify(step(graph))
    return graph
