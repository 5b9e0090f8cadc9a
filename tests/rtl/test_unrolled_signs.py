"""A multiplexer layer of signs on the unrolled engine: what its complemented signs leave is a stage of its own."""

import numpy as np
from graphs import Maker
from test_random_networks import run_one

from lutwright.dataflow.folding import Fold
from lutwright.dataflow.kinds import is_complement
from lutwright.dataflow.lower import Target, lower
from lutwright.passes import run_pipeline


def test_complemented_signs_unrolled(tmp_path):
    maker = Maker(np.random.default_rng(3), (5, 6, 3), 3)
    maker.conv(4, (3, 3), (1, 1), (1, 1, 1, 1), "sign")
    maker.step(3, False)
    graph = run_pipeline(maker.graph())
    (layer,) = (node for node in graph.nodes if node.op == "Conv")
    assert is_complement(layer)
    pipeline = lower(graph, {layer.name: Fold(4, 27, "unrolled")}, Target(30, 2))
    names = [stage.name for stage in pipeline.stages]
    assert pipeline.stage(layer.name).made is not None and f"{layer.name}_bias" in names
    run_one(graph, pipeline, tmp_path / "core")
    taken = lower(graph, {layer.name: Fold(4, 3, "mux")}, Target(30, 2))
    assert f"{layer.name}_bias" not in [stage.name for stage in taken.stages]
