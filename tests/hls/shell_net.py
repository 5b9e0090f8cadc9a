"""A small network with two outputs as an hls4ml project on disk, made without a model file."""

from dataclasses import replace

import numpy as np
from graphs import Maker

from lutwright.boards import load_board
from lutwright.files import write_tree
from lutwright.hls.lower import lower
from lutwright.hls.options import HlsOptions
from lutwright.hls.project import HlsProject, for_hls, plan_hls_project
from lutwright.ir.graph import Output
from lutwright.ir.verify import verify

OPTIONS = HlsOptions()


def shell_net():
    """A multiplexer convolution and a step, whose image is put out; behind them a dense layer, whose scores are."""
    made = Maker(np.random.default_rng(3), (5, 4, 2), 3, signed=True)
    made.conv(3, (3, 3), (1, 1), (1,) * 4, "sign")
    made.step(3, False)
    image = made.here
    made.add("Flatten")
    made.dense(4, 3)
    graph = made.graph("shellnet")
    outputs = (Output(image.name, "image"), Output(made.here.name, "scores"))
    return for_hls(verify(replace(graph, outputs=outputs)))


def plan(graph, options=OPTIONS):
    """The project of `graph` as a value."""
    return plan_hls_project(graph, options, load_board("ulx3s-45f"), b"", None)


def project(folder, graph=None, options=OPTIONS):
    """The project of `graph` in `folder`, opened."""
    graph = graph or shell_net()
    write_tree(folder, plan(graph, options).files)
    return HlsProject(folder, {}, graph, lower(graph, options))
